import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.clean.pipeline import clean
from ingest.connector import Reading, Recognised
from ingest.connectors.chat import CONNECTOR
from ingest.records import Conversation, Reject
from ingest.source import SourceFile


@pytest.fixture
def read(tmp_path, store):
    def read_records(*records, name="chats.jsonl", text=None):
        path = tmp_path / name
        path.write_text(text or "\n".join(json.dumps(record) for record in records) + "\n", encoding="utf-8")
        file = SourceFile(path)
        return list(CONNECTOR.read(Reading((Recognised(file),), spool=store.spool())))

    return read_records


def said(conversation):
    return [(turn.kind, turn.role, turn.text) for turn in conversation.turns]


def file_of(tmp_path, content, name="chats.jsonl"):
    path = tmp_path / name
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    return SourceFile(path)


WEATHER = {
    "messages": [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": [{"type": "text", "text": "Where is"}, {"type": "text", "text": "order 7?"}]},
        {
            "role": "assistant",
            "content": "Let me look.",
            "tool_calls": [
                {
                    "id": "c1",
                    "type": "function",
                    "function": {"name": "find", "arguments": '{"b": 1, "a": 23456789012345678901}'},
                },
                {"id": "c2", "type": "function", "function": {"name": "broken", "arguments": '{"a": '}},
            ],
        },
        {"role": "tool", "tool_call_id": "c1", "content": '{"state": "sent"}'},
        {"role": "tool", "tool_call_id": "c2", "content": "no such thing"},
        {"role": "assistant", "content": "It was sent.", "weight": 0},
    ],
    "tools": [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}],
    "parallel_tool_calls": False,
    "metadata": {"source": "help"},
}


def test_messages_with_tools_become_turns_in_reading_order(read):
    [conversation] = read(WEATHER)
    assert said(conversation) == [
        ("tools", "bot", '[{"function":{"name":"find","parameters":{"type":"object"}},"type":"function"}]'),
        ("message", "system", "Be kind."),
        ("message", "customer", "Where is\norder 7?"),
        ("message", "agent", "Let me look."),
        ("tool_call", "agent", '{"a": 23456789012345678901, "b": 1}'),
        ("tool_call", "agent", '{"a": '),
        ("tool_result", "bot", '{"state": "sent"}'),
        ("tool_result", "bot", "no such thing"),
        ("message", "agent", "It was sent."),
    ]
    assert conversation.external_id is None
    assert conversation.custom == {"parallel_tool_calls": False, "metadata": {"source": "help"}}
    calls = [(turn.event_type, turn.tool_call_id) for turn in conversation.turns if turn.kind == "tool_call"]
    assert calls == [("find", "c1"), ("broken", "c2")]
    results = [turn for turn in conversation.turns if turn.kind == "tool_result"]
    assert [(turn.tool_call_id, turn.body_format, turn.is_automated) for turn in results] == [
        ("c1", "json", True),
        ("c2", "text", True),
    ]
    assert conversation.turns[-1].custom == {"weight": 0}


def test_the_order_of_arguments_makes_no_difference(read):
    calls = [
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": arguments}}
        for arguments in ('{"a":1,"b":[2, 3]}', '{ "b": [2,3], "a": 1 }')
    ]
    [conversation] = read({"messages": [{"role": "user", "content": "x"}, *calls]})
    assert said(conversation)[1:] == [("tool_call", "agent", '{"a":1,"b":[2,3]}')] * 2


def test_sharegpt_with_calls_and_observations_is_read(read):
    [conversation] = read(
        {
            "id": "s1",
            "system": "Be brief.",
            "tools": '[{"name": "f"}]',
            "conversations": [
                {"from": "human", "value": "Hi"},
                {"from": "function_call", "value": '{"name": "f", "arguments": {"x": 1}}'},
                {"from": "observation", "value": "done"},
                {"from": "gpt", "value": '<div class="markdown"><p>It <b>is</b> done</p></div>'},
            ],
        }
    )
    assert [turn.kind for turn in conversation.turns] == [
        "tools", "message", "message", "tool_call", "tool_result", "message",
    ]  # fmt: skip
    assert conversation.external_id == "s1"
    assert conversation.turns[3].event_type == "f"
    assert conversation.turns[3].text == '{"x":1}'
    page = conversation.turns[-1]
    assert clean(page.text, body_format=page.body_format).text == "It is done"


