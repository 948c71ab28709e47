"""A dataset version signed in a person's name: checked first, frozen after, and asked for where the settings say so."""

import stat
from dataclasses import replace
from typing import Any

import pytest

from export.catalog import Dataset
from export.dataset import build_dataset
from export.errors import DamagedDataset, FrozenDataset, NotSigned
from export.sign_off import check_signed, checklist, sign, sign_off_of, sign_offs, withdraw
from store.database import Store
from store.settings import SignOffSettings
from store.workspace import Workspace
from tests.export.builders import add_curated, many, plain_turns


@pytest.fixture
def dataset(workspace: Workspace, store: Store) -> Dataset:
    add_curated(store, many(40))
    return build_dataset(workspace, store, redacted=plain_turns)


def with_sign_off(workspace: Workspace, **settings: bool) -> Workspace:
    return replace(workspace, settings=replace(workspace.settings, sign_off=SignOffSettings(**settings)))


def decided(store: Store, by: str, key: str = "c00001") -> None:
    store.execute(
        "INSERT INTO decisions VALUES (?, 'finding', 'f1', ?, 'accept', '', ?, now())", [f"{by}-{key}", key, by]
    )


def states(checks: Any) -> dict[str, str]:
    return {one.name: one.state for one in checks}


def test_a_signed_version_says_who_when_what_was_checked_and_every_hash(
    workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    done = sign(workspace, store, "latest", note="Read all of it.", by="Ann")
    assert (done.signed_by, done.note, done.is_signed) == ("Ann", "Read all of it.", True)
    assert set(done.hashes) == {path.name for path in dataset.folder.iterdir()}
    assert {name: done.hashes[name] for name in dataset.files} == {
        name: file["sha256"] for name, file in dataset.files.items()
    }
    assert states(done.checklist)["Files"] == states(done.checklist)["Splits"] == "ok"
    assert sign_off_of(store, dataset.dataset_id) == done
    actor, action, subject = store.rows("SELECT actor, action, subject FROM history")[0]
    assert (actor, action, subject) == ("Ann", "dataset.signed", dataset.dataset_id)
    with pytest.raises(NotSigned, match="already"):
        sign(workspace, store, "latest", by="Ben")


def test_a_signed_version_is_read_only_and_never_written_again(
    workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    sign(workspace, store, "latest", by="Ann")
    train = dataset.path("train")
    assert not train.stat().st_mode & (stat.S_IWUSR | stat.S_IWGRP | stat.S_IWOTH)
    assert not build_dataset(workspace, store, redacted=plain_turns).is_new
    train.chmod(0o644)
    train.write_bytes(b"{}\n")
    with pytest.raises(FrozenDataset, match="Ann signed"):
        build_dataset(workspace, store, redacted=plain_turns)
    assert train.read_bytes() == b"{}\n"
    with pytest.raises(DamagedDataset, match=r"train\.jsonl"):
        check_signed(workspace, store, "latest")
    withdraw(workspace, store, "latest", note="The files were touched.", by="Ben")
    assert not build_dataset(workspace, store, redacted=plain_turns).damage()
    assert [(one.verdict, one.signed_by) for one in sign_offs(store, dataset.dataset_id)] == [
        ("signed", "Ann"),
        ("withdrawn", "Ben"),
    ]


def test_a_card_or_manifest_that_changed_since_it_was_signed_does_not_leave(
    workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    sign(workspace, store, "latest", by="Ann")
    dataset.card.chmod(0o644)
    dataset.card.write_text("# All is well\n")
    with pytest.raises(DamagedDataset, match=r"README\.md"):
        check_signed(workspace, store, "latest")


def test_a_damaged_version_cannot_be_signed(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    dataset.path("test").unlink()
    with pytest.raises(NotSigned, match=r"test\.jsonl"):
        sign(workspace, store, "latest", by="Ann")
    assert sign_off_of(store, dataset.dataset_id) is None


def test_whoever_decided_does_not_sign_where_the_settings_say_so(
    workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    decided(store, "Ann")
    strict = with_sign_off(workspace, another_person=True)
    assert states(checklist(workspace, store, dataset, by="Ann"))["Approver"] == "look"
    assert states(checklist(strict, store, dataset, by="Ann"))["Approver"] == "stop"
    with pytest.raises(NotSigned, match="Ann decided"):
        sign(strict, store, "latest", by="Ann")
    assert sign(strict, store, "latest", by="Ben").signed_by == "Ben"


def test_only_a_setting_asks_for_a_signature(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    check_signed(workspace, store, "latest")
    strict = with_sign_off(workspace, required=True)
    with pytest.raises(NotSigned, match=r"sign_off\.required"):
        check_signed(strict, store, "latest")
    sign(strict, store, "latest", by="Ann")
    check_signed(strict, store, "latest")
    withdraw(strict, store, "latest", note="Wrong balance.", by="Ann")
    with pytest.raises(NotSigned):
        check_signed(strict, store, "latest")


def test_what_a_person_should_look_at_is_named(workspace: Workspace, store: Store, dataset: Dataset) -> None:
    assert states(checklist(workspace, store, dataset, by="Ann")) == {
        "Splits": "ok",
        "Up to date": "ok",
        "Review": "ok",
        "Recall audit": "look",
        "Approver": "ok",
    }
    decided(store, "Ben")
    store.execute("INSERT INTO review_queue VALUES ('c00001', 'x1', 'chat', 'b1', 0.5, 3, 2, ['PERSON'], 'open')")
    checks = {one.name: one for one in checklist(workspace, store, dataset, by="Ann")}
    assert checks["Up to date"].said == "1 decisions were made after it was built."
    assert checks["Review"].said.startswith("2 findings are undecided")


def test_withdrawing_asks_why_and_for_something_to_withdraw(
    workspace: Workspace, store: Store, dataset: Dataset
) -> None:
    with pytest.raises(NotSigned, match="Nobody has signed"):
        withdraw(workspace, store, "latest", note="why", by="Ann")
    sign(workspace, store, "latest", by="Ann")
    with pytest.raises(NotSigned, match="Say why"):
        withdraw(workspace, store, "latest", note=" ", by="Ann")
