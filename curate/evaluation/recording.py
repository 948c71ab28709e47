"""Keep what an evaluation found in the store: figures and keys, never text."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import polars as pl

from curate.language.stage import own_languages
from curate.redact.policy import EntityPolicy, Policy, detection_version
from store.database import Store
from store.workspace import Workspace

REDACTION = "redaction"
ID_DIGITS = 32


def redaction_version(workspace: Workspace, policy: Policy) -> str:
    """Name the state of redaction that figures are about: a hash of all that decides what is found and replaced."""
    settings = workspace.settings.redaction
    spec = policy.spec(own_languages(workspace.settings), settings)
    return f"{detection_version(spec, settings)}-{policy.fingerprint}"


def with_placeholders(policy: Policy) -> Policy:
    """Give the policy with placeholders in the place of surrogates and of everything else that needs a key.

    Which findings are applied stays as it is, and that is all that figures are about.
    """
    entities = tuple((name, _plain(entity)) for name, entity in policy.entities)
    return replace(policy, default=_plain(policy.default), entities=entities)


def record(store: Store, kind: str, version: str, result: dict[str, Any]) -> str:
    """Store an evaluation of redaction and give its id; the same result again keeps its id, and so its ratings."""
    document = orjson.dumps(result, option=orjson.OPT_SORT_KEYS).decode()
    identity = hashlib.sha256(f"{kind} {version} {document}".encode()).hexdigest()[:ID_DIGITS]
    row = {
        "evaluation_id": identity,
        "subject": REDACTION,
        "subject_id": version,
        "kind": kind,
        "result": document,
        "created_at": datetime.now(UTC),
    }
    store.replace("evaluations", pl.DataFrame([row]), keys=("evaluation_id",))
    return identity


def _plain(entity: EntityPolicy) -> EntityPolicy:
    roles = tuple((role, _without_key(operator)) for role, operator in entity.roles)
    return replace(entity, operator=_without_key(entity.operator), roles=roles)


def _without_key(operator: str) -> str:
    return operator if operator == "keep" else "placeholder"
