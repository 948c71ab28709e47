"""Traces: sessions of calls with their histories collapsed, whatever wraps the messages; completions of two files."""

import json

import polars as pl
import pytest

from ingest.connectors.llm_traces import CONNECTOR
from ingest.detection import recognise
from ingest.source import SourceFile
from tests.ingest.files import conversations, read_files, rejects


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


def trace(number, given, answer, session="s1", **fields):
    return {"id": f"t{number}", "timestamp": f"2026-01-05T10:0{number}:00.000Z", "sessionId": session, "userId": "u1",
            "input": given, "output": answer, **fields}  # fmt: skip


def run(number, given, answer, parent=None, **fields):
    return {"id": f"r{number}", "run_type": "chain", "parent_run_id": parent, "inputs": given, "outputs": answer,
            "start_time": f"2026-01-05T10:0{number}:00", "extra": {"metadata": {"thread_id": "th1"}},
            **fields}  # fmt: skip


def told(conversation):
    return [(turn.role, turn.text) for turn in conversation.turns]


def test_repeated_histories_are_taken_once(read) -> None:
    history = [{"role": "system", "content": "Be kind."}, user("hi"), assistant("hello"), user("bye")]
    (one,) = read(a=[trace(2, {"messages": history}, assistant("see you")), trace(1, history[:2], assistant("hello"))])
    assert told(one) == [("system", "Be kind."), ("customer", "hi"), ("agent", "hello"), ("customer", "bye"),
                         ("agent", "see you")]  # fmt: skip
    assert (one.external_id, one.custom["calls"]) == ("s1", 2)
    assert one.turns[3].created_at == "2026-01-05T10:02:00.000Z"
    assert [(p.external_id, p.role) for p in one.participants] == [("u1", "customer")]


def test_a_window_on_the_history_and_bare_messages_go_on_where_the_last_call_ended(read) -> None:
    calls = [trace(1, "one", "1"), trace(2, "two", "2"), trace(3, [assistant("2"), user("three")], "3"),
             trace(4, "one", "again 1")]  # fmt: skip
    (one,) = read(a=calls)
    assert [text for _, text in told(one)] == ["one", "1", "two", "2", "three", "3", "one", "again 1"]


def test_an_answer_generated_anew_replaces_the_first_and_the_branch_is_counted(read) -> None:
    calls = [trace(1, [user("hi")], "bad"), trace(2, [user("hi")], "good"),
             trace(3, [user("hi"), assistant("good"), user("x")], "y"),
             trace(4, [user("hi"), assistant("good"), user("edited")], "z")]  # fmt: skip
    (one,) = read(a=calls)
    assert [text for _, text in told(one)] == ["hi", "good", "edited", "z"]
    assert one.custom["messages_on_other_branches"] == 3


