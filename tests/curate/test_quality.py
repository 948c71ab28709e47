"""The check kinds and the quality stage: what is measured, and when it is measured again."""

from dataclasses import replace

import polars as pl
import pytest

from curate.quality.checks import HEADS, KINDS, TURNS, measured
from curate.quality.packs import load_rules, quality_packs
from curate.quality.rules import Threshold, measure
from curate.quality.stage import curate_quality
from store.database import Store
from store.workspace import Workspace
from tests.curate.builders import add_conversation, curation_of, signals_of


def value_of(
    kind: str,
    *turns: tuple[str, str] | tuple[str, str, str],
    roles: tuple[str, ...] = (),
    csat: str | None = None,
    **params: object,
) -> float | None:
    """Measure one conversation; a turn is (role, text) or (role, text, automation)."""
    rows = [("c", at, t[0], len(t) > 2, t[2] if len(t) > 2 else None, t[1]) for at, t in enumerate(turns)]
    heads = pl.DataFrame([("c", csat, False)], schema=HEADS, orient="row")
    found = measured(KINDS[kind], pl.DataFrame(rows, schema=TURNS, orient="row"), heads, roles, params)
    return found["value"].item()


def test_turns_and_words_count_the_roles_asked_for_and_nothing_is_zero() -> None:
    turns = [("customer", "Hello there"), ("agent", "Good morning, what's up?"), ("customer", "你好吗")]
    assert value_of("turns", *turns, roles=("customer",)) == 2
    assert value_of("turns", *turns, roles=("bot",)) == 0
    assert value_of("turns") == 0
    assert value_of("words", *turns, roles=("customer",)) == 5
    assert value_of("words", *turns, roles=("agent",)) == 5


@pytest.mark.parametrize(
    ("text", "count"),
    [("<p>hi</p>", 2), ("a &amp; b &#39;", 2), ("[b]x[/b] [url=y]", 3), ("3 < 5 & 6 > 2 [1] <3", 0), ("plain", 0)],
)
def test_markup_counts_tags_and_entities(text: str, count: int) -> None:
    assert value_of("markup", ("customer", text)) == count


def test_terms_stand_as_whole_words_in_any_case() -> None:
    turns = [("agent", "See our Refund policy."), ("agent", "refunds"), ("agent", "a+b? yes"), ("agent", "REFUND")]
    assert value_of("terms", *turns, terms=["refund"]) == 2
    assert value_of("terms", *turns, terms=["a+b"]) == 1


def test_letter_share_looks_at_visible_characters() -> None:
    assert value_of("letter_share", ("customer", "ab 12")) == 0.5
    assert value_of("letter_share", ("customer", "हिन्दी")) == 1.0
    assert value_of("letter_share") is None


def test_repeated_share_is_of_long_turns_said_before() -> None:
    loop = "I did not understand that."
    assert value_of("repeated_share", ("agent", loop), ("agent", loop + " "), ("agent", "yes"), ("agent", "yes")) == (
        pytest.approx(27 / 59)
    )
    assert value_of("repeated_share", ("customer", "yes"), ("agent", "yes")) == 0.0


def test_automated_share_counts_scripts_but_neither_macros_nor_ai() -> None:
    assert value_of("automated_share", ("customer", "x"), ("agent", "y", "rule"), ("agent", "z")) == 0.5
    assert value_of("automated_share", ("bot", "menu: 1 2 3")) == 1.0
    assert value_of("automated_share", ("bot", "y", "ai"), ("agent", "z", "macro")) == 0.0
    assert value_of("automated_share", ("customer", "x")) is None


def test_unanswered_is_a_customers_question_at_the_end() -> None:
    assert value_of("unanswered", ("agent", "Hi"), ("customer", "Why? Tell me.")) == 1.0
    assert value_of("unanswered", ("customer", "为什么？")) == 1.0
    assert value_of("unanswered", ("customer", "Why?"), ("agent", "Why not?")) == 0.0
    assert value_of("unanswered") is None


def test_rating_is_null_where_nobody_rated() -> None:
    assert [value_of("rating", csat=label) for label in ("bad", "neutral", "good", None)] == [0.0, 0.5, 1.0, None]


@pytest.mark.parametrize(
    ("texts", "value"),
    [(["test"], 1.0), (["Hello", "just testing, please ignore!"], 1.0), (["Test my alarm"], 0.0), (["hello"], 0.0)],
)
def test_a_test_says_nothing_but_that(texts: list[str], value: float) -> None:
    assert value_of("is_test", *(("customer", text) for text in texts)) == value


def test_thresholds_are_the_allowed_values() -> None:
    assert [Threshold(min=1).broken_by(v) for v in (0, 1, None)] == [True, False, False]
    assert [Threshold(max=1).broken_by(v) for v in (1, 1.5)] == [False, True]
    assert [Threshold(1, 2).broken_by(v) for v in (0.5, 1.5, 2.5)] == [True, False, True]


def test_rules_that_measure_the_same_share_a_signal() -> None:
    rule = next(rule for rule in load_rules(quality_packs()) if rule.code == "Q003")
    stricter = replace(rule, code="X1", threshold=Threshold(min=50))
    turns = pl.DataFrame([("c", 0, "agent", False, None, "one two")], schema=TURNS, orient="row")
    heads = pl.DataFrame([("c", None, False)], schema=HEADS, orient="row")
    assert measure([rule, stricter], turns, heads).rows() == [("c", "words(agent, bot)", 2.0)]


def test_the_stage_measures_public_speech_only(workspace: Workspace, store: Store) -> None:
    note = ("agent", "An internal note of many words", {"kind": "note", "visibility": "internal"})
    tool = ("agent", '{"name": "find_order"}', {"kind": "tool_call"})
    add_conversation(store, "a", [("customer", "Where is it?"), note, tool], csat_label="good")
    curate_quality(curation_of(workspace, store))
    found = signals_of(store, "a")
    assert found["words(agent, bot)"] == (0.0, None)
    assert found["turns(customer)"] == (1.0, None)
    assert found["rating"] == (1.0, None)
    assert "automated_share" not in found


def test_a_new_threshold_measures_nothing_again(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "a", [("customer", "Where is it?"), ("agent", "On its way to you, I hope.")])
    curate_quality(curation_of(workspace, store))
    folder = workspace.root / "rules" / "quality"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('pack = "mine"\n[[change]]\ncode = "Q003"\nthreshold = { min = 50 }\n')
    curate_quality(curation_of(workspace, store))
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'quality'") == 1


def test_a_new_rule_measures_all_again(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "a", [("customer", "Where is it?"), ("agent", "As per my last mail.")])
    curate_quality(curation_of(workspace, store))
    folder = workspace.root / "rules" / "quality"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text("""
        pack = "mine"
        [[rule]]
        code = "M001"
        name = "curt"
        kind = "terms"
        where = { role = "agent" }
        params = { terms = ["as per my last mail"] }
        threshold = { max = 0 }
        action = "flag"
        reason = "The agent is curt."
        rationale = "We do not write like that."
        [[rule.example]]
        turns = [["agent", "As per my last mail, no."]]
        expect = "flag"
    """)
    curate_quality(curation_of(workspace, store))
    assert signals_of(store, "a")["terms(agent, terms=('as per my last mail',))"] == (1.0, None)
