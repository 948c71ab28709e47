"""A dataset version: the same bytes for the same content, a proof, a card; a kill leaves nothing behind."""

import json
from hashlib import sha256
from pathlib import Path

import polars as pl
import pytest

import export.dataset as building
from export.catalog import Dataset, find_dataset
from export.dataset import build_dataset
from export.errors import BadPrompt, DamagedDataset, ExportError, NothingToExport, UnknownDataset
from export.preflight import preflight_files
from store.database import Store
from store.errors import InternalError
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns, with_settings


def build(workspace: Workspace, store: Store, **options) -> Dataset:
    return build_dataset(workspace, store, redacted=plain_turns, **options)


def contents(dataset: Dataset) -> dict[str, bytes]:
    return {name: (dataset.folder / name).read_bytes() for name in dataset.files}


def without_run(dataset: Dataset) -> dict:
    told = json.loads((dataset.folder / "manifest.json").read_bytes())
    return {key: value for key, value in told.items() if key != "run"}


def test_files_manifest_and_rows_say_the_same(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(50))
    dataset = build(workspace, store)
    for name, file in dataset.files.items():
        raw = (dataset.folder / name).read_bytes()
        assert file["sha256"] == sha256(raw).hexdigest()
        assert file["lines"] == raw.count(b"\n")
        assert file["bytes"] == len(raw)
    rows = store.rows("SELECT split, line, sha256 FROM dataset_items WHERE dataset_id = ?", [dataset.dataset_id])
    lines = {split: dataset.path(split).read_bytes().splitlines() for split in ("train", "validation", "test")}
    assert len(rows) == sum(map(len, lines.values())) == 50
    assert all(sha256(lines[split][line - 1]).hexdigest() == digest for split, line, digest in rows)
    assert [len(part) for part in lines.values()] == [40, 5, 5]


def test_what_is_written_passes_preflight(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(50))
    dataset = build(workspace, store)
    paths = {name: dataset.folder / name for name in dataset.files}
    assert preflight_files(paths, "gpt-4.1-mini") == []


def test_the_manifest_proves_zero_overlap_and_names_rules_and_seed(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(30))
    store.execute(
        "INSERT INTO runs VALUES ('q1', 'quality', 'done', now(), now(), '{}', '{\"quality\": \"abc\"}', '{}', '{}')"
    )
    told = build(workspace, store).manifest
    assert {count for pairs in told["overlap"].values() for count in pairs.values()} == {0}
    assert told["rules"] == {"quality": {"quality": "abc"}}
    assert told["seed"] == workspace.settings.workspace.seed
    assert told["sources"] == [{"name": "test", "conversations": 30}]


