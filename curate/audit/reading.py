"""Read the blind sample turn by turn: what a person marks as missed is kept as spans, and says recall by type.

A turn is read as it would leave: redacted, without any mark of what was found. Spans are half-open code points of the
turn's own text. A turn that is read again counts as it was read last.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from hashlib import blake2b
from typing import Any

import orjson
import polars as pl

from curate.audit.blind import KIND, NEWEST, RATED
from curate.errors import CurateError
from curate.evaluation.intervals import Recall, Stratum, percent, recall_from_misses, wilson
from store.database import Store
from store.errors import unknown_name
from store.history import record
from store.settings import Settings

BEFORE = 3  # turns shown before the one that is read
MARKS_MOST = 50
# Other turns' text must not come in, and a turn that is gone cannot be read.
HOME = "SELECT conversation_key FROM public_turns WHERE turn_key = ? LIMIT 1"
TURN = "SELECT conversation_key, position, role FROM public_turns_of(?) WHERE turn_key = ?"
MARKED = """
WITH last AS (
    SELECT item_id, arg_max(rated_at, (rated_at, rated_by)) AS at, arg_max(rated_by, (rated_at, rated_by)) AS by
    FROM ratings WHERE evaluation_id = ? GROUP BY item_id
)
SELECT m.turn_key, m.entity_type FROM misses AS m
JOIN last ON last.item_id = m.turn_key AND last.at = m.marked_at AND last.by = m.marked_by
WHERE m.evaluation_id = ?
"""


@dataclass(frozen=True, slots=True)
class Sample:
    """The newest blind sample: what was drawn, and how far people have read it."""

    evaluation_id: str
    version: str  # of redaction, when it was drawn
    drawn_at: str
    drawn: tuple[str, ...]
    rated: frozenset[str]
    homes: Mapping[str, str] = field(default_factory=dict[str, str])  # conversations by turn, of newer samples

    @property
    def is_read(self) -> bool:
        """Say whether every drawn turn is rated."""
        return len(self.rated) >= len(self.drawn)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A stretch of a turn as it would leave; `start` is its place in the turn's own text, None for a stand-in."""

    text: str
    start: int | None


@dataclass(frozen=True, slots=True)
class BlindTurn:
    """One turn to be read, with what was said before it."""

    turn_key: str
    conversation_key: str
    role: str
    stretches: tuple[Stretch, ...]
    before: tuple[tuple[str, str], ...]  # role, text as it would leave


@dataclass(frozen=True, slots=True)
class Mark:
    """A value that redaction missed."""

    start: int
    end: int
    entity_type: str


@dataclass(frozen=True, slots=True)
class TypeRecall:
    """What the sample says of one type: how many values are redacted everywhere, how many were missed in the sample."""

    entity_type: str
    found: int
    missed: int
    recall: Recall | None

    @property
    def sentence(self) -> str:
        """Say it in plain words."""
        if self.recall is None:
            return "Not known until some turns of both kinds are read."
        limits = self.recall.interval
        return (
            f"About {percent(self.recall.recall)} are redacted; the true share lies between {percent(limits.low)} "
            f"and {percent(limits.high)}."
        )


@dataclass(frozen=True, slots=True)
class Reading:
    """How the audit stands: strata, recall in all and by type, and what it means in plain words."""

    strata: tuple[Stratum, ...]
    drawn: tuple[int, ...]
    recall: Recall | None
    types: tuple[TypeRecall, ...]

    @property
    def checked(self) -> int:
        """Turns that were read."""
        return sum(one.checked for one in self.strata)

    @property
    def missing(self) -> int:
        """Turns in which something was missed."""
        return sum(one.missing for one in self.strata)

    @property
    def sentence(self) -> str:
        """Say what the misses so far mean, by the interval of Wilson, joined over the strata where all were read."""
        if not self.checked:
            return "No turn has been read yet."
        misses = sum(one.missed for one in self.strata)
        most = percent(wilson(self.missing, self.checked).high)
        read = f"{misses:,} {'miss' if misses == 1 else 'misses'} in {self.checked:,} turns"
        said = f"{read} means that up to about {most} of turns like these could still hold a personal value."
        if self.recall is None:
            return f"{said} Recall follows once turns with and without findings are read."
        limits = self.recall.interval
        return (
            f"{said} Over all kept turns about {percent(self.recall.recall)} of all values are redacted; the true "
            f"share lies between {percent(limits.low)} and {percent(limits.high)}, in 95 of 100 such audits."
        )


