"""Build conversations from rows or JSON records as a mapping says; tables and JSON lines share it."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from contextlib import suppress
from dataclasses import dataclass, field, replace
from typing import Any, cast

import orjson

from ingest.json_text import parse_line
from ingest.mapping import TURN_FIELDS, Mapping, paths
from ingest.people import Given, People
from ingest.ratings import Rating, bounds_of, in_words, rated
from ingest.records import Conversation, Kind, Record, Reject, RejectCode, Turn, TurnRole, Visibility
from ingest.shape import look_up, reader
from ingest.times import parse
from ingest.transcript import UnknownSpeakersError, read_transcript
from ingest.words import INTERNAL_WORDS, PUBLIC_WORDS, RATINGS, kind_of, role_of
from store.spool import Spool

TIMES = (str, int, float)
TAG_MARKS = re.compile(r"\s*[,;|]\s*")


class _NoConversationError(ValueError):
    """Say why a record makes no conversation."""

    def __init__(self, code: RejectCode, detail: str) -> None:
        super().__init__(detail)
        self.code: RejectCode = code


@dataclass(frozen=True, slots=True)
class Placed:
    """A row or JSON record, and where it stands."""

    place: str
    values: dict[str, Any]


def assemble(records: Iterable[Placed | Reject], mapping: Mapping, *, spool: Spool, uri: str) -> Iterator[Record]:
    """Give the conversations that the records hold; what makes none is a reject.

    With layout "turn" the rows are collected by conversation in the spool, so that they may stand in any order.
    """
    if mapping.layout == "conversation":
        yield from each(records, mapping, uri=uri)
        return
    assembly = _Assembly(mapping, uri)
    yield from assembly.put(records, spool)
    for identity, rows in spool.groups():
        yield from assembly.from_rows(identity, [Placed(place, values) for place, values in rows])


def each(records: Iterable[Placed | Reject], mapping: Mapping, *, uri: str) -> Iterator[Record]:
    """Give the conversation that each record holds, with layout "conversation"; what makes none is a reject."""
    assembly = _Assembly(mapping, uri)
    for record in records:
        yield from (record,) if isinstance(record, Reject) else assembly.from_record(record)


@dataclass(slots=True)
class _Assembly:
    mapping: Mapping
    uri: str
    within: frozenset[str] = field(init=False)
    """Record-level paths that a field has; the rest is custom."""
    inside: frozenset[str] = field(init=False)

    people: dict[str, dict[str, str]] = field(init=False)
    """The columns about the customer and the agent: what they say, and their paths."""

    reads: dict[str, Callable[[dict[str, Any]], Any]] = field(init=False)
    """What reads a turn's fields."""

    roles_met: dict[str, TurnRole] = field(default_factory=dict[str, TurnRole])
    """The roles of words met so far."""

    def __post_init__(self) -> None:
        named = paths(self.mapping)
        about = {
            role: {name.removeprefix(f"{role}_"): path for name, path in named.items() if name.startswith(f"{role}_")}
            for role in ("customer", "agent")
        }
        self.people = {role: columns for role, columns in about.items() if columns}
        self.reads = {name: reader(named.get(name)) for name in TURN_FIELDS}
        self.inside = frozenset(path for name, path in named.items() if name in TURN_FIELDS)
        self.within = frozenset(path for name, path in named.items() if name not in TURN_FIELDS)

    def put(self, records: Iterable[Placed | Reject], spool: Spool) -> Iterator[Reject]:
        """Collect rows by conversation; those without one are rejects."""
        for record in records:
            if isinstance(record, Reject):
                yield record
                continue
            identity = _text(look_up(record.values, self.mapping.conversation_id))
            if identity:
                spool.put(identity, (record.place, record.values))
            else:
                yield self._reject(record, "no_identity", f"{self.mapping.conversation_id} is empty")

    def from_record(self, record: Placed) -> Iterator[Record]:
        """Build a conversation from one record that holds its turns; a turn that stands twice is a reject."""
        people = People()
        try:
            turns = self._turns_of(record, people)
        except _NoConversationError as reason:
            yield self._reject(record, reason.code, str(reason))
            return
        fresh, repeated = _once(turns)
        yield from (self._repeats(Placed(turns[index].place, record.values)) for index in repeated)
        identity = _text(look_up(record.values, self.mapping.conversation_id))
        custom = _rest(record.values, self.within)
        yield self._conversation(identity, fresh, record, [record.values], people, custom)

    def from_rows(self, identity: str, rows: list[Placed]) -> Iterator[Record]:
        """Build a conversation from its rows; a row that stands twice is a reject."""
        sources = [row.values for row in rows]
        constant = _constant(sources, self.inside | self.within)
        without = self.inside | self.within | constant.keys()
        people = People()
        try:
            turns = [self._turn(row.values, row.place, people, of=row.values, without=without) for row in rows]
        except _NoConversationError as reason:
            yield from (self._reject(row, reason.code, str(reason)) for row in rows)
            return
        fresh, repeated = _once(turns)
        yield from (self._repeats(rows[index]) for index in repeated)
        yield self._conversation(identity, _in_order(fresh), rows[0], sources, people, constant)

    def _turns_of(self, record: Placed, people: People) -> list[Turn]:
        held = look_up(record.values, self.mapping.turns)
        if isinstance(held, str):
            held = held.strip()
            if not held.startswith("["):
                return self._transcript(held, record, people)
            try:
                held = parse_line(held.encode("utf-8", "replace"))
            except ValueError as error:
                detail = f"{self.mapping.turns} holds no JSON that can be read"
                raise _NoConversationError("bad_record", detail) from error
        if held is None or held == []:
            raise _NoConversationError("no_turns", f"{self.mapping.turns} is empty")
        if not isinstance(held, list) or not all(isinstance(item, dict) for item in held):
            raise _NoConversationError("bad_record", f"{self.mapping.turns} is no list of turns")
        return [
            self._turn(item, f"{record.place} turn {number}", people, of=record.values, without=self.inside)
            for number, item in enumerate(held, start=1)
        ]

    def _transcript(self, text: str, record: Placed, people: People) -> list[Turn]:
        words = {word.casefold(): role for word, role in self.mapping.roles.items()}
        try:
            speeches = read_transcript(text, words)
        except UnknownSpeakersError as error:
            detail = f"{self.mapping.turns}: somebody speaks whose role is unknown"
            raise _NoConversationError("bad_record", detail) from error
        if not speeches:
            raise _NoConversationError("no_turns", f"{self.mapping.turns} holds no turn with a known speaker")
        return [
            Turn(
                role=cast("TurnRole", speech.role),
                text=speech.text,
                author=people.speaks(
                    cast("TurnRole", speech.role), speech.who, self._given(record.values, speech.role, {})
                ),
                created_at=speech.time,
                kind="message" if speech.who else "event",
                is_automated=speech.role == "bot",
                automation="bot" if speech.role == "bot" else None,
                place=f"{record.place} transcript line {speech.line}",
            )
            for speech in speeches
        ]

    def _turn(
        self, values: dict[str, Any], place: str, people: People, *, of: dict[str, Any], without: AbstractSet[str]
    ) -> Turn:
        reads = self.reads
        role = self._role(values, place)
        kind, visibility = self._kind(values)
        return Turn(
            role=role,
            text=_said(reads["text"](values)),
            external_id=_text(reads["turn_id"](values)),
            author=self._author(values, people, role, of),
            created_at=_time(reads["created_at"](values)),
            kind=kind,
            visibility=visibility,
            body_format=cast("Any", self.mapping.body_format),
            is_automated=role == "bot",
            automation="bot" if role == "bot" else None,
            language=_text(reads["turn_language"](values)),
            place=place,
            custom=_rest(values, without),
        )

    def _author(self, values: dict[str, Any], people: People, role: TurnRole, of: dict[str, Any]) -> str | None:
        author = _text(self.reads["author"](values))
        given = self._given(of, role, values) if role in self.people or self.mapping.author_email else {}
        return people.speaks(role, author, given) if author or given else None

    def _role(self, values: dict[str, Any], place: str) -> TurnRole:
        word = _text(self.reads["role"](values))
        if word is None:
            raise _NoConversationError("bad_record", f"{place}: {self.mapping.role} is empty")
        known = self.roles_met.get(word)
        if known is not None:
            return known
        roles = self.mapping.roles
        role = roles.get(word) or roles.get(word.casefold()) or role_of(word) if roles else role_of(word)
        if role is None:
            raise _NoConversationError("bad_record", f"{place}: the word in {self.mapping.role} is no known role")
        return self.roles_met.setdefault(word, cast("TurnRole", role))

    def _kind(self, values: dict[str, Any]) -> tuple[Kind, Visibility]:
        """Tell what kind of turn it is and who may see it; a word that is not known makes it unknown, so internal."""
        visibility: Visibility = "public"
        if self.mapping.visibility:
            visibility = self._visibility(_text(look_up(values, self.mapping.visibility)))
        if not self.mapping.kind:
            return "message", visibility
        kind = kind_of(_text(look_up(values, self.mapping.kind)) or "")
        if kind is None:
            return "message", "unknown"
        return cast("Kind", kind), "internal" if kind == "note" else visibility

    def _visibility(self, word: str | None) -> Visibility:
        plain = (word or "").casefold()
        told = self.mapping.visibilities.get(word or "") or self.mapping.visibilities.get(plain)
        if told:
            return cast("Visibility", told)
        return "public" if plain in PUBLIC_WORDS else "internal" if plain in INTERNAL_WORDS else "unknown"

    def _given(self, record: dict[str, Any], role: str, turn: dict[str, Any]) -> Given:
        """Give what the record and the turn say about the customer or agent, whose turn it is."""
        given: Given = {name: _text(look_up(record, path)) for name, path in self.people.get(role, {}).items()}
        if self.mapping.author_email:
            given["email"] = _text(look_up(turn, self.mapping.author_email)) or given.get("email")
        return given

    def _conversation(
        self,
        identity: str | None,
        turns: list[Turn],
        first: Placed,
        sources: list[dict[str, Any]],
        people: People,
        custom: dict[str, Any],
    ) -> Conversation:
        mapping = self.mapping
        for role, named in self.people.items():
            people.add(cast("TurnRole", role), {name: _first(sources, path) for name, path in named.items()})
        rating = _rating(_first_value(sources, mapping.csat), mapping.csat_scale)
        return Conversation(
            external_id=identity,
            turns=tuple(turns),
            place=first.place,
            participants=people.all(),
            source_uri=self.uri,
            subject=_first(sources, mapping.subject),
            channel=_first(sources, mapping.channel),
            channel_raw=_first(sources, mapping.channel),
            status=_first(sources, mapping.status),
            status_raw=_first(sources, mapping.status),
            priority=_first(sources, mapping.priority),
            language=_first(sources, mapping.language),
            created_at=_time(_first_value(sources, mapping.conversation_created_at)),
            updated_at=_time(_first_value(sources, mapping.conversation_updated_at)),
            tags=_tags(_first_value(sources, mapping.tags)),
            csat_score=rating.score,
            csat_scale=rating.scale,
            csat_label=rating.label,
            custom=custom | rating.custom,
        )

    def _repeats(self, record: Placed) -> Reject:
        return self._reject(
            record, "bad_record", f"the turn stands twice, by {self.mapping.turn_id} and text; one is kept"
        )

    def _reject(self, record: Placed, code: RejectCode, detail: str) -> Reject:
        raw = orjson.dumps(record.values, default=str).decode()
        return Reject(record.place, code, detail, raw=raw, source_uri=self.uri)


