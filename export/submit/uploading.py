"""Bring a file to the provider once: known by its hash, resumed part by part, used once the provider has read it."""

from __future__ import annotations

from dataclasses import dataclass

from export.submit.dry_run import SentFile
from export.submit.errors import AGAIN, FileNotReady, FileRefused, NotThere, RequestRefused
from export.submit.patience import Patience
from export.submit.provider import Provider, RemoteFile
from store.database import Store
from store.progress import Progress, Task

READING_SECONDS = 1800.0  # how long a provider may read a file (what the SDK's wait_for_processing allows)
LOOK_EVERY = 5.0


@dataclass(frozen=True, slots=True)
class _Begun:
    """An upload in parts that is under way."""

    upload_id: str
    part_bytes: int
    part_ids: list[str]


@dataclass(frozen=True, slots=True)
class Uploading:
    """Bring one file to a provider, with what it takes."""

    store: Store
    provider: Provider
    file: SentFile
    patience: Patience
    progress: Progress

    @property
    def name(self) -> str:
        """The file's name at the provider: by it the file is found again, whoever sent it."""
        return f"chatmill-{self.file.sha256}.jsonl"

    def bring(self) -> str:
        """Give the provider's id of the file, ready to be used.

        Raises:
            FileRefused: the provider cannot read it.
            FileNotReady: the provider took too long to read it.
        """
        remote = self._known() or self.patience.once(self._find, self._send)
        self._remember(remote)
        return self._when_ready(remote)

    def _known(self) -> RemoteFile | None:
        """Look up the file that we remember; the provider may have lost it, or the key belong to another account."""
        file_id = self.store.value("SELECT file_id FROM uploads WHERE endpoint = ? AND sha256 = ?", self._key())
        if not file_id:
            return None
        try:
            remote = self.provider.file(file_id)
        except NotThere:
            return None
        return None if remote.is_failed else remote

    def _find(self) -> RemoteFile | None:
        return self.provider.find_file(self.name, self.file.bytes)

    def _send(self) -> RemoteFile:
        with self.progress.task(f"Uploading {self.file.name}, bytes", self.file.bytes) as task:
            if self.file.bytes > self.provider.part_bytes:
                return self._send_in_parts(task)
            sent = self.provider.upload(self.file.path, self.name)
            task.advance(self.file.bytes)
            return sent

    def _send_in_parts(self, task: Task) -> RemoteFile:
        """Go on with the upload that was begun; where the provider has dropped it, begin anew, once."""
        try:
            return self._send_parts(self._begun() or self._begin(), task)
        except RequestRefused:
            # It may have been put together already, and only the answer got lost.
            return self._find() or self._send_parts(self._begin(), task)

    def _send_parts(self, begun: _Begun, task: Task) -> RemoteFile:
        size, ids = begun.part_bytes, list(begun.part_ids)
        task.advance(min(len(ids) * size, self.file.bytes))
        with self.file.path.open("rb") as file:
            file.seek(len(ids) * size)
            while data := file.read(size):
                ids.append(self.provider.upload_part(begun.upload_id, data))
                self._note(_Begun(begun.upload_id, size, ids))
                task.advance(len(data))
        return self.provider.finish_upload(begun.upload_id, ids)

    def _begun(self) -> _Begun | None:
        rows = self.store.rows(
            "SELECT upload_id, part_bytes, part_ids FROM uploads WHERE endpoint = ? AND sha256 = ? "
            "AND upload_id IS NOT NULL",
            self._key(),
        )
        return _Begun(*rows[0]) if rows else None

    def _begin(self) -> _Begun:
        upload_id = self.provider.start_upload(self.name, self.file.bytes)
        begun = _Begun(upload_id, self.provider.part_bytes, [])
        self._note(begun)
        return begun

    def _note(self, begun: _Begun) -> None:
        with self.store.transaction():
            self._forget()
            self.store.execute(
                "INSERT INTO uploads VALUES (?, ?, NULL, ?, ?, ?, now())",
                [*self._key(), begun.upload_id, begun.part_bytes, begun.part_ids],
            )

    def _remember(self, remote: RemoteFile) -> None:
        with self.store.transaction():
            self._forget()
            self.store.execute(
                "INSERT INTO uploads VALUES (?, ?, ?, NULL, NULL, NULL, now())", [*self._key(), remote.file_id]
            )

    def _forget(self) -> None:
        self.store.execute("DELETE FROM uploads WHERE endpoint = ? AND sha256 = ?", self._key())

    def _key(self) -> list[str]:
        return [self.provider.endpoint, self.file.sha256]

    def _when_ready(self, remote: RemoteFile) -> str:
        since = self.patience.clock()
        while True:
            if remote.is_failed:
                self._forget()
                raise FileRefused(
                    f"{self.provider.endpoint} cannot use {self.file.name} ({remote.file_id}): "
                    f"{remote.problem or 'no reason was given'}.",
                    hint="Look at the file with `chatmill submit --dry-run`; no job was made.",
                )
            if not remote.is_waiting:
                return remote.file_id
            if self.patience.clock() - since > READING_SECONDS:
                raise FileNotReady(
                    f"{self.provider.endpoint} has been reading {self.file.name} ({remote.file_id}) for half an hour.",
                    hint=AGAIN,
                )
            self.patience.sleep(LOOK_EVERY)
            remote = self.provider.file(remote.file_id)
