"""Salesforce: transcripts taken apart, cases joined over ids of both lengths, notes inside, the description once."""

import csv
from io import StringIO

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.connector import Reading, Recognised
from ingest.connectors.salesforce import CONNECTOR
from ingest.detection import recognise
from ingest.records import Conversation, Reject
from ingest.source import SourceFile, walk

START = "Chat Started: Monday, December 17, 2018, 23:27:57 (-0500)"


def table(rows):
    text = StringIO(newline="")
    writer = csv.DictWriter(text, list(dict.fromkeys(name for row in rows for name in row)), restval="")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


@pytest.fixture
def read(tmp_path, store):
    """Write tables into one folder and read them together."""

    def read_tables(**tables):
        folder = tmp_path / "export"
        folder.mkdir(exist_ok=True)
        for name, rows in tables.items():
            (folder / f"{name}.csv").write_text(table(rows), encoding="utf-8", newline="")
        files = [file for file in walk([folder]) if isinstance(file, SourceFile)]
        return list(CONNECTOR.read(Reading(tuple(map(Recognised, files)), store.spool())))

    return read_tables


def chat(body, *lines, **fields):
    head = "".join(f'<p align="center">{line}</p>' for line in (START, "Chat Origin: Shop", *lines))
    return {"Id": "570000000000001AAA", "Body": head + body, "ChatKey": "k", **fields}


def said(conversation):
    return [(turn.role, turn.text) for turn in conversation.turns if turn.kind == "message"]


def test_a_body_is_taken_apart_into_turns_with_times(read):
    body = "( 10s ) Bo B: Hi, I&#39;m Bo<br>( 1m 13s ) Ann: line one<br>line two: more<br>"
    body += "( 1h 2m 3s ) Bo B: bye<br>( 2h ) "
    (one,) = read(c=[chat(body, "Agent Bo B")])
    assert said(one) == [("agent", "Hi, I&#39;m Bo"), ("customer", "line one<br>line two: more"), ("agent", "bye")]
    assert [turn.created_at for turn in one.turns if turn.kind == "message"] == [
        "2018-12-18T04:28:07+00:00", "2018-12-18T04:29:10+00:00", "2018-12-18T05:30:00+00:00",
    ]  # fmt: skip
    assert {turn.body_format for turn in one.turns if turn.kind == "message"} == {"html"}
    assert (one.external_id, one.channel, one.channel_raw) == ("570000000000001", "chat", "Shop")


@pytest.mark.parametrize(
    ("lines", "speakers", "roles"),
    [
        (["Agent Bo B"], ["Ann", "Bo B"], ["customer", "agent"]),
        (["Agent (UserFirstName)"], ["Stephen", "Visitor"], ["agent", "customer"]),
        (["Agent (UserFirstName)"], ["Visitor", "Stephen"], ["customer", "agent"]),
        (["Agent Bo", "Chat Transferred From Bo To Cleo"], ["Bo", "Ann", "Cleo"], ["agent", "customer", "agent"]),
        (["Agent Bo"], ["Chatbot", "Ann", "Bo"], ["bot", "customer", "agent"]),
        ([], ["Bo", "Ann"], ["agent", "customer"]),
    ],
)
def test_the_agent_is_whom_a_line_names_or_who_spoke_first(read, lines, speakers, roles):
    body = "".join(f"( {at}s ) {who}: words<br>" for at, who in enumerate(speakers, 1))
    (one,) = read(c=[chat(body, *lines)])
    assert [role for role, _ in said(one)] == roles


def test_lines_in_between_are_events_and_nothing_is_lost(read):
    body = '( 5s ) Bo: Hi<br>stray words<p align="center">Chat Transferred</p>( 9s ) Ann left<br>( 10s ) Ann: x'
    (one,) = read(c=[chat(body, "Agent Bo")])
    assert said(one) == [("agent", "Hi<br>stray words"), ("customer", "x")]
    events = [turn.text for turn in one.turns if turn.kind == "event"]
    assert events == ["Chat Origin: Shop", "Agent Bo", "Chat Transferred", "Ann left"]
    assert all(turn.visibility == "internal" for turn in one.turns if turn.kind == "event")


def test_what_a_supervisor_whispers_is_a_note(read):
    (one,) = read(c=[chat("( 5s ) Bo: Hi<br>", "Agent Bo", SupervisorTranscriptBody="( 6s ) Max: offer more<br>")])
    assert [(turn.text, turn.kind, turn.visibility, turn.role) for turn in one.turns[-1:]] == [
        ("offer more", "note", "internal", "agent")
    ]


