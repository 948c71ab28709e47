"""The files that somebody drops in together: received into sealed files, listed, thrown away."""

from __future__ import annotations

import errno
import shutil
import unicodedata
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from ingest.registry import find
from service.drops.errors import BadName, DropClosed, NoRoom, UnknownDrop
from store import history
from store.database import Store
from store.sealed import sealing
from store.workspace import Workspace

FOLDER = "incoming"
PURPOSE = "incoming"
KEPT_FREE = 512 * 2**20
"""What an upload leaves free on the disk: the store needs room to take in what was dropped."""
LOOK_EVERY = 64 * 2**20
MAX_NAME = 300
MAX_FILES = 20_000

OPEN, IMPORTING, IMPORTED = "open", "importing", "imported"


@dataclass(frozen=True, slots=True)
class DroppedFile:
    """One file of a drop; `place` names its sealed file."""

    place: str
    file_name: str
    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Drop:
    """Files that belong together, who dropped them, and what becomes of them."""

    drop_id: str
    status: str
    connector: str | None
    task_id: str | None
    dropped_by: str
    dropped_at: datetime
    files: tuple[DroppedFile, ...]

    @property
    def bytes(self) -> int:
        """What it holds altogether."""
        return sum(file.bytes for file in self.files)

    @property
    def title(self) -> str:
        """Name it for people: by its first file."""
        first = self.files[0].file_name if self.files else "nothing yet"
        return first if len(self.files) < 2 else f"{first} and {len(self.files) - 1} more"


def new_drop(store: Store) -> Drop:
    """Open a drop in the name of who is signed in."""
    drop_id = uuid.uuid4().hex[:12]
    store.execute("INSERT INTO drops VALUES (?, ?, NULL, NULL, ?, now())", [drop_id, OPEN, history.actor()])
    return find_drop(store, drop_id)


def find_drop(store: Store, drop_id: str) -> Drop:
    """Give a drop by id.

    Raises:
        UnknownDrop: there is none.
    """
    rows = store.rows(
        "SELECT drop_id, status, connector, task_id, dropped_by, dropped_at FROM drops WHERE drop_id = ?", [drop_id]
    )
    if not rows:
        raise UnknownDrop("There is no such drop.", hint="Drop the files in again.")
    files = store.rows(
        "SELECT place, file_name, bytes, sha256 FROM dropped_files WHERE drop_id = ? ORDER BY received_at, file_name",
        [drop_id],
    )
    return Drop(*rows[0], files=tuple(DroppedFile(*file) for file in files))


def open_drops(store: Store, limit: int = 20) -> list[Drop]:
    """Give the drops that are not imported yet, the newest first."""
    rows = store.rows(
        "SELECT drop_id FROM drops AS d WHERE status = ? AND drop_id IN (SELECT drop_id FROM dropped_files) "
        "ORDER BY dropped_at DESC, drop_id LIMIT ?",
        [OPEN, limit],
    )
    return [find_drop(store, drop_id) for (drop_id,) in rows]


def receive(
    workspace: Workspace, store: Store, drop: Drop, *, name: str, length: int | None, chunks: Iterable[bytes]
) -> DroppedFile:
    """Write a file as it comes, sealed; memory holds a piece of it, whatever its size.

    Raises:
        BadName: the name leads out of the drop.
        DropClosed: the drop is imported, or about to be, or is full.
        NoRoom: the disk is, or would be, full.
    """
    _check_open(drop)
    file_name = clean_name(name)
    folder = workspace.root / FOLDER / drop.drop_id
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _check_room(folder, length or 0)
    place = uuid.uuid4().hex[:12]
    try:
        with sealing(folder / place, workspace.derive(PURPOSE)) as sealed:
            looked = 0
            for chunk in chunks:
                sealed.write(chunk)
                if sealed.bytes - looked >= LOOK_EVERY:
                    _check_room(folder, 0)
                    looked = sealed.bytes
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            raise _no_room() from None
        raise
    with store.transaction():
        present = find_drop(store, drop.drop_id)
        _check_open(present)
        received = DroppedFile(place, _free_name(present, file_name), sealed.bytes, sealed.sha256)
        store.execute(
            "INSERT INTO dropped_files VALUES (?, ?, ?, ?, ?, now())",
            [drop.drop_id, received.place, received.file_name, received.bytes, received.sha256],
        )
        history.record(store, "drop in", subject=drop.drop_id, after={"bytes": received.bytes})
    return received


def discard(workspace: Workspace, store: Store, drop_id: str) -> None:
    """Throw a drop's files away, unread.

    Raises:
        UnknownDrop: there is none.
        DropClosed: it is being imported.
    """
    with store.transaction():
        drop = find_drop(store, drop_id)
        if store.value(
            "SELECT count(*) FROM tasks WHERE task_id = ? AND status IN ('waiting', 'running')", [drop.task_id]
        ):
            raise DropClosed("These files are being imported.", hint="Cancel the import first.")
        store.execute("DELETE FROM drops WHERE drop_id = ?", [drop_id])
        store.execute("DELETE FROM dropped_files WHERE drop_id = ?", [drop_id])
        history.record(store, "discard", subject=drop_id, before={"files": len(drop.files), "bytes": drop.bytes})
    remove_files(workspace, drop_id)


