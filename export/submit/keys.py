"""Find a provider's API key: in the environment, else in the system's keyring. It is neither stored nor shown."""
# pyright: reportMissingImports=false

from __future__ import annotations

import os
from dataclasses import dataclass

SERVICE = "chatmill"
"""The keyring's service under which keys are looked for."""


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A key, "" where there is none; `place` says in words where it was found, or where it was looked for."""

    value: str
    place: str

    def __repr__(self) -> str:
        """Tell the place alone: what is printed by accident must not hold the key."""
        return f"FoundKey({self.place!r})"


def find_key(name: str) -> FoundKey:
    """Look for a key by its name: the environment variable first, then the keyring's entry of the same name."""
    if value := os.environ.get(name, "").strip():
        return FoundKey(value, f"the environment variable {name}")
    looked = f"the environment variable {name}"
    try:
        import keyring
        from keyring.errors import KeyringError
    except ImportError:
        return FoundKey("", f"{looked}; the keyring was not asked, because chatmill[keyring] is not installed")
    try:
        value = (keyring.get_password(SERVICE, name) or "").strip()
    except (KeyringError, RuntimeError):
        return FoundKey("", f"{looked}; the keyring of this machine could not be opened")
    place = f"the keyring entry {SERVICE} {name}"
    return FoundKey(value, place) if value else FoundKey("", f"{looked} and {place}")


def how_to_set(name: str) -> str:
    """Say how a key is put where `find_key` looks."""
    return (
        f"Set the environment variable {name}, or keep it in the keyring: keyring set {SERVICE} {name}. "
        "chatmill neither stores nor shows it."
    )
