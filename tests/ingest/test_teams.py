"""Microsoft Teams: threads by reply, chats once for all who have them, guests and members, both spellings of fields."""

import json

import pytest

from ingest.connector import Reading
from ingest.connectors.teams import CONNECTOR
from ingest.mapping import Mapping
from ingest.plan import plan
from ingest.records import Conversation, Reject

FILE = "teams/t/messages_t.json"


@pytest.fixture
def read(tmp_path, store):
    """Write an export and read it as it is planned."""

    def read_export(files, *, roles=None):
        folder = tmp_path / "export"
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(content), encoding="utf-8")
        (batch,) = plan([folder]).batches
        mapping = Mapping("conversation", roles=roles) if roles else None
        return list(CONNECTOR.read(Reading(batch.files, store.spool(), mapping)))

    return read_export


def user(identity, name, **fields):
    return {"Id": identity, "DisplayName": name, "Mail": f"{identity}@example.com",
            "UserPrincipalName": f"{identity}@example.com", **fields}  # fmt: skip


PEOPLE = [user("m", "Mia"), user("n", "Nils"), user("g", "Gil", UserPrincipalName="g_example.org#EXT#@example.com")]
USERS = {"users/usersList.json": PEOPLE}


def post(number, text="hello", who="g", root=None, *, minute=0, **fields):
    sender = {"User": {"Id": who, "DisplayName": who.upper()}, "Application": None} if who else None
    at = f"2026-03-05T10:{minute:02}:00.000Z"
    return {"Id": str(number), "ReplyToId": root and str(root), "MessageType": "message", "CreatedDateTime": at,
            "LastModifiedDateTime": at, "Subject": None, "ChatId": None, "From": sender,
            "Body": {"ContentType": "html", "Content": text}, "ChannelIdentity": {"TeamId": "t", "ChannelId": "c"},
            "Attachments": [], **fields}  # fmt: skip


def written(number, text="hello", who="g", **fields):
    return post(number, text, who, ChatId="chat", ChannelIdentity=None, **fields)


def camel(value):
    if isinstance(value, dict):
        return {name[0].lower() + name[1:]: camel(item) for name, item in value.items()}
    return [camel(item) for item in value] if isinstance(value, list) else value


def conversations(records):
    return [record for record in records if isinstance(record, Conversation)]


def said(one):
    return [(turn.role, turn.text) for turn in one.turns if turn.kind == "message"]


def test_replies_are_put_to_their_post_in_the_order_of_their_times(read) -> None:
    (one,) = read(USERS | {FILE: [
        post(30, "thanks", root=10, minute=3), post(20, "hi", "m", 10, minute=2), post(10, Subject="Broken"),
    ]})  # fmt: skip
    assert said(one) == [("customer", "hello"), ("agent", "hi"), ("customer", "thanks")]
    assert (one.external_id, one.subject, one.completeness) == ("c/10", "Broken", "complete")
    assert [turn.reply_to for turn in one.turns] == [None, "10", "10"]


def test_every_post_is_a_conversation(read) -> None:
    one, two = read(USERS | {FILE: [post(10), post(20, minute=1)]})
    assert (one.external_id, two.external_id) == ("c/10", "c/20")


def test_a_reply_without_its_post_has_a_cut_head(read) -> None:
    (one,) = read(USERS | {FILE: [post(20, root=10)]})
    assert (one.external_id, one.completeness) == ("c/10", "truncated_head")


def test_pages_of_graph_with_replies_inside_are_read(read) -> None:
    root, answer = camel(post(10)), camel(post(20, "hi", "m", minute=1))
    del answer["channelIdentity"]
    page = {"@odata.context": "x", "value": [{**root, "replies": [answer, 7]}]}
    reject, one = read({"page.json": page, "users.json": {"value": camel(PEOPLE)}})
    assert said(one) == [("customer", "hello"), ("agent", "hi")]
    assert (reject.code, reject.place) == ("bad_record", "page.json, record 1 reply 2")


def test_a_chat_in_the_files_of_two_people_counts_once_in_its_newest_version(read) -> None:
    edited = written(1, "hello!", LastModifiedDateTime="2026-03-06T10:00:00.000Z")
    (one,) = read(USERS | {
        "users/m/messages_m.json": [written(2, "hi", "m", minute=1), written(1)],
        "users/g/messages_g.json": [edited],
    })  # fmt: skip
    assert said(one) == [("customer", "hello!"), ("agent", "hi")]
    assert one.external_id == "chat/1"


@pytest.mark.parametrize(("who", "role", "source"), [
    ("m", "agent", "users_file"), ("g", "customer", "users_file"), ("gone", "unknown", "inferred"),
])  # fmt: skip
def test_roles_come_from_the_list_of_users(read, who, role, source) -> None:
    (one,) = read(USERS | {FILE: [post(10, who=who)]})
    (person,) = one.participants
    assert (person.role, person.role_source, person.display_name) == (role, source, who.upper())
    assert one.turns[0].role == {"unknown": "customer"}.get(role, role)
    assert ("roles" in one.custom) == (role == "unknown")


