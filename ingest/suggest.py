"""Suggest a mapping for a table or JSON file from the names of its columns and what they hold.

A name counts where the values bear it out; a role column counts only when every word in it is known. What remains open
is asked, never guessed.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from ingest.errors import IngestError, MappingNeeded
from ingest.mapping import TURN_FIELDS, Mapping, paths, to_toml
from ingest.ratings import usual_scale
from ingest.shape import ITEMS, Shape, flat, look_up
from ingest.transcript import looks_like_transcript
from ingest.values import (
    BORNE_OUT,
    FALSE_WORDS,
    TRUE_WORDS,
    are_small,
    as_word,
    is_email,
    is_flag,
    is_kind,
    is_language,
    is_long_text,
    is_rating,
    is_said,
    is_scalar,
    is_short,
    is_tags,
    is_time,
    share,
)
from ingest.words import COLUMN_RANKS, plain_name, role_of
from store.errors import unknown_name

Columns = dict[str, list[Any]]
"""Sample values by column, without the empty ones."""


MOST_ROLES = 20
"""A column with more distinct words than this names people, not roles."""

WORDS_SHOWN = 12

RARE = 0.01
"""The share of rows whose role word may be unknown without asking: a slip, and their conversations are rejects."""

NEAR = 2
"""Parts of a path up to which its last one says enough: `meta.status`, but not `scenario.order.status`."""

SURE, UNSURE = 0.82, 0.45
"""How far generic connectors believe in a file with a certain suggestion, and with one that leaves questions."""

HTML = re.compile(r"<(?:p|br|div|span|a|b|i|ul|li|table|html|body)\b[^>]*>", re.IGNORECASE)

FLAGS = {
    "agent": {
        "isagent",
        "fromagent",
        "isstaff",
        "outbound",
        "isoutbound",
        "outgoing",
        "isoutgoing",
        "fromme",
        "isadmin",
    },
    "customer": {"iscustomer", "fromcustomer", "incoming", "isincoming", "inbound", "isinbound", "isuser", "fromuser"},
}
"""Columns that say by true and false who speaks, with who it is where they say true."""

PRIVATE_FLAGS = {"private", "isprivate", "internal", "isinternal", "isnote", "internalnote", "privatenote"}

OWN_ID = {"id", "key", "uuid", "guid", "number", "nummer", "externalid", "ref", "reference", "code"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A mapping, whether it may be used unasked, why, and what has to be asked.

    `certainty` gives for each field of the mapping how sure it is, from 0 to 1. `unknown_words` are words of the role
    column: values, so they are shown only to who asks for them.
    """

    mapping: Mapping
    certain: bool
    reasons: tuple[str, ...]
    questions: tuple[str, ...]
    certainty: dict[str, float] = field(default_factory=dict[str, float])
    unknown_words: tuple[str, ...] = ()


def suggest(shape: Shape) -> Suggestion | None:
    """Suggest how to read a file of this shape; None where nothing in it looks like something said."""
    columns = _columns(shape.records)
    for name in shape.columns:
        if "[]." not in name:
            columns.setdefault(name, [])
    work = _Work(shape.records)
    if not (_conversation_layout(work, columns) or _turn_layout(work, columns)):
        return None
    _scale(work, columns)
    work.reasons += shape.notes
    mapping = Mapping(**work.fields)
    return Suggestion(
        mapping, not work.questions, tuple(work.reasons), tuple(work.questions), work.certainty, work.unknown_words
    )


def _scale(work: _Work, columns: Columns) -> None:
    """Say from where to where a rating's numbers run, where the sample tells."""
    values = columns.get(work.fields.get("csat", ""), [])
    if scale := usual_scale(values):
        work.fields["csat_scale"] = scale
        work.reasons.append(f"{work.fields['csat']} runs from {scale.replace('-', ' to ')}: by the numbers in it")


def confidence(suggestion: Suggestion) -> float:
    """Rate a generic connector's belief: under that of the connectors that know a format."""
    return SURE if suggestion.certain else UNSURE