def test_prompt_and_completion_are_two_turns(read):
    [conversation] = read({"prompt": "Where is it?", "completion": " On its way.", "lang": "en"})
    assert said(conversation) == [("message", "customer", "Where is it?"), ("message", "agent", " On its way.")]
    assert conversation.custom == {"lang": "en"}


def test_a_refusal_is_what_the_assistant_said(read):
    [conversation] = read(
        {"messages": [{"role": "user", "content": "x"}, {"role": "assistant", "content": None, "refusal": "No."}]}
    )
    assert said(conversation)[-1] == ("message", "agent", "No.")


def test_images_are_attachments_without_their_bytes(read):
    part = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    [conversation] = read({"messages": [{"role": "user", "content": [{"type": "text", "text": "see"}, part]}]})
    [turn] = conversation.turns
    assert turn.text == "see"
    assert [(file.url, file.media_type, file.is_omitted) for file in turn.attachments] == [(None, "image_url", True)]


def test_a_preference_pair_is_rejected_with_an_explanation(read, tmp_path):
    record = {"input": {"messages": []}, "preferred_output": [], "non_preferred_output": []}
    [reject] = read(record)
    assert isinstance(reject, Reject)
    assert "preference pair" in reject.detail
    assert CONNECTOR.detect(file_of(tmp_path, record).sample).part == "preference"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        ({"messages": []}, "no_turns"),
        ({"messages": [{"role": "narrator secret", "content": "secret"}]}, "bad_record"),
        ({"messages": ["secret"]}, "bad_record"),
        ({"messages": [{"role": "user", "content": 5}]}, "bad_record"),
        ({"messages": [{"role": "user", "content": [None]}]}, "bad_record"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": "secret"}]}, "bad_record"),
        ({"messages": [{"role": "assistant", "content": None, "tool_calls": [{}]}]}, "bad_record"),
        ({"messages": None}, "bad_record"),
        ({"secret": 1}, "bad_record"),
        ({"mapping": [], "current_node": "x"}, "bad_record"),
        ({"mapping": {}, "current_node": "secret"}, "bad_record"),
        ({"mapping": {"a": {"parent": "b"}, "b": {"parent": "a"}}, "current_node": "a"}, "bad_record"),
    ],
)
def test_an_odd_record_is_rejected_without_its_words_in_the_reason(read, record, code):
    good = {"messages": [{"role": "user", "content": "Hi"}]}
    reject, conversation = read(record, good)
    assert (reject.code, reject.place) == (code, "line 1")
    assert "secret" not in reject.detail
    assert json.loads(reject.raw) == record
    assert isinstance(conversation, Conversation)


def node(identity, parent, role, text, **message):
    content = message.pop("content", {"content_type": "text", "parts": [text]})
    author = {"role": role, "name": message.pop("name", None)}
    return {
        "id": identity,
        "parent": parent,
        "message": {"id": identity, "author": author, "content": content, "metadata": {}, **message},
    }


def test_a_chatgpt_export_is_read_along_the_branch_that_was_shown(read):
    nodes = [
        {"id": "root", "parent": None, "message": None},
        node("n0", "root", "system", ""),
        node("n1", "n0", "system", "Call me Ann.", metadata={"is_user_system_message": True}),
        node("n2", "n1", "user", "Draw a cup"),
        node("n3", "n2", "assistant", "no", create_time=1690617660.0),
        node("n4", "n2", "assistant", "", content={"content_type": "thoughts", "thoughts": [{"content": "hm"}]}),
        node("n5", "n4", "assistant", '{"b": 1,"a": 2}', recipient="dalle.text2im"),
        node("n6", "n5", "tool", "", name="dalle.text2im",
             content={"content_type": "multimodal_text",
                      "parts": [{"content_type": "image_asset_pointer", "asset_pointer": "file"}]}),
        node("n7", "n6", "assistant", "Here it is.", create_time=1690617720.0),
    ]  # fmt: skip
    record = {
        "title": "Cup", "create_time": 1690617600.0, "update_time": 1690617900.0, "conversation_id": "c1",
        "mapping": {entry["id"]: entry for entry in nodes}, "current_node": "n7",
    }  # fmt: skip
    [conversation] = read(text=json.dumps([record], indent=1))
    assert said(conversation) == [
        ("message", "system", "Call me Ann."),
        ("message", "customer", "Draw a cup"),
        ("event", "bot", "hm"),
        ("tool_call", "agent", '{"a":2,"b":1}'),
        ("tool_result", "bot", ""),
        ("message", "agent", "Here it is."),
    ]
    assert conversation.turns[2].visibility == "internal"
    assert conversation.turns[4].attachments[0].is_omitted
    assert (conversation.external_id, conversation.subject) == ("c1", "Cup")
    assert conversation.custom == {"messages_on_other_branches": 1}
    assert conversation.turns[-1].created_at == 1690617720.0


