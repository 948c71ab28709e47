"""Subtitles: speakers from tags and labels, cues joined into turns, rolling captions once, roles never guessed."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.connector import Reading, Recognised
from ingest.connectors.subtitles import CONNECTOR
from ingest.errors import MappingNeeded
from ingest.mapping import Mapping
from ingest.records import Conversation, Reject
from ingest.source import SourceFile


@pytest.fixture
def read(tmp_path, store):
    def read_files(*contents, roles=None, names=()):
        files = []
        for at, content in enumerate(contents):
            path = tmp_path / (names[at] if names else f"{at}.vtt")
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
            files.append(Recognised(SourceFile(path)))
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading(tuple(files), store.spool(), mapping)))

    return read_files


def vtt(*cues, head="WEBVTT"):
    """Write cues of (start in seconds, text), each a second long."""
    blocks = [f"00:{at // 60:02}:{at % 60:02}.000 --> 00:{at // 60:02}:{at % 60:02}.900\n{text}\n" for at, text in cues]
    return f"{head}\n\n" + "\n".join(blocks)


def said(conversation):
    return [(turn.role, turn.text) for turn in conversation.turns]


def test_voice_tags_say_who_speaks_also_several_in_a_cue(read):
    (one,) = read(vtt((1, "<v Agent Bo>Hello.</v> <v.loud Ann Lee>Hi &amp; thanks"), (2, "a lot")))
    assert said(one) == [("agent", "Hello."), ("customer", "Hi & thanks a lot")]
    assert [(person.external_id, person.display_name, person.role, person.role_source) for person in one.participants
            ] == [("Agent Bo", "Bo", "agent", "explicit"), ("Ann Lee", "Ann Lee", "customer", "inferred")]  # fmt: skip


@pytest.mark.parametrize("form", ["{}: {}", "[{}]: {}", "[{}] {}", ">> {}: {}", "- {}: {}"])
def test_labels_before_the_text_say_who_speaks_and_other_colons_do_not(read, form):
    cues = [(1, form.format("Agent", "The time: it is 10:30")), (3, form.format("Ann Lee", "ok")),
            (4, form.format("Ann Lee", "Note: one thing"))]  # fmt: skip
    (one,) = read(vtt(*cues))
    assert said(one) == [("agent", "The time: it is 10:30"), ("customer", "ok Note: one thing")]


def test_a_pause_starts_a_new_turn_and_a_cue_without_a_name_goes_on(read):
    (one,) = read(vtt((1, "Agent: one"), (2, "two"), (9, "three"), (10, "Customer: four")))
    assert said(one) == [("agent", "one two"), ("agent", "three"), ("customer", "four")]
    assert one.turns[0].custom == {"start": 1.0, "end": 2.9}


def test_captions_that_roll_are_read_once(read):
    cues = [(1, "Agent: hello"), (2, "Agent: hello\nhow<00:00:02.100><c> are</c> you"), (3, "how are you\n "),
            (4, "how are you\nCustomer: fine")]  # fmt: skip
    (one,) = read(vtt(*cues, head="WEBVTT\nKind: captions\nLanguage: en"))
    assert said(one) == [("agent", "hello how are you"), ("customer", "fine")]
    assert one.language == "en"


def test_words_that_are_really_said_twice_stay(read):
    (one,) = read(vtt((1, "Agent: Sure?"), (2, "Customer: yes"), (3, "Customer: yes"), (4, "Agent: Good.")))
    assert said(one)[1] == ("customer", "yes yes")


def test_subrip_in_another_encoding_with_odd_times(read):
    asked, answered = "我上周在你们网站买的外套到现在还没有收到", "您好，我马上为您查询订单的物流信息，请稍等"
    text = f"1\n0:00:01,5 --> 0:00:02,75\nCustomer: {asked}\n谢谢\n\n\n"
    text += f"2\n0:00:03,000 --> 0:00:04,000 X1:40\nAgent: {answered}\n"
    (one,) = read(text.encode("gb18030"), names=["call.srt"])
    assert (said(one), one.channel_raw) == ([("customer", f"{asked}谢谢"), ("agent", answered)], "srt")


def test_notes_styles_ids_and_formatting_are_no_speech(read):
    text = (
        "\ufeffWEBVTT - call\n\nSTYLE\n::cue { color: red }\n\nNOTE\nnot said\nnor this\n\n"
        "intro\n00:01.000 --> 00:02.000 align:start\n<b>Agent:</b> {\\an8}hi <c.red>there</c> <i>you</i>\n\n"
        "7\n00:02.000 --> 00:03.000\nCustomer: 5 < 6\n"
    )
    (one,) = read(text)
    assert said(one) == [("agent", "hi there you"), ("customer", "5 < 6")]


def test_roles_come_from_the_mapping(read):
    call = vtt((1, "<v Bo Berg>Hi"), (2, "<v Ann Lee>Hello"))
    (one,) = read(call, roles={"bo berg": "agent", "Ann Lee": "customer"})
    assert said(one) == [("agent", "Hi"), ("customer", "Hello")]
    assert {person.role_source for person in one.participants} == {"mapping"}


def test_who_is_heard_in_many_calls_works_there(read):
    records = read(*(vtt((1, "<v Bo Berg>Hi"), (2, f"<v Caller {name}>Hello")) for name in ("Ann", "Cleo", "Dora")))
    assert [said(one) for one in records] == [[("agent", "Hi"), ("customer", "Hello")]] * 3


def test_where_nobodys_role_is_known_a_mapping_is_asked_for(read):
    with pytest.raises(MappingNeeded, match="Nothing says which of the speakers"):
        read(vtt((1, "<v Bo Berg>Hi"), (2, "<v Ann Lee>Hello")))


def test_one_call_of_unknown_people_beside_a_known_one_is_a_reject(read):
    known = vtt((1, "Agent: Hi"), (2, "Customer: Hello"))
    first, second = read(known, vtt((1, "<v Bo Berg>Hi"), (2, "<v Ann Lee>Hello")))
    assert isinstance(first, Conversation)
    assert (second.code, "Hello" in second.detail, "Hello" in second.raw) == ("bad_record", False, True)


def test_where_nobody_is_named_the_words_are_kept_and_set_aside(read):
    (one,) = read(vtt((1, "Some words"), (2, "and more")))
    assert [(turn.role, turn.visibility, turn.text) for turn in one.turns] == [
        ("system", "unknown", "Some words and more")
    ]
    assert "no cue says who speaks" in one.custom["speakers"]


def test_the_recorders_file_name_says_when(read):
    (one,) = read(vtt((61, "Agent: Hi"), (63, "Customer: Hello")), names=["GMT20260311-091500_Recording.vtt"])
    assert one.turns[0].created_at == "2026-03-11T09:16:01+00:00"


@pytest.mark.parametrize("end", ["7", "00:00:1", "00:00:10.000 --", "00:00:10.000 --> 00:00:11.000\n<v An", "Cust"])
def test_a_file_that_breaks_off_gives_what_is_whole_and_says_so(read, end):
    call = vtt((1, "Agent: Hi"), (2, "Customer: Hello"), (3, "Customer: you"))
    tail = f"\n00:00:10.000 --> 00:00:11.000\n{end}" if end == "Cust" else f"\n{end}"
    reject, one = read(call + tail)
    assert (reject.code, one.completeness) == ("truncated", "truncated_body")
    assert said(one) == [("agent", "Hi"), ("customer", "Hello you")]


def test_an_empty_file_and_stray_text_are_rejects(read):
    (empty,) = read("WEBVTT\n\n")
    stray, one = read("WEBVTT\n\nwhat is\nthis\nhere\n\n" + vtt((1, "Agent: a"), (2, "Customer: b"), head=""))[-2:]
    assert (empty.code, stray.code, isinstance(one, Conversation)) == ("no_turns", "bad_record", True)


PIECES = st.sampled_from(
    ["WEBVTT", "", "1", "00:00:01.000 --> 00:00:02.000", "99:99 --> x", "00:01,0-->00:02,0", "Agent: hi", "NOTE",
     "Customer: yo", "<v Ann>", "</v>", "<v", "STYLE", "text: more", ":", "<00:01.000>", "[A] b", "\x00", ">> Bo: x",
     "&lt;v Q&gt;"]
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(lines=st.lists(PIECES, max_size=25), cut=st.integers(0, 3))
def test_no_odd_file_crashes_and_each_gives_something(tmp_path_factory, store, lines, cut):
    path = tmp_path_factory.mktemp("odd") / "odd.vtt"
    path.write_text("WEBVTT\n" + "\n".join(lines)[: -cut or None], encoding="utf-8")
    mapping = Mapping("conversation", roles=dict.fromkeys(("ann", "bo", "a", "text", "q"), "agent"))
    try:
        records = list(CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool(), mapping)))
    except MappingNeeded:
        return
    assert records
    assert all(isinstance(one, Reject) or all(turn.text for turn in one.turns) for one in records)