def mapping_for(shape: Shape | None, given: Mapping | None, name: str) -> Mapping:
    """Give the mapping to read a file with: the given one if it fits, else the suggestion if it is certain.

    Raises:
        MappingNeeded: the columns do not tell; the message lists them and what is asked.
        IngestError: the given mapping names a column that is not there.
    """
    if shape is None:
        raise MappingNeeded(f"{name}: there are no records to read.", hint="Check that this is the right file.")
    if given is not None:
        _check_fit(given, shape, name)
        return given
    suggestion = suggest(shape)
    if suggestion is not None and suggestion.certain:
        return suggestion.mapping
    raise _needed(suggestion, shape, name)


def _check_fit(given: Mapping, shape: Shape, name: str) -> None:
    for key, path in paths(given).items():
        within = f"{given.turns}[]." if given.layout == "conversation" and key in TURN_FIELDS else ""
        known = [column.removeprefix(within) for column in shape.columns if column.startswith(within)]
        if path not in known and (known or not within):
            message = f"{name}: the mapping's {key} does not fit. {unknown_name('column', path, known)}"
            raise IngestError(message, hint="Correct the mapping, or leave it out to have one suggested.")


def _needed(suggestion: Suggestion | None, shape: Shape, name: str) -> MappingNeeded:
    questions = suggestion.questions if suggestion else ("Which column holds what was said (text)?",)
    return MappingNeeded(
        f"{name}: {' '.join(questions)} Columns: {', '.join(shape.columns)}.",
        hint=f"Say it in a file, given with --mapping FILE; `chatmill ingest {name} --explain` prints one to edit.",
    )


def template(suggestion: Suggestion) -> str:
    """Give the suggestion as TOML to edit, with its questions as comments."""
    lines = [f"# {question}" for question in suggestion.questions]
    text = to_toml(suggestion.mapping)
    if suggestion.unknown_words:
        if "[roles]" not in text:
            text += "\n[roles]\n"
        text += "".join(
            f'# {json.dumps(word, ensure_ascii=False)} = "customer"  # or agent, bot, system\n'
            for word in suggestion.unknown_words
        )
    return "\n".join([*lines, text])


@dataclass(slots=True)
class _Work:
    """A suggestion in the making."""

    records: tuple[dict[str, Any], ...]
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    reasons: list[str] = field(default_factory=list[str])
    questions: list[str] = field(default_factory=list[str])
    certainty: dict[str, float] = field(default_factory=dict[str, float])
    unknown_words: tuple[str, ...] = ()

    def take(self, name: str, path: str, *, certainty: float, why: str) -> None:
        """Give a column to a field."""
        self.fields[name] = path
        self.certainty[name] = certainty
        self.reasons.append(f"{path} is the {name.replace('_', ' ')}: {why}")

    def move(self, name: str, other: str, why: str) -> None:
        """Give a field's column to another field instead."""
        path = self.fields.pop(name)
        self.reasons.append(f"{path} is the {other.replace('_', ' ')} instead: {why}")
        self.fields[other] = path
        self.certainty[other] = self.certainty.pop(name)

    def free(self, columns: Columns) -> Columns:
        """Give the columns that no field has."""
        taken = {self.fields[name] for name in self.certainty}
        return {path: values for path, values in columns.items() if path not in taken}


# layouts ------------------------------------------------------------------------------------------------------------


