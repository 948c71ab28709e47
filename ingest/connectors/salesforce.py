"""Salesforce: chat transcripts, and cases with their mails and comments, as Data Export and Data Loader write tables.

To get them: Setup, Data Export, or Data Loader, of LiveChatTranscript with Body; of Case, EmailMessage and
CaseComment with User and Contact (CSV). Tables of one folder belong together and are joined by case on disk; ids of
15 and of 18 characters name the same record.

A transcript's Body is cut into turns with times; whom a centred line names ("Agent Maria") is the agent, else who
spoke first; such lines are events, and what supervisors whisper is internal. A case's mails are the customer's where
Incoming; comments that were not published, and mails that went to others than the customer, are internal; comments of
portal users are customers'. The description stands once: not where the first mail says the same, and as a note where
an agent wrote it down by phone. Bodies at 32,000 characters are marked cut. Not read: feed items, Messaging's
ConversationEntry, attachments. Unconfirmed: CaseComment's columns, EmailMessage's status 5 as draft,
SupervisorTranscriptBody, lines of transfers, transcripts in other languages. `formats.md` 1.8 says where the rest was
seen.
"""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any, Literal, NamedTuple

from ingest.connector import Connector, Evidence, Reading
from ingest.found import Found
from ingest.loose import NEVER, as_flag, as_id, as_text, as_time, in_order
from ingest.records import (
    Attachment,
    Conversation,
    Participant,
    Record,
    Reject,
    Role,
    RoleSource,
    Turn,
    TurnRole,
    Visibility,
)
from ingest.source import Sample, SourceFile
from ingest.tables_reader import read_table, sample_table
from ingest.times import parse
from ingest.words import name_in, speaker_of
from store.spool import Spool

Part = Literal["chats", "mails", "comments", "cases", "users", "contacts"]
Json = dict[str, Any]

CHAT_SIGNS = frozenset((
    "chatkey", "livechatvisitorid", "livechatbuttonid", "chatduration", "operatormessagecount", "visitormessagecount",
    "supervisortranscriptbody", "maxresponsetimeoperator", "abandoned",
))  # fmt: skip
MAIL_SIGNS = frozenset((
    "incoming", "textbody", "htmlbody", "fromaddress", "toaddress", "messagedate", "isexternallyvisible", "fromname",
))  # fmt: skip
CASE_SIGNS = frozenset(("subject", "description", "origin", "contactid", "accountid", "suppliedemail", "isclosed"))
USER_SIGNS = frozenset(("profileid", "userroleid", "isactive", "usertype", "timezonesidkey", "emailencodingkey"))
CONTACT_SIGNS = frozenset(
    ("accountid", "mailingcity", "reportstoid", "leadsource", "mobilephone", "hasoptedoutofemail")
)
REASONS: dict[Part, tuple[float, str]] = {
    "chats": (0.96, "chat transcripts with a Body of HTML lines, as LiveChatTranscript has them"),
    "mails": (0.95, "mails with ParentId, Incoming and TextBody, as EmailMessage has them"),
    "comments": (0.95, "comments with ParentId and CommentBody, as CaseComment has them"),
    "cases": (0.94, "cases with CaseNumber"),
    "users": (0.92, "users with Username and a profile, as Salesforce has them"),
    "contacts": (0.9, "contacts with LastName and an account, as Salesforce has them"),
}

LINE = r"<p\b[^>]*>(?P<line>.*?)</p>"
OFFSET = r"\(\s*(?:\d+\s*[dhms]\s*)+\)"
PIECE = re.compile(
    rf"{LINE}|(?P<offset>{OFFSET})\s?(?P<said>.*?)(?=<br\s*/?>\s*(?:{OFFSET}|<p\b|\Z)|{OFFSET}|<p\b|\Z)",
    re.DOTALL | re.IGNORECASE,
)
"""A centred line, or what somebody says so long after the start, up to the next of either (`formats.md` 1.8)."""

SPEAKER = re.compile(r"\s*(?P<who>[^:<>\n]{1,80}?)\s*:\s*(?P<text>.*)", re.DOTALL)
AMOUNT = re.compile(r"(\d+)\s*([dhms])", re.IGNORECASE)
SECONDS = {"d": 86_400, "h": 3_600, "m": 60, "s": 1}
AGENT_LINE = re.compile(r"Agent\s+(?P<name>.+)", re.IGNORECASE)
STARTED = re.compile(r"Chat Started\s*:\s*(?P<at>.+)", re.IGNORECASE)
TAG = re.compile(r"<[^<>]*>")
AUTOMATIC = re.compile(
    r"^auto-submitted:\s*auto-|^x-autoreply:|^precedence:\s*auto_reply", re.IGNORECASE | re.MULTILINE
)
ADDRESS = re.compile(r"[\w.+'-]+@[\w.-]+\w")