def test_a_lost_parent_makes_a_conversation_without_its_head(read):
    record = {"mapping": {"a": node("a", "gone", "user", "Hi")}, "current_node": "a"}
    [conversation] = read(record)
    assert conversation.completeness == "truncated_head"


@pytest.mark.corpus
def test_the_real_chatgpt_export_is_read(shared, store):
    file = SourceFile(shared / "formats" / "llm" / "chatgpt_export_conversations.json")
    assert CONNECTOR.detect(file.sample).part == "chatgpt"
    records = list(CONNECTOR.read(Reading((Recognised(file),), spool=store.spool())))
    assert [(type(record).__name__, getattr(record, "external_id", None)) for record in records] == [
        ("Conversation", "conversation_111"),
        ("Conversation", "branching_conv"),
        ("Conversation", "conversation_222"),
        ("Reject", None),
    ]
    assert said(records[1]) == [
        ("message", "customer", "Hello, can you help?"),
        ("message", "agent", "Sure thing! What do you need?"),
    ]
    assert records[3].code == "no_turns"


@pytest.mark.corpus
def test_the_real_sharegpt_file_is_read_whole(shared, store):
    file = SourceFile(shared / "formats" / "llm" / "sharegpt_fastchat_dummy_first20.json")
    assert CONNECTOR.detect(file.sample).part == "messages"
    records = list(CONNECTOR.read(Reading((Recognised(file),), spool=store.spool())))
    raw = json.loads(file.path.read_text(encoding="utf-8"))
    assert [record.external_id for record in records] == [record["id"] for record in raw]
    assert [[turn.text for turn in record.turns] for record in records] == [
        [item["value"] for item in record["conversations"]] for record in raw
    ]
    assert {turn.role for record in records for turn in record.turns} == {"customer", "agent"}


@pytest.mark.parametrize(
    "content",
    ["", "plain text", '{"tickets": [{"id": 1}]}', '[{"from": "a", "text": "b"}]', "a,b\n1,2\n", "[1, 2]", "{}",
     '{"messages": [{"role": "x", "content": "y"}]}'],
)  # fmt: skip
def test_other_files_are_not_taken_for_chats(tmp_path, content):
    assert CONNECTOR.detect(file_of(tmp_path, content).sample) is None


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False), st.text(max_size=5)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(
            st.sampled_from(
                ["role", "content", "messages", "conversations", "from", "value", "tool_calls", "function", "text",
                 "type", "mapping", "current_node", "message", "author", "parts", "parent", "tools", "prompt"]
            ), inner, max_size=5,
        ),
    ),
    max_leaves=20,
)  # fmt: skip


@given(
    st.one_of(
        JSON,
        st.fixed_dictionaries(
            {
                "messages": st.lists(
                    st.fixed_dictionaries(
                        {"role": st.sampled_from(["user", "assistant", "tool"]), "content": JSON, "tool_calls": JSON}
                    ),
                    max_size=3,
                )
            }
        ),
    )
)
def test_whatever_json_comes_gives_one_record_each(tmp_path_factory, record):
    path = tmp_path_factory.mktemp("chat") / "chat.jsonl"
    path.write_text(json.dumps([record]), encoding="utf-8")
    [found] = CONNECTOR.read(Reading((Recognised(SourceFile(path)),), spool=None))  # pyright: ignore[reportArgumentType]
    assert isinstance(found, Reject) or found.turns