def test_guests_are_known_by_their_team_or_their_kind(read) -> None:
    member = {"Id": "x", "DisplayName": "Mia", "Roles": ["guest"], "AdditionalProperties": {"userId": "m"}}
    stranger = {"User": {"Id": "s", "DisplayName": "S", "UserIdentityType": "federatedUser"}}
    one, two = read(USERS | {
        "teams/t/teamMembers_t.json": [member], FILE: [post(10, who="m"), {**post(20), "From": stranger}],
    })  # fmt: skip
    assert [one.turns[0].role, two.turns[0].role] == ["customer", "customer"]


@pytest.mark.parametrize("word", ["n", "N", "n@example.com"])
def test_a_mapping_that_names_agents_leaves_no_other_member_one(read, word) -> None:
    (one,) = read(USERS | {FILE: [post(10, who="m"), post(20, "hi", "n", 10, minute=1)]}, roles={word: "agent"})
    assert [turn.role for turn in one.turns] == ["customer", "agent"]


def test_applications_are_bots_and_their_cards_speak(read) -> None:
    card = {"ContentType": "application/vnd.microsoft.card.adaptive", "Id": "1",
            "Content": json.dumps({"body": [{"type": "TextBlock", "text": "Case 7"}]})}  # fmt: skip
    bot = {"User": None, "Application": {"Id": "a", "DisplayName": "Case bot"}}
    (one,) = read({FILE: [{**post(10, '<attachment id="1"></attachment>'), "From": bot, "Attachments": [card]}]})
    assert [(turn.role, turn.is_automated, turn.text) for turn in one.turns] == [("bot", True, "Case 7")]


@pytest.mark.parametrize("fields", [
    {"MessageType": "unknownFutureValue"}, {"MessageType": "systemEventMessage"}, {"MessageType": "newKind"},
    {"Body": {"ContentType": "html", "Content": "<systemEventMessage/>"}},
])  # fmt: skip
def test_system_events_and_unknown_types_are_internal(read, fields) -> None:
    detail = {"@odata.type": "#microsoft.graph.membersAddedEventMessageDetail"}
    (one,) = read({FILE: [{**post(10, who=None), "EventDetail": detail, **fields}]})
    turn = one.turns[0]
    assert (turn.kind, turn.visibility, turn.role, turn.text) == ("event", "internal", "system", "membersAdded")


@pytest.mark.parametrize(("html", "text"), [
    ('<p>boo <emoji id="g" alt="👻" title="Ghost"></emoji>!</p>', "<p>boo 👻!</p>"),
    ('<p><at id="0">Mia M</at> see</p>', "<p>@Mia M see</p>"),
    ('<p>see</p><attachment id="1"></attachment>', "<p>see</p>"),
])  # fmt: skip
def test_emoji_and_mentions_are_kept_as_text(read, html, text) -> None:
    (one,) = read({FILE: [post(10, html)]})
    assert (one.turns[0].text, one.turns[0].body_format) == (text, "html")


def test_files_quotes_edits_and_deletions_are_kept(read) -> None:
    file = {"Id": "f", "ContentType": "reference", "Name": "a.pdf", "ContentUrl": "https://files.example.com/a.pdf"}
    quote = {"Id": "1", "ContentType": "messageReference", "Content": "{}"}
    (one,) = read({FILE: [
        written(1), written(2, Attachments=[file, quote], LastEditedDateTime="2026-03-05T11:00:00Z"),
        written(3, "", DeletedDateTime="2026-03-05T12:00:00Z"),
    ]})  # fmt: skip
    _, second, third = one.turns
    assert [(a.file_name, a.url) for a in second.attachments] == [("a.pdf", "https://files.example.com/a.pdf")]
    assert (second.reply_to, second.edited_at) == ("1", "2026-03-05T11:00:00Z")
    assert (third.is_deleted, third.text) == (True, "")


@pytest.mark.parametrize(("odd", "code"), [
    ("text", "bad_record"), (7, "bad_record"), ({"Secret": 1}, "bad_record"),
    ({"MessageType": "message", "Body": {"Content": "x"}}, "no_identity"),
])  # fmt: skip
def test_what_is_no_message_is_a_reject(read, odd, code) -> None:
    records = read({FILE: [post(10), odd]})
    (reject,) = [record for record in records if isinstance(record, Reject)]
    assert reject.code == code
    assert len(conversations(records)) == 1


def test_a_senderless_message_is_no_agents(read) -> None:
    (one,) = read(USERS | {FILE: [post(10, who=None)]})
    assert (one.turns[0].role, one.turns[0].author) == ("customer", None)
