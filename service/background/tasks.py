"""The tasks of a workspace: asked for, worked through one at a time, cancelled, resumed.

A task is a row, so a server that is killed finds it again: what may simply go on does, the rest is offered to be
resumed. The rooms' own promise (again is free, a kill costs nothing) does the real work of that.
"""

from __future__ import annotations

import logging
import threading
import traceback
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import orjson

from service.background.errors import Cancelled, NotNow, UnknownWork
from service.background.kinds import KINDS, Work, find_kind
from service.background.recording import Recorder, Standing
from store import history
from store.database import Store, storage_problem
from store.errors import ChatmillError
from store.settings import load
from store.workspace import SETTINGS_FILE, Workspace

logger = logging.getLogger(__name__)

COLUMNS = "task_id, kind, arguments, status, asked_by, asked_at, started_at, finished_at, result, problem"
OPEN = ("waiting", "running")
RESUMABLE = ("failed", "cancelled", "interrupted")
STOP_SECONDS = 20


@dataclass(frozen=True, slots=True)
class TaskRow:
    """One task as the store has it. `problem` is code, message and hint; status as in service.sql."""

    task_id: str
    kind: str
    arguments: Mapping[str, Any]
    status: str
    asked_by: str
    asked_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    result: Mapping[str, Any] | None
    problem: Mapping[str, str] | None

    @property
    def title(self) -> str:
        """Name the task for people."""
        return KINDS[self.kind].title if self.kind in KINDS else self.kind

    @property
    def outcome(self) -> str:
        """Say what came of a task that is done, in words."""
        if self.result is None or self.kind not in KINDS:
            return ""
        return KINDS[self.kind].outcome.format_map(self.result)

    @property
    def is_open(self) -> bool:
        """Tell whether it waits or runs."""
        return self.status in OPEN

    @property
    def is_resumable(self) -> bool:
        """Tell whether it can go on."""
        return self.status in RESUMABLE


