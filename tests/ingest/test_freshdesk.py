"""Freshdesk: the description first and once, notes internal, three spellings of the same ticket, nothing lost."""

import json

import pytest

from ingest.connector import Reading, Recognised
from ingest.connectors.freshdesk import CONNECTOR
from ingest.detection import explain, recognise
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk


@pytest.fixture
def read(tmp_path, store):
    """Write files into one folder and read them together."""

    def read_files(**files):
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        for name, content in files.items():
            is_text = isinstance(content, str)
            path = folder / (f"{name}.xml" if is_text else f"{name}.json")
            path.write_text(content if is_text else json.dumps(content), encoding="utf-8")
        found = [Recognised(file) for file in walk([folder]) if isinstance(file, SourceFile)]
        return list(CONNECTOR.read(Reading(tuple(found), store.spool())))

    return read_files


def ticket(identity=1, **fields):
    return {
        "id": identity, "subject": "Parcel", "description": "<div>Where is it?</div>",
        "description_text": "Where is it?", "requester_id": 50, "responder_id": 7, "source": 2, "status": 2,
        "priority": 1, "tags": ["parcel"], "cc_emails": [], "fwd_emails": [], "is_escalated": False,
        "created_at": "2026-01-01T10:00:00Z", "updated_at": "2026-01-01T12:00:00Z",
        "requester": {"id": 50, "name": "Ann", "email": "ann@example.com", "mobile": "020 7946 0111"}, **fields,
    }  # fmt: skip


def said(identity, text, *, incoming=False, private=False, at=1, **fields):
    return {
        "id": identity, "ticket_id": 1, "body": f"<div>{text}</div>", "body_text": text, "incoming": incoming,
        "private": private, "user_id": 50 if incoming else 7, "source": 2 if private else 0,
        "created_at": f"2026-01-01T11:{at:02}:00Z", "updated_at": f"2026-01-01T11:{at:02}:00Z", **fields,
    }  # fmt: skip


def test_the_description_is_the_first_turn_and_stands_once(read) -> None:
    (one,) = read(t=ticket(), c=[said(2, "b", incoming=True, at=2), said(1, "a")])
    assert [(turn.role, turn.text, turn.kind) for turn in one.turns] == [
        ("customer", "<div>Where is it?</div>", "message"), ("agent", "<div>a</div>", "message"),
        ("customer", "<div>b</div>", "message"),
    ]  # fmt: skip
    assert (one.external_id, one.status, one.status_raw, one.priority, one.channel, one.tags) == (
        "1", "open", "2", "low", "web", ("parcel",),
    )  # fmt: skip
    assert [(p.external_id, p.role, p.display_name, p.phone) for p in one.participants] == [
        ("50", "customer", "Ann", "020 7946 0111"), ("7", "agent", None, None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"private": True}, ("note", "internal", "agent")),
        ({"private": False, "source": 2}, ("message", "public", "agent")),
        ({"private": None}, ("message", "unknown", "agent")),
        ({"source": 8}, ("note", "internal", "agent")),
        ({"source": 9}, ("call", "public", "agent")),
        ({"source": 6, "incoming": True}, ("rating", "internal", "customer")),
        ({"source": 4}, ("event", "internal", "system")),
        ({"incoming": None, "user_id": 50}, ("message", "public", "customer")),
        ({"incoming": None, "user_id": 8}, ("message", "public", "agent")),
    ],
)
def test_what_a_conversation_is_and_who_speaks(read, fields, expected) -> None:
    (one,) = read(t=ticket(), c=[said(1, "x", **fields)])
    assert (one.turns[1].kind, one.turns[1].visibility, one.turns[1].role) == expected


def test_a_third_party_writes_incoming_mail_and_is_not_the_requester(read) -> None:
    (one,) = read(t=ticket(), c=[said(1, "x", incoming=True, user_id=66)])
    assert (one.turns[1].role, one.participants[-1].role, one.participants[-1].role_source) == (
        "customer", "third_party", "direction",
    )  # fmt: skip


def test_a_ticket_that_an_agent_began_begins_with_the_agent(read) -> None:
    (one,) = read(t=ticket(source=10))
    assert (one.turns[0].role, one.turns[0].author, one.turns[0].body_format) == ("agent", "7", "html_mail")


