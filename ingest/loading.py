"""Carry what connectors give into the store, chunk by chunk, so that memory does not grow with the export.

A batch is one file, or the files of a folder that belong together. Its rows are keyed by what they are, so reading it
again changes nothing; a batch that was read to its end is not read again.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import polars as pl

from ingest.connector import Connector, Reading
from ingest.keys import key, to_json
from ingest.mapping import Mapping
from ingest.plan import PlannedBatch
from ingest.records import Conversation, Record, Reject
from ingest.rows import Rows, to_rows
from store.database import Store
from store.errors import ChatmillError, UsageError
from store.ledger import run
from store.progress import Progress, silent

logger = logging.getLogger(__name__)

LOADER_VERSION = 3
"""Raised when cleaning or keys change, so that exports are read anew."""

TURNS_PER_CHUNK = 20_000
RAW_CHARACTERS = 1_000_000

CONTENT_TABLES = ("conversations", "participants", "turns", "attachments")


@dataclass(frozen=True, slots=True)
class BatchReport:
    """What came of one batch."""

    connector: str
    file: str
    status: str
    """done, again (it had been read before), dry, or failed (`problem` says why; without one the connector broke)."""
    conversations: int
    turns: int
    rejects: int
    superseded: int
    problem: UsageError | None = None


def load_batch(
    store: Store,
    batch: PlannedBatch,
    *,
    account: str,
    mapping: Mapping | None = None,
    dry_run: bool = False,
    progress: Progress = silent,
) -> BatchReport:
    """Read one batch into the store and say what came of it."""
    batch_id = key(
        "batch", batch.connector.name, str(batch.connector.version), str(LOADER_VERSION), account,
        to_json(mapping), *batch.hashes,
    )  # fmt: skip
    known = store.rows(
        "SELECT conversations, turns, rejects, superseded FROM batches WHERE batch_id = ? AND status = 'done'",
        [batch_id],
    )
    if known:
        return BatchReport(batch.connector.name, batch.uri, "again", *known[0])
    reading = Reading(batch.files, spool=store.spool(), mapping=mapping)
    records = _placed(batch, _guarded(batch.connector, reading))
    if dry_run:
        return _dry(batch, records)
    return _Loading(store, batch, batch_id, account, mapping).load(records, progress)


def load_problem(store: Store, batch: PlannedBatch | Reject, problem: UsageError | None = None) -> None:
    """Keep a file that could not be read at all among the rejects."""
    if isinstance(batch, Reject):
        reject, uri = batch, batch.source_uri
    else:
        uri = batch.uri
        reject = Reject("file", "unexplained", problem.message if problem else "no connector recognises it")
    batch_id = key("reject", uri, reject.code, reject.detail)
    with store.transaction(), run(store, "ingest", inputs={"file": uri}) as this:
        row = {
            "batch_id": batch_id, "connector": "", "connector_version": 0, "source_uri": uri, "file_sha256": "",
            "file_bytes": 0, "options": "{}", "status": "failed", "rejects": 1, "run_id": this.run_id,
        }  # fmt: skip
        _store_batch(store, pl.DataFrame([row]))
        store.replace("rejects", _reject_rows([replace(reject, source_uri=uri)], batch_id), keys=("batch_id",))


@dataclass(slots=True)
class _Loading:
    """The loading of one batch, from its first record to its last."""

    store: Store
    batch: PlannedBatch
    batch_id: str
    account: str
    mapping: Mapping | None
    records: int = 0
    rejects: int = 0
    status: str = "done"

    def load(self, records: Iterable[Record], progress: Progress) -> BatchReport:
        """Store every record, a chunk in a transaction, and close the batch."""
        with (
            run(self.store, "ingest", inputs={"batch": self.batch_id, "file": self.batch.uri}) as this,
            progress.task(f"ingest: {self.batch.name}") as task,
        ):
            self._open(this.run_id)
            for conversations, rejects in _chunks(records):
                with self.store.transaction():
                    self._store_conversations(conversations)
                    self._store_rejects(rejects)
                task.advance(len(conversations))
            report = self._close()
            for name in ("conversations", "turns", "rejects", "superseded"):
                this.count(name, getattr(report, name))
        return report

    def _open(self, run_id: str) -> None:
        options = {"account": self.account, "mapping": self.mapping}
        row = {
            "batch_id": self.batch_id,
            "connector": self.batch.connector.name,
            "connector_version": self.batch.connector.version,
            "source_uri": self.batch.uri,
            "file_sha256": " ".join(self.batch.hashes),
            "file_bytes": self.batch.size,
            "detected_encoding": self.batch.encoding,
            "detected_format": "; ".join(self.batch.evidence.reasons),
            "options": to_json(options),
            "status": "running",
            "run_id": run_id,
        }
        with self.store.transaction():
            _store_batch(self.store, pl.DataFrame([row]))
            self.store.execute("DELETE FROM rejects WHERE batch_id = ?", [self.batch_id])

    def _store_conversations(self, conversations: list[Conversation]) -> None:
        self.records += len(conversations)
        if not conversations:
            return
        rows = to_rows(conversations, connector=self.batch.connector.name, account=self.account, version=LOADER_VERSION)
        fresh = _newer(self.store, rows)
        self._delete(fresh.filter("is_stored"))
        keep = rows.conversations.join(fresh, on="conversation_key", how="semi")
        frames = {
            "conversations": keep.with_columns(pl.lit(self.batch_id).alias("batch_id")),
            "participants": rows.participants,
            "turns": rows.turns,
            "attachments": rows.attachments,
        }
        for table, frame in frames.items():
            self.store.append(table, frame.join(fresh, on="conversation_key", how="semi", maintain_order="left"))

    def _delete(self, superseded: pl.DataFrame) -> None:
        if superseded.is_empty():
            return  # looking for nothing would still go through whole tables
        with self.store.scratch(superseded=superseded):
            for table in CONTENT_TABLES:
                self.store.execute(
                    f"DELETE FROM {table} AS old USING superseded AS s WHERE old.conversation_key = s.conversation_key"
                )

    def _store_rejects(self, rejects: list[Reject]) -> None:
        self.rejects += len(rejects)
        if any(reject.code == "connector_failed" for reject in rejects):
            self.status = "failed"  # so that a mended connector reads the file anew
        if rejects:
            self.store.append("rejects", _reject_rows(rejects, self.batch_id))

    def _close(self) -> BatchReport:
        conversations = self.store.value("SELECT count(*) FROM conversations WHERE batch_id = ?", [self.batch_id])
        turns = self.store.value(
            "SELECT count(*) FROM turns JOIN conversations USING (conversation_key) WHERE batch_id = ?",
            [self.batch_id],
        )
        superseded = self.records - conversations
        self.store.execute(
            "UPDATE batches SET status = ?, finished_at = now(), records = ?, conversations = ?, turns = ?, "
            "rejects = ?, superseded = ? WHERE batch_id = ?",
            [self.status, self.records, conversations, turns, self.rejects, superseded, self.batch_id],
        )
        return BatchReport(
            self.batch.connector.name, self.batch.uri, self.status, conversations, turns, self.rejects, superseded
        )


def _newer(store: Store, rows: Rows) -> pl.DataFrame:
    """Name the conversations that are not stored yet, or differ and are not older than what is stored."""
    with store.scratch(incoming=rows.conversations.select("conversation_key", "content_hash", "updated_at")):
        return store.frame("""
            SELECT i.conversation_key, c.conversation_key IS NOT NULL AS is_stored
            FROM incoming AS i
            LEFT JOIN conversations AS c ON c.conversation_key = i.conversation_key
            WHERE c.conversation_key IS NULL
               OR (c.content_hash <> i.content_hash
                   AND coalesce(i.updated_at >= c.updated_at, true))
        """)


def _chunks(records: Iterable[Record]) -> Iterator[tuple[list[Conversation], list[Reject]]]:
    conversations: list[Conversation] = []
    rejects: list[Reject] = []
    weight = 0
    for record in records:
        if isinstance(record, Conversation):
            conversations.append(record)
            weight += len(record.turns)
        else:
            rejects.append(record)
            weight += 1
        if weight >= TURNS_PER_CHUNK:
            yield conversations, rejects
            conversations, rejects, weight = [], [], 0
    yield conversations, rejects


def _placed(batch: PlannedBatch, records: Iterable[Record]) -> Iterator[Record]:
    """Name the file where the connector has not, and turn conversations in which nothing was said into rejects."""
    for record in records:
        placed = record if record.source_uri else replace(record, source_uri=batch.uri)
        if isinstance(placed, Conversation) and not placed.turns:
            detail = "the conversation has no turns"
            yield Reject(placed.place, "no_turns", detail, raw=to_json(placed), source_uri=placed.source_uri)
        else:
            yield placed


def _guarded(connector: Connector, reading: Reading) -> Iterator[Record]:
    """Read on in the face of a connector's own failure: what it gave is kept, and the failure is a reject."""
    try:
        yield from connector.read(reading)
    except ChatmillError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a hostile file brings about must not cost the other files
        logger.warning("connector %s failed with %s", connector.name, type(error).__name__)
        yield Reject("the rest of the file", "connector_failed", f"the connector failed with {type(error).__name__}")


def _dry(batch: PlannedBatch, records: Iterable[Record]) -> BatchReport:
    conversations = turns = rejects = 0
    for record in records:
        if isinstance(record, Conversation):
            conversations += 1
            turns += len(record.turns)
        else:
            rejects += 1
    return BatchReport(batch.connector.name, batch.uri, "dry", conversations, turns, rejects, 0)


def _reject_rows(rejects: list[Reject], batch_id: str) -> pl.DataFrame:
    columns = {
        "batch_id": [batch_id] * len(rejects),
        "source_uri": [reject.source_uri for reject in rejects],
        "place": [reject.place for reject in rejects],
        "code": [reject.code for reject in rejects],
        "detail": [reject.detail for reject in rejects],
        "raw": [reject.raw[:RAW_CHARACTERS].encode("utf-8", "replace").decode() for reject in rejects],
    }
    return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))


def _store_batch(store: Store, row: pl.DataFrame) -> None:
    batch_id = row.item(0, "batch_id")
    store.execute("DELETE FROM batches WHERE batch_id = ?", [batch_id])
    with store.scratch(opened=row):
        names = ", ".join(row.columns)
        store.execute(f"INSERT INTO batches ({names}, started_at) SELECT {names}, now() FROM opened")