def _in_order(turns: list[Turn]) -> list[Turn]:
    """Sort by time where every turn has one that can be read; else the file's order holds."""
    times = [parse(turn.created_at).at for turn in turns]
    if any(time is None for time in times):
        return turns
    order = sorted(range(len(turns)), key=lambda index: cast("Any", times[index]))
    return [turns[index] for index in order]


def _once(turns: list[Turn]) -> tuple[list[Turn], list[int]]:
    """Part the turns from those that stand twice, given by their positions.

    An id that different turns share is none, and is taken from the later ones.
    """
    first: dict[str, Turn] = {}
    kept: list[Turn] = []
    repeated: list[int] = []
    for index, turn in enumerate(turns):
        known = first.setdefault(turn.external_id, turn) if turn.external_id is not None else turn
        if known is turn:
            kept.append(turn)
        elif known.text == turn.text:
            repeated.append(index)
        else:
            kept.append(replace(turn, external_id=None))
    return kept, repeated


def _constant(rows: list[dict[str, Any]], mapped: AbstractSet[str]) -> dict[str, Any]:
    """Give the fields without a mapping that say the same in all rows: they are the conversation's."""
    first = rows[0]
    return {name: value for name, value in _rest(first, mapped).items() if all(row.get(name) == value for row in rows)}


