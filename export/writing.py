"""Write the split files: page by page, in the seed's order, each line counted and hashed as it goes out."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b, sha256
from pathlib import Path
from typing import IO, Any

import polars as pl

from export.formats.openai_chat import Example, Excluded, Said, check_prompt, example, fill_prompt
from export.models import find
from export.split import SPLITS, digest
from export.tokens import TokenCounter
from store.database import Store
from store.progress import Progress, Task
from store.settings import Settings

Redacted = Callable[[Store, Settings, list[str]], pl.DataFrame]

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
    }
)
CALLS = """
SELECT turn_key, event_type, tool_call_id FROM turns SEMI JOIN page USING (conversation_key)
WHERE kind IN ('tool_call', 'tool_result')
"""
CONTEXT = """
SELECT c.conversation_key, c.channel, coalesce(any_value(s.label), any_value(c.language)) AS language
FROM conversations AS c SEMI JOIN page USING (conversation_key)
LEFT JOIN (SELECT * FROM signals WHERE signal = 'language') AS s USING (conversation_key)
GROUP BY ALL
"""
TOO_LONG = Excluded("export.too_long", "It has more tokens than the model reads, so its last answer would be lost.")
REPEATED = Excluded("export.repeated", "Once redacted, it reads exactly like a conversation that is already in.")


@dataclass(slots=True)
class SplitFile:
    """What one split's file came to; `margin` is how far `tokens` may be off, `targets` the messages to learn."""

    name: str
    lines: int = 0
    tokens: int = 0
    margin: int = 0
    targets: int = 0
    bytes: int = 0
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Written:
    """Everything that was written: the files, and one row of dataset_items a conversation."""

    files: dict[str, SplitFile]
    items: pl.DataFrame


@dataclass(slots=True)
class _Writer:
    """What the pages share: how examples are made and counted, and which lines are out already."""

    store: Store
    settings: Settings
    model: str
    redacted: Redacted
    counter: TokenCounter
    seen: set[bytes] = field(default_factory=set[bytes])

    def examples(self, page: pl.DataFrame) -> Iterator[tuple[Mapping[str, Any], Example | Excluded, int, int]]:
        """Give for each row of a page its example or the reason for none, its tokens and their margin."""
        turns, prompts = self._turns(page), self._prompts(page)
        limit = find(self.model).max_example_tokens
        for row in page.iter_rows(named=True):
            key = row["conversation_key"]
            made = example(turns.get(key, ()), system=prompts.get(key, ""))
            if isinstance(made, Excluded):
                yield row, made, 0, 0
                continue
            tokens = self.counter.example(made.body)
            if tokens.total + tokens.margin > limit:
                yield row, TOO_LONG, tokens.total, tokens.margin
            elif (mark := blake2b(made.line, digest_size=12).digest()) in self.seen:
                yield row, REPEATED, tokens.total, tokens.margin
            else:
                self.seen.add(mark)
                yield row, made, tokens.total, tokens.margin

    def _turns(self, page: pl.DataFrame) -> dict[str, list[Said]]:
        spoken = self.redacted(self.store, self.settings, page["conversation_key"].to_list())
        with self.store.scratch(page=page.select("conversation_key")):
            calls = self.store.frame(CALLS)
        told = (
            spoken.join(calls, on="turn_key", how="left")
            .sort("conversation_key", "position")
            .select("conversation_key", "kind", "role", "text", "event_type", "tool_call_id")
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
    check_prompt(settings.export.system_prompt)
    writer = _Writer(store, settings, model, redacted, TokenCounter(model))
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
        for row, made, tokens, margin in writer.examples(page):
            if isinstance(made, Excluded):
                items.append({**row, "split": "excluded", "code": made.code, "reason": made.reason})
                continue
            line = made.line + b"\n"
            file.write(line)
            whole.update(line)
            into.lines += 1
            into.tokens += tokens
            into.margin += margin
            into.bytes += len(line)
            into.targets += _targets(made.body["messages"])
            told = sha256(made.line).hexdigest()
            items.append({**row, "line": into.lines, "tokens": tokens, "sha256": told})
        task.advance(page.height)
        yield pl.DataFrame(items, schema=ITEMS)
    into.sha256 = whole.hexdigest()


def _targets(messages: Sequence[Mapping[str, Any]]) -> int:
    return sum(message["role"] == "assistant" and message.get("weight", 1) == 1 for message in messages)
