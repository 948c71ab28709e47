"""Write the split files: page by page, in the seed's order, each line counted and hashed as it goes out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import IO, Any

import polars as pl

from export.errors import ExportError
from export.formats.examples import Example, Examples, Shape, examples
from export.formats.openai_chat import Excluded, Said, check_prompt, fill_prompt, read_script
from export.models import find
from export.split import SPLITS, digest
from export.tokens import TokenCounter, Tokens
from store.database import Store
from store.errors import unknown_name
from store.progress import Progress, Task
from store.settings import Settings
from store.workers import Workers

Redacted = Callable[[Store, Settings, list[str]], pl.DataFrame]

EXAMPLES: tuple[Examples, ...] = ("conversation", "turn")
PERSONA = re.compile(r"[^\W\d_](?:[\w .'’-]{0,38}[\w.])?")
PAGE = 1000  # conversations that a worker is given at once
ALONE = 5000  # up to so many conversations this process writes alone
ITEMS = pl.Schema(
    {
        "conversation_key": pl.String,
        "content_hash": pl.String,
        "split": pl.String,
        "line": pl.Int32,
        "group_id": pl.String,
        "tokens": pl.Int32,
        "sha256": pl.String,
        "code": pl.String,
        "reason": pl.String,
        "turn_key": pl.String,
        "cut_turns": pl.Int32,
        "repairs": pl.List(pl.String),
    }
)
CALLS = """
SELECT turn_key, event_type, tool_call_id FROM turns SEMI JOIN page USING (conversation_key)
WHERE kind IN ('tool_call', 'tool_result')
"""
UNLEARNT = """
SELECT DISTINCT turn_key, false AS is_learnt FROM labels SEMI JOIN page USING (conversation_key)
WHERE label = 'weight' AND value = '0'
"""
CONTEXT = """
SELECT c.conversation_key, c.channel, coalesce(any_value(s.label), any_value(c.language)) AS language
FROM conversations AS c SEMI JOIN page USING (conversation_key)
LEFT JOIN (SELECT * FROM signals WHERE signal = 'language') AS s USING (conversation_key)
GROUP BY ALL
"""
REPEATED = Excluded("export.repeated", "Once redacted, it reads exactly like a conversation that is already in.")
REPEATED_TURN = replace(REPEATED, reason="Once redacted, it reads exactly like an example that is already in.")


@dataclass(frozen=True, slots=True)
class Line:
    """An example as it comes from a worker: the line without its newline, its SHA-256, and what is counted of it."""

    line: bytes
    digest: bytes
    tokens: Tokens
    targets: int
    turn_key: str | None
    cut_turns: int
    repairs: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Page:
    """What a worker needs to make examples of some conversations: their redacted turns and filled-in prompts."""

    keys: list[str]
    turns: pl.DataFrame
    prompts: dict[str, str]
    shape: Shape
    model: str


@dataclass(slots=True)
class SplitFile:
    """What one split's file came to.

    `margin` is how far `tokens` may be off, `targets` counts the messages to learn, `cut` and `repaired` the lines
    whose oldest turns are left out and those with something broken up.
    """

    name: str
    lines: int = 0
    tokens: int = 0
    margin: int = 0
    targets: int = 0
    bytes: int = 0
    sha256: str = ""
    cut: int = 0
    repaired: int = 0

    def add(self, made: Line) -> None:
        """Count a line."""
        self.lines += 1
        self.tokens += made.tokens.total
        self.margin += made.tokens.margin
        self.bytes += len(made.line) + 1
        self.targets += made.targets
        self.cut += made.cut_turns > 0
        self.repaired += bool(made.repairs)


@dataclass(frozen=True, slots=True)
class Written:
    """Everything that was written: the files, and one row of dataset_items for each line and each that was left out."""

    files: dict[str, SplitFile]
    items: pl.DataFrame


def shape_of(settings: Settings, model: str) -> Shape:
    """Read what examples are to be like from the settings.

    Raises:
        ExportError: a setting is not what it may be; it is named with what is allowed.
    """
    export = settings.export
    check_prompt(export.system_prompt)
    if export.examples not in EXAMPLES:
        raise ExportError(unknown_name("export.examples", export.examples, EXAMPLES), hint="Mend it in chatmill.toml.")
    if export.context_turns < 0:
        raise ExportError(
            f"export.context_turns is {export.context_turns}; 0 takes all turns, else it is 1 or more.",
            hint="Mend it in chatmill.toml.",
        )
    if export.persona and not PERSONA.fullmatch(export.persona):
        raise ExportError(
            f"export.persona is {export.persona!r}, which is no name.",
            hint="Write up to 40 letters, blanks, points, apostrophes and hyphens in chatmill.toml.",
        )
    return Shape(export.examples, export.context_turns, find(model).max_example_tokens)


@dataclass(slots=True)
class _Writer:
    """What the pages share: where their turns come from, how examples are made, and which lines are out already."""

    store: Store
    settings: Settings
    shape: Shape
    model: str
    redacted: Redacted
    workers: Workers
    seen: set[bytes] = field(default_factory=set[bytes])

    def lines(self, rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, list[tuple[int, Line | Excluded]]]]:
        """Give page by page the rows, and for each row by its place its lines, or the reasons why there is none."""
        pages = list(rows.iter_slices(PAGE))
        made = self.workers.map(make_lines, map(self._page, pages))
        for page, found in zip(pages, made, strict=True):
            yield page, [(place, self._once(one)) for place, one in found]

    def _once(self, made: Line | Excluded) -> Line | Excluded:
        """Leave out what stands in the dataset already."""
        if isinstance(made, Excluded):
            return made
        if made.digest in self.seen:
            return REPEATED if made.turn_key is None else replace(REPEATED_TURN, turn_key=made.turn_key)
        self.seen.add(made.digest)
        return made

    def _page(self, page: pl.DataFrame) -> Page:
        keys = page["conversation_key"].to_list()
        return Page(keys, self._turns(page), self._prompts(page), self.shape, self.model)

    def _turns(self, page: pl.DataFrame) -> pl.DataFrame:
        spoken = self.redacted(self.store, self.settings, page["conversation_key"].to_list())
        with self.store.scratch(page=page.select("conversation_key")):
            calls, unlearnt = self.store.frame(CALLS), self.store.frame(UNLEARNT)
        return (
            spoken.join(calls, on="turn_key", how="left")
            .join(unlearnt, on="turn_key", how="left")
            .sort("conversation_key", "position")
            .with_columns(pl.col("is_learnt").fill_null(value=True))
            .select("conversation_key", "kind", "role", "text", "event_type", "tool_call_id", "turn_key", "is_learnt")
        )

    def _prompts(self, page: pl.DataFrame) -> dict[str, str]:
        template = self.settings.export.system_prompt
        with self.store.scratch(page=page.select("conversation_key")):
            known = self.store.frame(CONTEXT)
        company = self.settings.export.company
        return {
            row["conversation_key"]: fill_prompt(template, {**row, "company": company})
            for row in known.iter_rows(named=True)
        }


def make_lines(page: Page) -> list[tuple[int, Line | Excluded]]:
    """Make the examples of a page's conversations, in their order; each with the place of its conversation."""
    turns: dict[str, list[Said]] = {}
    for key, *said in page.turns.iter_rows():
        turns.setdefault(key, []).append(Said(*said))
    counter = _counter(page.model)
    made: list[tuple[int, Line | Excluded]] = []
    for place, key in enumerate(page.keys):
        script = read_script(turns.get(key, ()), system=page.prompts.get(key, ""))
        found = [script] if isinstance(script, Excluded) else examples(script, page.shape, counter)
        made.extend((place, one if isinstance(one, Excluded) else _line(one)) for one in found)
    return made