def test_tools_are_calls_and_results(read) -> None:
    call = {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c1", "function": {"name": "find", "arguments": '{"b": 1, "a": 2}'}}]}  # fmt: skip
    result = {"role": "tool", "tool_call_id": "c1", "content": '{"found": true}'}
    (one,) = read(a=[trace(1, {"messages": [user("hi"), call, result]}, {"choices": [{"message": assistant("yes")}]})])
    assert [(turn.role, turn.kind, turn.text) for turn in one.turns] == [
        ("customer", "message", "hi"), ("agent", "tool_call", '{"a":2,"b":1}'),
        ("bot", "tool_result", '{"found": true}'), ("agent", "message", "yes"),
    ]  # fmt: skip
    assert (one.turns[1].tool_call_id, one.turns[1].event_type, one.turns[2].body_format) == ("c1", "find", "json")


def test_langchain_messages_are_opened_and_children_passed_over(read) -> None:
    def lc(name, text):
        return {"lc": 1, "type": "constructor", "id": ["langchain", name], "kwargs": {"content": text}}

    root = run(1, {"input": "hi"}, {"output": "hello"})
    child = run(2, {"messages": [[lc("HumanMessage", "hi")]]}, {"generations": [[{"text": "hello"}]]}, parent="r1")
    later = run(3, {"messages": [[lc("HumanMessage", "hi"), lc("AIMessage", "hello"), lc("HumanMessage", "bye")]]},
                {"generations": [[{"text": "ciao", "message": lc("AIMessageChunk", "ciao")}]]})  # fmt: skip
    graph = run(4, {"messages": [{"type": "human", "content": "ok?"}]},
                {"messages": [{"type": "human", "content": "ok?"}, {"type": "ai", "content": "ok"}]})  # fmt: skip
    (one,) = read(a={"runs": [root, child, later, graph]})
    assert told(one) == [("customer", "hi"), ("agent", "hello"), ("customer", "bye"), ("agent", "ciao"),
                         ("customer", "ok?"), ("agent", "ok")]  # fmt: skip


def test_where_the_root_says_nothing_its_children_do(read) -> None:
    (one,) = read(a=[run(1, {"ids": [1]}, {}), run(2, {"question": "hi"}, {"answer": "hello"}, parent="r1")])
    assert told(one) == [("customer", "hi"), ("agent", "hello")]


def test_stored_completions_are_joined_with_their_messages(read) -> None:
    done = {"object": "chat.completion", "id": "chatcmpl-x1", "created": 1_767_600_000, "model": "m",
            "choices": [{"message": assistant("hello")}]}  # fmt: skip
    asked = {"id": "chatcmpl-x1-0", **user("hi"), "name": None}
    lonely = {**done, "id": "chatcmpl-x2"}
    one, two, three = read(
        a={"object": "list", "data": [done, lonely]},
        b={"object": "list", "data": [{**asked, "id": "chatcmpl-x1-1", "content": "?"}, asked,
                                      {**asked, "id": "chatcmpl-x3-0"}]})  # fmt: skip
    assert told(one) == [("customer", "hi"), ("customer", "?"), ("agent", "hello")]
    assert [c.completeness for c in (one, two, three)] == ["complete", "truncated_head", "truncated_body"]


def test_a_table_of_traces_is_read_as_its_json(read) -> None:
    given = json.dumps([user("hi")]).replace('"', '""')
    (one,) = read(a=f'id,timestamp,sessionId,input,output,tags\nt1,2026-01-05T10:00:00Z,s1,"{given}",hello,"[""a""]"\n')
    assert (told(one), one.tags) == ([("customer", "hi"), ("agent", "hello")], ("a",))


@pytest.mark.parametrize(("name", "value", "score"), [
    ("user-feedback", 1, 1.0), ("rating", 0.5, 0.5), ("rating", 4, None), ("relevance", 1, None),
    ("rating", True, None),
])  # fmt: skip
def test_a_score_named_like_feedback_between_0_and_1_is_the_rating(read, name, value, score) -> None:
    (one,) = read(a=[trace(1, "hi", "hello", scores=[{"name": name, "value": value, "comment": "c"}])])
    assert (one.csat_score, one.csat_scale) == (score, "0-1" if score is not None else None)


def test_what_says_nothing_is_rejected_with_its_shape(read) -> None:
    records = read(a=[trace(1, {"vector": [1]}, None), {"id": "x"}, "odd",
                      {**trace(2, "hi", "x", session=None), "id": None}])  # fmt: skip
    assert conversations(records) == []
    assert sorted(code for code, _ in rejects(records)) == ["bad_record", "bad_record", "no_identity", "no_turns"]
    assert any("input with vector" in detail for _, detail in rejects(records))


@pytest.mark.parametrize("record", [
    {"conversation_hash": "a1", "model": "m", "conversation": [{"role": "user", "content": "hi", "toxic": False},
                                                               {"role": "assistant", "content": "hello"}], "turn": 1},
    {"conversation_id": "a1", "model": "m", "conversation": [{"role": "user", "content": "hi"},
                                                             {"role": "assistant", "content": "hello"}], "turn": 1},
    {"id": "a1", "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "hello"}]},
])  # fmt: skip
def test_wildchat_lmsys_and_sharegpt_rows_are_the_chat_connectors(record, tmp_path, store) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(json.dumps(record) + "\n", encoding="utf-8")
    found = recognise(SourceFile(path))
    assert found
    assert found[0].name == "chat"
    (one,) = read_files(found[0], tmp_path, store)
    assert (one.external_id, told(one)) == ("a1", [("customer", "hi"), ("agent", "hello")])


def test_wildchats_parquet_rows_keep_their_hash_as_their_id(tmp_path, store) -> None:
    said = [{"content": "Where is my parcel?", "role": "user"}, {"content": "Let me look it up.", "role": "assistant"}]
    path = tmp_path / "rows.parquet"
    pl.DataFrame({"conversation_hash": ["a1"], "model": ["m"], "conversation": [said]}).write_parquet(path)
    found = recognise(SourceFile(path))
    assert found
    (one,) = read_files(found[0], tmp_path, store)
    assert (one.external_id, [turn.role for turn in one.turns]) == ("a1", ["customer", "agent"])
