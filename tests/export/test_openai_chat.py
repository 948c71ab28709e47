"""What a conversation becomes as an OpenAI chat example."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.errors import BadPrompt
from export.formats.openai_chat import Example, Excluded, Said, check_prompt, example, fill_prompt
from export.formats.openai_rules import problems

C, A, B = "customer", "agent", "bot"


def said(role: str, text: str) -> Said:
    return Said("message", role, text)


def call(name: str, arguments: str = "{}", call_id: str | None = None, role: str = A) -> Said:
    return Said("tool_call", role, arguments, name, call_id)


def result(text: str, call_id: str | None = None) -> Said:
    return Said("tool_result", A, text, None, call_id)


def messages(*turns: Said, system: str = "") -> list[dict]:
    made = example(turns, system=system)
    assert isinstance(made, Example), made
    assert json.loads(made.line) == made.body
    return made.body["messages"]


def excluded(*turns: Said) -> str:
    made = example(turns)
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
        ([said(C, "<|endoftext|>"), said(A, "Hm")], "export.special_token"),
        ([said(C, "Hi"), call("f", "{not json"), result("1"), said(A, "Done")], "export.tool_arguments"),
        ([Said("tools", A, "{}"), said(C, "Hi"), said(A, "Hello")], "export.tools"),
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
    made = example([Said("tools", A, listed), said(C, "Hi"), call("find it"), result("1"), said(A, "Done")])
    assert isinstance(made, Example)
    assert made.body["tools"] == [{"type": "function", "function": {**tool, "name": "find_it"}}]
    assert made.body["messages"][1]["tool_calls"][0]["function"]["name"] == "find_it"


TEXTS = st.text(max_size=12)
TURNS = st.lists(
    st.one_of(
        st.builds(said, st.sampled_from([C, A, B]), TEXTS),
        st.builds(
            call, st.sampled_from(["f", "g"]), st.just("{}"), st.sampled_from([None, "1", "2"]), st.sampled_from([A, B])
        ),
        st.builds(result, TEXTS, st.sampled_from([None, "1", "2"])),
    ),
    max_size=14,
)


@given(TURNS)
def test_whatever_is_made_is_well_formed_and_loses_no_word(turns: list[Said]) -> None:
    made = example(turns, system="S")
    if isinstance(made, Excluded):
        return
    assert [one.code for one in problems(made.body) if one.code != "tools.undeclared"] == []
    told = made.body["messages"]
    last = max(n for n, turn in enumerate(turns) if turn.role == A and turn.kind != "tool_result" and turn.text.strip())
    if turns[last].kind == "message":
        spoken = [t.text.strip() for t in turns[: last + 1] if t.kind == "message" and t.text.strip()]
        assert "\n".join(m["content"] for m in told[1:] if m["content"] and m["role"] != "tool") == "\n".join(spoken)


def test_the_prompt_is_filled_and_nothing_else_can_be_reached() -> None:
    assert fill_prompt("{channel}/{language}/{company}{{}}", {"channel": "chat", "language": None}) == "chat//{}"
    for template in ("{channel.__class__}", "{0}", "{chanel}", "{channel"):
        with pytest.raises(BadPrompt):
            check_prompt(template)