def _rest(values: dict[str, Any], taken: AbstractSet[str]) -> dict[str, Any]:
    """Give what no field of the mapping has, without what is empty; objects keep what is left of them."""
    if values.keys() <= taken:
        return {}
    rest: dict[str, Any] = {}
    for name, value in values.items():
        if name in taken or value is None or value == "":
            continue
        if isinstance(value, dict):
            inner = {path[len(name) + 1 :] for path in taken if path.startswith(f"{name}.")}
            value = _rest(cast("dict[str, Any]", value), inner) if inner else value
        if value != {}:
            rest[name] = value
    return rest


def _first_value(sources: list[dict[str, Any]], path: str | None) -> Any:  # noqa: ANN401 - any JSON value
    if path is None:
        return None
    values = (look_up(source, path) for source in sources)
    return next((value for value in values if value is not None and value != ""), None)


def _first(sources: list[dict[str, Any]], path: str | None) -> str | None:
    return _text(_first_value(sources, path))


def _text(value: Any) -> str | None:  # noqa: ANN401 - any JSON value
    """Give a value as text, stripped; ids stay as they are written."""
    if value is None:
        return None
    if isinstance(value, str):
        return value.strip() or None
    if isinstance(value, bool):
        return "true" if value else "false"
    return json.dumps(value, ensure_ascii=False, sort_keys=True).strip() or None


def _said(value: Any) -> str:  # noqa: ANN401 - any JSON value
    if isinstance(value, str):
        return value
    return _text(value) or ""


def _time(value: Any) -> str | float | None:  # noqa: ANN401 - any JSON value
    return value if isinstance(value, TIMES) and not isinstance(value, bool) and value != "" else None


def _tags(value: Any) -> tuple[str, ...]:  # noqa: ANN401 - any JSON value
    if isinstance(value, str) and value.startswith("["):
        with suppress(ValueError):
            value = parse_line(value.encode("utf-8", "replace"))
    given = TAG_MARKS.split(value) if isinstance(value, str) else value if isinstance(value, list) else []
    return tuple(tag for item in given if (tag := _text(item)))


def _rating(value: Any, scale: str | None) -> Rating:  # noqa: ANN401 - any JSON value
    """Read a rating: a word, or a number on the scale that the mapping names; any other number counts for nothing."""
    label = RATINGS.get(value.strip().casefold()) if isinstance(value, str) else None
    if label is not None:
        return in_words(label, value)
    bounds = bounds_of(scale) if scale else None
    return rated(value, *bounds) if bounds else Rating(original=value)
