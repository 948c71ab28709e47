"""What stands in the place of a finding: placeholder, surrogate, mask, hash, encrypt, keep.

Which one is the policy's business, by entity and by the role of the turn. `Operators` serves one conversation.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol

from curate.redact.errors import PolicyError
from curate.redact.operators.keyed import Keys, encrypt, hashed
from curate.redact.operators.mask import mask
from curate.redact.operators.placeholder import Numbering
from curate.redact.operators.sheets import read_sheets
from curate.redact.operators.surrogates import Sheet, Value
from curate.redact.policy import KEYED, SURROGATE, Policy
from store.database import Store
from store.workspace import Workspace


class StandIns(Protocol):
    """Give what stands in the place of a value found in a turn of a role."""

    def stand_in(self, entity_type: str, value: str, role: str) -> str:
        """Give the text for a value."""
        ...


class Operators:
    """The operators over one conversation: one numbering, one customer's sheet."""

    def __init__(
        self, policy: Policy, *, language: str = "en", keys: Keys | None = None, sheet: Sheet | None = None
    ) -> None:
        """Take the policy, the conversation's language, and for keyed operators the keys and the customer's sheet."""
        self._policy = policy
        self._language = language
        self._keys = keys
        self._sheet = sheet
        self._numbering = Numbering()

    def stand_in(self, entity_type: str, value: str, role: str) -> str:
        """Give what the policy puts in a value's place.

        Raises:
            PolicyError: the operator needs the key of a workspace and there is none.
        """
        entity = self._policy.of(entity_type)
        match entity.operator_for(role):
            case "surrogate" if self._sheet is not None:
                return self._sheet.surrogate(Value(entity_type, value, self._language))
            case "mask":
                return mask(value, entity.show_last)
            case "hash" if self._keys is not None:
                return hashed(self._keys, entity.label, entity_type, value)
            case "encrypt" if self._keys is not None:
                return encrypt(self._keys, entity.label, value)
            case "placeholder":
                return self._numbering.placeholder(entity.label, value)
            case operator:
                raise PolicyError(
                    f"The operator {operator!r} of {entity_type} needs the key of a workspace, and there is none here.",
                    hint="Use placeholder, mask or keep, or redact within a workspace.",
                )


class PageOperators:
    """The operators for some conversations: the workspace's keys and the customers' sheets, read once."""

    def __init__(
        self, store: Store, policy: Policy, names: Iterable[str], owners: Mapping[str, str] | None = None
    ) -> None:
        """Read what the policy's operators need for the conversations of these keys.

        `owners` are the customers' identities by conversation, where the store does not hold them yet.

        Raises:
            StoreError: an operator needs the workspace's key, and it is missing or unsafe.
        """
        self._policy = policy
        keyed = policy.operators & KEYED
        self._keys = Keys.of(Workspace.find(store.path.parent)) if keyed else None
        surrogates = self._keys is not None and SURROGATE in keyed
        self._sheets = read_sheets(store, self._keys.surrogates, names, owners) if self._keys and surrogates else {}

    def of(self, name: str, language: str) -> Operators:
        """Give the operators for the conversation of a key."""
        return Operators(self._policy, language=language, keys=self._keys, sheet=self._sheets.get(name))
