"""Slack's exports: threads over day files, broadcasts once, tombstones, bots, people that users.json lacks."""

import json
import zipfile

import pytest

from ingest.connector import Reading
from ingest.connectors.slack import CONNECTOR
from ingest.mapping import Mapping
from ingest.plan import plan
from ingest.records import Conversation, Reject

ROOT = "1770022800.000100"


@pytest.fixture
def read(tmp_path, store):
    """Write an export and read it as it is planned."""

    def read_export(files, *, users=True, roles=None):
        folder = tmp_path / "export"
        for name, content in ({"users.json": USERS} | files if users else files).items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        (batch,) = plan([folder]).batches
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading(batch.files, store.spool(), mapping)))

    return read_export


def user(identity, name, team="T1", **fields):
    profile = {"real_name": name, "display_name": name.split()[0].lower(), "email": f"{name[0].lower()}@example.com"}
    about = {"name": name.lower(), "profile": profile, "is_bot": False, "deleted": False}
    return {"id": identity, "team_id": team, **about, **fields}


USERS = [
    user("U1", "Mia Member"), user("U2", "Max Member"), user("U3", "Gil Guest", is_restricted=True),
    user("U4", "Sam Stranger", team="T2"), user("U5", "Bea Bot", is_bot=True), user("U6", "Dan Deleted", deleted=True),
]  # fmt: skip


def post(who, ts, text="hello", **fields):
    return {"type": "message", "user": who, "ts": ts, "text": text, **fields}


def reply(who, ts, text="hi", **fields):
    return post(who, ts, text, thread_ts=ROOT, parent_user_id="U3", **fields)


def root(**fields):
    return post("U3", ROOT, "help", thread_ts=ROOT, **fields)


def said(one):
    assert isinstance(one, Conversation), one
    return [(turn.role, turn.text) for turn in one.turns if turn.kind == "message"]


def test_a_thread_is_put_together_over_day_files(read) -> None:
    (one,) = read({
        "help/2026-02-02.json": [root(reply_count=2), reply("U1", "1770022900.000000")],
        "help/2026-02-05.json": [reply("U3", "1770300000.000000", "thanks")],
    })  # fmt: skip
    assert said(one) == [("customer", "help"), ("agent", "hi"), ("customer", "thanks")]
    assert (one.external_id, one.completeness) == (f"help/{ROOT}", "complete")
    assert [turn.reply_to for turn in one.turns] == [None, ROOT, ROOT]
    assert [turn.external_id for turn in one.turns] == [ROOT, "1770022900.000000", "1770300000.000000"]


def test_a_zip_is_read_as_one_export(tmp_path, store) -> None:
    path = tmp_path / "slack.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("help/2026-02-02.json", json.dumps([root()]))
        archive.writestr("help/2026-02-05.json", json.dumps([reply("U1", "1770300000.000000")]))
        archive.writestr("users.json", json.dumps(USERS))
    (batch,) = plan([path]).batches
    (one,) = CONNECTOR.read(Reading(batch.files, store.spool()))
    assert (said(one), batch.connector.name) == ([("customer", "help"), ("agent", "hi")], "slack")


def test_two_exports_in_one_folder_stay_apart(tmp_path) -> None:
    for name in ("one", "two"):
        for file, content in (("users.json", USERS), ("help/2026-02-02.json", [root()])):
            (tmp_path / name / file).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / file).write_text(json.dumps(content), encoding="utf-8")
    assert [len(batch.files) for batch in plan([tmp_path]).batches] == [2, 2]


def test_a_broadcast_stands_once_and_lends_its_copy_of_a_missing_root(read) -> None:
    broadcast = reply("U1", "1770300000.000000", "fixed", subtype="thread_broadcast", root=root(reply_count=1))
    (one,) = read({"help/2026-02-05.json": [broadcast, broadcast]})
    assert said(one) == [("customer", "help"), ("agent", "fixed")]
    assert one.completeness == "complete"


