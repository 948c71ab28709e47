"""What a conversation becomes as OpenAI chat examples."""

import json
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from export.errors import BadPrompt
from export.formats.examples import Example, Shape, examples
from export.formats.openai_chat import Excluded, Said, check_prompt, fill_prompt, read_script
from export.formats.openai_rules import problems
from export.tokens import TokenCounter

C, A, B = "customer", "agent", "bot"


def said(role: str, text: str) -> Said:
    return Said("message", role, text)


def call(name: str, arguments: str = "{}", call_id: str | None = None, role: str = A) -> Said:
    return Said("tool_call", role, arguments, name, call_id)


def unlearnt(text: str) -> Said:
    return replace(said(A, text), is_learnt=False)


def tools(listed: str) -> Said:
    return Said("tools", A, listed)


def result(text: str, call_id: str | None = None) -> Said:
    return Said("tool_result", A, text, None, call_id)


WHOLE = Shape("conversation", 0, 65_536)
TURNS = Shape("turn", 0, 65_536)


@cache
def counter() -> TokenCounter:
    return TokenCounter("gpt-4.1")


def cut(turns: list[Said], shape: Shape = WHOLE, *, system: str = "") -> list[Example | Excluded]:
    script = read_script([replace(turn, turn_key=f"t{n}") for n, turn in enumerate(turns)], system=system)
    return [script] if isinstance(script, Excluded) else list(examples(script, shape, counter()))


def made_of(turns: list[Said], shape: Shape = WHOLE, *, system: str = "") -> list[Example]:
    made = [one for one in cut(turns, shape, system=system) if isinstance(one, Example)]
    assert all(json.loads(one.line) == one.body for one in made)
    assert all(counter().example(one.body) == one.tokens for one in made)
    return made


def messages(*turns: Said, shape: Shape = WHOLE, system: str = "") -> list[dict[str, Any]]:
    [made] = made_of(list(turns), shape, system=system)
    return made.body["messages"]


def excluded(*turns: Said, shape: Shape = WHOLE) -> str:
    [made] = cut(list(turns), shape)
    assert isinstance(made, Excluded)
    return made.code


def test_roles_are_mapped_and_runs_of_one_role_merged() -> None:
    told = messages(said(C, "Hi"), said(C, " there "), said(A, "Hello"), said(A, "How can I help?"), system="Be kind.")
    assert told == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Hi\nthere"},
        {"role": "assistant", "content": "Hello\nHow can I help?"},
    ]


def test_bots_are_context_and_never_merged_with_agents() -> None:
    told = messages(said(B, "Menu"), said(C, "Hi"), said(B, "Wait"), said(A, "Hello"))
    assert [(m["content"], m.get("weight", 1)) for m in told] == [("Menu", 0), ("Hi", 1), ("Wait", 0), ("Hello", 1)]


def test_what_follows_the_last_target_is_trimmed() -> None:
    assert messages(said(C, "Hi"), said(A, "Done"), said(C, "Thanks"), said(B, "Rate us")) == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Done"},
    ]


def test_blank_turns_are_left_out() -> None:
    assert messages(said(C, "Hi"), said(A, " \n "), said(C, "there"), said(A, "Hello"))[0]["content"] == "Hi\nthere"


@pytest.mark.parametrize(
    ("turns", "code"),
    [
        ([], "export.no_target"),
        ([said(C, "Hi")], "export.no_target"),
        ([said(C, "Hi"), said(B, "Menu")], "export.no_target"),
        ([said(A, "Hello?")], "export.no_customer"),
        ([said(A, "Hello?"), said(C, "Hi")], "export.no_customer"),
        ([said(C, "Hi"), unlearnt("HERE"), said(B, "Menu"), unlearnt("THERE")], "export.no_weight"),
        ([said(C, "Hi"), call("f", "{not json"), result("1"), said(A, "Done")], "export.tool_arguments"),
        ([Said("tools", A, "{}"), said(C, "Hi"), said(A, "Hello")], "export.tools"),
        ([Said("tools", A, '[{"name": ""}]'), said(C, "Hi"), said(A, "Hello")], "export.tools"),
        (
            [Said("tools", A, json.dumps([{"name": f"f{n}"} for n in range(129)])), said(C, "Hi"), said(A, "Hello")],
            "export.tools",
        ),
        ([Said("tools", A, '[{"type": "function"}]'), said(C, "Hi"), said(A, "Hello")], "export.tools"),
    ],
)
def test_what_cannot_be_learnt_is_excluded_with_a_code(turns: list[Said], code: str) -> None:
    assert excluded(*turns) == code


def test_calls_join_what_the_agent_just_said_and_results_follow() -> None:
    told = messages(
        said(C, "Hi"), said(A, "I look."), call("find", '{"a":1}', "x9"), result("found", "x9"), said(A, "There.")
    )
    assert told[1:] == [
        {
            "role": "assistant",
            "content": "I look.",
            "tool_calls": [{"id": "call_1", "type": "function", "function": {"name": "find", "arguments": '{"a":1}'}}],
        },
        {"role": "tool", "tool_call_id": "call_1", "content": "found"},
        {"role": "assistant", "content": "There."},
    ]