def _conversation_layout(work: _Work, columns: Columns) -> bool:
    """Take the layout of one record a conversation, if a column holds turns; the likeliest of several."""
    ranks = COLUMN_RANKS["turns"]
    found = [
        (_rank(path, ranks), path, inner)
        for path, values in columns.items()
        if (inner := _turns_in(values)) is not None
    ]
    for _, path, inner in sorted(found, key=lambda entry: (entry[0] is None, entry[0] or 0, entry[1])):
        attempt = _Work(work.records, {"layout": "conversation"})
        attempt.take("turns", path, certainty=1.0, why="it holds lists of turns" if inner else "it holds transcripts")
        if inner and not _said(attempt, inner):
            continue
        if inner:
            _turn_fields(attempt, inner, in_rows=False)
        work.fields, work.reasons, work.certainty = attempt.fields, attempt.reasons, attempt.certainty
        work.questions, work.unknown_words = attempt.questions, attempt.unknown_words
        outer = {name: values for name, values in columns.items() if name != path}
        if not _by_name(work, outer, "conversation_id", is_short):
            _own_id(work, outer)
        _conversation_fields(work, outer, in_rows=False)
        return True
    return False


def _turn_layout(work: _Work, columns: Columns) -> bool:
    """Take the layout of one row a turn."""
    work.fields["layout"] = "turn"
    if not _said(work, columns):
        return False
    if not _by_name(work, work.free(columns), "conversation_id", is_short) and not _repeated_id(work, columns):
        work.questions.append("Which column says to which conversation a row belongs (conversation_id)?")
    _turn_fields(work, columns, in_rows=True)
    _settle_time(work)
    _conversation_fields(work, columns, in_rows=True)
    _settle_email(work)
    return True


def _turn_fields(work: _Work, columns: Columns, *, in_rows: bool) -> None:
    _role(work, work.free(columns))
    if not _by_name(work, work.free(columns), "created_at", is_time):
        _time(work, work.free(columns))
    _by_name(work, work.free(columns), "turn_id", is_short)
    _visibility(work, work.free(columns))
    _by_name(work, work.free(columns), "kind", is_kind)
    if not in_rows:
        _by_name(work, work.free(columns), "turn_language", is_language)
        _by_name(work, work.free(columns), "author_email", is_email)
        _by_name(work, work.free(columns), "author", is_short)


def _conversation_fields(work: _Work, columns: Columns, *, in_rows: bool) -> None:
    for name, test in CONVERSATION_FIELDS.items():
        common = COLUMN_RANKS["created_at"] if in_rows and name.startswith("conversation_") else {}
        usable = {path: values for path, values in work.free(columns).items() if plain_name(path) not in common}
        if name not in work.fields:
            _by_name(work, usable, name, test)
    if not in_rows:
        for name, other in (("customer_id", "userid"), ("customer_name", "username")):
            for path in work.free(columns):
                if name not in work.fields and plain_name("".join(path.split(".")[-2:])) == other:
                    work.take(name, path, certainty=0.8, why="the user of a conversation is its customer")
    if in_rows:
        _by_name(work, work.free(columns), "author_email", is_email)
        _by_name(work, work.free(columns), "author", is_short)


def _settle_time(work: _Work) -> None:
    """See whether the time is that of the conversation: the same in all its rows."""
    if "created_at" not in work.fields:
        return
    times = [{str(look_up(row, work.fields["created_at"])) for row in rows} for rows in _by_conversation(work)]
    if times and all(len(distinct) == 1 for distinct in times):
        work.move("created_at", "conversation_created_at", "it is the same in all rows of a conversation")


def _settle_email(work: _Work) -> None:
    """See whether the e-mail is that of who speaks: another for the agent than for the customer."""
    if "customer_email" not in work.fields or "author_email" in work.fields:
        return
    for rows in _by_conversation(work):
        found: dict[str | None, set[str]] = {"customer": set(), "agent": set()}
        for row in rows:
            email = look_up(row, work.fields["customer_email"])
            if email:
                found.setdefault(role_of(as_word(look_up(row, work.fields.get("role")))), set()).add(as_word(email))
        if found["customer"] & found["agent"]:
            return
        if found["agent"]:
            work.move("customer_email", "author_email", "agents have one too")
            return