DRAFT = frozenset({"5", "draft"})
LONGEST_BODY = 32_000
"""Salesforce keeps so many characters of a mail's body."""

SAME_START = 200
"""A case's description is its first mail if so many characters of both are the same."""

PORTAL_USERS = ("customer", "csplite", "power", "guest", "highvolume")
PRIORITIES = {"low": "low", "medium": "medium", "high": "high", "critical": "urgent", "urgent": "urgent"}
CHANNELS = {"email": "email", "web": "web", "phone": "phone", "chat": "chat", "facebook": "facebook"}
READ_FIELDS = frozenset((
    "id", "subject", "description", "status", "priority", "origin", "createddate", "closeddate", "lastmodifieddate",
    "body", "supervisortranscriptbody", "starttime", "endtime", "systemmodstamp", "name",
))  # fmt: skip
NO_BODY = "the transcript has no Body: the chat was missed or left before anybody said a word, or Body was not exported"


class Salesforce:
    """Read Salesforce's tables."""

    name = "salesforce"
    title = "Salesforce (LiveChatTranscript, EmailMessage, CaseComment, Case)"
    version = 1
    grouped = True
    mapped = False

    def detect(self, sample: Sample) -> Evidence | None:
        """Look at a table's columns, and at what a Body looks like."""
        part = _part_of(sample)
        return Evidence(REASONS[part][0], (REASONS[part][1],), part=part) if part else None

    def read(self, reading: Reading) -> Iterator[Record]:
        """Give each chat, and each case with its mails and comments; what belongs to none as a reject."""
        export = _Export(reading.spool)
        for recognised in reading.files:
            yield from export.take(recognised.file)
        yield from export.records()


CONNECTOR: Connector = Salesforce()


def _part_of(sample: Sample) -> Part | None:
    table = sample_table(sample)
    if table is None:
        return None
    columns = frozenset(name.lower().strip() for name in table.columns)
    if "parentid" in columns and len(columns & MAIL_SIGNS) >= 3:
        return "mails"
    if {"parentid", "commentbody"} <= columns:
        return "comments"
    if {"id", "casenumber"} <= columns and columns & CASE_SIGNS:
        return "cases"
    if {"id", "username"} <= columns and columns & USER_SIGNS:
        return "users"
    if {"id", "lastname"} <= columns and columns & CONTACT_SIGNS:
        return "contacts"
    if {"id", "body"} <= columns and (columns & CHAT_SIGNS or _is_chat(sample.text or "")):
        return "chats"
    return None


def _is_chat(text: str) -> bool:
    return "<p align=" in text and re.search(OFFSET, text) is not None


