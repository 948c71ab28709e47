"""The operators that need the workspace's key: its subkeys, the keyed hash, and encryption that its holder can undo.

Without the key none of it can be undone or made again; with another key all of it comes out otherwise.
"""

from __future__ import annotations

import base64
import binascii
import re
from dataclasses import dataclass, field

from curate.redact.errors import PolicyError
from curate.redact.operators.streams import keyed
from curate.redact.operators.surrogates import same_value
from store.workspace import Workspace

HASH_DIGITS = 12
ENCRYPTED = re.compile(r"<([A-Z][A-Z0-9_]*):([A-Za-z0-9_-]{22,})>")


@dataclass(frozen=True, slots=True)
class Keys:
    """The subkeys of a workspace for redaction."""

    surrogates: bytes = field(repr=False)
    hashes: bytes = field(repr=False)
    encryption: bytes = field(repr=False)  # 64 bytes: two keys of AES-256, as SIV takes them

    @classmethod
    def of(cls, workspace: Workspace) -> Keys:
        """Derive them.

        Raises:
            StoreError: the workspace's key is missing or unsafe.
        """
        encryption = workspace.derive("encryption") + workspace.derive("encryption-2")
        return cls(workspace.derive("surrogates"), workspace.derive("hashes"), encryption)


def hashed(keys: Keys, label: str, entity_type: str, value: str) -> str:
    """Give `<LABEL_` and 12 hexadecimal digits of the HMAC of the value: the same wherever it stands."""
    digest = keyed(keys.hashes, label, same_value(entity_type, value)).hex()
    return f"<{label}_{digest[:HASH_DIGITS]}>"


def encrypt(keys: Keys, label: str, value: str) -> str:
    """Give `<LABEL:` and the value encrypted (AES-SIV, RFC 5297), in base64url: equal values give equal texts."""
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    sealed = AESSIV(keys.encryption).encrypt(value.encode(), [label.encode()])
    return f"<{label}:{base64.urlsafe_b64encode(sealed).decode().rstrip('=')}>"


def decrypt(text: str, keys: Keys) -> str:
    """Put the original values back into a text whose values were encrypted; for the holder of the workspace's key.

    Raises:
        PolicyError: something in it was encrypted with another key, or changed since.
    """
    return ENCRYPTED.sub(lambda found: _opened(keys, found[1], found[2]), text)


def _opened(keys: Keys, label: str, token: str) -> str:
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESSIV

    try:
        sealed = base64.urlsafe_b64decode(token + "=" * (-len(token) % 4))
        return AESSIV(keys.encryption).decrypt(sealed, [label.encode()]).decode()
    except (InvalidTag, binascii.Error, ValueError):
        raise PolicyError(
            f"A value of {label} cannot be decrypted with this workspace's key.",
            hint="Use the workspace that made the export, with its key.",
        ) from None
