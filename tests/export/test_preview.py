"""What a dataset would hold before it is written: as the build then does, with blockers named before it."""

from dataclasses import replace

import pytest

from export.dataset import build_dataset
from export.errors import BadPlan
from export.overview import blockers, versions
from export.preview import preview
from store.database import Store
from store.settings import BalanceSettings
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns


def balanced(workspace: Workspace, *targets: str) -> Workspace:
    return replace(workspace, settings=replace(workspace.settings, balance=BalanceSettings(targets=targets)))


def test_a_preview_tells_what_the_build_then_writes(workspace: Workspace, store: Store) -> None:
    mails = [
        Case(f"m{n}", [("customer", f"Mail {n}?"), ("agent", f"Answer {n}.")], f"mail{n}@example.com", channel="email")
        for n in range(30)
    ]
    add_curated(store, [*many(60), *mails])
    asked = balanced(workspace, "channel: chat 50%, email 50%")
    told = preview(asked, store, redacted=plain_turns)
    assert (told["before"], told["after"]) == (90, 60)
    channel = next(table for table in told["tables"] if table["dimension"] == "channel")
    assert channel["rows"] == [
        {"value": "chat", "before": 60, "after": 30},
        {"value": "email", "before": 30, "after": 30},
    ]
    built = build_dataset(asked, store, redacted=plain_turns).manifest
    lines = {file["split"]: file["lines"] for file in built["files"].values()}
    assert {one["split"]: one["conversations"] for one in told["splits"]} == lines
    assert sum(one["conversations"] for one in told["left_out"]) == 30
    assert told["tokens"] > 0
    assert told["epochs"] == built["epochs_by_default"]


def test_a_preview_writes_nothing(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(10))
    preview(workspace, store, redacted=plain_turns)
    assert versions(store) == []
    assert not workspace.datasets.exists()


def test_wishes_that_contradict_each_other_are_named(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(10))
    with pytest.raises(BadPlan, match="sky"):
        preview(balanced(workspace, "sky: blue 50%"), store, redacted=plain_turns)


def test_blockers_say_what_to_do_first(workspace: Workspace, store: Store) -> None:
    first = blockers(workspace, store)[0]
    assert (first.name, first.state, first.next) == (
        "Conversations",
        "stop",
        "Add transcripts.",
    )
    add_curated(store, [*many(3), Case("q", verdict="quarantine", code="redaction.leak")])
    told = {one.name: one for one in blockers(workspace, store)}
    assert told["Conversations"].said == "3 of 4 are kept."
    assert told["Set aside"].said.startswith("1 are set aside")
    assert told["Recall audit"].state == "look"


def test_versions_are_listed_with_what_became_of_them(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(10))
    built = build_dataset(workspace, store, redacted=plain_turns)
    version = versions(store)[0]
    assert (version.dataset_id, version.conversations, version.signed_by, version.jobs) == (
        built.dataset_id,
        10,
        None,
        0,
    )
