"""vCon and CCAI: parties' roles told or inferred, transcripts of recordings, what is signed opened, nothing guessed."""

import json
from base64 import urlsafe_b64encode

import pytest

from ingest.connectors.vcon import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


ANN = {"name": "Ann", "mailto": "mailto:ann@example.com", "role": "customer"}
BO = {"name": "Bo", "mailto": "bo@example.com", "role": "agent"}


def said(text, party, at=1, **fields):
    return {"type": "text", "start": f"2026-01-05T10:00:{at:02}Z", "parties": [0, 1], "originator": party,
            "mediatype": "text/plain", "body": text, "encoding": "none", **fields}  # fmt: skip


def vcon(*dialog, parties=(ANN, BO), **fields):
    return {"vcon": "0.4.0", "uuid": "v1", "created_at": "2026-01-05T10:00:00Z", "parties": list(parties),
            "dialog": list(dialog), **fields}  # fmt: skip


def told(conversation):
    return [(turn.role, turn.kind, turn.text) for turn in conversation.turns]


def test_text_dialogs_are_turns_in_the_order_of_their_times(read) -> None:
    (one,) = read(a=vcon(said("hello", 1, 5), said("hi", 0, 2), subject="Order"))
    assert told(one) == [("customer", "message", "hi"), ("agent", "message", "hello")]
    assert (one.external_id, one.subject, one.turns[0].author) == ("v1", "Order", "ann@example.com")
    assert [(p.role, p.role_source) for p in one.participants] == [("customer", "explicit"), ("agent", "explicit")]


@pytest.mark.parametrize(("first", "second", "roles"), [
    ({"name": "A"}, {"name": "B"}, ["customer", "agent"]),
    ({"name": "A", "role": "supervisor"}, {"name": "B"}, ["agent", "customer"]),
    ({"name": "A"}, {"name": "B", "role": "customer"}, ["agent", "customer"]),
    ({"name": "A", "type": "bot"}, {"name": "B", "type": "person"}, ["bot", "customer"]),
])  # fmt: skip
def test_roles_that_are_not_told_are_inferred(read, first, second, roles) -> None:
    (one,) = read(a=vcon(said("hi", 0, 1), said("hello", 1, 2), parties=(first, second)))
    assert [turn.role for turn in one.turns] == roles
    assert {p.role_source for p in one.participants} >= {"inferred"}


def test_a_message_of_nobody_is_hidden(read) -> None:
    (one,) = read(a=vcon(said("hi", 0), said("who?", 9, 2), {**said("?", None, 3), "parties": None}))
    assert [turn.visibility for turn in one.turns] == ["public", "unknown", "unknown"]


@pytest.mark.parametrize("body", [
    {"segments": [{"speaker": 0, "text": "hi"}, {"speaker": 1, "text": "hello"}]},
    [{"party": "0", "message": "hi"}, {"party": "1", "message": "hello"}],
    {"transcript": [{"channel": 0, "transcript": "hi"}, {"channel": 1, "transcript": {"text": "hello"}}]},
])  # fmt: skip
def test_a_recordings_transcript_is_its_turns(read, body) -> None:
    recording = {"type": "recording", "start": "2026-01-05T10:00:00Z", "parties": [0, 1], "mediatype": "audio/wav",
                 "filename": "call.wav", "url": "https://example.com/call.wav"}  # fmt: skip
    analysis = [
        {"type": "transcript", "dialog": [0], "encoding": "json", "body": json.dumps(body)},
        {"type": "summary"},
    ]
    (one,) = read(a=vcon(recording, analysis=analysis))
    assert told(one) == [("system", "call", ""), ("customer", "message", "hi"), ("agent", "message", "hello")]
    assert (one.channel, one.turns[0].attachments[0].file_name) == ("phone", "call.wav")
    assert one.custom["analyses"] == ["summary", "transcript"]


def test_a_transcript_without_speakers_is_hidden(read) -> None:
    recording = {"type": "recording", "start": "2026-01-05T10:00:00Z", "parties": [0, 1]}
    (one,) = read(a=vcon(recording, analysis=[{"type": "transcript", "dialog": 0, "body": "hi hello"}]))
    assert (one.turns[1].text, one.turns[1].visibility, one.completeness) == ("hi hello", "unknown", "events_only")


