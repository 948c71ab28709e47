"""Write small exports and read them with one connector, as `chatmill ingest` would."""

import json
from pathlib import Path
from typing import Any

from ingest.connector import Connector, Reading, Recognised
from ingest.records import Conversation, Record, Reject
from ingest.source import SourceFile, walk
from store.database import Store


def read_folder(connector: Connector, folder: Path, store: Store) -> list[Record]:
    """Read every file of a folder that the connector recognises, all together."""
    found = [file for file in walk([folder]) if isinstance(file, SourceFile)]
    parts = [(file, connector.detect(file.sample)) for file in found]
    known = tuple(Recognised(file, evidence.part) for file, evidence in parts if evidence)
    return list(connector.read(Reading(known, spool=store.spool())))


def read_files(connector: Connector, folder: Path, store: Store, **files: Any) -> list[Record]:
    """Write values as JSON files, text as CSV, and read them."""
    folder.mkdir(exist_ok=True)
    for name, content in files.items():
        is_table = isinstance(content, str)
        text = content if is_table else json.dumps(content)
        (folder / f"{name}.{'csv' if is_table else 'json'}").write_text(text, encoding="utf-8")
    return read_folder(connector, folder, store)


def conversations(records: list[Record]) -> list[Conversation]:
    return [record for record in records if isinstance(record, Conversation)]


def rejects(records: list[Record]) -> list[tuple[str, str]]:
    return [(record.code, record.detail) for record in records if isinstance(record, Reject)]
