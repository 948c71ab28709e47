"""Put curated conversations into a store as ingest and curate would, for tests of export.

`add_curated(store, [Case("c1", turns=[("customer", "Hello"), ("agent", "Hi")], email="ann@example.com")])`
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from typing import Any

import polars as pl

from curate.redact.policy import load_policy
from store.database import Store
from store.settings import Settings
from store.workspace import Workspace

HELLO = (("customer", "Hello, where is my parcel?"), ("agent", "It leaves our depot today."))


@dataclass
class Case:
    key: str
    turns: Sequence[tuple[Any, ...]] = HELLO  # (role, text) or (role, text, columns)
    email: str | None = None
    phone: str | None = None
    customer: str | None = None
    cluster: str | None = None
    verdict: str = "keep"
    code: str = "kept"
    reason: str = "Everything holds."
    channel: str | None = "chat"
    columns: dict[str, Any] = field(default_factory=dict)

    @property
    def content_hash(self) -> str:
        return sha256(repr((self.turns, self.email, self.phone)).encode()).hexdigest()


def add_curated(store: Store, cases: Sequence[Case]) -> None:
    """Store conversations with their turns, customers, clusters and outcomes, and all stages passed."""
    store.append("conversations", pl.DataFrame([_conversation(case) for case in cases], infer_schema_length=None))
    turns = [_turn(case, n, *turn) for case in cases for n, turn in enumerate(case.turns)]
    store.append("turns", pl.DataFrame(turns, infer_schema_length=None))
    store.append("participants", pl.DataFrame([_customer(case) for case in cases], infer_schema_length=None))
    keys = pl.DataFrame(
        [
            {"conversation_key": case.key, "content_hash": case.content_hash, "verdict": case.verdict}
            | {
                "stage": "kept" if case.verdict == "keep" else "quality",
                "code": case.code,
                "reason": case.reason,
                "flags": ["Q900"],
                "run_id": "r1",
            }
            for case in cases
        ]
    )
    store.append("outcomes", keys.drop("content_hash"))
    passed = keys.select("conversation_key", "content_hash", "run_id")
    version = f"v1-{load_policy().fingerprint}-1"
    for stage in ("language", "redaction", "leaks", "quality"):
        store.append(
            "processed", passed.with_columns(stage=pl.lit(stage), version=pl.lit(version), status=pl.lit("ok"))
        )
    clustered = [case for case in cases if case.cluster]
    if clustered:
        store.append("duplicates", pl.DataFrame([_member(case) for case in clustered]))


def plain_turns(store: Store, settings: Settings, keys: list[str]) -> pl.DataFrame:
    """Give public turns as they are, in the shape of curate.redact: these texts hold nothing personal."""
    with store.scratch(asked=pl.DataFrame({"conversation_key": keys}, schema={"conversation_key": pl.String})):
        return store.frame(
            "SELECT conversation_key, turn_key, position, kind, role, text FROM public_turns "
            "SEMI JOIN asked USING (conversation_key) ORDER BY conversation_key, position"
        )


def with_settings(workspace: Workspace, **export: Any) -> Workspace:
    """Give the workspace with other settings in [export]."""
    settings = workspace.settings
    return replace(workspace, settings=replace(settings, export=replace(settings.export, **export)))


def many(count: int, **columns: Any) -> list[Case]:
    """Give so many different conversations, each of its own customer."""
    return [
        Case(
            f"c{n:05d}",
            turns=[("customer", f"Where is order number {n}?"), ("agent", f"Order {n} leaves on day {n % 28 + 1}.")],
            email=f"customer{n}@example.com",
            **columns,
        )
        for n in range(count)
    ]


def _conversation(case: Case) -> dict[str, Any]:
    return {
        "conversation_key": case.key,
        "connector": "test",
        "account": "",
        "external_id": f"ext-{case.key}",
        "channel": case.channel,
        "language": "en",
        "tags": ["x"],
        "handled_by": "human",
        "completeness": "complete",
        "is_test": False,
        "custom": "{}",
        "source_uri": "export.jsonl",
        "place": f"line {case.key}",
        "content_hash": case.content_hash,
        "batch_id": "b1",
    } | case.columns


def _turn(case: Case, position: int, role: str, text: str, columns: dict[str, Any] | None = None) -> dict[str, Any]:
    return {
        "turn_key": f"{case.key}-{position}",
        "conversation_key": case.key,
        "position": position,
        "kind": "message",
        "visibility": "public",
        "role": role,
        "text": text,
        "is_automated": False,
        "tz_source": "none",
        "is_deleted": False,
        "is_draft": False,
        "repairs": ["x"],
        "source_redaction": "none",
        "event_type": None,
        "tool_call_id": None,
        "custom": "{}",
        "place": f"turn {position}",
    } | (columns or {})


def _customer(case: Case) -> dict[str, Any]:
    return {
        "conversation_key": case.key,
        "participant_key": f"{case.key}-customer",
        "external_id": case.customer,
        "role": "customer",
        "role_source": "explicit",
        "email": case.email,
        "phone": case.phone,
        "is_deleted": False,
    }


def _member(case: Case) -> dict[str, Any]:
    told = {"conversation_key": case.key, "cluster": case.cluster, "kind": "near", "keeper": case.cluster}
    return told | {"similarity": 1.0, "run_id": "r1"}