def choose_connector(store: Store, drop_id: str, connector: str | None) -> None:
    """Have a drop read with one connector; None: as recognised.

    Raises:
        UnknownDrop: there is no such drop.
        UnknownConnector: there is no such connector.
        DropClosed: it is being imported, or is.
    """
    with store.transaction():
        _check_open(find_drop(store, drop_id))
        name = find(connector).name if connector else None
        store.execute("UPDATE drops SET connector = ? WHERE drop_id = ?", [name, drop_id])


def give(store: Store, drop_id: str, task_id: str) -> None:
    """Hand a drop to the task that imports it; it takes no more files.

    Raises:
        UnknownDrop: there is none.
        DropClosed: it is being imported, or is.
    """
    with store.transaction():
        drop = find_drop(store, drop_id)
        if drop.status != OPEN:
            raise DropClosed("These files are being imported already.", hint="See the home page.")
        store.execute("UPDATE drops SET status = ?, task_id = ? WHERE drop_id = ?", [IMPORTING, task_id, drop_id])


def start(store: Store, drop_id: str) -> Drop:
    """Give a drop to import, closed to more files; again where a task goes on.

    Raises:
        UnknownDrop: there is none.
    """
    store.execute("UPDATE drops SET status = ? WHERE drop_id = ? AND status = ?", [IMPORTING, drop_id, OPEN])
    return find_drop(store, drop_id)


def finish(workspace: Workspace, store: Store, drop_id: str) -> None:
    """Remove a drop's files once the store has what they hold."""
    store.execute("UPDATE drops SET status = ? WHERE drop_id = ?", [IMPORTED, drop_id])
    remove_files(workspace, drop_id)


def remove_files(workspace: Workspace, drop_id: str) -> None:
    """Remove a drop's sealed files."""
    shutil.rmtree(workspace.root / FOLDER / drop_id, ignore_errors=True)


def sweep(workspace: Workspace, store: Store) -> None:
    """Remove what a killed server left half received, or imported and not yet removed."""
    folder = workspace.root / FOLDER
    if not folder.is_dir():
        return
    wanted = {drop_id for (drop_id,) in store.rows("SELECT drop_id FROM drops WHERE status <> ?", [IMPORTED])}
    for child in folder.iterdir():
        if child.name not in wanted:
            remove_files(workspace, child.name)
        for partial in child.glob("*.partial"):
            partial.unlink()


def imported_before(store: Store, drop: Drop) -> dict[str, tuple[str, datetime]]:
    """Say which of a drop's files, by place, somebody imported before: who, and when."""
    rows = store.rows(
        """
        SELECT mine.place, arg_max(d.dropped_by, d.dropped_at), max(d.dropped_at)
        FROM dropped_files AS mine JOIN dropped_files AS other USING (sha256)
        JOIN drops AS d ON d.drop_id = other.drop_id
        WHERE mine.drop_id = ? AND other.drop_id <> ? AND d.status = ? GROUP BY mine.place
        """,
        [drop.drop_id, drop.drop_id, IMPORTED],
    )
    return {place: (by, at) for place, by, at in rows}


def clean_name(name: str) -> str:
    """Make a name, perhaps with folders, fit to be shown and to be a place in the drop.

    Raises:
        BadName: nothing is left, or it leads out of the drop.
    """
    plain = unicodedata.normalize("NFC", name.replace("\\", "/"))
    plain = "".join(character if character.isprintable() else " " for character in plain)
    parts = [part.strip() for part in PurePosixPath(plain.lstrip("/")).parts]
    if not parts or ".." in parts or len(plain) > MAX_NAME:
        raise BadName("A file's name is empty, too long, or leads out of the drop.", hint="Rename it.")
    return "/".join(part.lstrip(".") or "file" for part in parts)


def path_of(drop_id: str, file_name: str = "") -> Path:
    """Give the place of a drop, or of a file in it, as ingest names it."""
    return Path(FOLDER) / drop_id / file_name


def _check_open(drop: Drop) -> None:
    if drop.status != OPEN:
        raise DropClosed("These files are being imported already.", hint="Open a new drop.")
    if len(drop.files) >= MAX_FILES:
        raise DropClosed(f"A drop takes {MAX_FILES:,} files.", hint="Pack them into a zip archive.")


def _free_name(drop: Drop, name: str) -> str:
    """Tell files of one name apart."""
    taken = {file.file_name for file in drop.files}
    path, number, free = PurePosixPath(name), 2, name
    while free in taken:
        free = str(path.with_name(f"{path.stem} ({number}){path.suffix}"))
        number += 1
    return free


def _check_room(folder: Path, needed: int) -> None:
    if shutil.disk_usage(folder).free < needed + KEPT_FREE:
        raise _no_room()


def _no_room() -> NoRoom:
    return NoRoom("The disk has no room for this file.", hint="Free some, or move the workspace to a larger disk.")
