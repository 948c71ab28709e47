"""The key of a workspace: made once, kept outside it, never shown.

Order of places: CHATMILL_KEY (64 hex digits), CHATMILL_KEY_FILE, then the workspace's own file in the user's
configuration folder (or CHATMILL_KEY_DIR).
"""

import hmac
import os
import re
import secrets
from pathlib import Path

from platformdirs import user_config_path

from store.errors import StoreError

KEY_HEX_DIGITS = 64
LOST = "Without the key the store cannot be read by anybody; restore it from a backup."


class KeyMissing(StoreError):
    """Say that the workspace's key is not where it should be."""

    code = "STO-110"


class KeyUnsafe(StoreError):
    """Say that the key lies where it protects nothing."""

    code = "STO-111"


def key_path(workspace_id: str) -> Path:
    """Name the file that holds a workspace's key."""
    if given := os.environ.get("CHATMILL_KEY_FILE"):
        return Path(given)
    folder = os.environ.get("CHATMILL_KEY_DIR")
    return (Path(folder) if folder else user_config_path("chatmill") / "keys") / f"{workspace_id}.key"


def make_key(workspace_id: str, *, outside: Path) -> Path | None:
    """Make a workspace's key file with mode 0600 and name it, or give None where CHATMILL_KEY holds the key.

    A key that is already there is kept.

    Raises:
        KeyUnsafe: the file would lie inside the workspace `outside`.
    """
    if "CHATMILL_KEY" in os.environ:
        _check(os.environ["CHATMILL_KEY"], "CHATMILL_KEY")
        return None
    path = key_path(workspace_id)
    write_key(path, secrets.token_hex(KEY_HEX_DIGITS // 2), outside=outside)
    return path


def write_key(path: Path, key: str, *, outside: Path) -> None:
    """Write a key file that only its owner can read, unless there is one.

    Raises:
        KeyUnsafe: the file would lie inside the workspace `outside`.
    """
    if path.resolve().is_relative_to(outside.resolve()):
        raise KeyUnsafe(
            f"The key file {path} would lie inside the workspace, beside the store it protects.",
            hint="Set CHATMILL_KEY_FILE to a place outside it.",
        )
    if path.exists():
        return
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="ascii") as file:
        file.write(key + "\n")


def read_key(workspace_id: str) -> bytes:
    """Read a workspace's key.

    Raises:
        KeyMissing: there is no key file, or it holds no key.
        KeyUnsafe: others than its owner may read the file.
    """
    if given := os.environ.get("CHATMILL_KEY"):
        return _check(given, "CHATMILL_KEY")
    path = key_path(workspace_id)
    try:
        text = path.read_text(encoding="ascii")
        mode = path.stat().st_mode
    except (OSError, UnicodeDecodeError):
        raise KeyMissing(
            f"The workspace's key is not at {path}.", hint=f"Set CHATMILL_KEY_FILE to where it is. {LOST}"
        ) from None
    if os.name == "posix" and mode & 0o077:
        raise KeyUnsafe(f"The key file {path} can be read by others.", hint=f"Run: chmod 600 {path}")
    return _check(text.strip(), str(path))


def derive(key: bytes, purpose: str) -> bytes:
    """Derive the 32-byte subkey for one purpose, so that no key serves two (HMAC-SHA256, RFC 2104)."""
    return hmac.digest(key, f"chatmill:{purpose}".encode(), "sha256")


def _check(key: str, place: str) -> bytes:
    if not re.fullmatch(r"[0-9a-fA-F]{64}", key):
        raise KeyMissing(f"{place} holds no key: 64 hexadecimal digits are needed.", hint=LOST)
    return bytes.fromhex(key)