def test_agents_and_contacts_name_people_and_agents_win(read) -> None:
    agent = {"id": 7, "ticket_scope": 1, "occasional": False, "contact": {"name": "Bo", "email": "bo@example.com"}}
    contact = {"id": 7, "name": "Bo", "email": "b@example.com", "mobile": None, "job_title": None, "time_zone": "X",
               "helpdesk_agent": False}  # fmt: skip
    (one,) = read(a=[agent], b=contact, t=ticket(), c=[said(1, "x")])
    assert (one.participants[1].display_name, one.participants[1].role) == ("Bo", "agent")
    assert one.participants[1].email == "bo@example.com"


def test_the_newest_version_of_a_ticket_and_of_a_conversation_counts(read) -> None:
    old, new = said(1, "first"), said(1, "mended", updated_at="2026-01-02T00:00:00Z")
    records = read(a=[ticket(status=5, updated_at="2026-01-03T00:00:00Z"), ticket()], b=[old, new], c=[old])
    (one,) = records
    assert (one.status, one.turns[1].text, len(one.turns)) == ("closed", "<div>mended</div>", 2)


def v1():
    return {"helpdesk_ticket": {
        "id": 900, "display_id": 1, "subject": "Parcel", "description": "Where?", "description_html": "<p>Where?</p>",
        "requester_id": 50, "requester_name": "Ann", "responder_id": 7, "responder_name": "Bo", "source": 1,
        "status": 4, "status_name": "Resolved", "requester_status_name": "Done", "ticket_type": None,
        "created_at": "2026-01-01T10:00:00+10:00", "updated_at": "2026-01-01T12:00:00+10:00",
        "custom_field": {"order_77": "LW-1"}, "tags": [{"name": "parcel"}], "notes": [
            {"note": {"id": 3, "body": "Soon", "body_html": "<p>Soon</p>", "incoming": False, "private": False,
                      "user_id": 7, "source": 0, "created_at": "2026-01-01T11:00:00+10:00", "attachments": [
                          {"attachment": {"content_file_name": "a.png", "content_file_size": 5}}]}},
            {"note": {"id": 4, "body": "secret", "incoming": False, "private": True, "user_id": 7, "source": 2,
                      "deleted": True, "created_at": "2026-01-01T11:30:00+10:00"}},
        ]}}  # fmt: skip


V1_XML = """<?xml version="1.0" encoding="UTF-8"?>
<helpdesk-tickets type="array"><helpdesk-ticket>
<id type="integer">900</id><display-id type="integer">1</display-id><subject>Parcel</subject>
<description>Where?</description><description-html>&lt;p&gt;Where?&lt;/p&gt;</description-html>
<requester-id>50</requester-id><requester-name>Ann</requester-name><responder-id>7</responder-id>
<responder-name>Bo</responder-name><source>1</source><status>4</status><status-name>Resolved</status-name>
<requester-status-name>Done</requester-status-name><ticket-type nil="true"/>
<created-at>2026-01-01T10:00:00+10:00</created-at><updated-at>2026-01-01T12:00:00+10:00</updated-at>
<tags type="array"><tag><name>parcel</name></tag></tags>
<helpdesk-notes type="array">
<helpdesk-note><id>3</id><body>Soon</body><body-html>&lt;p&gt;Soon&lt;/p&gt;</body-html><incoming>false</incoming>
<private type="boolean">false</private><user-id>7</user-id><source>0</source>
<created-at>2026-01-01T11:00:00+10:00</created-at>
<attachments type="array"><attachment><content-file-name>a.png</content-file-name>
<content-file-size>5</content-file-size>
</attachment></attachments></helpdesk-note>
<helpdesk-note><id>4</id><body>secret</body><incoming>false</incoming><private>true</private><user-id>7</user-id>
<source>2</source><deleted>true</deleted><created-at>2026-01-01T11:30:00+10:00</created-at></helpdesk-note>
</helpdesk-notes></helpdesk-ticket></helpdesk-tickets>"""


@pytest.mark.parametrize("content", [v1(), [v1()], V1_XML], ids=["v1", "v1 list", "xml"])
def test_v1_and_xml_hold_the_same_ticket_with_its_notes(read, content) -> None:
    (one,) = read(one=content)
    assert (one.external_id, one.subject, one.status, one.status_raw, one.tags) == (
        "1", "Parcel", "resolved", "Resolved", ("parcel",),
    )  # fmt: skip
    assert [(turn.role, turn.text, turn.visibility, turn.is_deleted) for turn in one.turns] == [
        ("customer", "<p>Where?</p>", "public", False), ("agent", "<p>Soon</p>", "public", False),
        ("agent", "secret", "internal", True),
    ]  # fmt: skip
    assert [(file.file_name, file.bytes) for file in one.turns[1].attachments] == [("a.png", 5)]
    assert [person.display_name for person in one.participants] == ["Ann", "Bo"]


