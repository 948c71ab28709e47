"""Carry what connectors give into the store, chunk by chunk, so that memory does not grow with the export.

A batch is one file, or the files of a folder that belong together. Its rows are keyed by what they are, so reading it
again changes nothing; a batch that was read to its end is not read again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import partial

import polars as pl

from ingest.connector import Reading
from ingest.keys import key, to_json
from ingest.mapping import Mapping
from ingest.plan import PlannedBatch
from ingest.reading import Chunk, Reader
from ingest.records import Conversation, Record, Reject
from ingest.rows import Rows
from store.database import Store
from store.errors import UsageError
from store.ledger import run
from store.lookups import drop_lookups
from store.progress import Progress, silent
from store.workers import Workers

LOADER_VERSION = 3
"""Raised when cleaning or keys change, so that exports are read anew."""

LOADING_MEMORY = "96MB"
LOADING_THREADS = 1
"""Loading only appends: the database would keep what it wrote in memory for nothing, and its threads wait for it."""

RAW_CHARACTERS = 1_000_000

# What was deleted at the source is whole as it is: an older version must not bring it back.
WHOLE = "({0}.completeness = 'complete' OR coalesce({0}.status, '') = 'deleted')"

KEEP_VERSION = """
INSERT INTO versions
SELECT conversation_key, content_hash, updated_at, completeness, source_uri, place, batch_id, ?, now()
FROM conversations SEMI JOIN superseded USING (conversation_key)
"""

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
    workers: Workers | None = None,
    progress: Progress = silent,
) -> BatchReport:
    """Read one batch into the store and say what came of it; without workers in this process alone.

    Raises:
        WorkerDied: a worker was killed; the same command again goes on.
    """
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
    reader = Reader(batch.connector, batch.uri, account, LOADER_VERSION)
    if dry_run:
        return _dry(batch, reader.records(partial(batch.connector.read, reading)))
    chunks = reader.chunks(reading, workers or Workers(1))
    return _Loading(store, batch, batch_id, account, mapping).load(chunks, progress)


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

    def load(self, chunks: Iterable[Chunk], progress: Progress) -> BatchReport:
        """Store every record, a chunk in a transaction, and close the batch."""
        with (
            run(self.store, "ingest", inputs={"batch": self.batch_id, "file": self.batch.uri}) as this,
            progress.task(f"ingest: {self.batch.name}") as task,
        ):
            self._open(this.run_id)
            drop_lookups(self.store)
            for chunk in chunks:
                with self.store.transaction():
                    self._store_rows(chunk.rows)
                    self._store_rejects(chunk.rejects)
                self.records += chunk.records
                task.advance(chunk.records)
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

    def _store_rows(self, rows: Rows) -> None:
        if rows.conversations.is_empty():
            return
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
            self.store.execute(KEEP_VERSION, [self.batch_id])
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
    """Name the conversations that are not stored yet, or differ and supersede what is stored.

    Of two whole versions, or two that lack something, the newer does; a whole one supersedes one that lacks something,
    whatever their times.
    """
    told = rows.conversations.select("conversation_key", "content_hash", "updated_at", "completeness", "status")
    with store.scratch(incoming=told):
        return store.frame(f"""
            SELECT i.conversation_key, c.conversation_key IS NOT NULL AS is_stored
            FROM incoming AS i
            LEFT JOIN conversations AS c ON c.conversation_key = i.conversation_key
            WHERE c.conversation_key IS NULL
               OR (c.content_hash <> i.content_hash AND CASE
                   WHEN {WHOLE.format("i")} = {WHOLE.format("c")} THEN coalesce(i.updated_at >= c.updated_at, true)
                   ELSE {WHOLE.format("i")} END)
        """)


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