def newest_sample(store: Store) -> Sample | None:
    """Give the newest blind sample; None where none was drawn."""
    rows = store.rows(NEWEST, [KIND])
    if not rows:
        return None
    evaluation_id, result = rows[0]
    strata: list[dict[str, Any]] = orjson.loads(result)["strata"]
    drawn = [key for one in strata for key in one["drawn"]]
    homes = {key: home for one in strata for key, home in zip(one["drawn"], one.get("conversations", ()), strict=False)}
    # Turns with and without findings must not stand apart, or the reader knows what to expect.
    mixed = sorted(drawn, key=lambda key: blake2b(f"{evaluation_id} {key}".encode(), digest_size=8).digest())
    rated = {key for key, _ in store.rows(RATED, [evaluation_id])}
    version, at = store.rows(
        "SELECT subject_id, strftime(created_at, '%Y-%m-%d %H:%M') FROM evaluations WHERE evaluation_id = ?",
        [evaluation_id],
    )[0]
    return Sample(evaluation_id, version, at, tuple(mixed), frozenset(rated & set(drawn)), homes)


def next_turn(store: Store, settings: Settings, sample: Sample, *, reader: str) -> BlindTurn | None:
    """Give the next turn that nobody has read; every reader begins at a place of their own."""
    waiting = [key for key in sample.drawn if key not in sample.rated]
    if not waiting:
        return None
    first = int.from_bytes(blake2b(reader.encode(), digest_size=4).digest()) % len(sample.drawn)
    places = {key: (at - first) % len(sample.drawn) for at, key in enumerate(sample.drawn)}
    for key in sorted(waiting, key=places.__getitem__):
        turn = blind_turn(store, settings, sample, key)
        if turn is not None:
            return turn
    return None


def blind_turn(store: Store, settings: Settings, sample: Sample, turn_key: str) -> BlindTurn | None:
    """Give a turn of a sample as it would leave, in stretches.

    None where it is gone, or redaction has not passed it as it is.
    """
    rows = store.rows(TURN, [sample.homes.get(turn_key) or store.value(HOME, [turn_key]), turn_key])
    if not rows:
        return None
    key, position, role = rows[0]
    page = _as_it_leaves(store, settings, key)
    if turn_key not in page:
        return None
    earlier = [(one.role, one.text) for one in page.values() if one.position < position][-BEFORE:]
    return BlindTurn(turn_key, key, role, page[turn_key].stretches, tuple(earlier))


def rate(
    store: Store,
    settings: Settings,
    sample: Sample,
    turn_key: str,
    marks: Sequence[Mark],
    *,
    types: Sequence[str],
    by: str,
) -> BlindTurn:
    """Keep what a person marked as missed in a turn of the sample, no marks where nothing was; give the turn.

    Raises:
        CurateError: the turn is not in the sample or is gone, or a mark is none: outside the text, over what is
            redacted, over another mark, of no known type.
    """
    if turn_key not in sample.drawn:
        raise CurateError("This turn is not in the newest sample.", hint="Load the page again: it gives the next turn.")
    turn = blind_turn(store, settings, sample, turn_key)
    if turn is None:
        raise CurateError("This turn is gone or changed since the sample was drawn.", hint="Go on with the next turn.")
    ordered = sorted(marks, key=lambda one: one.start)
    _check(turn, ordered, types)
    now = datetime.now(UTC)
    frame = pl.DataFrame(
        [(sample.evaluation_id, turn_key, one.start, one.end, one.entity_type, by, now) for one in ordered],
        schema={"evaluation_id": pl.String, "turn_key": pl.String, "start_char": pl.Int32, "end_char": pl.Int32,
                "entity_type": pl.String, "marked_by": pl.String, "marked_at": pl.Datetime("us", "UTC")},
        orient="row",
    )  # fmt: skip
    with store.transaction():
        store.execute(
            "INSERT INTO ratings VALUES (?, ?, ?, ?, ?)", [sample.evaluation_id, turn_key, str(len(ordered)), by, now]
        )
        store.append("misses", frame)
        told = dict(Counter(one.entity_type for one in ordered))
        record(store, "audit.rate", subject=turn_key, after={"sample": sample.evaluation_id, "missed": told}, by=by)
    return turn


def marked_in(store: Store, sample: Sample, turn_key: str) -> int:
    """Count what was marked in a turn when it was read last."""
    last = dict(store.rows(RATED, [sample.evaluation_id]))
    return int(last.get(turn_key, 0))


