"""Every format: lines that read back as the canonical record, files that preflight takes, and what goes with them."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from export.catalog import Dataset
from export.checkup import check_dataset, check_files
from export.dataset import build_dataset
from export.errors import DamagedDataset, ExportError
from export.explain import as_text, explain_line
from export.formats.openai_chat import Said, Script, read_script
from export.formats.registry import TARGETS, find_target
from export.formats.speaking import alternating, bare, out_of_turn
from export.formats.target import Target
from export.sign_off import sign
from service.main import app
from store.database import Store
from store.workspace import Workspace
from tests.export.builders import Case, add_curated, many, plain_turns, with_settings

CHAT = [target for target in TARGETS.values() if target.kind == "chat"]
LEARN_ALL = ("torchtune", "vertex", "bedrock")
NO_TOOLS = ("unsloth", "torchtune", "vertex", "bedrock")
ALTERNATE = ("llama-factory", "unsloth", "torchtune", "together", "vertex", "bedrock")
TOOL = [{"type": "function", "function": {"name": "find", "parameters": {"type": "object"}}}]
TALK = (
    ("agent", "Welcome!"),
    ("customer", "Where is my parcel? User: me"),
    ("bot", "I am a bot."),
    ("agent", "It leaves today."),
    ("customer", "Thank you"),
    ("agent", "You are welcome."),
)
ASKED: list[tuple[Any, ...]] = [
    ("customer", json.dumps(TOOL), {"kind": "tools"}),
    ("customer", "Where is order 7?"),
    ("agent", '{"order": 7}', {"kind": "tool_call", "event_type": "find", "tool_call_id": "x"}),
    ("agent", '{"state": "sent"}', {"kind": "tool_result", "tool_call_id": "x"}),
    ("agent", "It was sent."),
]


def build(workspace: Workspace, store: Store, name: str, **export: Any) -> Dataset:
    return build_dataset(with_settings(workspace, **export), store, format=name, redacted=plain_turns)


def lines(dataset: Dataset, split: str = "train") -> list[dict[str, Any]]:
    return [json.loads(line) for line in dataset.path(split).read_bytes().splitlines()]


def records(dataset: Dataset, split: str = "train") -> list[dict[str, Any]]:
    target = find_target(dataset.manifest["format"])
    return [target.read(line) for line in lines(dataset, split)]  # pyright: ignore[reportReturnType]


@pytest.fixture
def talk(store: Store) -> Store:
    add_curated(store, [*many(30), Case("talk", turns=TALK), Case("asked", turns=ASKED)])
    return store


@pytest.mark.parametrize("target", CHAT, ids=lambda one: one.name)
def test_every_format_is_written_whole_and_passes_its_own_preflight(
    workspace: Workspace, talk: Store, target: Target, tmp_path: Path
) -> None:
    dataset = build_dataset(workspace, talk, format=target.name, out=tmp_path / "copy", redacted=plain_turns)
    assert [one for one in check_dataset(dataset).findings if one.code != "tools.undeclared"] == []
    assert [file["split"] for file in dataset.files.values()] == ["train", "validation", "test"]
    assert list(dataset.files) == [target.files[split] for split in ("train", "validation", "test")]
    for name, digest in dataset.bundle.items():
        raw = (dataset.folder / name).read_bytes()
        assert digest == sha256(raw).hexdigest()
        assert raw == (tmp_path / "copy" / name).read_bytes()
        assert b"{" not in raw or name.endswith((".json", ".py", ".txt", ".md"))
    assert ("START.md" in dataset.bundle) == (target.name != "openai-chat")
    rows = talk.rows("SELECT split, line, sha256 FROM dataset_items WHERE line IS NOT NULL")
    raw_lines = {split: dataset.path(split).read_bytes().splitlines() for split in ("train", "validation", "test")}
    assert len(rows) == sum(map(len, raw_lines.values()))
    assert all(sha256(raw_lines[split][line - 1]).hexdigest() == digest for split, line, digest in rows)


@pytest.mark.parametrize("target", CHAT, ids=lambda one: one.name)
def test_what_must_not_be_learnt_is_marked_masked_or_not_there(
    workspace: Workspace, talk: Store, target: Target
) -> None:
    dataset = build(workspace, talk, target.name, split=(1.0, 0.0, 0.0))
    told = [record["messages"] for record in records(dataset) if "bot" in str(record) or "parcel? U" in str(record)]
    assert told
    for messages in told:
        spoken = [one for one in messages if one["role"] == "assistant"]
        if target.learns == "weight":
            assert all(one.get("weight", 1) == ("bot" not in one["content"]) for one in spoken)
        elif target.learns == "last":
            assert "bot" not in spoken[-1]["content"]
        else:
            assert all("bot" not in one["content"] for one in spoken)
    if target.learns == "last":
        assert sorted(messages[-1]["content"] for messages in told) == ["It leaves today.", "You are welcome."]


@pytest.mark.parametrize("name", ALTERNATE)
def test_speakers_take_turns_where_they_must_and_the_card_says_what_changed(
    workspace: Workspace, talk: Store, name: str
) -> None:
    dataset = build(workspace, talk, name)
    assert all(not list(out_of_turn(one["messages"])) for split in ("train", "validation", "test")
               for one in records(dataset, split))  # fmt: skip
    fitted = sum(file.get("fitted", 0) for file in dataset.files.values())
    assert f"Changed to fit {name}: {fitted:,} lines" in dataset.card.read_text()


@pytest.mark.parametrize("target", CHAT, ids=lambda one: one.name)
def test_tools_are_written_or_the_line_is_left_out_with_a_reason(
    workspace: Workspace, talk: Store, target: Target
) -> None:
    dataset = build(workspace, talk, target.name, split=(1.0, 0.0, 0.0))
    called = [one for one in records(dataset) if any("tool_calls" in message for message in one["messages"])]
    codes = {row["code"] for row in dataset.manifest["excluded"]}
    assert ("export.not_taken" in codes) == (not called) == (target.name in NO_TOOLS)
    for record in called:
        assert record["tools"] == TOOL
        [call] = next(one["tool_calls"] for one in record["messages"] if "tool_calls" in one)
        assert call["function"]["name"] == "find"
        assert json.loads(call["function"]["arguments"]) == {"order": 7}


def test_each_format_is_a_version_of_its_own_with_the_same_splits(workspace: Workspace, talk: Store) -> None:
    ids = {name: build(workspace, talk, name).dataset_id for name in ("openai-chat", "axolotl", "trl")}
    assert len(set(ids.values())) == 3
    again = build(workspace, talk, "trl")
    assert (again.dataset_id, again.is_new) == (ids["trl"], False)
    where = talk.rows(
        "SELECT conversation_key, count(DISTINCT split) FROM dataset_items WHERE line IS NOT NULL GROUP BY 1"
    )
    assert {count for _, count in where} == {1}


def test_a_line_of_any_format_is_explained_signed_and_told_when_it_changes(workspace: Workspace, talk: Store) -> None:
    dataset = build(workspace, talk, "mlx-lm")
    told = explain_line(workspace, talk, dataset.dataset_id, 1, split="validation")
    assert (told.file, told.is_verified) == ("valid.jsonl", True)
    assert told.conversation_key in as_text(told)
    assert "START.md" in sign(workspace, talk, dataset.dataset_id, by="lea").hashes
    config = dataset.folder / "mlx_lm.yaml"
    config.chmod(0o644)
    config.write_text("train: false\n")
    with pytest.raises(DamagedDataset, match=r"mlx_lm\.yaml"):
        dataset.verify()


def test_an_empty_split_is_not_named_in_a_configuration_and_stops_mlx(workspace: Workspace, store: Store) -> None:
    add_curated(store, many(5))
    assert "validation" not in (build(workspace, store, "llama-factory").folder / "dataset_info.json").read_text()
    assert "validation" not in (build(workspace, store, "trl").folder / "trl.yaml").read_text()
    findings = check_dataset(build(workspace, store, "mlx-lm")).findings
    assert [(one.file, one.code) for one in findings] == [("valid.jsonl", "file.empty"), ("test.jsonl", "file.empty")]


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda one: one.name)
@pytest.mark.parametrize("line", [{}, {"messages": 3}, {"text": "x"}, {"conversations": [{"from": "x"}]}])
def test_a_line_of_another_shape_is_a_finding_and_no_crash(target: Target, line: dict[str, Any]) -> None:
    assert list(target.problems(line))


@pytest.mark.parametrize("target", TARGETS.values(), ids=lambda one: one.name)
def test_an_unknown_key_is_refused(target: Target) -> None:
    base: dict[str, Any] = {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Ho"}]}
    answer = {"role": "assistant", "content": "No"}
    pair = {"messages": base["messages"][:1], "chosen": base["messages"][1], "rejected": answer}
    line = dict(target.line(base if target.kind == "chat" else pair))
    assert list(target.problems(line)) == []
    codes = [one.code for one in target.problems({**line, "ticket_id": 7})]
    assert codes == ["example.unknown_key"]


def test_files_from_elsewhere_are_checked_as_a_format(tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text('{"conversations": [{"from": "gpt", "value": "Hi"}, {"from": "human", "value": "Ho"}]}\n')
    found = [one.code for one in check_files([path], format="llama-factory").findings]
    assert "example.turns" in found
    with pytest.raises(ExportError, match="can be repaired"):
        check_files([path], format="llama-factory", repair=tmp_path / "out.jsonl")
    with pytest.raises(ExportError, match=r"lama-factory.*Did you mean llama-factory"):
        check_files([path], format="lama-factory")


def test_the_command_lists_the_formats_and_names_the_nearest(tmp_path: Path) -> None:
    told = json.loads(CliRunner().invoke(app, ["export", "--formats", "--json"]).stdout)
    assert list(told["formats"]) == list(TARGETS)


SPEECH = st.lists(
    st.tuples(
        st.sampled_from(["customer", "agent", "bot", "call", "result"]),
        st.text("aUser:[EOS] b", min_size=1, max_size=9),
    ),
    min_size=1,
    max_size=10,
)


def said(kind: str, text: str) -> Said:
    if kind == "call":
        return Said("tool_call", "agent", json.dumps({"text": text}), "find")
    return Said("tool_result", "agent", text) if kind == "result" else Said("message", kind, text)


@given(SPEECH)
def test_whatever_is_said_a_fitted_record_reads_back_and_breaks_no_rule(speech: list[tuple[str, str]]) -> None:
    script = read_script([said(*one) for one in speech], system="Help.")
    if not isinstance(script, Script) or all(one["role"] != "user" for one in script.messages):
        return
    answer = script.targets[-1]
    whole = {"messages": [{"role": "system", "content": "Help."}, *script.messages]}
    alone = {"messages": [*({**m, "weight": 0} if m["role"] == "assistant" else m for m in whole["messages"][:-1]),
                          script.messages[answer]]}  # fmt: skip
    for target in CHAT:
        fitted = target.fit(alone if target.learns == "last" else whole)
        if fitted is None:
            continue
        line = json.loads(json.dumps(target.line(fitted)))
        found = {one.code for one in target.problems(line)}
        assert found <= {"tools.undeclared", "example.no_user"}, target.name
        record = target.read(line)
        assert isinstance(record, dict)
        assert [one["role"] for one in record["messages"]] == [one["role"] for one in fitted["messages"]]
        if target.learns == "weight":
            assert [m.get("weight", 1) for m in record["messages"]] == [m.get("weight", 1) for m in fitted["messages"]]


def test_taking_turns_keeps_the_words_of_the_customer_and_of_what_is_learnt() -> None:
    told = [
        {"role": "user", "content": "a"},
        {"role": "assistant", "content": "b", "weight": 0},
        {"role": "assistant", "content": "c"},
        {"role": "user", "content": "d"},
        {"role": "assistant", "content": "", "tool_calls": [{"id": "1"}]},
        {"role": "tool", "tool_call_id": "1", "content": "e"},
        {"role": "user", "content": "f"},
        {"role": "assistant", "content": "g"},
    ]
    record = alternating({"messages": told})
    assert record is not None
    assert [(one["role"][0], one["content"]) for one in map(bare, record["messages"])] == [
        ("u", "a"), ("a", "c"), ("u", "d\nf"), ("a", "g")
    ]  # fmt: skip
    assert alternating(record) is record
