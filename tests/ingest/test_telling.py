"""What the command says on screen, and the exit codes it leaves with."""

import json
from pathlib import Path
from typing import Any

import orjson
import pytest
from typer.testing import CliRunner, Result

import service.main
from ingest.connectors import chat
from ingest.exports import ingest_exports
from store.database import Store
from store.workspace import Workspace

MESSAGES = [{"role": "user", "content": "Where is it?"}, {"role": "assistant", "content": "On its way."}]


def write(path: Path, value: Any) -> Path:
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def ran(workspace: Workspace, *arguments: str | Path) -> Result:
    given = ["ingest", *map(str, arguments), "-w", str(workspace.root), "--json"]
    return CliRunner().invoke(service.main.app, given)


def said(result: Result) -> Any:
    return orjson.loads(result.stdout)


def slack(folder: Path) -> Path:
    (folder / "help").mkdir(parents=True)
    write(folder / "users.json", [{"id": "U1", "name": "ann"}, {"id": "U2", "name": "bo"}])
    told = [
        {"type": "message", "user": who, "text": text, "ts": f"170000000{n}.000100"}
        for n, (who, text) in enumerate([("U1", "Where is it?"), ("U2", "On its way."), ("U1", "Thanks")])
    ]
    write(folder / "help" / "2026-01-05.json", told)
    return folder


def test_turns_of_people_nobody_knows_are_counted_and_a_mapping_ends_that(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    from ingest.mapping import Mapping

    export = slack(tmp_path / "slack")
    before = ingest_exports(workspace, store, [export])
    assert list(before.unknown_roles.values()) == [3]
    after = ingest_exports(workspace, store, [export], mapping=Mapping("conversation", roles={"U2": "agent"}))
    assert after.unknown_roles == {}
    assert store.rows("SELECT role, role_source, role_confidence FROM participants ORDER BY role") == [
        ("agent", "mapping", 1.0),
        ("customer", "inferred", 0.8),
    ]


def test_the_screen_says_how_to_name_them(workspace: Workspace, tmp_path: Path) -> None:
    result = ran(workspace, slack(tmp_path / "slack"))
    assert "3 turns are by people" in result.stderr
    assert "[roles]" in result.stderr
    assert said(result)["batches"][0]["turns_of_unknown_roles"] == 3


def test_nothing_read_at_all_leaves_with_2_and_one_document(workspace: Workspace, tmp_path: Path) -> None:
    result = ran(workspace, write(tmp_path / "a.jsonl", "{broken"))
    assert result.exit_code == 2
    assert said(result)["error"]["code"] == "ING-103"
    assert "--explain" in result.stderr


def test_an_empty_export_is_no_mistake(workspace: Workspace, tmp_path: Path) -> None:
    result = ran(workspace, write(tmp_path / "a.json", {"tickets": []}), "--connector", "zendesk")
    assert (result.exit_code, said(result)["batches"][0]["conversations"]) == (0, 0)


@pytest.mark.parametrize(("options", "code"), [((), 0), (("--strict",), 3)])
def test_a_connector_that_breaks_is_named(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], code: int
) -> None:
    def broken(*_: Any, **__: Any) -> Any:
        raise KeyError("Ottilie Brandauer")

    monkeypatch.setattr(chat, "_read", broken)
    folder = tmp_path / "export"
    folder.mkdir()
    turns = [{"role": "customer", "text": "Hi"}, {"role": "agent", "text": "Yes"}]
    write(folder / "a.jsonl", {"id": "1", "turns": turns})
    write(folder / "chat.jsonl", {"messages": MESSAGES})
    result = ran(workspace, folder, *options)
    assert result.exit_code == code
    assert "the connector chat failed" in result.stderr
    assert "Brandauer" not in result.output
    assert {batch["status"] for batch in said(result)["batches"]} == {"done", "failed"}