def reading_of(store: Store) -> Reading | None:
    """Give how the newest sample stands; None where none was drawn."""
    rows = store.rows(NEWEST, [KIND])
    if not rows:
        return None
    evaluation_id, result = rows[0]
    drawn: list[dict[str, Any]] = orjson.loads(result)["strata"]
    rated = {key: int(count) for key, count in store.rows(RATED, [evaluation_id])}
    marked: dict[str, Counter[str]] = {}
    for key, kind in store.rows(MARKED, [evaluation_id, evaluation_id]):
        marked.setdefault(key, Counter())[kind] += 1
    strata = tuple(_stratum(one, rated) for one in drawn)
    kinds = sorted(
        {kind for one in drawn for kind in one.get("types", {})} | {kind for one in marked.values() for kind in one}
    )
    types = tuple(_type_recall(kind, drawn, rated, marked) for kind in kinds)
    return Reading(strata, tuple(len(one["drawn"]) for one in drawn), recall_from_misses(strata), types)


@dataclass(frozen=True, slots=True)
class _Leaving:
    """One turn as it would leave."""

    position: int
    role: str
    text: str
    stretches: tuple[Stretch, ...]


def _as_it_leaves(store: Store, settings: Settings, key: str) -> dict[str, _Leaving]:
    """Redact one conversation as an export would; nothing of one that the leak check did not pass as it is now."""
    from curate.redact.operators import PageOperators
    from curate.redact.policy import load_policy
    from curate.redact.redact import apply, read_page
    from curate.triggers import SHOWN

    if not store.value(SHOWN, [key]):
        return {}
    policy = load_policy(store.path.parent)
    page = read_page(store, pl.DataFrame({"conversation_key": [key]}))
    turns = next((turns for _, turns in page.conversations()), [])
    language = page.languages.get(key, settings.workspace.languages[0])
    operators = PageOperators(store, policy, [key]).of(key, language)
    done = apply(turns, page.findings.get(key, {}), policy, language=language, operators=operators)
    positions = dict(page.turns.select("turn_key", "position").iter_rows())
    return {
        turn.turn_key: _Leaving(positions[turn.turn_key], turn.role, text, tuple(_stretches(turn.text, spans)))
        for turn, text, spans in zip(turns, done.texts, done.spans, strict=True)
    }


def _stretches(text: str, spans: Sequence[Any]) -> Iterator[Stretch]:
    done = 0
    for one in spans:
        if one.start > done:
            yield Stretch(text[done : one.start], done)
        yield Stretch(one.placeholder, None)
        done = one.end
    if done < len(text):
        yield Stretch(text[done:], done)


def _check(turn: BlindTurn, marks: Sequence[Mark], types: Sequence[str]) -> None:
    if len(marks) > MARKS_MOST:
        raise CurateError(f"{len(marks)} marks in one turn are too many.", hint=f"At most {MARKS_MOST} are taken.")
    open_places = [(one.start, one.start + len(one.text)) for one in turn.stretches if one.start is not None]
    done = 0
    for one in marks:
        if one.entity_type not in types:
            raise CurateError(unknown_name("type", one.entity_type, types), hint="Choose a type from the list.")
        inside = any(start <= one.start < one.end <= end for start, end in open_places)
        if not inside or one.start < done:
            raise CurateError(
                f"The mark from {one.start} to {one.end} is outside the text, over what is redacted, or over another.",
                hint="Mark one value at a time, within plain text.",
            )
        done = one.end


def _stratum(drawn: dict[str, Any], rated: dict[str, int], found: int | None = None) -> Stratum:
    own = [rated[key] for key in drawn["drawn"] if key in rated]
    return Stratum(
        name=drawn["name"],
        turns=drawn["turns"],
        found=drawn["found"] if found is None else found,
        checked=len(own),
        missing=sum(missed > 0 for missed in own),
        missed=sum(own),
    )


def _type_recall(
    kind: str, drawn: Sequence[dict[str, Any]], rated: dict[str, int], marked: dict[str, Counter[str]]
) -> TypeRecall:
    of_kind = {key: marked[key][kind] if key in marked else 0 for key in rated}
    strata = [_stratum(one, of_kind, found=one.get("types", {}).get(kind, 0)) for one in drawn]
    found, missed = sum(one.found for one in strata), sum(one.missed for one in strata)
    return TypeRecall(kind, found, missed, recall_from_misses(strata))