def test_calls_made_together_stay_together_and_calls_made_in_turn_do_not() -> None:
    together = messages(said(C, "Hi"), call("a"), call("b"), result("1"), result("2"), said(A, "Done"))
    assert [m["role"] for m in together] == ["user", "assistant", "tool", "tool", "assistant"]
    assert together[1]["content"] == ""
    in_turn = messages(said(C, "Hi"), call("a"), result("1"), call("b"), result("2"), said(A, "Done"))
    assert [m["role"] for m in in_turn] == ["user", "assistant", "tool", "assistant", "tool", "assistant"]


def test_results_find_their_calls_by_id_and_come_right_after_them() -> None:
    told = messages(
        said(C, "Hi"),
        call("a", call_id="1"),
        call("b", call_id="2"),
        said(A, "One moment."),
        result("of b", "2"),
        result("of a", "1"),
        said(A, "Done"),
    )
    assert [m["content"] for m in told] == ["Hi", "", "of a", "of b", "One moment.\nDone"]


def test_what_has_no_partner_is_left_out_unless_nothing_follows() -> None:
    assert messages(said(C, "Hi"), call("a"), said(A, "Done"), result("x", "unknown")) == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "Done"},
    ]
    last = messages(said(C, "Hi"), call("transfer"))[-1]
    assert last["tool_calls"][0]["function"]["name"] == "transfer"


def test_only_the_last_voices_calls_may_stay_without_results() -> None:
    told = messages(said(C, "Hi"), call("menu", role=B), call("transfer"))
    assert [m.get("tool_calls", [{}])[0].get("function", {}).get("name") for m in told] == [None, "transfer"]


def test_tools_are_listed_once_and_wrapped() -> None:
    tool = {"name": "find it", "parameters": {"type": "object"}}
    listed = json.dumps([tool, {"type": "function", "function": tool}])
    [made] = made_of([Said("tools", A, listed), said(C, "Hi"), call("find it"), result("1"), said(A, "Done")])
    assert made.body["tools"] == [{"type": "function", "function": {**tool, "name": "find_it"}}]
    assert made.body["messages"][1]["tool_calls"][0]["function"]["name"] == "find_it"


def test_what_is_not_to_be_learnt_is_context_and_never_merged_with_answers() -> None:
    told = messages(said(C, "Hi"), unlearnt("WHAT"), said(A, "Hello"), said(A, "How can I help?"))
    assert told == [
        {"role": "user", "content": "Hi"},
        {"role": "assistant", "content": "WHAT", "weight": 0},
        {"role": "assistant", "content": "Hello\nHow can I help?"},
    ]
    assert messages(said(C, "Hi"), said(A, "Hello"), unlearnt("BYE"))[-1]["content"] == "Hello"


def test_control_marks_are_broken_up_wherever_they_stand_and_it_is_said() -> None:
    listed = json.dumps([{"name": "f", "description": "\\u003c|im_end|>"}]).replace("\\\\", "\\")
    turns = [Said("tools", A, listed), said(C, "<|endoftext|>"), call("f", '{"q":"<|im_start|>"}'), result("1")]
    [made] = made_of([*turns, said(A, "Hm"), said(C, "Thanks <|x|>")], system="<|im_end|>")
    assert problems_of(made.body) == []
    assert made.repairs == ("special_token",)
    assert [message["content"] for message in made.body["messages"][:2]] == ["< |im_end|>", "< |endoftext|>"]
    [clean] = made_of([said(C, "a < b |> c"), said(A, "Hm"), said(C, "<|x|>")])
    assert (clean.repairs, clean.body["messages"][0]["content"]) == ((), "a < b |> c")


LONG = [said(C, "one " * 50), said(A, "two"), said(C, "three"), call("f"), result("4"), said(A, "five")]


def test_old_turns_are_cut_at_customers_words_until_it_fits() -> None:
    whole = made_of(LONG, system="S")[0]
    assert (whole.cut_turns, len(whole.body["messages"])) == (0, 7)
    [made] = made_of(LONG, replace(WHOLE, limit=60), system="S")
    assert [message["role"] for message in made.body["messages"]] == [
        "system",
        "user",
        "assistant",
        "tool",
        "assistant",
    ]
    assert (made.body["messages"][1]["content"], made.cut_turns) == ("three", 2)
    assert excluded(*LONG, shape=replace(WHOLE, limit=20)) == "export.too_long"


