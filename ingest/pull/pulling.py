"""Pull an account's conversations into the store: list what changed, fetch it, and have the connectors read it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from ingest.connector import Connector, Evidence, Recognised
from ingest.keys import to_json
from ingest.loading import BatchReport, load_batch, load_problem
from ingest.plan import PlannedBatch
from ingest.pull.errors import AGAIN, NotThere, OddAnswer, OtherAccount, PullError
from ingest.pull.pulled_file import PulledFile
from ingest.pull.queue import Position, Queue
from ingest.pull.source import Asked, Json, Source
from ingest.records import Reject
from ingest.registry import find
from store.database import Store
from store.history import record
from store.ledger import run
from store.progress import Progress, Task, silent
from store.workspace import Workspace

SLICE = 500
"""So many fetched conversations are read into the store together: what a pull holds back, and may redo, at most."""

MOST_REPEATS = 3
"""So often may a list give the same page: tools do while tickets move, but not for ever."""

PEOPLE = "users"


@dataclass(frozen=True, slots=True)
class PullReport:
    """What came of a pull; `unchanged` were fetched and are stored alike already, `gone` deleted before they were."""

    source: str
    account: str
    conversations: int = 0
    turns: int = 0
    rejects: int = 0
    unchanged: int = 0
    gone: int = 0

    def with_batch(self, batch: BatchReport) -> PullReport:
        """Add what was read of a slice."""
        if batch.status == "again":
            return self
        return replace(
            self,
            conversations=self.conversations + batch.conversations,
            turns=self.turns + batch.turns,
            rejects=self.rejects + batch.rejects,
            unchanged=self.unchanged + batch.superseded,
        )


def pull(workspace: Workspace, store: Store, source: Source, what: Asked, *, progress: Progress = silent) -> PullReport:
    """Pull what is new since the last time, or go on with a pull that was stopped.

    Raises:
        PullError: the source refuses, fails, or is another account than the one pulled before. What came until then
            is kept.
    """
    account = source.account()
    queue = Queue(store, what.source, account, workspace.settings.workspace.account)
    if others := queue.others():
        raise OtherAccount(
            f"This workspace holds the {what.source} account {others[0]}; the ids of {account} would clash with it.",
            hint="Pull it into a workspace of its own: chatmill pull ... -w DIR",
        )
    with (
        run(store, "pull", inputs={"source": what.source, "account": account}) as this,
        progress.task(f"pull: {what.source} {account}") as task,
    ):
        report = _Pull(store, source, queue, find(what.source), task).through(what.since)
        for name in ("conversations", "turns", "rejects", "unchanged", "gone"):
            this.count(name, getattr(report, name))
    record(store, "pull", subject=f"{what.source} {account}", after={"conversations": report.conversations})
    return report


class _Pull:
    """One pull on its way."""

    def __init__(self, store: Store, source: Source, queue: Queue, connector: Connector, task: Task) -> None:
        self._store = store
        self._source = source
        self._queue = queue
        self._connector = connector
        self._task = task
        self._report = PullReport(queue.source, queue.account)
        self._people: list[Json] = []
        self._gone: set[str] = set()

    def through(self, since: datetime | None) -> PullReport:
        """List, fetch and read until there is no more."""
        position = self._begin(since)
        self._people = self._source.people()
        if self._fetch():  # what a process before this one listed
            self._read(at_least=SLICE if position.is_complete else None)
        before, repeats = tuple[str, ...](), 0
        for page in self._source.pages(position.place, position.since):
            names = tuple(item.item_id for item in page.items)
            repeats = repeats + 1 if names and names == before else 0
            if repeats >= MOST_REPEATS:
                raise OddAnswer(f"{self._queue.account} gives the same page over and over.", hint=AGAIN)
            before = names
            self._queue.add(page, position.since)
            self._fetch()
            self._read(at_least=SLICE if page.is_complete else None)
        self._read(at_least=1)
        return replace(self._report, gone=len(self._gone))

    def _begin(self, since: datetime | None) -> Position:
        """Go on where the last pull was, unless another start is asked for."""
        known = self._queue.position()
        if known is not None and since in (None, known.since):
            return known
        start = Position(since, {}, known is None or known.is_complete)
        self._queue.move(start)
        return start

    def _fetch(self) -> bool:
        """Fetch what is listed, one by one; say whether anything waits to be read."""
        while (waiting := self._queue.next_to_fetch()) is not None:
            self._fetch_one(*waiting)
            self._task.advance()
        return self._queue.fetched() > 0

    def _fetch_one(self, item_id: str, part: str, listed: Json) -> None:
        try:
            self._queue.keep(item_id, self._source.fetch(listed))
        except NotThere:
            detail = "it was listed and could not be fetched: it was deleted, or the token may not see it"
            gone = Reject(item_id, "unreadable", detail, raw=to_json(listed), source_uri=self._source.uri(part))
            with self._store.transaction():
                load_problem(self._store, gone)
                self._queue.drop(item_id)
            self._gone.add(item_id)  # what pages overlap in is listed again

    def _read(self, *, at_least: int | None) -> None:
        """Have the connector read what is fetched, as it reads a saved export, once there is so much (None: not yet).

        Raises:
            PullError: the connector broke; what is fetched is kept.
        """
        if at_least is None or self._queue.fetched() < at_least:
            return
        export = f"{self._queue.source}:{self._queue.account}"
        people = "".join(to_json(person) + "\n" for person in self._people).encode()
        files = [
            PulledFile(self._source.uri(part), f"{part}.json", export, lambda part=part: self._queue.content(part))
            for part in self._queue.parts()
        ]
        if people:
            files.append(PulledFile(f"{export}/{PEOPLE}", f"{PEOPLE}.json", export, lambda: iter([people])))
        recognised = tuple(Recognised(file) for file in files)
        evidence = Evidence(1.0, ("pulled from its API",))
        batch = PlannedBatch(self._connector, evidence, recognised, tuple(file.sha256() for file in files))
        loaded = load_batch(self._store, batch, account=self._queue.key_account)
        if loaded.status == "failed":
            raise PullError(
                f"The {self._connector.name} connector broke on what was pulled, which is kept.",
                hint="Please report the reject with the code connector_failed; after an upgrade run the same command.",
            )
        self._report = self._report.with_batch(loaded)
        self._queue.clear()
