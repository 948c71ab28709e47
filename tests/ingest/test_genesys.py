"""Genesys Cloud: recordings of one conversation together; roles by purpose, person or address; calls with times."""

import pytest

from ingest.connectors.genesys import CONNECTOR
from tests.ingest.files import conversations, read_files, rejects

OURS, THEIRS = "+16465550100", "+16465550101"


@pytest.fixture
def read(tmp_path, store):
    return lambda **files: read_files(CONNECTOR, tmp_path / "export", store, **files)


def recording(media="message", **fields):
    return {"id": "r1", "conversationId": "c1", "media": media, "startTime": "2026-01-05T10:00:00.000Z", **fields}


def text(number, body, **fields):
    return {"id": f"m{number}", "messageText": body, "timestamp": f"2026-01-05T10:00:{number:02}.000Z", **fields}


def call(*phrases, start=1_767_607_200_000):
    return {"conversationId": "c1", "communicationId": "k1", "mediaType": "call",
            "transcripts": [{"language": "en-us", "startTime": start, "phrases": list(phrases)}]}  # fmt: skip


def test_the_purpose_tells_the_role(read) -> None:
    purposes = ("customer", "EXTERNAL", "agent", "user", "bot", "digital-bot", "workflow", "acd", "moon")
    (one,) = read(a=[recording(messagingTranscript=[text(n, str(n), purpose=name) for n, name in enumerate(purposes)])])
    assert [turn.role for turn in one.turns] == [
        "customer", "customer", "agent", "agent", "bot", "bot", "bot", "bot", "system",
    ]  # fmt: skip
    assert [turn.automation for turn in one.turns[4:8]] == ["bot", "bot", "workflow", "workflow"]
    assert [turn.visibility for turn in one.turns[7:]] == ["public", "unknown"]


def test_without_a_purpose_people_and_addresses_tell(read) -> None:
    user = {"id": "u1", "name": "Bo", "email": "bo@example.com"}
    contact = {"id": "x1", "firstName": "Ann", "lastName": "Example", "workEmail": "ann@example.com"}
    (one,) = read(a=[recording(messagingTranscript=[
        {**text(1, "hi"), "from": THEIRS, "to": OURS},
        {**text(2, "hello"), "from": OURS, "to": THEIRS, "fromUser": user},
        {**text(3, "auto"), "from": OURS, "to": THEIRS}, {**text(4, "me"), "fromExternalContact": contact},
    ])])  # fmt: skip
    assert [turn.role for turn in one.turns] == ["customer", "agent", "bot", "customer"]
    assert [(p.role, p.role_source, p.display_name, p.phone) for p in one.participants] == [
        ("customer", "direction", None, THEIRS), ("agent", "users_file", "Bo", None), ("bot", "direction", None, None),
        ("customer", "users_file", "Ann Example", None),
    ]  # fmt: skip


def test_a_private_post_is_no_note_and_notices_are_events(read) -> None:
    (one,) = read(a=[recording(messagingTranscript=[
        text(1, "psst", purpose="customer", socialVisibility="Private"),
        text(2, "", purpose="customer", events=[{"eventType": "Typing"}]),
    ])])  # fmt: skip
    assert [(turn.kind, turn.visibility) for turn in one.turns] == [("message", "public"), ("event", "internal")]


def test_chats_and_mails(read) -> None:
    chat = [{"id": "1", "body": "hi", "utc": "2026-01-05T10:00:01Z", "participantPurpose": "customer"},
            {"id": "2", "body": "left", "utc": "2026-01-05T10:00:02Z", "bodyType": "member-leave"}]  # fmt: skip
    mails = [{"id": "3", "htmlBody": "<p>a</p>", "from": {"email": "ann@example.com"}, "time": "2026-01-06T10:00:00Z",
              "subject": "Bill", "attachments": [{"name": "a.pdf", "contentLength": 4}]},
             {"id": "4", "textBody": "b", "from": {"email": "service@example.com"}, "time": "2026-01-07T10:00:00Z"},
             {"id": "5", "textBody": "c", "time": "2026-01-08T10:00:00Z"}]  # fmt: skip
    records = read(a=[recording("chat", transcript=chat),
                      recording("email", conversationId="c2", emailTranscript=mails)])  # fmt: skip
    spoken, written = conversations(records)
    assert [(turn.role, turn.kind, turn.text) for turn in spoken.turns] == [
        ("customer", "message", "hi"), ("system", "event", "left"),
    ]  # fmt: skip
    assert [(turn.role, turn.body_format, turn.visibility) for turn in written.turns] == [
        ("customer", "html_mail", "public"), ("agent", "mail", "public"), ("system", "mail", "unknown"),
    ]  # fmt: skip
    assert (written.subject, written.channel, written.turns[0].attachments[0].bytes) == ("Bill", "email", 4)


@pytest.mark.parametrize("counted", [1_767_607_204_000, 4_000])
def test_calls_have_times_from_the_epoch_or_from_their_start(read, counted) -> None:
    (one,) = read(a=call(
        {"text": "hello", "decoratedText": "Hello.", "startTimeMs": 0, "participantPurpose": "internal"},
        {"text": "hi", "startTimeMs": counted, "participantPurpose": "external"},
    ))  # fmt: skip
    assert [(turn.role, turn.text, turn.created_at) for turn in one.turns] == [
        ("agent", "Hello.", 1_767_607_200_000), ("customer", "hi", 1_767_607_204_000),
    ]  # fmt: skip
    assert (one.channel, one.turns[0].language) == ("phone", "en-us")


def test_a_recording_of_sound_is_explained_by_its_transcript_or_rejected(read) -> None:
    said = call({"text": "hi", "startTimeMs": 1, "participantPurpose": "external"})
    records = read(a=[recording("audio", fileState="AVAILABLE"), recording("audio", conversationId="c2", mediaUris={})],
                   b=said)  # fmt: skip
    assert [one.external_id for one in conversations(records)] == ["c1"]
    assert [code for code, _ in rejects(records)] == ["no_turns"]


def test_what_is_unknown_is_rejected_and_a_repeated_recording_counts_once(read) -> None:
    known = recording(messagingTranscript=[text(1, "hi", purpose="customer"), "odd"])
    records = read(a=[known, known, recording(conversationId=None), {"id": "policy"}, 7])
    (one,) = conversations(records)
    assert len(one.turns) == 1
    assert sorted(code for code, _ in rejects(records)) == ["bad_record", "bad_record", "bad_record", "no_identity"]
