"""The report as a page of its own, and the command as a person runs it."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from export.evaluate.examples import read_examples
from export.evaluate.report import render
from tests.export.evaluate.conftest import BASE, JUDGE, KEY_OF_STORE, TUNED, Bench, says_tuned
from tests.export.evaluate.server import KEY, Endpoint, serving
from tests.export.submit.test_submit_commands import GUARD


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def page_of(bench: Bench, **wish: Any) -> tuple[dict[str, Any], str]:
    document = bench.compare(**wish)
    return document, render(document, read_examples(bench.workspace, bench.store, document))


def test_the_page_stands_alone_and_escapes_what_models_say(bench: Bench) -> None:
    evil = '<script>alert("x")</script><img src=http://example.com/x> sorry'
    bench.endpoint.models[BASE] = lambda body: evil
    document, page = page_of(bench, limit=12)
    tags = Tags()
    tags.feed(page)
    assert not {name for name, _ in tags.seen} & {"script", "img", "link", "iframe", "object"}
    assert not [value for _, attributes in tags.seen for name, value in attributes.items() if name in ("src", "href")]
    assert "&lt;script&gt;alert" in page
    assert len([1 for name, _ in tags.seen if name == "svg"]) >= 5
    for measure in document["measures"]:
        assert measure["title"] in page.replace("&#39;", "'")


def test_every_plot_has_a_table_and_every_clear_figure_examples(bench: Bench) -> None:
    bench.endpoint.models[JUDGE] = lambda body: '{"better": 0}'
    _, page = page_of(bench, limit=12, judge=JUDGE)
    for section in page.split("<section>")[1:]:
        if "<svg" in section:
            assert "<table>" in section
    answers = page.partition("How good the answers are")[2].partition("</section>")[0]
    assert "leaves our depot" in answers
    assert "I do not know where that is" in answers


def test_the_training_curve_is_drawn(bench: Bench) -> None:
    bench.store.execute(
        "INSERT INTO jobs (job_id, provider, dataset_id, model, status, request, result, created_at) "
        "VALUES ('job-1', 'openai', 'ds', ?, 'succeeded', '{}', ?, now())",
        [BASE, json.dumps({"fine_tuned_model": TUNED})],
    )
    for step in range(4):
        bench.store.execute("INSERT INTO metrics VALUES ('job-1', ?, 'valid_loss', ?)", [step, 3.0 - step / 2])
    _, page = page_of(bench, limit=10)
    assert "Loss over steps" in page
    assert "20.09" in page  # exp(3)


@pytest.fixture
def commands(exported: Path, tmp_path: Path):
    """Run `chatmill evaluate` in a process of its own that may reach nothing but loopback."""
    (tmp_path / "guard").mkdir()
    (tmp_path / "guard" / "sitecustomize.py").write_text(GUARD, encoding="utf-8")
    import shutil

    shutil.copytree(exported, tmp_path / "ws")
    kept = {name: value for name, value in os.environ.items() if not name.startswith("OPENAI_")}
    environment = kept | {
        "CHATMILL_KEY": KEY_OF_STORE, "OPENAI_API_KEY": KEY,
        "PYTHONPATH": os.pathsep.join([str(tmp_path / "guard"), str(Path.cwd())]),
    }  # fmt: skip

    def run(*arguments: str) -> tuple[int, str, str]:
        command = [sys.executable, "-m", "service.main", "evaluate", *arguments, "-w", str(tmp_path / "ws")]
        done = subprocess.run(command, capture_output=True, text=True, env=environment, cwd=tmp_path, check=False)
        return done.returncode, done.stdout, done.stderr

    return run


def test_the_command_needs_no_name_and_writes_the_page(commands, endpoint: Endpoint, tmp_path: Path) -> None:
    asked = [BASE, TUNED, "--base-url", endpoint.url, "--limit", "12", "--swaps", "0", "--no-probes"]
    code, out, err = commands(*asked, "--html", "report.html", "--json")
    assert code == 0, err
    document = json.loads(out)
    assert document["cases"] == 12
    assert "leaves our depot" in (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "leaves our depot" not in out + err
    code, out, _ = commands("models", *asked)
    assert code == 0
    assert re.search(r"Word for word the person's answer +0 % .* 100 % .* better", out)
    assert endpoint.calls["/v1/chat/completions"] == 24


def test_two_models_or_a_job_must_be_named(commands) -> None:
    code, _, err = commands(BASE)
    assert (code, "Name two models" in err) == (2, True)
    code, _, err = commands("--job", "latest")
    assert (code, "no job yet" in err) == (2, True)


def test_a_tuned_model_may_answer_elsewhere(bench: Bench) -> None:
    from export.evaluate.comparing import Wish, compare_models
    from export.evaluate.parties import Named, speaking
    from export.submit.patience import Patience

    wish = Wish(limit=10, probes=False, swaps=0)
    with serving(Endpoint(models={TUNED: says_tuned})) as other:
        del bench.endpoint.models[TUNED]
        named = Named(BASE, TUNED, "openai", bench.endpoint.url, tuned_endpoint=other.url)
        with speaking(named, wish, Patience(seconds=1)) as parties:
            document = compare_models(bench.workspace, bench.store, parties, wish)
    assert document["tuned"]["endpoint"] == other.url
    assert (bench.endpoint.calls["/v1/chat/completions"], other.calls["/v1/chat/completions"]) == (10, 10)


def test_a_job_is_compared_with_its_base_in_one_call(bench: Bench, tmp_path: Path) -> None:
    from export.evaluate.after_training import compare_job
    from export.evaluate.comparing import Wish

    dataset = bench.store.value("SELECT dataset_id FROM datasets")
    bench.store.execute(
        "INSERT INTO jobs (job_id, provider, endpoint, dataset_id, model, status, request, result, created_at) "
        "VALUES ('job-1', 'openai', ?, ?, ?, 'succeeded', '{}', ?, now())",
        [bench.endpoint.url, dataset, BASE, json.dumps({"fine_tuned_model": TUNED})],
    )
    bench.store.close()
    wish = Wish(limit=10, probes=False, swaps=0)
    document = compare_job(bench.workspace, wish=wish, html=tmp_path / "report.html")
    assert (document["base"]["model"], document["tuned"]["model"]) == (BASE, TUNED)
    assert "Is the tuned model better?" in (tmp_path / "report.html").read_text(encoding="utf-8")