class Tasks:
    """Work through tasks in a thread of its own, in the order asked.

    Locks are taken in one order: the store's (a transaction), then this one's.
    """

    def __init__(self, workspace: Workspace, store: Store, *, at_end: Callable[[Store], object] = bool) -> None:
        """Work for a workspace; `at_end` is called when a task is over, before it is said to be."""
        self._workspace = workspace
        self._store = store
        self._at_end = at_end
        self._lock = threading.Lock()
        self._asked = threading.Event()
        self._stopping = threading.Event()
        self._running: tuple[str, Recorder] | None = None
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Take up what an earlier server left, and begin to work."""
        with self._store.another() as store:
            _take_up(store)
        self._thread = threading.Thread(target=self._work, name="background", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the work at its next step; it goes on when the server is started again."""
        self._stopping.set()
        self._asked.set()
        with self._lock:
            if self._running is not None:
                self._running[1].cancelled.set()
        if self._thread is not None:
            self._thread.join(STOP_SECONDS)

    def ask(self, store: Store, kind: str, arguments: Mapping[str, Any] | None = None) -> TaskRow:
        """Ask for work in the name of who is signed in; the same thing that waits already is given instead.

        Raises:
            UnknownWork: there is no such kind.
        """
        find_kind(kind)
        given = orjson.dumps(arguments or {}, option=orjson.OPT_SORT_KEYS).decode()
        with store.transaction():
            task_id = store.value(
                "SELECT task_id FROM tasks WHERE kind = ? AND arguments = ? AND status = 'waiting'", [kind, given]
            )
            if task_id is None:
                task_id = uuid.uuid4().hex
                store.execute(
                    "INSERT INTO tasks VALUES (?, ?, ?, 'waiting', ?, now(), NULL, NULL, NULL, NULL)",
                    [task_id, kind, given, history.actor()],
                )
                history.record(store, f"start {kind}", subject=task_id)
        self._asked.set()
        return find_task(store, task_id)

    def cancel(self, store: Store, task_id: str) -> TaskRow:
        """Stop a task: one that waits at once, one that runs at its next step.

        Raises:
            UnknownWork: there is no such task.
            NotNow: it is over.
        """
        with store.transaction():
            task = find_task(store, task_id)
            if not task.is_open:
                raise NotNow(f"This is {task.status} already.", hint="Load the page again.")
            with self._lock:
                running = self._running
            if running is not None and running[0] == task_id:
                running[1].cancelled.set()
            else:
                _end(store, task_id, "cancelled")
            history.record(store, f"cancel {task.kind}", subject=task_id)
        return find_task(store, task_id)

    def resume(self, store: Store, task_id: str) -> TaskRow:
        """Let a task go on that failed, was cancelled or interrupted.

        Raises:
            UnknownWork: there is no such task.
            NotNow: it is done, or at it.
        """
        with store.transaction():
            task = find_task(store, task_id)
            if not task.is_resumable:
                raise NotNow(f"This is {task.status}; there is nothing to resume.", hint="Load the page again.")
            _wait(store, task_id)
            history.record(store, f"resume {task.kind}", subject=task_id)
        self._asked.set()
        return find_task(store, task_id)

    def standing(self, task_id: str) -> Standing | None:
        """Say how far a running task is; None where it does not run."""
        running = self._running
        return running[1].standing() if running is not None and running[0] == task_id else None

    def is_stopping(self, task_id: str) -> bool:
        """Tell whether a running task has been asked to stop and has not yet reached its next step."""
        running = self._running
        return running is not None and running[0] == task_id and running[1].cancelled.is_set()

    def _work(self) -> None:
        with self._store.another() as store:
            while not self._stopping.is_set():
                self._asked.clear()
                try:
                    taken = self._take(store)
                    if taken is not None:
                        self._do(store, *taken)
                        continue
                except Exception as error:  # noqa: BLE001 - a full disk, say, must not end the background for good
                    _bug(error)
                    self._running = None
                self._asked.wait()

    def _take(self, store: Store) -> tuple[TaskRow, Recorder] | None:
        with store.transaction():
            task = _next(store)
            if task is None:
                return None
            store.execute("UPDATE tasks SET status = 'running', started_at = now() WHERE task_id = ?", [task.task_id])
            recorder = Recorder()
            with self._lock:
                self._running = (task.task_id, recorder)
        if self._stopping.is_set():
            recorder.cancelled.set()
        return task, recorder

    def _do(self, store: Store, task: TaskRow, recorder: Recorder) -> None:
        result: Mapping[str, Any] | None = None
        problem: Mapping[str, str] | None = None
        try:
            with history.acting_as(task.asked_by):
                # Settings may have changed since the server started.
                workspace = replace(self._workspace, settings=load(self._workspace.root / SETTINGS_FILE))
                result = find_kind(task.kind).work(Work(workspace, store, task.arguments, recorder))
            status = "done"
        except Cancelled:
            status = "interrupted" if self._stopping.is_set() else "cancelled"
        except ChatmillError as error:
            status, problem = "failed", _stated(error)
        except Exception as error:  # noqa: BLE001 - a bug in one task must not end the others; its words may hold text
            status, problem = "failed", _stated(storage_problem(error)) or _bug(error)
        self._at_end(store)
        with store.transaction():
            if status == "interrupted" and find_kind(task.kind).resumes:
                _wait(store, task.task_id)
            else:
                _end(store, task.task_id, status, result=result, problem=problem)
            with self._lock:
                self._running = None


def find_task(store: Store, task_id: str) -> TaskRow:
    """Give a task by id.

    Raises:
        UnknownWork: there is none.
    """
    rows = store.rows(f"SELECT {COLUMNS} FROM tasks WHERE task_id = ?", [task_id])
    if not rows:
        raise UnknownWork("There is no such task.", hint="The home page lists the latest.")
    return _task(rows[0])


