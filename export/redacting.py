"""Where an export gets redacted turns from: from curate, in this process or, where no key is needed, in the workers."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import polars as pl

from curate.redact.policy import KEYED, Policy, load_policy
from curate.redact.redact import read_frames
from export.making import Redaction
from store.database import Store
from store.settings import Settings

Redacted = Callable[[Store, Settings, list[str]], pl.DataFrame]


def redacted_turns(store: Store, settings: Settings, keys: list[str]) -> pl.DataFrame:
    """Give the redacted public turns of conversations, from curate; agents speak as the persona where there is one.

    Columns: conversation_key, turn_key, position, kind, role, text.
    """
    from curate.redact import redact  # loads rules that an export without a change does not need

    if settings.export.persona:
        from export.persona import voiced_turns

        return voiced_turns(store, settings, keys)
    return redact.redacted_turns(store, settings, keys)


def may_spread(store: Store, settings: Settings) -> bool:
    """Say whether workers can redact by themselves: without keys, and without the names of the people who spoke."""
    policy = load_policy(store.path.parent)
    return not settings.export.persona and not policy.operators & KEYED


def worker_policy(store: Store) -> Policy:
    """Give the policy as workers need it: what finds names has done its work."""
    return replace(load_policy(store.path.parent), head=b"")


def read_unredacted(store: Store, settings: Settings, policy: Policy, keys: pl.DataFrame) -> Redaction:
    """Read what a worker needs to redact some conversations (column conversation_key)."""
    return Redaction(read_frames(store, keys.select("conversation_key")), policy, settings.workspace.languages[0])
