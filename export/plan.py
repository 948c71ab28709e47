"""Decide what a dataset holds before a line is written: selection, contamination, balance, splits, in this order.

Groups of customers and clusters are those of all kept conversations, so that what balance leaves out still ties the
others together.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from export.balance.choosing import choose, wishes_of
from export.contamination import find_contamination
from export.evaluation_file import EvaluationFile, read_evaluation
from export.redacting import Redacted
from export.selection import select
from export.split import Assignment, divide, groups_of
from export.split_time import begins_of, divide_by_time, read_split
from store.database import Store
from store.progress import Progress
from store.settings import Settings
from store.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be exported, and how.

    `rows` holds conversation_key, content_hash, group_id, split; `left_out` holds conversation_key, content_hash,
    group_id, code, reason. `stale` conversations wait for curation.
    """

    settings: Settings
    model: str
    seed: int
    assignment: Assignment
    rows: pl.DataFrame
    left_out: pl.DataFrame
    stale: int
    contamination: tuple[Mapping[str, Any], ...]
    balance: Mapping[str, Any] | None


def make_plan(
    workspace: Workspace,
    store: Store,
    *,
    model: str | None,
    evaluation: Sequence[Path],
    redacted: Redacted,
    progress: Progress,
) -> Plan:
    """Plan a dataset of what curation kept; `evaluation` files come on top of those in the settings.

    Raises:
        BadPlan: the settings of splits or balance cannot be followed.
        BadEvaluation: an evaluation file cannot be read.
    """
    settings, seed = workspace.settings, workspace.settings.workspace.seed
    period = read_split(settings.export)
    wishes = wishes_of(store, settings.balance)
    files = _evaluation_files(workspace, evaluation)
    selection = select(store)
    found = find_contamination(store, settings, selection.kept, files, redacted=redacted, progress=progress)
    clean = selection.kept.join(found.left_out, on="conversation_key", how="anti", maintain_order="left")
    chosen = choose(store, clean, wishes, seed=seed)
    groups = groups_of(store, selection.kept)
    placed = groups.join(chosen.kept, on="conversation_key", how="semi", maintain_order="left")
    shares = settings.export.split
    if period is None or placed.is_empty():
        assignment = divide(placed, shares=shares, seed=seed)
    else:
        begins = begins_of(store, placed)
        assignment = divide_by_time(placed, begins, period, shares=shares, seed=seed)
    kept = selection.kept.join(groups, on="conversation_key", maintain_order="left")
    left_out = pl.concat([found.left_out, chosen.left_out, assignment.left_out])
    return Plan(
        settings=settings,
        model=model or settings.export.model,
        seed=seed,
        assignment=assignment,
        rows=kept.join(assignment.rows.drop("group_id"), on="conversation_key", maintain_order="left"),
        left_out=kept.join(left_out, on="conversation_key", maintain_order="left"),
        stale=selection.stale,
        contamination=found.reports,
        balance=chosen.report,
    )


def _evaluation_files(workspace: Workspace, given: Sequence[Path]) -> list[EvaluationFile]:
    """Read all evaluation files; one that is named twice counts once."""
    paths = [*given, *(workspace.root / name for name in workspace.settings.export.evaluation)]
    files = [read_evaluation(path) for path in paths]
    return list({file.sha256: file for file in files}.values())
