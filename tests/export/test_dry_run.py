"""A dry run shows what would be sent and what it would cost, and sends nothing."""

import json
from datetime import date

import pytest

from export.dataset import build_dataset
from export.errors import DamagedDataset, ExportError
from export.submit.dry_run import as_json, dry_run
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import add_curated, many, plain_turns

TODAY = date(2026, 11, 21)


@pytest.fixture
def built(workspace: Workspace, store: Store):
    add_curated(store, many(50))
    return build_dataset(workspace, store, redacted=plain_turns)


def test_it_shows_files_request_and_price(workspace: Workspace, store: Store, built) -> None:
    told = dry_run(workspace, store, "latest", model="gpt-4.1", epochs=4, suffix="mill", today=TODAY)
    assert told.is_clean
    assert [file.name for file in told.files] == ["train.jsonl", "validation.jsonl"]
    assert told.files[0].sha256 == built.files["train.jsonl"]["sha256"]
    assert told.request == {
        "model": "gpt-4.1",
        "training_file": "<id of train.jsonl>",
        "validation_file": "<id of validation.jsonl>",
        "method": {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 4}}},
        "seed": workspace.settings.workspace.seed,
        "suffix": "mill",
        "metadata": {"dataset": built.dataset_id, "train_sha256": told.files[0].sha256},
    }
    assert told.tokens == built.files["train.jsonl"]["tokens"]
    assert told.cost.usd == round(told.tokens * 4 * 25 / 1_000_000, 2)
    assert any("2027-01-06" in warning for warning in told.warnings)
    assert json.loads(json.dumps(as_json(told), default=str))["is_clean"] is True


def test_the_providers_rule_decides_epochs_unless_asked(workspace: Workspace, store: Store, built) -> None:
    told = dry_run(workspace, store, built, today=TODAY)
    assert (told.epochs, told.epochs_are_default) == (3, True)
    assert told.request["method"]["supervised"]["hyperparameters"] == {"n_epochs": "auto"}
    with pytest.raises(ExportError, match="51 epochs"):
        dry_run(workspace, store, built, epochs=51)


def test_a_model_with_another_encoding_is_counted_anew(workspace: Workspace, store: Store, built) -> None:
    other = dry_run(workspace, store, built, model="gpt-3.5-turbo", today=TODAY)
    assert other.tokens > 0
    assert any("was shut down" in warning for warning in other.warnings)


def test_too_few_lines_and_a_bad_suffix_are_not_clean(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(5))
    dataset = build_dataset(workspace, store, redacted=plain_turns)
    told = dry_run(workspace, store, dataset, suffix="not allowed", today=TODAY)
    assert {finding.code for finding in told.findings} == {"file.few_examples", "job.suffix"}
    assert not told.is_clean
    assert "validation_file" not in told.request


def test_changed_files_are_not_sent(workspace: Workspace, store: Store, built) -> None:
    built.path("train").write_bytes(b"")
    with pytest.raises(DamagedDataset):
        dry_run(workspace, store, built)
