"""The run ledger: which execution of a stage read what, with which rules, and what came of it."""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from store.database import Store


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a stage, as it goes on."""

    run_id: str
    stage: str
    counts: Counter[str] = field(default_factory=Counter[str])
    position: dict[str, Any] = field(default_factory=dict[str, Any])

    def count(self, name: str, amount: int = 1) -> None:
        """Add to one of the run's counts."""
        self.counts[name] += amount


@contextmanager
def run(
    store: Store, stage: str, *, inputs: Mapping[str, Any] | None = None, versions: Mapping[str, Any] | None = None
) -> Generator[Run]:
    """Record a run from its start to its end; an exception marks it failed, a kill leaves it to be closed later."""
    this = Run(run_id=uuid.uuid4().hex, stage=stage)
    store.execute(
        "INSERT INTO runs VALUES (?, ?, 'running', now(), NULL, ?, ?, '{}', '{}')",
        [this.run_id, stage, _json(inputs or {}), _json(versions or {})],
    )
    try:
        yield this
    except BaseException:
        _finish(store, this, "failed")
        raise
    _finish(store, this, "done")


def last_done(store: Store, stage: str) -> dict[str, Any] | None:
    """Give the newest finished run of a stage: run_id, versions, counts and position; None if there is none."""
    rows = store.rows(
        "SELECT run_id, versions, counts, position FROM runs WHERE stage = ? AND status = 'done' "
        "ORDER BY finished_at DESC, started_at DESC LIMIT 1",
        [stage],
    )
    if not rows:
        return None
    run_id, *documents = rows[0]
    return {
        "run_id": run_id,
        **dict(zip(("versions", "counts", "position"), map(orjson.loads, documents), strict=True)),
    }


def close_interrupted(store: Store) -> None:
    """Mark runs that never ended: whoever opens the store is the only one, so nobody can still be at them."""
    store.execute("UPDATE runs SET status = 'interrupted', finished_at = now() WHERE status = 'running'")


def _finish(store: Store, this: Run, status: str) -> None:
    store.execute(
        "UPDATE runs SET status = ?, finished_at = now(), counts = ?, position = ? WHERE run_id = ?",
        [status, _json(dict(this.counts)), _json(this.position), this.run_id],
    )


def _json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS).decode()