def _short(identity: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Give the 15 characters that name a record; the three behind them only help where case is lost."""
    text = as_id(identity)
    return text[:15] if text and len(text) == 18 else text


@dataclass(slots=True)
class _Export:
    """What is known of the folder while its tables are read."""

    spool: Spool
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])

    def take(self, file: SourceFile) -> Iterator[Reject]:
        """Sort a table's rows in; give those that cannot be."""
        part, table = _part_of(file.sample), read_table(file)
        if part is None or table is None:
            yield Reject("file", "bad_record", "it is no table that Salesforce exports", source_uri=file.uri)
            return
        for row in table.rows:
            if isinstance(row, Reject):
                yield row
                continue
            values = {name.lower().strip(): None if value == "" else value for name, value in row.values.items()}
            yield from self._sort_in(part, Found(row.place, file.uri, values))

    def records(self) -> Iterator[Record]:
        """Give every chat and case with what belongs to it."""
        for _, rows in self.spool.groups():
            members: list[tuple[Part, Found]] = [(row[0], Found(*row[1:])) for row in rows]
            chats = [found for part, found in members if part == "chats"]
            yield from _chat(_newest(chats), self.people) if chats else _case(members, self.people)

    def _sort_in(self, part: Part, found: Found) -> Iterator[Reject]:
        name = "parentid" if part in ("mails", "comments") else "id"
        key = _short(found.value.get(name))
        if key is None:
            yield found.reject("no_identity", f"there is no {name}")
        elif part in ("users", "contacts"):
            self.people[key] = _person(key, part, found.value)
        else:
            self.spool.put(key, [part, *found.row()])


def _person(identity: str, part: Part, row: Json) -> Participant:
    """Make somebody of a row: users of a customer portal are customers, all others the support's."""
    kind = (as_text(row.get("usertype")) or "").lower()
    is_agent = part == "users" and not kind.startswith(PORTAL_USERS) and not as_text(row.get("contactid"))
    both = " ".join(name for column in ("firstname", "lastname") if (name := as_text(row.get(column))))
    return Participant(
        identity, "agent" if is_agent else "customer", "users_file", as_text(row.get("name")) or both or None,
        as_text(row.get("email")), as_id(row.get("phone")) or as_id(row.get("mobilephone")),
    )  # fmt: skip


def _newest(versions: list[Found]) -> Found:
    def changed(found: Found) -> Any:  # noqa: ANN401 - a time
        return parse(as_time(found.value.get("lastmodifieddate") or found.value.get("systemmodstamp"))).at or NEVER

    return max(versions, key=changed)


def _custom(row: Json) -> Json:
    return {name: value for name, value in row.items() if name not in READ_FIELDS and value is not None}


class _Said(NamedTuple):
    """A piece of a transcript: who speaks, nobody for a centred line, and how many seconds after the start."""

    who: str | None
    text: str
    after: int | None


def _pieces(body: str) -> Iterator[_Said]:
    """Cut a Body into its pieces; what stands between them goes on with the piece before."""
    end = 0
    for piece in [*PIECE.finditer(body), None]:
        between = _plain(body[end : piece.start() if piece else len(body)])
        if between:
            yield _Said(None, between, None)
        if piece is None:
            return
        end = piece.end()
        if piece["line"] is not None:
            if line := _plain(piece["line"]):
                yield _Said(None, line, None)
        else:
            speaker = SPEAKER.fullmatch(piece["said"])
            who, text = (_plain(speaker["who"]), speaker["text"]) if speaker else (None, piece["said"])
            if text.strip():
                yield _Said(who or None, text if who else _plain(text), _seconds(piece["offset"]))


def _plain(text: str) -> str:
    return " ".join(html.unescape(TAG.sub(" ", text)).split())


def _seconds(offset: str) -> int:
    return sum(int(amount) * SECONDS[unit.lower()] for amount, unit in AMOUNT.findall(offset))


def _chat(found: Found, people: dict[str, Participant]) -> Iterator[Record]:
    row = found.value
    said = list(_pieces(as_text(row.get("body")) or ""))
    whispered = [piece for piece in _pieces(as_text(row.get("supervisortranscriptbody")) or "") if piece.who]
    if not any(piece.who for piece in said):
        yield found.reject("no_turns", NO_BODY)
        return
    start = _start(said, row)
    roles = _roles(said)
    turns = [_chat_turn(piece, roles, start, found.place) for piece in said if not _is_start(piece)]
    turns += [
        replace(turn, role="agent", kind="note", visibility="internal")
        for piece in whispered
        for turn in [_chat_turn(piece, {piece.who or "": ("agent", "inferred")}, start, found.place)]
    ]
    contact = people.get(_short(row.get("contactid")) or "")
    speakers = [Participant(who, role, source, who) for who, (role, source) in roles.items() if name_in(who)]
    supervisors = dict.fromkeys(piece.who for piece in whispered if piece.who and piece.who not in roles)
    speakers += [Participant(who, "agent", "inferred", who) for who in supervisors if name_in(who)]
    status = as_text(row.get("status"))
    origin = next(
        (piece.text.partition(":")[2].strip() for piece in said if piece.text.startswith("Chat Origin")), None
    )
    yield Conversation(
        _short(row.get("id")), tuple(in_order(turns) if whispered else turns), found.place,
        (*_with_contact(speakers, contact),), found.uri, parent_id=_short(row.get("caseid")), channel="chat",
        channel_raw=origin, status=status.lower() if status else None, status_raw=status, created_at=start,
        updated_at=as_time(row.get("lastmodifieddate")), closed_at=as_time(row.get("endtime")), custom=_custom(row),
    )  # fmt: skip


def _with_contact(speakers: list[Participant], contact: Participant | None) -> Iterator[Participant]:
    """Give the only customer the address and number of the contact that the chat names."""
    customers = [person for person in speakers if person.role == "customer"]
    for person in speakers:
        if contact and len(customers) == 1 and person.role == "customer":
            yield replace(person, email=contact.email, phone=contact.phone)
        else:
            yield person
    if contact and not customers:
        yield contact


def _is_start(piece: _Said) -> bool:
    return piece.who is None and STARTED.match(piece.text) is not None


def _start(said: list[_Said], row: Json) -> str | float | None:
    """Give when the chat began: as its first line says, where that can be read, else as the row says."""
    for piece in said:
        if piece.who is None and (found := STARTED.match(piece.text)):
            at = parse(re.sub(r"\(([+-]\d{4})\)", r"\1", found["at"])).at
            return at.isoformat() if at else as_time(row.get("starttime"))
    return as_time(row.get("starttime")) or as_time(row.get("createddate"))


def _roles(said: Iterable[_Said]) -> dict[str, tuple[TurnRole, RoleSource]]:
    """Tell who is the agent: whom a centred line names; where none is among the speakers, who spoke first."""
    pieces = list(said)
    lines = [piece.text for piece in pieces if piece.who is None]
    named = [line for line in lines if "agent" in line.lower() or "transfer" in line.lower()]
    agents = [found["name"].strip() for line in lines if (found := AGENT_LINE.match(line))]
    speakers = list(dict.fromkeys(piece.who for piece in pieces if piece.who))
    roles: dict[str, tuple[TurnRole, RoleSource]] = {}
    for who in speakers:
        word = speaker_of(who)
        if who in agents or any(who in line for line in named):
            roles[who] = ("agent", "explicit")
        elif word in ("customer", "bot"):
            roles[who] = ("customer" if word == "customer" else "bot", "explicit")
    unknown = [who for who in speakers if who not in roles]
    if unknown and not any(role == "agent" for role, _ in roles.values()):
        roles[unknown.pop(0)] = ("agent", "inferred")
    roles |= dict.fromkeys(unknown, ("customer", "inferred"))
    return {who: roles[who] for who in speakers}


def _chat_turn(
    piece: _Said, roles: dict[str, tuple[TurnRole, RoleSource]], start: str | float | None, place: str
) -> Turn:
    began = parse(start).at
    at = began + timedelta(seconds=piece.after) if began and piece.after is not None else None
    custom = {"after": piece.after} if piece.after is not None else {}
    time = at.isoformat() if at else None
    if piece.who is None:
        return Turn(
            "system", piece.text, kind="event", visibility="internal", created_at=time, place=place, custom=custom
        )
    role = roles[piece.who][0]
    return Turn(
        role, piece.text, author=piece.who if name_in(piece.who) else None, body_format="html", created_at=time,
        is_automated=role == "bot", automation="bot" if role == "bot" else None, place=place, custom=custom,
    )  # fmt: skip


def _case(members: list[tuple[Part, Found]], people: dict[str, Participant]) -> Iterator[Record]:
    cases = [found for part, found in members if part == "cases"]
    if not cases:
        for _, found in members:
            yield found.reject("orphan", "its case is not among the files of the folder")
        return
    newest = {
        (part, _short(found.value.get("id")) or found.place): found
        for part, found in sorted(
            ((part, found) for part, found in members if part != "cases"),
            key=lambda pair: parse(as_time(pair[1].value.get("lastmodifieddate"))).at or NEVER,
        )
    }
    case = _Case(_newest(cases), people)
    for (part, _), found in newest.items():
        case.add_mail(found) if part == "mails" else case.add_comment(found)
    conversation = case.conversation()
    if conversation.turns:
        yield conversation
    else:
        yield cases[0].reject("no_turns", "the case has no description, and no mails or comments are in the folder")


@dataclass(slots=True)
class _Case:
    """One case on its way through the connector, by its newest version."""

    found: Found
    known: dict[str, Participant]
    people: dict[str, Participant] = field(default_factory=dict[str, Participant])
    turns: list[Turn] = field(default_factory=list[Turn])
    incoming: list[str] = field(default_factory=list[str])
    addresses: set[str] = field(default_factory=set[str])
    receivers: dict[str, set[str]] = field(default_factory=dict[str, set[str]])
    is_cut: bool = False

    def add_mail(self, found: Found) -> None:
        """Take in a mail; one that the customer was not sent is none of the dialogue."""
        row = found.value
        page, plain = as_text(row.get("htmlbody")), as_text(row.get("textbody"))
        is_incoming = as_flag(row.get("incoming"))
        sender = (as_text(row.get("fromaddress")) or "").lower() or None
        identity = _short(row.get("id")) or found.place
        if is_incoming:
            self.incoming.append(_plain(page or plain or ""))
            self.addresses |= {sender} if sender else set()
        elif is_incoming is False:
            fields = (as_text(row.get(name)) or "" for name in ("toaddress", "ccaddress", "bccaddress"))
            self.receivers[identity] = {one.lower() for one in ADDRESS.findall(" ".join(fields))}
        author = sender or (_short(row.get("createdbyid")) if not is_incoming else None)
        self._meet(author, "customer" if is_incoming else "agent", as_text(row.get("fromname")), sender)
        self.is_cut |= max(len(page or ""), len(plain or "")) >= LONGEST_BODY
        is_automated = AUTOMATIC.search(as_text(row.get("headers")) or "") is not None
        files = (Attachment(is_omitted=True),) if as_flag(row.get("hasattachment")) else ()
        self.turns.append(Turn(
            "customer" if is_incoming else "agent", page or plain or "", external_id=_short(row.get("id")),
            author=author, created_at=as_time(row.get("messagedate")) or as_time(row.get("createddate")),
            visibility="unknown" if is_incoming is None else "public", body_format="html_mail" if page else "mail",
            is_automated=is_automated, automation="autoreply" if is_automated else None,
            is_draft=(as_id(row.get("status")) or "").lower() in DRAFT,
            is_deleted=as_flag(row.get("isdeleted")) is True, reply_to=_short(row.get("replytoemailmessageid")),
            place=found.place, attachments=files,
        ))  # fmt: skip

    def add_comment(self, found: Found) -> None:
        """Take in a comment; those that were not published are notes."""
        row = found.value
        author, is_public = _short(row.get("createdbyid")), as_flag(row.get("ispublished"))
        person = self.known.get(author or "")
        is_contact = author is not None and author == _short(self.found.value.get("contactid"))
        is_customer = is_contact or (person is not None and person.role == "customer")
        role: TurnRole = "customer" if is_customer else "agent"
        self._meet(author, role, None, None)
        visibility: Visibility = "unknown" if is_public is None else "public" if is_public else "internal"
        self.turns.append(Turn(
            role, as_text(row.get("commentbody")) or "", external_id=_short(row.get("id")), author=author,
            created_at=as_time(row.get("createddate")), kind="note" if is_public is False else "message",
            visibility=visibility, is_deleted=as_flag(row.get("isdeleted")) is True, place=found.place,
        ))  # fmt: skip

    def conversation(self) -> Conversation:
        """Give what came together."""
        row = self.found.value
        status, origin, priority = (as_text(row.get(name)) for name in ("status", "origin", "priority"))
        turns = in_order([*self._description(), *map(self._seen, self.turns)])
        return Conversation(
            _short(row.get("id")), tuple(turns), self.found.place, tuple(self.people.values()), self.found.uri,
            subject=as_text(row.get("subject")), channel=CHANNELS.get((origin or "").lower(), origin),
            channel_raw=origin, status=status.lower() if status else None, status_raw=status,
            priority=PRIORITIES.get((priority or "").lower(), priority), created_at=as_time(row.get("createddate")),
            updated_at=as_time(row.get("lastmodifieddate")), closed_at=as_time(row.get("closeddate")),
            completeness="truncated_body" if self.is_cut else "complete", custom=_custom(row),
        )  # fmt: skip

    def _description(self) -> Iterator[Turn]:
        """Make a turn of the description, unless it is the first mail again; by phone an agent wrote it down."""
        row = self.found.value
        text = as_text(row.get("description"))
        start = " ".join((text or "").split())[:SAME_START]
        if not text or not start or any(start in mail for mail in self.incoming):
            return
        is_call = (as_text(row.get("origin")) or "").lower() == "phone"
        contact, supplied = _short(row.get("contactid")), as_text(row.get("suppliedemail"))
        author = None if is_call else contact or (supplied or "").lower() or None
        self._meet(author, "customer", as_text(row.get("suppliedname")), supplied)
        yield Turn(
            "agent" if is_call else "customer", text, author=author, created_at=as_time(row.get("createddate")),
            kind="note" if is_call else "message", visibility="internal" if is_call else "public",
            place=f"{self.found.place} description",
        )  # fmt: skip

    def _seen(self, turn: Turn) -> Turn:
        """Make a note of a mail that went to others than the customer (a supplier, a colleague)."""
        supplied = as_text(self.found.value.get("suppliedemail")) or as_text(self.found.value.get("contactemail")) or ""
        ours = self.addresses | ({supplied.lower()} if supplied else set())
        receivers = self.receivers.get(turn.external_id or turn.place, set())
        if ours and receivers and not ours & receivers:
            return replace(turn, kind="note", visibility="internal")
        return turn

    def _meet(self, identity: str | None, role: Role, name: str | None, email: str | None) -> None:
        if identity is not None:
            known = self.known.get(identity)
            self.people.setdefault(identity, known or Participant(identity, role, "direction", name, email))