def open_tasks(store: Store) -> list[TaskRow]:
    """Give what runs and what waits, in the order of the work."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM tasks WHERE status IN ('waiting', 'running') "
        "ORDER BY status, asked_at, task_id LIMIT 50"
    )
    return [_task(row) for row in rows]


def ended_tasks(store: Store, limit: int = 5) -> list[TaskRow]:
    """Give the tasks that ended last."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM tasks WHERE status NOT IN ('waiting', 'running') "
        "ORDER BY coalesce(finished_at, asked_at) DESC, task_id LIMIT ?",
        [limit],
    )
    return [_task(row) for row in rows]


def last_done(store: Store, kind: str) -> TaskRow | None:
    """Give the task of a kind that was done last."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM tasks WHERE kind = ? AND status = 'done' ORDER BY finished_at DESC LIMIT 1", [kind]
    )
    return _task(rows[0]) if rows else None


def newest_of(store: Store, kinds: Sequence[str]) -> TaskRow | None:
    """Give the task of some kinds that was asked for last."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM tasks WHERE list_contains(?, kind) ORDER BY asked_at DESC LIMIT 1", [list(kinds)]
    )
    return _task(rows[0]) if rows else None


def tasks_page(store: Store, *, after: Sequence[Any] | None, limit: int) -> list[TaskRow]:
    """Give tasks, the last asked first, that come after a place (asked_at, task_id)."""
    where, params = ("", []) if after is None else ("WHERE (asked_at, task_id) < (?, ?)", list(after))
    rows = store.rows(
        f"SELECT {COLUMNS} FROM tasks {where} ORDER BY asked_at DESC, task_id DESC LIMIT ?", [*params, limit]
    )
    return [_task(row) for row in rows]


def _take_up(store: Store) -> None:
    """Let what a killed server was at wait again, or offer it where going on unasked could cost money."""
    for task_id, kind in store.rows("SELECT task_id, kind FROM tasks WHERE status = 'running'"):
        if kind in KINDS and KINDS[kind].resumes:
            _wait(store, task_id)
        else:
            _end(store, task_id, "interrupted")


def _next(store: Store) -> TaskRow | None:
    rows = store.rows(f"SELECT {COLUMNS} FROM tasks WHERE status = 'waiting' ORDER BY asked_at, task_id LIMIT 1")
    return _task(rows[0]) if rows else None


def _wait(store: Store, task_id: str) -> None:
    store.execute(
        "UPDATE tasks SET status = 'waiting', finished_at = NULL, problem = NULL WHERE task_id = ?", [task_id]
    )


def _end(
    store: Store,
    task_id: str,
    status: str,
    *,
    result: Mapping[str, Any] | None = None,
    problem: Mapping[str, str] | None = None,
) -> None:
    store.execute(
        "UPDATE tasks SET status = ?, finished_at = now(), result = ?, problem = ? WHERE task_id = ?",
        [status, _json(result), _json(problem), task_id],
    )


def _stated(error: ChatmillError | None) -> dict[str, str] | None:
    return None if error is None else {"code": error.code, "message": error.message, "hint": error.hint}


def _bug(error: Exception) -> dict[str, str]:
    """Log where a bug struck, and nothing of its words: they may hold conversation text."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    logger.error("%s at %s:%s", type(error).__name__, place.filename, place.lineno)
    return {
        "code": "SRV-900",
        "message": f"chatmill broke: {type(error).__name__}. What was finished before is kept.",
        "hint": "Resume it; if it breaks again, report the line that the server's terminal shows.",
    }


def _task(row: Sequence[Any]) -> TaskRow:
    task_id, kind, arguments, status, by, asked_at, started_at, finished_at, result, problem = row
    return TaskRow(
        task_id, kind, orjson.loads(arguments), status, by, asked_at, started_at, finished_at,
        orjson.loads(result) if result else None, orjson.loads(problem) if problem else None,
    )  # fmt: skip


def _json(value: Mapping[str, Any] | None) -> str | None:
    return None if value is None else orjson.dumps(value, option=orjson.OPT_SORT_KEYS, default=str).decode()