def test_mails_pages_and_coded_bodies_are_opened(read) -> None:
    mail = "From: ann@example.com\r\nSubject: x\r\nContent-Type: text/plain\r\n\r\nWhere is it?\r\n"
    coded = urlsafe_b64encode("grüß".encode()).decode().rstrip("=")
    (one,) = read(a=vcon(said(mail, 0, 1, mediatype="message/rfc822"), said("<p>x</p>", 1, 2, mediatype="text/html"),
                         said(coded, 0, 3, encoding="base64url")))  # fmt: skip
    assert [(turn.text.strip(), turn.body_format) for turn in one.turns] == [
        ("Where is it?", "mail"), ("<p>x</p>", "html"), ("grüß", "text"),
    ]  # fmt: skip


def test_transfers_events_tags_and_redaction(read) -> None:
    (one,) = read(a=vcon(said("hi", 0), {"type": "transfer", "start": "2026-01-05T10:01:00Z"},
                         redacted={"uuid": "v0"}, attachments=[{"type": "tags", "body": ["a:b"]}]))  # fmt: skip
    assert (one.turns[1].kind, one.turns[1].event_type, one.tags) == ("event", "transfer", ("a:b",))
    assert one.turns[0].source_redaction == "partial"


def test_signed_ones_are_opened_and_encrypted_ones_explained(read) -> None:
    payload = urlsafe_b64encode(json.dumps(vcon(said("hi", 0))).encode()).decode().rstrip("=")
    records = read(a=[{"payload": payload, "signatures": []}, {"ciphertext": "x", "recipients": []},
                      {"payload": "%%", "signatures": []}, vcon(), vcon("odd", said("hi", 0)), "odd"])  # fmt: skip
    assert [one.external_id for one in conversations(records)] == ["v1", "v1"]
    assert [code for code, _ in rejects(records)] == [
        "unreadable",
        "bad_record",
        "no_turns",
        "bad_record",
        "bad_record",
    ]


def test_dialogflows_entries_are_read_like_ccais(read) -> None:
    entries = [{"role": "END_USER", "text": "hi", "languageCode": "en", "createTime": "2026-01-05T10:00:00Z"},
               {"role": "HUMAN_AGENT", "text": "hello", "createTime": "2026-01-05T10:00:05Z"}]  # fmt: skip
    for record in ({"messageEntries": entries}, {"conversationContext": {"messageEntries": entries}}):
        (one,) = read(a=record)
        assert told(one) == [("customer", "message", "hi"), ("agent", "message", "hello")]
        assert (one.turns[0].language, one.created_at) == ("en", "2026-01-05T10:00:00Z")


def test_ccais_entries_have_roles_and_times_in_microseconds(read) -> None:
    entries = [{"text": text, "role": role, "user_id": number, "start_timestamp_usec": 1_767_600_000_000_000 + number}
               for number, (text, role) in enumerate((("hi", "CUSTOMER"), ("yes?", "AUTOMATED_AGENT"), ("me", "AGENT"),
                                                      ("?", "GHOST")))]  # fmt: skip
    records = read(a={"conversation_info": {"categories": [{"display_name": "bill"}]}, "entries": [*entries, {}]})
    (one,) = conversations(records)
    assert [(turn.role, turn.visibility) for turn in one.turns] == [
        ("customer", "public"), ("bot", "public"), ("agent", "public"), ("system", "unknown"),
    ]  # fmt: skip
    assert (one.tags, one.created_at, {p.external_id for p in one.participants}) == (
        ("bill",), 1_767_600_000_000_000, {None},
    )  # fmt: skip
    assert len(rejects(records)) == 1


def test_insights_segments_are_turns(read) -> None:
    segments = [{"text": "hi", "messageTime": "2026-01-05T10:00:00Z", "languageCode": "en",
                 "segmentParticipant": {"role": "END_USER", "userId": "7"}}]  # fmt: skip
    (one,) = read(a={"conversations": [{"name": "projects/p/locations/l/conversations/c1", "medium": "PHONE_CALL",
                                        "transcript": {"transcriptSegments": segments}}]})  # fmt: skip
    assert (one.external_id, one.channel, told(one)) == ("c1", "phone", [("customer", "message", "hi")])