def test_a_visitor_is_nobody_in_particular_and_the_contact_is_known(read):
    contact = {
        "Id": "003000000000009",
        "FirstName": "Ann",
        "LastName": "Lee",
        "Email": "a@example.com",
        "AccountId": "",
    }
    row = chat("( 5s ) Bo: Hi<br>( 6s ) Visitor: yo<br>", "Agent Bo", ContactId="003000000000009AAA")
    (one,) = read(a=[contact], c=[row])
    assert one.turns[-1].author is None
    assert [(person.external_id, person.role, person.email) for person in one.participants] == [
        ("Bo", "agent", None), ("003000000000009", "customer", "a@example.com"),
    ]  # fmt: skip


def test_a_start_in_another_language_leaves_it_to_the_row(read):
    body = '<p align="center">Chat Started: lundi 17 décembre 2018</p>( 5s ) Bo: Hi<br>'
    (one,) = read(c=[{"Id": "570000000000001", "Body": body, "ChatKey": "k", "StartTime": "2018-12-17T10:00:00Z"}])
    assert one.turns[-1].created_at == "2018-12-17T10:00:05+00:00"


CASE = "500000000000001"


def case(**fields):
    return {"Id": f"{CASE}AAA", "CaseNumber": "00001", "Subject": "Parcel", "Status": "Closed", "Origin": "Email",
            "Priority": "High", "Description": "", "CreatedDate": "2026-01-01T10:00:00Z", "ContactId": "",
            "SuppliedEmail": "ann@one.example", "LastModifiedDate": "2026-01-02T10:00:00Z", **fields}  # fmt: skip


def mail(identity, text, *, incoming=True, at=1, **fields):
    ours, theirs = "help@shop.example", "ann@one.example"
    return {"Id": identity, "ParentId": CASE, "Incoming": str(incoming).lower(), "TextBody": text, "HtmlBody": "",
            "FromAddress": theirs if incoming else ours, "FromName": "Ann" if incoming else "Bo",
            "ToAddress": ours if incoming else theirs, "Status": "1", "MessageDate": f"2026-01-01T11:{at:02}:00Z",
            "IsDeleted": "false", "HasAttachment": "false", "Headers": "", **fields}  # fmt: skip


def comment(identity, text, *, published="true", at=30, **fields):
    return {"Id": identity, "ParentId": f"{CASE}AAA", "CommentBody": text, "IsPublished": published,
            "CreatedById": "005000000000001", "CreatedDate": f"2026-01-01T11:{at:02}:00Z", **fields}  # fmt: skip


def test_mails_and_comments_of_a_case_are_joined_over_both_lengths_of_ids(read):
    (one,) = read(c=[case()], m=[mail("2", "answer", incoming=False, at=2), mail("1", "question")],
                  k=[comment("3", "secret", published="false"), comment("4", "shown", at=40)])  # fmt: skip
    assert [(turn.role, turn.text, turn.visibility, turn.kind) for turn in one.turns] == [
        ("customer", "question", "public", "message"), ("agent", "answer", "public", "message"),
        ("agent", "secret", "internal", "note"), ("agent", "shown", "public", "message"),
    ]  # fmt: skip
    assert (one.external_id, one.status, one.priority, one.channel, one.subject) == (
        CASE, "closed", "high", "email", "Parcel",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("fields", "mails", "texts"),
    [
        ({"Description": "Where  is it?"}, [mail("1", "Where is it?\n\nAnn")], ["Where is it?\n\nAnn"]),
        ({"Description": "By the form"}, [mail("1", "Another thing")], ["By the form", "Another thing"]),
        ({"Description": "By the form"}, [], ["By the form"]),
    ],
)
def test_the_description_is_told_once(read, fields, mails, texts):
    tables = {"c": [case(**fields)]} | ({"m": mails} if mails else {})
    (one,) = read(**tables)
    assert [turn.text for turn in one.turns] == texts