def _by_conversation(work: _Work) -> list[list[dict[str, Any]]]:
    """Give the sample's rows by conversation, where there are several."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for record in work.records:
        groups.setdefault(str(look_up(record, work.fields.get("conversation_id"))), []).append(record)
    return [rows for rows in groups.values() if len(rows) > 1]


# single fields ------------------------------------------------------------------------------------------------------


def _by_name(work: _Work, columns: Columns, name: str, test: Callable[[Any], bool]) -> bool:
    """Give the column with the likeliest name whose values bear it out to a field."""
    ranks = COLUMN_RANKS[name]
    named = [(rank, path) for path in columns if (rank := _rank(path, ranks)) is not None]
    for rank, path in sorted(named):
        values = columns[path]
        if values and share(values, test) >= BORNE_OUT:
            work.take(name, path, certainty=1.0 if rank < 10 else 0.9, why="by its name and values")
            return True
    return False


def _said(work: _Work, columns: Columns) -> bool:
    """Find the text: by its name, or as the only column with long text."""
    found = _by_name(work, columns, "text", is_said)
    if not found:
        long = [path for path, values in columns.items() if is_long_text(values)]
        if not long:
            return False
        longest = max(long, key=lambda path: sum(len(str(value)) for value in columns[path]))
        work.take("text", longest, certainty=0.8 if len(long) == 1 else 0.4, why="the longest text")
        if len(long) > 1:
            work.questions.append(f"Is {longest} the column with what was said (text)?")
    texts = columns[work.fields["text"]]
    if share(texts, lambda value: HTML.search(str(value)) is not None) > 1 - BORNE_OUT:
        work.fields["body_format"] = "html"
        work.reasons.append("the text is HTML")
    return True


def _role(work: _Work, columns: Columns) -> None:
    """Find who speaks: a column of role words, or one that says it by true and false."""
    scored = [(score, path) for path, values in columns.items() if (score := _role_score(path, values)) > 0]
    if scored and max(scored)[0] >= 1:
        _take_role(work, columns, max(scored, key=lambda entry: entry[0])[1])
        return
    for path, values in columns.items():
        meant = next((role for role, names in FLAGS.items() if plain_name(path.split(".")[-1]) in names), None)
        if meant and values and share(values, is_flag) == 1:
            other = "customer" if meant == "agent" else "agent"
            words = {as_word(value) for value in values}
            work.fields["roles"] = {word: meant if word in TRUE_WORDS else other for word in sorted(words)}
            work.take("role", path, certainty=1.0, why=f"it says by true and false whether the {meant} speaks")
            return
    if scored:
        _take_role(work, columns, max(scored, key=lambda entry: entry[0])[1])
        return
    work.questions.append("Which column says who speaks (role)?")


def _role_score(path: str, values: list[Any]) -> float:
    """Rate a column as the role: 1 for known words only, more for a fitting name, under 1 for a name alone."""
    rank = _rank(path, COLUMN_RANKS["role"])
    named = 0.0 if rank is None else 0.5 - min(rank, 400) / 1000
    words = {as_word(value) for value in values if isinstance(value, str | int | bool)}
    if not words or len(words) > MOST_ROLES or any(isinstance(value, dict | list) for value in values):
        return named / 2 if words else 0.0
    unknown = _unknown_words(values)
    if not unknown:
        return 1 + named
    return named + (1 - len(unknown) / len(words)) / 10 if named else 0.0


def _unknown_words(values: list[Any]) -> list[str]:
    """Give the words that are no role, unless they are rare slips."""
    counts = Counter(as_word(value) for value in values)
    unknown = {word: count for word, count in counts.items() if role_of(word) is None}
    return sorted(unknown) if sum(unknown.values()) >= len(values) * RARE else []


def _take_role(work: _Work, columns: Columns, path: str) -> None:
    words = sorted({as_word(value) for value in columns[path]})
    unknown = _unknown_words(columns[path])
    known = {word: role for word in words if (role := role_of(word)) is not None}
    work.fields["roles"] = known if len(words) <= MOST_ROLES else {}
    work.take("role", path, certainty=0.3 if unknown else 1.0, why="its words are roles" if not unknown else "its name")
    if unknown:
        work.questions.append(f"What do the {len(unknown)} unknown words in {path} mean (roles)?")
        work.unknown_words = tuple(unknown[:WORDS_SHOWN])


def _time(work: _Work, columns: Columns) -> None:
    """Find the time by its values, where one column alone looks like it."""
    found = [
        path for path, values in columns.items() if values and share(values, is_time) == 1 and not are_small(values)
    ]
    if len(found) == 1:
        work.take("created_at", found[0], certainty=0.6, why="its values are times")


def _visibility(work: _Work, columns: Columns) -> None:
    # The name alone decides: words that nobody knows make a turn's visibility unknown, which keeps it inside, while a
    # column that is not taken would let every turn out.
    if not _by_name(work, columns, "visibility", is_scalar):
        return
    path = work.fields["visibility"]
    is_private = plain_name(path.split(".")[-1]) in PRIVATE_FLAGS
    meanings: dict[str, str] = {}
    for word in sorted({as_word(value) for value in columns[path]}):
        if word in TRUE_WORDS | FALSE_WORDS:
            meanings[word] = "internal" if (word in TRUE_WORDS) == is_private else "public"
    if meanings:
        work.fields["visibilities"] = meanings


def _own_id(work: _Work, columns: Columns) -> None:
    for path, values in columns.items():
        if plain_name(path) in OWN_ID and values and share(values, is_short) == 1:
            work.take("conversation_id", path, certainty=0.9, why="the record's own id")
            return


def _repeated_id(work: _Work, columns: Columns) -> bool:
    """Take a column called id whose values repeat: rows of one conversation share it."""
    for path, values in work.free(columns).items():
        if plain_name(path) in OWN_ID and len({str(value) for value in values}) < len(values):
            work.take("conversation_id", path, certainty=0.8, why="an id that several rows share")
            return True
    return False


# values -------------------------------------------------------------------------------------------------------------


def _columns(records: Iterable[dict[str, Any]]) -> Columns:
    found: Columns = {}
    for record in records:
        for path, value in flat(record):
            values = found.setdefault(path, [])
            if value is not None and value != "":
                values.append(value)
    return found


def _turns_in(values: list[Any]) -> Columns | None:
    """Give the columns of the turns that lists or JSON texts hold: none of plain transcripts, None without turns."""
    lists = [value for value in map(_as_list, values) if value is not None]
    if lists and len(lists) >= len(values) * BORNE_OUT:
        items = [item for value in lists for item in value[:ITEMS] if isinstance(item, dict)]
        return _columns(items) or None
    if values and share(values, lambda value: isinstance(value, str) and looks_like_transcript(value)) >= BORNE_OUT:
        return {}
    return None


def _as_list(value: Any) -> list[Any] | None:  # noqa: ANN401 - any JSON value
    if isinstance(value, str) and value.lstrip().startswith("["):
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return None
    return value if isinstance(value, list) else None


def _rank(path: str, ranks: dict[str, int]) -> int | None:
    """Rate a path by the likeliest of its names: in full, its last two parts, its last part (which counts less)."""
    parts = path.split(".")
    names = [(plain_name(path), 0), (plain_name("".join(parts[-2:])), 0)]
    last = plain_name(parts[-1])
    if len(parts) <= NEAR or last.startswith(("customer", "agent", "conversation", "ticket")):
        names.append((last, 100 if len(parts) > 1 else 0))
    found = [ranks[name] + extra for name, extra in names if name in ranks]
    return min(found, default=None)


CONVERSATION_FIELDS: dict[str, Callable[[Any], bool]] = {
    "customer_id": is_short,
    "customer_name": is_short,
    "customer_email": is_email,
    "customer_phone": is_short,
    "agent_name": is_short,
    "agent_email": is_email,
    "subject": is_scalar,
    "channel": is_short,
    "status": is_short,
    "priority": is_short,
    "tags": is_tags,
    "language": is_language,
    "csat": is_rating,
    "conversation_created_at": is_time,
    "conversation_updated_at": is_time,
}
