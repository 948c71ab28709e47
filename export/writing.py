"""Write the split files: page by page, in the seed's order, each line counted and hashed as it goes out."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import blake2b, sha256
from pathlib import Path
from typing import IO, Any

import polars as pl

from export.errors import ExportError
from export.formats.examples import Example, Examples, Shape, examples
from export.formats.openai_chat import Excluded, Said, check_prompt, fill_prompt, read_script
from export.models import find
from export.split import SPLITS, digest
from export.tokens import TokenCounter
from store.database import Store
from store.errors import unknown_name
from store.progress import Progress, Task
from store.settings import Settings

Redacted = Callable[[Store, Settings, list[str]], pl.DataFrame]

EXAMPLES: tuple[Examples, ...] = ("conversation", "turn")
PERSONA = re.compile(r"[^\W\d_](?:[\w .'’-]{0,38}[\w.])?")
PAGE = 5000  # conversations whose text is in memory at once
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

    def add(self, made: Example) -> None:
        """Count a line."""
        self.lines += 1
        self.tokens += made.tokens.total
        self.margin += made.tokens.margin
        self.bytes += len(made.line) + 1
        self.targets += _targets(made.body["messages"])
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
    """What the pages share: how examples are made and counted, and which lines are out already."""

    store: Store
    settings: Settings
    shape: Shape
    redacted: Redacted
    counter: TokenCounter
    seen: set[bytes] = field(default_factory=set[bytes])

    def examples(self, page: pl.DataFrame) -> Iterator[tuple[Mapping[str, Any], Example | Excluded]]:
        """Give for each row of a page its examples, or the reasons why there is none."""
        turns, prompts = self._turns(page), self._prompts(page)
        for row in page.iter_rows(named=True):
            key = row["conversation_key"]
            script = read_script(turns.get(key, ()), system=prompts.get(key, ""))
            if isinstance(script, Excluded):
                yield row, script
                continue
            for made in examples(script, self.shape, self.counter):
                yield row, self._once(made)

    def _once(self, made: Example | Excluded) -> Example | Excluded:
        """Leave out what stands in the dataset already."""
        if isinstance(made, Excluded):
            return made
        mark = blake2b(made.line, digest_size=12).digest()
        if mark in self.seen:
            return REPEATED if made.turn_key is None else replace(REPEATED_TURN, turn_key=made.turn_key)
        self.seen.add(mark)
        return made

    def _turns(self, page: pl.DataFrame) -> dict[str, list[Said]]:
        spoken = self.redacted(self.store, self.settings, page["conversation_key"].to_list())
        with self.store.scratch(page=page.select("conversation_key")):
            calls, unlearnt = self.store.frame(CALLS), self.store.frame(UNLEARNT)
        told = (
            spoken.join(calls, on="turn_key", how="left")
            .join(unlearnt, on="turn_key", how="left")
            .sort("conversation_key", "position")
            .with_columns(pl.col("is_learnt").fill_null(value=True))
            .select("conversation_key", "kind", "role", "text", "event_type", "tool_call_id", "turn_key", "is_learnt")
        )
        turns: dict[str, list[Said]] = {}
        for key, *said in told.iter_rows():
            turns.setdefault(key, []).append(Said(*said))
        return turns

    def _prompts(self, page: pl.DataFrame) -> dict[str, str]:
        template = self.settings.export.system_prompt
        with self.store.scratch(page=page.select("conversation_key")):
            known = self.store.frame(CONTEXT)
        company = self.settings.export.company
        return {
            row["conversation_key"]: fill_prompt(template, {**row, "company": company})
            for row in known.iter_rows(named=True)
        }


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
    writer = _Writer(store, settings, shape_of(settings, model), redacted, TokenCounter(model))
    files: dict[str, SplitFile] = {}
    items: list[pl.DataFrame] = []
    with progress.task("export", rows.height) as task:
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
    for page in ordered.iter_slices(PAGE):
        items: list[dict[str, Any]] = []
        for row, made in writer.examples(page):
            if isinstance(made, Excluded):
                items.append(
                    {**row, "split": "excluded", "code": made.code, "reason": made.reason, "turn_key": made.turn_key}
                )
                continue
            line = made.line + b"\n"
            file.write(line)
            whole.update(line)
            into.add(made)
            items.append({**row, **_told(made), "line": into.lines})
        task.advance(page.height)
        yield pl.DataFrame(items, schema=ITEMS)
    into.sha256 = whole.hexdigest()


def _told(made: Example) -> dict[str, Any]:
    return {
        "tokens": made.tokens.total,
        "sha256": sha256(made.line).hexdigest(),
        "turn_key": made.turn_key,
        "cut_turns": made.cut_turns,
        "repairs": made.repairs,
    }


def _targets(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(message["role"] == "assistant" and message.get("weight", 1) == 1 for message in messages)