def test_a_thread_without_its_root_has_a_cut_head(read) -> None:
    (one,) = read({"help/2026-02-05.json": [reply("U1", "1770300000.000000")]})
    assert (one.completeness, one.external_id) == ("truncated_head", f"help/{ROOT}")


def test_a_thread_with_fewer_replies_than_counted_is_not_complete(read) -> None:
    (one,) = read({"help/2026-02-02.json": [root(reply_count=5), reply("U1", "1770022900.000000")]})
    assert one.completeness == "truncated_body"


def test_a_deleted_root_is_a_tombstone_and_its_replies_stay(read) -> None:
    gone = {"type": "message", "subtype": "tombstone", "user": "USLACKBOT", "hidden": True, "ts": ROOT,
            "text": "This message was deleted.", "thread_ts": ROOT, "reply_count": 1}  # fmt: skip
    (one,) = read({"help/2026-02-02.json": [gone, reply("U1", "1770022900.000000")]})
    assert [(turn.kind, turn.visibility, turn.is_deleted) for turn in one.turns] == [
        ("event", "internal", True), ("message", "public", False),
    ]  # fmt: skip


def test_messages_outside_threads_end_with_a_silence(read) -> None:
    one, two = read({
        "help/2026-02-02.json": [post("U3", "1770022800.000000"), post("U1", "1770023000.000000", "hi")],
        "help/2026-02-03.json": [post("U3", "1770109200.000000", "again")],
    })  # fmt: skip
    assert (said(one), said(two)) == ([("customer", "hello"), ("agent", "hi")], [("customer", "again")])


@pytest.mark.parametrize(("who", "role", "source"), [
    ("U1", "agent", "users_file"), ("U3", "customer", "users_file"), ("U4", "customer", "users_file"),
    ("U5", "bot", "users_file"), ("U6", "agent", "users_file"), ("U9", "unknown", "inferred"),
    ("USLACKBOT", "bot", "inferred"),
])  # fmt: skip
def test_roles_come_from_the_users(read, who, role, source) -> None:
    (one,) = read({"help/2026-02-02.json": [post(who, ROOT)]})
    (person,) = one.participants
    assert (person.role, person.role_source) == (role, source)
    assert one.turns[0].role == {"unknown": "customer"}.get(role, role)


def test_without_users_nobody_is_an_agent_and_profiles_in_messages_tell_guests(read) -> None:
    guest = post("U3", ROOT, user_profile={"real_name": "Gil Guest", "is_restricted": True, "team": "T1"})
    (one,) = read({"help/2026-02-02.json": [guest, post("U1", "1770022900.000000")]}, users=False)
    assert [turn.role for turn in one.turns] == ["customer", "agent"]
    members = [post("U7", ROOT), post("U1", "1770022900.000000")]
    (two,) = read({"help/2026-02-02.json": members}, users=False)
    assert {turn.role for turn in two.turns} == {"customer"}
    assert "[roles]" in two.custom["roles"]


@pytest.mark.parametrize("word", ["U2", "max member", "Max Member", "m@example.com"])
def test_a_mapping_that_names_agents_leaves_no_other_member_one(read, word) -> None:
    talk = {"help/2026-02-02.json": [post("U3", ROOT), post("U2", "1770022900.000000", "hi")]}
    (one,) = read(talk, roles={word: "agent"})
    assert [turn.role for turn in one.turns] == ["customer", "agent"]
    assert one.participants[0].role_source == "mapping"
    (two,) = read(talk, roles={"U1": "agent"})
    assert {turn.role for turn in two.turns} == {"customer"}


@pytest.mark.parametrize("bot", [
    {"subtype": "bot_message", "bot_id": "B1", "username": "Hook"},
    {"user": "U1", "bot_id": "B1", "bot_profile": {"name": "Hook"}},
])  # fmt: skip
def test_what_bots_post_is_automatic(read, bot) -> None:
    (one,) = read({"help/2026-02-02.json": [{"type": "message", "ts": ROOT, "text": "x", **bot}]})
    assert (one.turns[0].role, one.turns[0].is_automated) == ("bot", True)


