"""Amazon Connect: contacts of all their files, supervisors internal, prompts bots, calls in order, nothing twice."""

import pytest

from ingest.connectors.amazon_connect import CONNECTOR
from tests.ingest.files import conversations, read_files, read_folder, rejects

CONTACT = "b49644f6-672f-445c-b209-f76b36482830"


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def item(identity, content, role="CUSTOMER", at=10, **fields):
    return {"Id": identity, "Type": "MESSAGE", "Content": content, "ContentType": "text/plain", "DisplayName": "Ann",
            "ParticipantId": f"p-{role}", "ParticipantRole": role, "AbsoluteTime": f"2026-01-05T10:00:{at}.000Z",
            **fields}  # fmt: skip


def chat(*items, contact=CONTACT, **fields):
    return {"ContactId": contact, "InitialContactId": contact, "Transcript": list(items), **fields}


def test_roles_are_those_of_the_items(read) -> None:
    (one,) = read(a=chat(item("1", "Welcome!", "SYSTEM"), item("2", "hi", at=11), item("3", "hello", "AGENT", at=12),
                         item("4", "offer her 20 %", "SUPERVISOR", at=13), item("5", "?", "ROBOT", at=14)))  # fmt: skip
    assert [(t.role, t.kind, t.visibility, t.automation) for t in one.turns] == [
        ("bot", "message", "public", "workflow"),
        ("customer", "message", "public", None),
        ("agent", "message", "public", None),
        ("agent", "note", "internal", None),
        ("system", "message", "unknown", None),
    ]


def test_events_are_named_and_the_end_closes_the_chat(read) -> None:
    end = {"Id": "9", "Type": "EVENT", "AbsoluteTime": "2026-01-05T10:00:30.000Z",
           "ContentType": "application/vnd.amazonaws.connect.event.chat.ended"}  # fmt: skip
    (one,) = read(a=chat(item("1", "hi"), end))
    assert (one.turns[1].kind, one.turns[1].text, one.turns[1].visibility) == ("event", "chat.ended", "internal")
    assert (one.status, one.closed_at, one.updated_at) == ("closed", end["AbsoluteTime"], end["AbsoluteTime"])
    (bare,) = read(a=chat(end))
    assert bare.completeness == "events_only"


def test_pages_of_one_transcript_come_together_and_say_nothing_twice(read) -> None:
    first = chat(item("1", "hi"), item("2", "hello", "AGENT", at=11), NextToken="more")
    second = chat(item("2", "hello", "AGENT", at=11), item("3", "bye", at=12))
    (one,) = read(a=first, b=second)
    assert [turn.text for turn in one.turns] == ["hi", "hello", "bye"]
    assert one.completeness == "complete"
    (alone,) = read(a=first, b=[])
    assert alone.completeness == "truncated_body"


def test_what_a_persistent_chat_shows_again_goes_to_its_own_contact(read) -> None:
    old = item("1", "last week", ContactId="old")
    one, two = read(a=chat(old, item("2", "today", at=20)), b=chat(old, contact="old"))
    assert [(c.external_id, [turn.text for turn in c.turns]) for c in (one, two)] == [
        (CONTACT, ["today"]),
        ("old", ["last week"]),
    ]


def test_of_raw_and_redacted_the_raw_one_counts_and_alone_the_redacted_one_says_so(read) -> None:
    redacted = chat(item("1", "I am [PII]", DisplayName="[PII]"), ContentMetadata={"Output": "Redacted"})
    raw = chat(item("1", "I am Ann"), ContentMetadata={"Output": "Raw"})
    (both,) = read(a=redacted, b=raw)
    assert (both.turns[0].text, both.custom["redacted_files_left_aside"]) == ("I am Ann", 1)
    (alone,) = read(a=redacted, b=[])
    assert (alone.turns[0].source_redaction, alone.participants[0].display_name) == ("partial", None)


def test_a_call_has_its_roles_as_ids_which_identify_nobody(read) -> None:
    spoken = [{"Id": "same", "Content": text, "ParticipantId": who, "BeginOffsetMillis": at, "EndOffsetMillis": at + 5}
              for at, (who, text) in enumerate((("AGENT", "Okay."), ("CUSTOMER", "hello")))]  # fmt: skip
    (one,) = read(a={"Channel": "VOICE", "Participants": [], "Transcript": spoken, "JobStatus": "COMPLETED"})
    assert [(t.role, t.text, t.author, t.created_at) for t in one.turns] == [
        ("agent", "Okay.", None, None),
        ("customer", "hello", None, None),
    ]
    assert (one.channel, one.external_id) == ("phone", None)
    assert {person.external_id for person in one.participants} == {None}
    assert one.turns[1].custom["BeginOffsetMillis"] == 1


def test_a_call_without_its_contact_is_known_by_the_files_name(tmp_path, store) -> None:
    call = {"Channel": "VOICE", "Transcript": [{"Content": "hi", "ParticipantId": "AGENT", "BeginOffsetMillis": 0}]}
    name = f"{CONTACT}_analysis_2026-01-05T10_00_00Z"
    (one,) = read_files(CONNECTOR, tmp_path / "export", store, **{name: call})
    assert one.external_id == CONTACT


def test_attachments_are_named_and_forms_show_their_title(read) -> None:
    file = item("1", None, Type="ATTACHMENT", Attachments=[
        {"AttachmentName": "bill.pdf", "ContentType": "application/pdf", "Status": "APPROVED"}])  # fmt: skip
    form = item("2", '{"templateType":"ListPicker","data":{"content":{"title":"Which one?"}}}', "SYSTEM", at=20,
                ContentType="application/vnd.amazonaws.connect.message.interactive")  # fmt: skip
    (one,) = read(a=chat(file, form))
    assert (one.turns[0].kind, one.turns[0].attachments[0].file_name) == ("message", "bill.pdf")
    assert (one.turns[1].kind, one.turns[1].text) == ("form", "Which one?")


def test_what_is_unknown_is_rejected_with_its_keys(read) -> None:
    records = read(a=[chat(item("1", "hi"), {"Type": "HOLOGRAM", "Secret": "x"}), {"JobStatus": "FAILED"}, "odd",
                      {"ContactId": "2"}, chat(contact="3")])  # fmt: skip
    assert len(conversations(records)) == 1
    assert sorted(code for code, _ in rejects(records)) == [
        "bad_record", "bad_record", "bad_record", "no_turns", "no_turns",
    ]  # fmt: skip
    assert any("an object with Secret, Type" in detail for _, detail in rejects(records))


def test_the_shared_samples_are_read_whole(shared, store) -> None:
    call, talk = read_folder(CONNECTOR, shared / "formats" / "amazon_connect", store)
    assert [turn.role for turn in call.turns] == ["agent", "customer"] + ["agent", "customer"] * 4
    said = [turn for turn in talk.turns if turn.kind == "message"]
    assert (len(talk.turns), len(said), talk.tags) == (35, 31, ("agent-intro",))
    assert {turn.role for turn in said} == {"customer", "agent", "bot"}
