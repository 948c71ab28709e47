"""Write the split files: page by page, in the seed's order, each line counted and hashed as it goes out."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from string import Formatter
from typing import IO, TYPE_CHECKING, Any

import polars as pl

from export.errors import ExportError
from export.formats.examples import Examples, Shape
from export.formats.openai_chat import Excluded, check_prompt, fill_prompt
from export.formats.target import Target
from export.making import Line, Made, Page, make_lines
from export.models import find
from export.redacting import Redacted, may_spread, read_unredacted, redacted_turns, worker_policy
from export.split import SPLITS, digest
from store.database import Store
from store.errors import unknown_name
from store.progress import Progress, Task
from store.settings import Settings
from store.workers import Workers

if TYPE_CHECKING:
    from curate.redact.policy import Policy
    from curate.redact.redact import Frames
    from export.others import Others

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
        "other_key": pl.String,
        "pair_source": pl.String,
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
    whose oldest turns are left out and those with something broken up, `fitted` those that the format's order changed.
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
    fitted: int = 0

    def add(self, made: Line) -> None:
        """Count a line."""
        self.lines += 1
        self.tokens += made.tokens
        self.margin += made.margin
        self.bytes += len(made.line) + 1
        self.targets += made.targets
        self.cut += made.cut_turns > 0
        self.repaired += bool(made.repairs)
        self.fitted += made.fitted


@dataclass(frozen=True, slots=True)
class Written:
    """Everything that was written: the files, and one row of dataset_items for each line and each that was left out."""

    files: dict[str, SplitFile]
    items: pl.DataFrame


def shape_of(settings: Settings, model: str, target: Target) -> Shape:
    """Read what examples are to be like from the settings; who learns the last answer alone gets one answer a line.

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
    kind: Examples = "turn" if target.learns == "last" else export.examples
    return Shape(kind, export.context_turns, find(model).max_example_tokens)


@dataclass(slots=True)
class _Writer:
    """What the pages share: where their turns come from, how examples are made, and which lines are out already.

    `redacted` None lets the workers redact, by the policy.
    """

    store: Store
    settings: Settings
    target: Target
    model: str
    shape: Shape
    redacted: Redacted | None
    policy: Policy
    workers: Workers
    others: Others | None = None
    seen: set[bytes] = field(default_factory=set[bytes])

    def lines(self, rows: pl.DataFrame) -> Iterator[tuple[pl.DataFrame, Made]]:
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
        own = None if self.redacted else read_unredacted(self.store, self.settings, self.policy, page)
        spoken = self._redacted(page) if own is None else own.frames.turns
        return Page(
            keys=page["conversation_key"].to_list(),
            turns=self._turns(page, spoken),
            prompts=self._prompts(page),
            shape=self.shape,
            model=self.model,
            format=self.target.name,
            redaction=own and replace(own, frames=replace(own.frames, turns=_found(own.frames))),
            others=self.others.of(page) if self.others else {},
        )

    def _redacted(self, page: pl.DataFrame) -> pl.DataFrame:
        redacted = self.redacted or redacted_turns
        return redacted(self.store, self.settings, page["conversation_key"].to_list())

    def _turns(self, page: pl.DataFrame, spoken: pl.DataFrame) -> pl.DataFrame:
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
        template, company = self.settings.export.system_prompt, self.settings.export.company
        named = {name for _, name, _, _ in Formatter().parse(template) if name}
        if named <= {"company"}:  # as it mostly is: the same for all
            return dict.fromkeys(page["conversation_key"].to_list(), fill_prompt(template, {"company": company}))
        with self.store.scratch(page=page.select("conversation_key")):
            known = self.store.frame(CONTEXT)
        return {
            row["conversation_key"]: fill_prompt(template, {**row, "company": company})
            for row in known.iter_rows(named=True)
        }


def _found(frames: Frames) -> pl.DataFrame:
    """Give the turns in which something was found, all that a worker redacts."""
    return frames.turns.join(frames.findings, on="turn_key", how="semi", maintain_order="left")


def write_splits(
    store: Store,
    settings: Settings,
    *,
    rows: pl.DataFrame,
    folder: Path,
    target: Target,
    model: str,
    seed: int,
    redacted: Redacted | None,
    progress: Progress,
) -> Written:
    """Write one file a split into a folder; `rows` holds conversation_key, content_hash, group_id and split.

    `redacted` None lets curate redact, in the workers where it can. The training file comes first, so that of
    conversations that read the same once redacted the training one stays.
    """
    # A few pages are written sooner than processes start.
    count = settings.workspace.workers if rows.height > ALONE else 1
    files: dict[str, SplitFile] = {}
    items: list[pl.DataFrame] = []
    own = redacted or (None if may_spread(store, settings) else redacted_turns)
    others = _others(store, settings, rows, redacted or redacted_turns) if target.kind == "preference" else None
    with progress.task("export", rows.height) as task, Workers(count) as workers:
        shape, policy = shape_of(settings, model, target), worker_policy(store)
        writer = _Writer(store, settings, target, model, shape, own, policy, workers, others)
        for split in SPLITS:
            ordered = _in_order(rows.filter(split=split), seed)
            files[split] = SplitFile(target.files[split])
            with (folder / files[split].name).open("wb") as file:
                items.extend(_write(writer, ordered, file, into=files[split], task=task))
                file.flush()
                os.fsync(file.fileno())
    return Written(files, pl.concat([ITEMS.to_frame(), *items]))


def _others(store: Store, settings: Settings, rows: pl.DataFrame, redacted: Redacted) -> Others:
    from export.others import Others, find_twins  # loads what searches texts, which chat lines do not need

    return Others(store, settings, redacted, find_twins(store, settings, rows, redacted))


def _in_order(rows: pl.DataFrame, seed: int) -> pl.DataFrame:
    places = [digest(seed, key) for key in rows["conversation_key"]]
    return rows.with_columns(place=pl.Series(places, dtype=pl.Binary)).sort("place").drop("place")


def _write(
    writer: _Writer, ordered: pl.DataFrame, file: IO[bytes], *, into: SplitFile, task: Task
) -> Iterator[pl.DataFrame]:
    """Write one split's lines and give its rows of dataset_items, page by page."""
    whole = sha256()
    for page, found in writer.lines(ordered):
        rows = page.select("conversation_key", "content_hash", "group_id", "split").rows()
        items: list[tuple[Any, ...]] = []
        for place, made in found:
            key, content_hash, group_id, split = rows[place]
            if isinstance(made, Excluded):
                out = (None, group_id, None, None, made.code, made.reason, made.turn_key, None, None, None, None)
                items.append((key, content_hash, "excluded", *out))
                continue
            line = made.line + b"\n"
            file.write(line)
            whole.update(line)
            into.add(made)
            told = (made.tokens, made.digest.hex(), None, None, made.turn_key, made.cut_turns, made.repairs)
            items.append((key, content_hash, split, into.lines, group_id, *told, made.other, made.pair))
        task.advance(page.height)
        yield pl.DataFrame(items, schema=ITEMS, orient="row")
    into.sha256 = whole.hexdigest()