def test_what_an_agent_wrote_down_of_a_call_is_a_note(read):
    (one,) = read(c=[case(Origin="Phone", Description="Caller asks for his parcel")])
    assert (one.turns[0].role, one.turns[0].visibility) == ("agent", "internal")


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"Status": "5"}, {"is_draft": True}),
        ({"IsDeleted": "true"}, {"is_deleted": True}),
        ({"Headers": "Date: x\nAuto-Submitted: auto-replied"}, {"is_automated": True, "automation": "autoreply"}),
        ({"HtmlBody": "<p>x</p>"}, {"body_format": "html_mail", "text": "<p>x</p>"}),
        ({"Incoming": ""}, {"visibility": "unknown"}),
    ],
)
def test_a_mails_columns_say_what_it_is(read, fields, expected):
    (one,) = read(c=[case()], m=[mail("1", "x", **fields)])
    assert {name: getattr(one.turns[0], name) for name in expected} == expected


def test_a_mail_to_others_than_the_customer_is_a_note(read):
    (one,) = read(c=[case()], m=[mail("1", "x"), mail("2", "lost?", incoming=False, at=2, ToAddress="c@post.example")])
    assert (one.turns[1].kind, one.turns[1].visibility) == ("note", "internal")


def test_portal_users_are_customers(read):
    users = [{"Id": "005000000000001AAA", "Username": "a@x", "UserType": "CspLitePortal", "IsActive": "true",
              "FirstName": "Ann", "LastName": "Lee"}]  # fmt: skip
    (one,) = read(c=[case()], k=[comment("3", "hello")], u=users)
    assert (one.turns[0].role, one.participants[0].display_name) == ("customer", "Ann Lee")


def test_the_newest_row_counts_and_a_body_at_the_limit_is_said(read):
    old = mail("1", "x" * 32_000, LastModifiedDate="2026-01-01T00:00:00Z")
    new = {**old, "LastModifiedDate": "2026-02-01T00:00:00Z", "FromName": "Ann Lee"}
    (one,) = read(c=[case(Status="New", LastModifiedDate="2025-01-01T00:00:00Z"), case()], m=[new, old])
    assert (len(one.turns), one.status, one.completeness) == (1, "closed", "truncated_body")


@pytest.mark.parametrize(
    ("tables", "code"),
    [
        ({"c": [chat("", Body="")]}, "no_turns"),
        ({"c": [chat("( 1s ) Bo: x<br>", Id="")]}, "no_identity"),
        ({"m": [mail("1", "x")]}, "orphan"),
        ({"c": [case()]}, "no_turns"),
        ({"m": [mail("1", "x", ParentId="")]}, "no_identity"),
    ],
)
def test_what_belongs_to_nothing_is_a_reject(read, tables, code):
    (reject,) = read(**tables)
    assert reject.code == code


@pytest.mark.corpus
def test_the_real_bodies_are_read_whole(shared, store):
    file = SourceFile(shared / "formats" / "salesforce" / "LiveChatTranscript_bodies.csv")
    found = recognise(file)
    assert found is not None
    assert found[0].name == "salesforce"
    records = list(CONNECTOR.read(Reading((Recognised(file),), store.spool())))
    assert [[role for role, _ in said(one)] for one in records] == [
        ["agent", "customer", "agent", "agent", "customer"], ["agent", "customer"], ["agent"],
    ]  # fmt: skip
    assert [one.created_at for one in records] == [
        "2018-12-18T04:27:57+00:00", "2019-09-20T16:14:59+00:00", "2017-12-28T13:36:39+00:00",
    ]  # fmt: skip


PIECES = st.sampled_from(
    ["( 5s ) ", "( 1m 2s ) Bo: ", "Ann: ", "<br>", '<p align="center">', "</p>", "<p", "Agent Bo", "words", "(", ":",
     "( 3h", "&#39;", "Chat Started: x", "( 9d 1h ) Zo: hi", "\n"]
)  # fmt: skip


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(pieces=st.lists(PIECES, max_size=25))
def test_no_odd_body_crashes_and_each_is_a_chat_or_a_reject(tmp_path_factory, store, pieces):
    path = tmp_path_factory.mktemp("odd") / "odd.csv"
    path.write_text(table([{"Id": "570000000000001", "Body": "".join(pieces), "ChatKey": "k"}]), newline="")
    (one,) = CONNECTOR.read(Reading((Recognised(SourceFile(path)),), store.spool()))
    assert isinstance(one, Conversation | Reject)
    if isinstance(one, Conversation):
        kept = "".join(f"{turn.author} {turn.text}" for turn in one.turns)
        assert ("words" in kept) == ("words" in "".join(pieces))