@pytest.mark.parametrize(
    ("value", "score", "label"), [(103, 1.0, "good"), (100, 0.5, "neutral"), (-102, 1 / 6, "bad"), (7, None, None)]
)
def test_a_rating_is_mapped_to_0_to_1_and_keeps_its_scale(read, value, score, label) -> None:
    rating = {"survey_id": 1, "ticket_id": 1, "feedback": "ok", "ratings": {"default_question": value}}
    (one,) = read(t=ticket(), r=[rating])
    assert (one.csat_score, one.csat_label, one.csat_comment) == (score, label, "ok")
    assert one.csat_scale == ("-103..103" if score is not None else None)


def test_a_ticket_that_carries_as_many_conversations_as_fit_may_lack_some(read) -> None:
    inside = [said(at, "x", at=at) for at in range(10)]
    (one,) = read(t=ticket(conversations=inside))
    assert (len(one.turns), one.completeness) == (11, "truncated_body")
    (whole,) = read(t=ticket(conversations=inside), c=inside)
    assert (len(whole.turns), whole.completeness) == (11, "complete")


def test_a_ticket_that_was_answered_and_has_no_answers_is_incomplete(read) -> None:
    (one,) = read(t=ticket(stats={"agent_responded_at": "2026-01-01T11:00:00Z"}))
    assert one.completeness == "truncated_body"


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (said(1, "x", ticket_id=99), "orphan"),
        (said(1, "x", ticket_id=None), "no_identity"),
        (ticket(2, description=None, description_text=None), "no_turns"),
        ({"id": 5, "name": "odd"}, "bad_record"),
        ("text", "bad_record"),
        (ticket(2, conversations=["odd"]), "bad_record"),
    ],
)
def test_what_is_none_of_it_is_a_reject_with_its_shape(read, record, code) -> None:
    records = read(t=ticket(), x=[record])
    (reject,) = [one for one in records if isinstance(one, Reject)]
    assert reject.code == code
    assert "Where is it" not in reject.detail
    assert any(isinstance(one, Conversation) and one.external_id == "1" for one in records)


@pytest.mark.parametrize("tenth", range(1, 10))
def test_xml_cut_anywhere_gives_the_whole_tickets_and_a_reject(read, tenth) -> None:
    open_end = V1_XML.replace("</helpdesk-tickets>", "")
    again = open_end[open_end.index("<helpdesk-ticket>") :]
    whole = open_end + "".join(again.replace(">1</display-id>", f">{at}</display-id>") for at in range(2, 6))
    cut = whole[: len(whole) * tenth // 10]
    records = read(one=cut)
    found = [one for one in records if isinstance(one, Conversation)]
    assert len(found) == cut.count("</helpdesk-ticket>")
    assert [one.code for one in records if isinstance(one, Reject)] == ["truncated"]


def test_xml_that_declares_entities_is_refused(read) -> None:
    ticket_of_entities = "<helpdesk-tickets><helpdesk-ticket><id>&a;</id></helpdesk-ticket></helpdesk-tickets>"
    (reject,) = read(one=f'<!DOCTYPE x [<!ENTITY a "aaaa">]>{ticket_of_entities}')
    assert (reject.code, "entities" in reject.detail) == ("bad_record", True)


def test_a_list_export_without_speech_is_recognised_and_explained(tmp_path, store) -> None:
    path = tmp_path / "list.csv"
    path.write_text("Ticket ID,Subject,Status,Agent interactions,Customer interactions\n1,Parcel,Open,2,3\n")
    found = recognise(SourceFile(path))
    assert found is not None
    assert found[0].name == "freshdesk"
    (reject,) = CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool()))
    assert (reject.code, "nothing that was said" in reject.detail) == ("no_turns", True)


@pytest.mark.corpus
def test_the_real_files_are_one_ticket_with_a_note_and_a_reply(shared, store) -> None:
    files = [file for file in walk([shared / "formats" / "freshdesk"]) if isinstance(file, SourceFile)]
    assert {explain(file)[0][0].name for file in files} == {"freshdesk"}
    (one,) = CONNECTOR.read(Reading(tuple(Recognised(file) for file in files), store.spool()))
    assert [(turn.role, turn.kind, turn.visibility) for turn in one.turns] == [
        ("customer", "message", "public"), ("agent", "note", "internal"), ("agent", "message", "public"),
    ]  # fmt: skip
