"""`chatmill evaluate redaction`: files in, figures out, text nowhere but in a terminal that asked for it."""

import gzip
import json
import os
import pty
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from curate.evaluation.errors import GoldError
from curate.evaluation.redaction import Asked, evaluate_redaction
from curate.redact.filter import redact_stream
from service.main import app
from store.database import Store
from store.workspace import Workspace

SECRET = "ottoline.brackish@example.com"
GOLD: list[dict[str, Any]] = [
    {"text": f"write to {SECRET} please", "spans": [{"start": 9, "end": 38, "label": "EMAIL"}], "lang": "en"},
    {"text": "so blue buttons said", "spans": [{"start": 3, "end": 15, "label": "WHIM"}]},
    {"text": "nothing in here", "spans": []},
    {
        "text": "meine E-Mail ist h.moellenkamp@example.org",
        "spans": [{"start": 17, "end": 42, "label": "EMAIL"}],
        "lang": "de",
    },
]


def written(path: Path, lines: Sequence[object]) -> Path:
    text = "".join(json.dumps(one) + "\n" for one in lines)
    path.write_bytes(gzip.compress(text.encode()) if path.suffix == ".gz" else text.encode())
    return path


@pytest.fixture
def gold(tmp_path: Path) -> Path:
    return written(tmp_path / "gold.jsonl", GOLD)


def test_our_redaction_is_scored_language_by_language(gold: Path) -> None:
    figures = evaluate_redaction(Asked(gold)).figures
    assert figures["texts"] == 4
    assert figures["by_label"]["EMAIL"]["protected"] == 1.0
    assert figures["by_label"]["EMAIL"]["typed"] == 1.0
    assert figures["by_label"]["WHIM"]["protected"] == 0.0
    assert figures["by"]["language"]["de"]["protected"] == 1.0
    assert figures["unmapped"] == ["WHIM"]


def test_a_gzipped_set_and_its_findings_from_a_file_give_the_same_figures(gold: Path, tmp_path: Path) -> None:
    lines = [json.dumps(one) for one in GOLD]
    answers = [*redact_stream(lines[:3]), *redact_stream(lines[3:], language="de")]
    findings = written(tmp_path / "findings.jsonl", answers)
    ours = evaluate_redaction(Asked(gold)).figures
    packed = written(tmp_path / "gold.jsonl.gz", GOLD)
    read = evaluate_redaction(Asked(packed, findings=findings)).figures
    apart = {"gold", "sha256"}
    assert {k: v for k, v in read.items() if k not in apart} == {k: v for k, v in ours.items() if k not in apart}


def test_what_was_said_before_is_given_along_but_not_scored(tmp_path: Path) -> None:
    before = [{"role": "agent", "text": "What is your password? Mine is not Hunter#22."}]
    gold = written(
        tmp_path / "g.jsonl",
        [{"text": "Xy#9912q", "spans": [{"start": 0, "end": 8, "label": "PASSWORD"}], "before": before}],
    )
    figures = evaluate_redaction(Asked(gold)).figures
    assert figures["texts"] == 1
    assert figures["precision"] in (0.0, 1.0)
    assert figures["findings"] <= 1


def test_only_the_labels_asked_for_count(gold: Path) -> None:
    figures = evaluate_redaction(Asked(gold, labels=("WHIM",))).figures
    assert figures["spans"] == 1
    assert list(figures["by_label"]) == ["WHIM"]
    assert figures["precision"] == 1.0


@pytest.mark.parametrize(
    "bad",
    [
        {"text": SECRET},
        {"text": SECRET, "spans": [{"start": 0, "end": 99, "label": "EMAIL"}]},
        {"text": SECRET, "spans": [{"start": 5, "end": 2, "label": "EMAIL"}]},
        {"spans": []},
        {"text": 7, "spans": []},
        [SECRET],
    ],
)
def test_a_line_of_another_shape_is_named_by_its_number_and_never_shown(tmp_path: Path, bad: object) -> None:
    gold = written(tmp_path / "gold.jsonl", [GOLD[2], bad])
    with pytest.raises(GoldError) as raised:
        evaluate_redaction(Asked(gold))
    assert "line 2" in raised.value.message
    assert SECRET not in raised.value.message + raised.value.hint


def test_mistakes_are_named(gold: Path, tmp_path: Path) -> None:
    few = written(tmp_path / "few.jsonl", [{"findings": []}])
    odd = written(tmp_path / "odd.jsonl", [{"found": []}] * 4)
    mistakes = {
        "as many lines": Asked(gold, findings=few),
        "no findings": Asked(gold, findings=odd),
        "Did you mean EMAIL": Asked(gold, labels=("EMAILS",)),
        "no breakdown": Asked(gold, by=("planet",)),
        "cannot be read": Asked(tmp_path / "absent.jsonl"),
        "no map": Asked(gold, label_map=few),
    }
    for said, asked in mistakes.items():
        with pytest.raises(GoldError) as raised:
            evaluate_redaction(asked)
        assert said in raised.value.message.replace("holds no", "no")


def test_the_worst_misses_come_first_and_only_so_many(gold: Path) -> None:
    assert evaluate_redaction(Asked(gold)).misses == []
    (worst,) = evaluate_redaction(Asked(gold, misses=5)).misses
    assert (worst.line, worst.label, worst.value, worst.left, worst.found_as) == (
        2,
        "WHIM",
        "blue buttons",
        "so ",
        "missed",
    )


def test_figures_are_kept_in_a_workspace_and_hold_no_text(gold: Path, workspace: Workspace) -> None:
    ran = CliRunner().invoke(app, ["evaluate", "redaction", str(gold), "-w", str(workspace.root), "--json"])
    assert ran.exit_code == 0, ran.output
    with workspace.open() as store:
        rows = store.rows("SELECT kind, subject, result FROM evaluations")
    ((kind, subject, result),) = rows
    assert (kind, subject) == ("gold", "redaction")
    assert json.loads(result) == json.loads(ran.stdout)
    for word in ("ottoline", "zzyzx", "nothing in"):
        assert word not in result + ran.stdout


def test_without_a_workspace_nothing_is_kept_anywhere(gold: Path, store: Store) -> None:
    ran = CliRunner().invoke(app, ["evaluate", "redaction", str(gold)])
    assert ran.exit_code == 0, ran.output
    assert "protected" in ran.stdout
    assert store.value("SELECT count(*) FROM evaluations") == 0


@pytest.mark.parametrize("more", [["--json"], []])
def test_misses_are_written_into_no_file(gold: Path, more: list[str]) -> None:
    command = [sys.executable, "-m", "service.main", "evaluate", "redaction", str(gold), "--misses", "3", *more]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "zzyzx" not in done.stdout + done.stderr


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs a pseudo-terminal")
def test_misses_are_shown_in_a_terminal(gold: Path) -> None:
    parent, child = pty.openpty()
    command = [sys.executable, "-m", "service.main", "evaluate", "redaction", str(gold), "--misses", "3"]
    with subprocess.Popen(
        command, stdout=child, stderr=subprocess.DEVNULL, env=os.environ | {"COLUMNS": "160"}
    ) as process:
        os.close(child)
        shown = b""
        try:
            while piece := os.read(parent, 4096):
                shown += piece
        except OSError:  # Linux ends a pseudo-terminal's output with an error
            pass
    os.close(parent)
    assert process.returncode == 0
    assert b"blue buttons" in shown
    assert b"ottoline" not in shown