@pytest.mark.parametrize("subtype", ["channel_join", "channel_topic", "bot_add", "something_new"])
def test_what_slack_writes_and_what_is_not_known_is_an_internal_event(read, subtype) -> None:
    (one,) = read({"help/2026-02-02.json": [post("U1", ROOT, "joined", subtype=subtype)]})
    turn = one.turns[0]
    assert (turn.kind, turn.visibility, turn.role, turn.event_type) == ("event", "internal", "system", subtype)


@pytest.mark.parametrize(("text", "shown"), [
    ("hi <@U1>", "hi @mia"),
    ("hi <@U1|mimi>", "hi @mimi"),
    ("hi <@U99>", "hi @U99"),
    ("see <#C1|help>", "see #help"),
    ("<!here> all", "@here all"),
    ("<!subteam^S1|@desk>", "@desk"),
    ("<https://example.com/a|our page>", "our page (https://example.com/a)"),
    ("<https://example.com/a>", "https://example.com/a"),
    ("<mailto:a@example.com|a@example.com>", "a@example.com"),
    ("1 &lt; 2 &amp;amp; 3", "1 < 2 &amp; 3"),
])  # fmt: skip
def test_markup_becomes_plain_text(read, text, shown) -> None:
    (one,) = read({"help/2026-02-02.json": [post("U3", ROOT, text)]})
    assert one.turns[0].text == shown


def test_an_empty_text_is_looked_for_in_blocks_and_attachments(read) -> None:
    rich = [{"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
        {"type": "text", "text": "Ask "}, {"type": "user", "user_id": "U1"}, {"type": "text", "text": " or see "},
        {"type": "link", "url": "https://example.com", "text": "here"}]}]}]  # fmt: skip
    attached = [{"title": "Build", "text": "passed", "fallback": "Build passed"}]
    (one,) = read({"help/2026-02-02.json": [
        post("U3", ROOT, "", blocks=rich), post("U3", "1770022900.000000", "", attachments=attached),
    ]})  # fmt: skip
    assert [turn.text for turn in one.turns] == ["Ask @mia or see here (https://example.com)", "Build\npassed"]


def test_files_and_edits_are_kept(read) -> None:
    file = {"name": "a.png", "mimetype": "image/png", "size": 5, "mode": "hosted"}
    edited = {"user": "U3", "ts": "1770022900.000000"}
    (one,) = read({"help/2026-02-02.json": [
        post("U3", ROOT, files=[file, {"id": "F1", "mode": "tombstone"}], edited=edited),
    ]})  # fmt: skip
    assert [(a.file_name, a.is_omitted) for a in one.turns[0].attachments] == [("a.png", False), (None, True)]
    assert one.turns[0].edited_at == "1770022900.000000"


@pytest.mark.parametrize(("odd", "code"), [
    ("text", "bad_record"), (7, "bad_record"), ({"type": "message", "text": "x"}, "no_identity"),
    ({"type": "message", "ts": 5, "text": "x"}, "no_identity"), ({"secret@example.com": 1}, "bad_record"),
])  # fmt: skip
def test_what_is_no_message_is_a_reject(read, odd, code) -> None:
    reject, one = read({"help/2026-02-02.json": [post("U3", ROOT), odd]})
    assert isinstance(reject, Reject)
    assert (reject.code, reject.place) == (code, "2026-02-02.json, record 2")
    assert "secret" not in reject.detail
    assert len(one.turns) == 1


def test_pages_of_the_api_are_read(read) -> None:
    page = {"ok": True, "messages": [root(), reply("U1", "1770022900.000000")]}
    (one,) = read({"pages/history.json": page}, users=False)
    assert len(one.turns) == 2