def test_again_gives_the_same_dataset_and_writes_nothing(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    first = build(workspace, store)
    stamp = (first.folder / "train.jsonl").stat().st_mtime_ns
    second = build(workspace, store)
    assert (second.dataset_id, second.is_new, first.is_new) == (first.dataset_id, False, True)
    assert (first.folder / "train.jsonl").stat().st_mtime_ns == stamp
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'export'") == 1
    assert store.value("SELECT count(*) FROM dataset_items") == 20


def test_two_workspaces_with_equal_content_write_equal_bytes(tmp_path: Path, monkeypatch) -> None:
    told = []
    for name, page in (("one", 5000), ("two", 7)):
        monkeypatch.setattr("export.writing.PAGE", page)
        workspace = Workspace.create(tmp_path / name)
        with workspace.open() as store:
            cases = many(40)
            add_curated(store, cases if name == "one" else cases[::-1])
            dataset = build(workspace, store)
            told.append((contents(dataset), without_run(dataset), dataset.card.read_text()))
    assert told[0] == told[1]


def test_times_and_run_ids_stand_in_one_field(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    dataset = build(workspace, store)
    run_id = store.value("SELECT run_id FROM datasets")
    assert run_id in json.dumps(dataset.manifest["run"])
    assert run_id not in json.dumps(without_run(dataset)) + dataset.card.read_text()


def test_changed_settings_give_another_dataset(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    first = build(workspace, store)
    second = build(with_settings(workspace, system_prompt="Help on {channel} for {company}."), store)
    assert second.dataset_id != first.dataset_id
    line = json.loads(second.path("train").read_bytes().splitlines()[0])
    assert line["messages"][0] == {"role": "system", "content": "Help on chat for ."}
    assert find_dataset(workspace, store).dataset_id == second.dataset_id


def test_an_unknown_placeholder_in_the_prompt_is_refused(workspace: Workspace, store: Store) -> None:
    with pytest.raises(BadPrompt, match=r"chanel.*Did you mean channel"):
        build(with_settings(workspace, system_prompt="{chanel}"), store)


@pytest.mark.parametrize("step", ["_record", "_settle"])
def test_a_kill_leaves_nothing_that_the_next_export_minds(
    workspace: Workspace, store: Store, monkeypatch, step: str
) -> None:
    class Killed(BaseException):
        pass

    def kill(*_args) -> None:
        raise Killed

    add_curated(store, many(20))
    (workspace.datasets / ".partial-dead").mkdir(parents=True)
    with monkeypatch.context() as patch:
        patch.setattr(building, step, kill)
        with pytest.raises(Killed):
            build(workspace, store)
    assert store.value("SELECT count(*) FROM datasets") == 0
    dataset = build(workspace, store)
    assert [path.name for path in workspace.datasets.iterdir()] == [dataset.dataset_id]
    assert store.value("SELECT count(*) FROM dataset_items") == 20
    dataset.verify()


def test_a_damaged_dataset_is_named_and_written_again(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    first = build(workspace, store)
    before = contents(first)
    first.path("train").write_bytes(b"{}\n")
    with pytest.raises(DamagedDataset, match=r"train\.jsonl"):
        find_dataset(workspace, store).verify()
    second = build(workspace, store)
    assert contents(second) == before
    assert store.value("SELECT count(*) FROM datasets") == 1


def test_out_gets_a_copy(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    add_curated(store, many(20))
    dataset = build(workspace, store, out=tmp_path / "copy")
    copied = {path.name: path.read_bytes() for path in (tmp_path / "copy").iterdir()}
    assert copied == {path.name: path.read_bytes() for path in dataset.folder.iterdir()}


def test_exclusions_keep_their_reasons(workspace: Workspace, store: Store) -> None:
    silent = Case("silent", turns=[("customer", "Hello?")])
    marked = Case("marked", turns=[("customer", "<|im_end|> hi"), ("agent", "Hello.")])
    long = Case("long", turns=[("customer", "Hi"), ("agent", "word " * 70_000)])
    twin = Case("zz", turns=many(1)[0].turns)
    add_curated(store, [*many(20), silent, marked, long, twin])
    dataset = build(workspace, store)
    codes = {row["code"]: row["conversations"] for row in dataset.manifest["excluded"]}
    assert codes == {
        "export.no_target": 1,
        "export.repeated": 1,
        "export.too_long": 1,
    }
    rows = store.rows("SELECT conversation_key, line FROM dataset_items WHERE split = 'excluded'")
    keys = {key for key, _ in rows}
    assert {"silent", "long"} <= keys
    assert "marked" not in keys
    assert {line for _, line in rows} == {None}
    assert "No human agent speaks" in dataset.card.read_text()


def test_nothing_to_export_says_why(workspace: Workspace, store: Store) -> None:
    with pytest.raises(NothingToExport, match="holds no conversations"):
        build(workspace, store)
    add_curated(store, [Case("a", verdict="drop", code="Q001", reason="No agent turns."), Case("b", verdict="drop")])
    with pytest.raises(NothingToExport, match=r"None of the 2 .*1 × No agent turns \(Q001\)"):
        build(workspace, store)


def test_nothing_but_unusable_conversations_says_why_and_leaves_nothing(workspace: Workspace, store: Store) -> None:
    add_curated(store, [Case("a", turns=[("customer", "Hello?")])])
    with pytest.raises(NothingToExport, match=r"No human agent speaks.*export\.no_target"):
        build(workspace, store)
    assert list(workspace.datasets.iterdir()) == []
    assert store.value("SELECT count(*) FROM datasets") == 0


def test_a_conversation_the_leak_check_held_back_stops_the_export(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    store.execute("UPDATE processed SET status = 'quarantine' WHERE stage = 'leaks' AND conversation_key = 'c00003'")
    with pytest.raises(InternalError, match="1 conversations are marked keep"):
        build(workspace, store)
    assert list(workspace.datasets.iterdir()) == []


def test_a_conversation_the_leak_check_never_saw_stops_the_export(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    store.execute("DELETE FROM processed WHERE stage = 'leaks' AND conversation_key = 'c00003'")
    with pytest.raises(InternalError, match="1 conversations are marked keep"):
        build(workspace, store)


def test_what_changed_since_curation_waits(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    store.execute("UPDATE conversations SET content_hash = 'new' WHERE conversation_key = 'c00003'")
    dataset = build(workspace, store)
    assert dataset.manifest["changed_since_curated"] == 1
    assert dataset.manifest["conversations"] == 19


def test_a_policy_the_leak_check_has_not_seen_stops_the_export(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(20))
    (workspace.root / "rules").mkdir()
    (workspace.root / "rules" / "redaction.toml").write_text('[entities.PHONE_NUMBER]\noperator = "keep"\n')
    with pytest.raises(NothingToExport, match="20 changed since they were curated"):
        build(workspace, store)


def test_a_line_stands_where_the_seed_puts_it_whatever_else_is_there(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(9))
    dataset = build(workspace, store)
    seed = workspace.settings.workspace.seed
    rows = dict(store.rows("SELECT line, conversation_key FROM dataset_items ORDER BY line"))
    places = [sha256(f"{seed}|{key}".encode()).digest() for key in rows.values()]
    assert places == sorted(places)
    assert "fewer than 10" in dataset.manifest["split_note"]


def test_unknown_datasets_formats_and_splits_are_named(workspace: Workspace, store: Store) -> None:
    with pytest.raises(UnknownDataset, match="no dataset yet"):
        find_dataset(workspace, store)
    add_curated(store, many(20))
    dataset = build(workspace, store)
    assert find_dataset(workspace, store, dataset.dataset_id[:6]).dataset_id == dataset.dataset_id
    with pytest.raises(UnknownDataset, match="ds-nope"):
        find_dataset(workspace, store, "ds-nope")
    with pytest.raises(UnknownDataset, match=r"trian.*train"):
        dataset.path("trian")
    with pytest.raises(ExportError, match="openai-chta"):
        build(workspace, store, format="openai-chta")


def test_the_proof_stops_an_export_that_would_share_a_customer(workspace: Workspace, store: Store, monkeypatch) -> None:
    cases = many(20)
    for case in cases:
        case.email = "ann@example.com"
    add_curated(store, cases)

    def alone(keys: pl.Series, ties: pl.DataFrame) -> pl.DataFrame:
        return pl.DataFrame({"conversation_key": keys, "group_id": keys})

    monkeypatch.setattr("export.split.group", alone)
    with pytest.raises(InternalError, match="share a customer"):
        build(workspace, store)
    assert list(workspace.datasets.iterdir()) == []
