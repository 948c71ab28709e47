"""`chatmill evaluate redaction --decisions`: what people decided is the gold, and redaction is searched for anew."""

import json

import pytest
from typer.testing import CliRunner

from curate.evaluation.errors import GoldError
from curate.review.decisions import accept_rest, add_span, decide
from service.main import app
from store.workspace import Workspace
from tests.curate.review.builders import curate, desk, find, patterns_alone, put

TALK = {
    "c1": [("customer", "mail me at bo.lee@example.com please"), ("agent", "Is ORD-482913 the order?")],
    "c2": [("customer", "the zwieback machine is broken"), ("agent", "Write to help@shop.example.")],
    "c3": [("customer", "or to kim@else.example"), ("agent", "Thank you.")],
}


@pytest.fixture
def reviewed(workspace: Workspace) -> Workspace:
    own = patterns_alone(workspace)
    with own.open() as store:
        put(store, TALK)
        curate(own, store)
        accept_rest(desk(store), "c1")
        decide(desk(store), find(store, "c2", "help@shop.example"), "reject")
        add_span(desk(store), "c2", "c2-0", 4, 20, "CUSTOM")
        curate(own, store)
    return own


def run(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(app, ["evaluate", "redaction", *arguments], catch_exceptions=False)
    return done.exit_code, done.stdout if done.exit_code == 0 else done.output


def test_what_was_missed_and_what_was_redacted_for_nothing_counts(reviewed: Workspace) -> None:
    code, out = run("--decisions", "-w", str(reviewed.root), "--json")
    figures = json.loads(out)
    assert code == 0
    assert figures["gold"] == "decisions"
    assert figures["texts"] == 4  # c3 is not reviewed to its end
    assert figures["by_label"]["EMAIL_ADDRESS"]["protected"] == 1.0
    assert figures["by_label"]["CUSTOM"]["protected"] == 0.0
    assert figures["precision"] < 1.0
    assert "example.com" not in out
    with reviewed.open() as store:
        assert store.value("SELECT count(*) FROM evaluations WHERE kind = 'decisions'") == 1


def test_without_a_gold_set_or_decisions_it_says_what_to_do(reviewed: Workspace) -> None:
    done = CliRunner().invoke(app, ["evaluate", "redaction", "-w", str(reviewed.root)])
    assert isinstance(done.exception, GoldError)
    assert "--decisions" in done.exception.message