def test_an_example_for_each_answer_teaches_that_answer_alone() -> None:
    turns = [
        said(A, "Hello"),
        said(C, "Hi"),
        said(A, "a"),
        said(A, "b"),
        call("f"),
        result("1"),
        said(B, "x"),
        said(A, "c"),
    ]
    greeting, *made = cut(turns, TURNS)
    assert isinstance(greeting, Excluded)
    assert (greeting.code, greeting.turn_key) == ("export.no_customer", "t0")
    assert [one.turn_key for one in made] == ["t4", "t7"]
    first, last = (one.body["messages"] for one in made if isinstance(one, Example))
    assert [message.get("weight", 1) for message in first] == [0, 1, 1]
    assert (first[-1]["content"], len(first[-1]["tool_calls"])) == ("a\nb", 1)
    assert [(m["role"], m.get("weight", 1)) for m in last[2:]] == [
        ("assistant", 0), ("tool", 1), ("assistant", 0), ("assistant", 1)
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("window", "kept"),
    [
        (0, ["1", "2", "3", "4", "5", "", "6"]),
        (9, ["1", "2", "3", "4", "5", "", "6"]),
        (5, ["3", "4", "5", "", "6"]),
        (4, ["3", "4", "5", "", "6"]),
        (3, ["5", "", "6"]),
        (1, ["5", "", "6"]),
    ],
)
def test_context_windows_begin_with_the_customer_and_reach_back_to_her_last_words(window: int, kept: list[str]) -> None:
    turns = [said(C, "1"), said(A, "2"), said(C, "3"), said(A, "4"), said(C, "5"), call("f"), result("6"), said(A, "7")]
    assert [m["content"] for m in messages(*turns, shape=replace(WHOLE, context_turns=window))] == [*kept, "7"]


TEXTS = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(["<|im_start|>", "word " * 40])
SAID = st.lists(
    st.one_of(
        st.builds(said, st.sampled_from([C, A, B]), TEXTS),
        st.builds(unlearnt, TEXTS),
        st.sampled_from(['[{"name": "f <|x|>"}]', '[{"name": "g", "description": "\\u003c|x|>"}]', "[]"]).map(tools),
        st.builds(
            call, st.sampled_from(["f", "g"]), st.just("{}"), st.sampled_from([None, "1", "2"]), st.sampled_from([A, B])
        ),
        st.builds(result, TEXTS, st.sampled_from([None, "1", "2"])),
    ),
    max_size=14,
)
SHAPES = st.builds(
    Shape, st.sampled_from(["conversation", "turn"]), st.integers(0, 5), st.sampled_from([30, 80, 65_536])
)


def problems_of(body: Mapping[str, Any]) -> list[str]:
    return [one.code for one in problems(body) if one.code not in ("tools.undeclared", "tools.unknown")]


def plain(text: str) -> str:
    return text.strip().replace("<|im_start|>", "< |im_start|>")


@settings(deadline=None)
@given(SAID)
def test_whatever_is_made_is_well_formed_and_loses_no_word(turns: list[Said]) -> None:
    for made in made_of(turns, system="S"):
        assert problems_of(made.body) == []
        told = made.body["messages"]
        learnt = (turn.role == A and turn.is_learnt and turn.kind in ("message", "tool_call") for turn in turns)
        last = max(n for n, is_learnt in enumerate(learnt) if is_learnt and turns[n].text.strip())
        if turns[last].kind == "message":
            spoken = [plain(t.text) for t in turns[: last + 1] if t.kind == "message" and t.text.strip()]
            assert "\n".join(m["content"] for m in told[1:] if m["content"] and m["role"] != "tool") == "\n".join(
                spoken
            )


@settings(deadline=None)
@given(SAID, SHAPES)
def test_in_every_shape_preflight_has_nothing_to_say_and_the_answer_is_whole(turns: list[Said], shape: Shape) -> None:
    made = made_of(turns, shape, system="S")
    whole = {one.turn_key: one for one in made_of(turns, replace(shape, context_turns=0, limit=65_536), system="S")}
    for one in made:
        told, full = one.body["messages"], whole[one.turn_key].body["messages"]
        assert problems_of(one.body) == []
        assert one.tokens.total + one.tokens.margin <= shape.limit
        assert told[0] == full[0] == {"role": "system", "content": "S"}
        assert told[1:] == full[-len(told) + 1 :]  # only the oldest are gone, the answer never
        assert (one.cut_turns > 0) == (len(told) < len(full))
        if shape.examples == "turn":
            assert [m.get("weight", 1) for m in told if m["role"] == "assistant"][:-1].count(1) == 0


@settings(deadline=None)
@given(SAID, SHAPES)
def test_equal_turns_give_equal_bytes(turns: list[Said], shape: Shape) -> None:
    assert [one.line for one in made_of(turns, shape)] == [one.line for one in made_of(turns, shape)]


def test_the_prompt_is_filled_and_nothing_else_can_be_reached() -> None:
    assert fill_prompt("{channel}/{language}/{company}{{}}", {"channel": "chat", "language": None}) == "chat//{}"
    for template in ("{channel.__class__}", "{0}", "{chanel}", "{channel"):
        with pytest.raises(BadPrompt):
            check_prompt(template)
