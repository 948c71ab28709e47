"""Carry a workspace and its key to safety and back.

The archive is a tar file: the store as it is (encrypted), the settings, rules and mappings, and the key sealed with a
passphrase (scrypt, RFC 7914, then AES-256-GCM), so that the archive alone opens nothing.
"""

import hashlib
import io
import os
import secrets
import tarfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from store.errors import StoreError
from store.keys import key_path, read_key, write_key
from store.settings import from_dict, load
from store.workspace import SETTINGS_FILE, STORE_FILE, Workspace

SEALED_KEY = "key.sealed"
SALT_BYTES, NONCE_BYTES = 16, 12
SCRYPT_COST = 2**17
"""N of scrypt, with r = 8 and p = 1: 128 MB and about half a second (OWASP password storage cheat sheet, 2023)."""

KEPT_FOLDERS = ("rules", "mappings")
MIN_PASSPHRASE = 12


class BackupError(StoreError):
    """Say that a backup cannot be written or read."""

    code = "STO-140"


@dataclass(frozen=True, slots=True)
class Backup:
    """An archive that was written."""

    file: Path
    bytes: int
    sha256: str


def write_backup(workspace: Workspace, file: Path, *, passphrase: str) -> Backup:
    """Write a workspace's backup; the file is there whole or not at all.

    Raises:
        BackupError: the passphrase is shorter than 12 characters, or the file exists.
        StoreError: another process has the store open.
    """
    if len(passphrase) < MIN_PASSPHRASE:
        raise BackupError("The passphrase is too short.", hint=f"Take at least {MIN_PASSPHRASE} characters.")
    if file.exists():
        raise BackupError(f"{file} exists already.", hint="Name another file.")
    with workspace.open() as store:
        store.checkpoint()
    sealed = _seal(read_key(workspace.settings.workspace.id), passphrase)
    partial = file.with_name(file.name + ".partial")
    with tarfile.open(partial, "w") as archive:
        _add(archive, SEALED_KEY, sealed)
        for name in (SETTINGS_FILE, STORE_FILE, *KEPT_FOLDERS):
            if (workspace.root / name).exists():
                archive.add(workspace.root / name, arcname=name)
    partial.replace(file)
    with file.open("rb") as written:
        digest = hashlib.file_digest(written, "sha256").hexdigest()
    return Backup(file, file.stat().st_size, digest)


def read_backup(file: Path, directory: Path, *, passphrase: str) -> Workspace:
    """Restore a workspace into an empty folder and its key to the user's key folder.

    Raises:
        BackupError: no backup, a wrong passphrase, a folder that holds something, or another key in the key's place.
    """
    directory = directory.resolve()
    if directory.exists() and any(directory.iterdir()):
        raise BackupError(f"{directory} is not empty.", hint="Name an empty or new folder.")
    try:
        with tarfile.open(file, "r:") as archive:
            key = _unseal(_read(archive, SEALED_KEY), passphrase)
            settings = from_dict(_settings(_read(archive, SETTINGS_FILE)))
            _write_key(settings.workspace.id, key, directory)
            # filter="data" refuses absolute names, links out of the folder and special files.
            archive.extractall(directory, members=_contents(archive), filter="data")
    except (OSError, tarfile.TarError, KeyError):
        raise BackupError(
            f"{file} is no backup that chatmill wrote, or is damaged.", hint="Try another copy."
        ) from None
    workspace = Workspace(directory, load(directory / SETTINGS_FILE))
    workspace.open().close()
    return workspace


def _contents(archive: tarfile.TarFile) -> list[tarfile.TarInfo]:
    return [member for member in archive.getmembers() if member.name != SEALED_KEY]


def _write_key(workspace_id: str, key: bytes, directory: Path) -> None:
    if "CHATMILL_KEY" in os.environ:
        return
    write_key(key_path(workspace_id), key.hex(), outside=directory)
    if read_key(workspace_id) != key:
        raise BackupError(
            f"{key_path(workspace_id)} already holds another key.",
            hint="Set CHATMILL_KEY_FILE to a new file and restore again.",
        )


def _seal(key: bytes, passphrase: str) -> bytes:
    salt, nonce = secrets.token_bytes(SALT_BYTES), secrets.token_bytes(NONCE_BYTES)
    return salt + nonce + AESGCM(_stretch(passphrase, salt)).encrypt(nonce, key, SEALED_KEY.encode())


def _unseal(sealed: bytes, passphrase: str) -> bytes:
    salt, rest = sealed[:SALT_BYTES], sealed[SALT_BYTES:]
    nonce, box = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
    try:
        return AESGCM(_stretch(passphrase, salt)).decrypt(nonce, box, SEALED_KEY.encode())
    except InvalidTag:
        raise BackupError("The passphrase does not open this backup.", hint="Give the one it was made with.") from None


def _stretch(passphrase: str, salt: bytes) -> bytes:
    return Scrypt(salt=salt, length=32, n=SCRYPT_COST, r=8, p=1).derive(passphrase.encode())


def _settings(document: bytes) -> dict[str, object]:
    return tomllib.loads(document.decode())


def _read(archive: tarfile.TarFile, name: str) -> bytes:
    member = archive.extractfile(name)
    if member is None:
        raise KeyError(name)
    return member.read()


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(content), 0o600
    archive.addfile(entry, io.BytesIO(content))
