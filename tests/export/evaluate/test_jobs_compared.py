"""Jobs side by side: a table and curves of what the store knows of them."""

from __future__ import annotations

import json
from pathlib import Path

from typer.testing import CliRunner

from export.evaluate.jobs_compared import as_json, compare_jobs, write_page
from service.main import app
from store.database import Store
from store.workspace import Workspace

REQUEST = {
    "estimate": {"tokens": 100, "epochs": 3, "usd": 1.25},
    "body": {"seed": 7, "method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": 4}}}},
}
LOSSES = {"job-a": (3.0, 2.0, 2.5), "job-b": (3.0, 1.5, 1.0), "job-c": ()}


def add_jobs(store: Store) -> None:
    for at, (name, losses) in enumerate(LOSSES.items()):
        store.execute(
            "INSERT INTO jobs (job_id, provider, dataset_id, model, status, request, result, created_at, finished_at) "
            "VALUES (?, 'local', 'ds-1', 'tiny', 'succeeded', ?, ?, TIMESTAMPTZ '2026-03-01 10:00:00+00' "
            "+ to_minutes(?), TIMESTAMPTZ '2026-03-01 11:00:00+00')",
            [name, json.dumps(REQUEST), json.dumps({"fine_tuned_model": f"ft:{name}", "trained_tokens": 300}), at],
        )
        for step, loss in enumerate(losses):
            store.execute("INSERT INTO metrics VALUES (?, ?, 'valid_loss', ?)", [name, step, loss])


def test_the_lowest_validation_loss_comes_first(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    add_jobs(store)
    told = {
        "votes": None,
        "judge": {"rate": {"value": 0.75}},
        "measures": [{"verdict": "better"}, {"verdict": "worse"}],
    }
    store.execute(
        "INSERT INTO evaluations VALUES ('ev-1', 'models', 'ds-1', 'models', ?, now())",
        [json.dumps({**told, "tuned": {"model": "ft:job-b"}})],
    )
    compared = compare_jobs(workspace, store, [])
    rows = as_json(compared)
    assert [row["job"] for row in rows] == ["job-b", "job-a", "job-c"]
    assert [(row["lowest_validation_loss"], row["at_step"]) for row in rows] == [(1.0, 2), (2.0, 1), (None, None)]
    assert rows[0]["judged"] == "wins 75%; 1 better, 1 worse"
    assert (rows[0]["settings"], rows[0]["seed"], rows[0]["epochs"], rows[0]["about_USD"]) == (
        "batch_size 4",
        7,
        3,
        1.25,
    )
    assert rows[1]["losses"]["valid_loss"] == [[0, 3.0], [1, 2.0], [2, 2.5]]
    assert rows[2]["minutes"] == 58.0
    write_page(tmp_path / "jobs.html", compared)
    page = (tmp_path / "jobs.html").read_text(encoding="utf-8")
    assert page.count("<polyline") == 2
    assert all(name in page for name in LOSSES)
    assert "src=" not in page


def test_the_command_takes_names(workspace: Workspace, store: Store) -> None:
    add_jobs(store)
    store.close()
    ran = CliRunner().invoke(app, ["jobs", "compare", "job-c", "job-a", "-w", str(workspace.root), "--json"])
    assert ran.exit_code == 0, ran.output
    assert [row["job"] for row in json.loads(ran.stdout)["jobs"]] == ["job-a", "job-c"]