@cache
def _counter(model: str) -> TokenCounter:
    return TokenCounter(model)


def _line(made: Example) -> Line:
    targets = _targets(made.body["messages"])
    digest = sha256(made.line).digest()
    return Line(made.line, digest, made.tokens, targets, made.turn_key, made.cut_turns, made.repairs)


def write_splits(
    store: Store,
    settings: Settings,
    *,
    rows: pl.DataFrame,
    folder: Path,
    model: str,
    seed: int,
    redacted: Redacted,
    progress: Progress,
) -> Written:
    """Write one file a split into a folder; `rows` holds conversation_key, content_hash, group_id and split.

    The training file comes first, so that of conversations that read the same once redacted the training one stays.
    """
    # A few pages are written sooner than processes start.
    count = settings.workspace.workers if rows.height > ALONE else 1
    files: dict[str, SplitFile] = {}
    items: list[pl.DataFrame] = []
    with progress.task("export", rows.height) as task, Workers(count) as workers:
        writer = _Writer(store, settings, shape_of(settings, model), model, redacted, workers)
        for split in SPLITS:
            ordered = _in_order(rows.filter(split=split), seed)
            files[split] = SplitFile(f"{split}.jsonl")
            with (folder / files[split].name).open("wb") as file:
                items.extend(_write(writer, ordered, file, into=files[split], task=task))
                file.flush()
                os.fsync(file.fileno())
    return Written(files, pl.concat([ITEMS.to_frame(), *items]))


def _in_order(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    places = [digest(seed, key) for key in rows["conversation_key"]]
    return rows.with_columns(place=pl.Series(places, dtype=pl.Binary)).sort("place").drop("place")


def _write(
    writer: _Writer, ordered: pl.DataFrame, file: IO[bytes], *, into: SplitFile, task: Task
) -> Iterator[pl.DataFrame]:
    """Write one split's lines and give its rows of dataset_items, page by page."""
    whole = sha256()
    for page, found in writer.lines(ordered):
        rows = page.to_dicts()
        items: list[dict[str, Any]] = []
        for place, made in found:
            if isinstance(made, Excluded):
                out = {"split": "excluded", "code": made.code, "reason": made.reason, "turn_key": made.turn_key}
                items.append({**rows[place], **out})
                continue
            line = made.line + b"\n"
            file.write(line)
            whole.update(line)
            into.add(made)
            items.append({**rows[place], **_told(made), "line": into.lines})
        task.advance(page.height)
        yield pl.DataFrame(items, schema=ITEMS)
    into.sha256 = whole.hexdigest()


def _told(made: Line) -> dict[str, Any]:
    return {
        "tokens": made.tokens.total,
        "sha256": made.digest.hex(),
        "turn_key": made.turn_key,
        "cut_turns": made.cut_turns,
        "repairs": made.repairs,
    }


def _targets(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(message["role"] == "assistant" and message.get("weight", 1) == 1 for message in messages)
