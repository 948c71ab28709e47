"""Promise 5: equal input, rules, seed and key give the same bytes, whatever the workers or the files' order."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

Chatmill = Callable[..., Any]


def test_one_and_two_workers_give_the_same_bytes(chatmill: Chatmill, export: Path, tmp_path: Path) -> None:
    one = chatmill("run", export, "-w", tmp_path / "one", "--workers", 1, "--json")
    two = chatmill("run", export, "-w", tmp_path / "two", "--workers", 2, "--json", PYTHONHASHSEED="7")
    assert one.code == two.code == 0, one.err + two.err
    assert one.splits() == two.splits()
    assert sum(content.count(b"\n") for content in one.splits().values()) > 50


def test_the_order_and_cut_of_the_files_does_not_matter(chatmill: Chatmill, export: Path, tmp_path: Path) -> None:
    whole = chatmill("run", export, "-w", tmp_path / "whole", "--json")
    lines = (export / "chats.jsonl").read_text(encoding="utf-8").splitlines()
    parts = tmp_path / "parts"
    parts.mkdir()
    for number, start in enumerate(range(0, len(lines), 30)):
        chunk = reversed(lines[start : start + 30])
        (parts / f"{9 - number}.jsonl").write_text("\n".join(chunk) + "\n", encoding="utf-8")
    cut = chatmill("run", parts, "-w", tmp_path / "cut", "--json")
    assert whole.splits() == cut.splits()


def test_only_the_field_run_of_the_manifest_tells_two_workspaces_apart(
    chatmill: Chatmill, export: Path, tmp_path: Path
) -> None:
    manifests = []
    for name in ("one", "two"):
        ran = chatmill("run", export, "-w", tmp_path / name, "--json")
        manifest = json.loads((Path(ran.document["folder"]) / "manifest.json").read_text(encoding="utf-8"))
        assert manifest.pop("run")
        manifests.append(manifest)
    assert manifests[0] == manifests[1]
