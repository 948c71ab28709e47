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
    head: dict[str, object] | None = None,
    **params: object,
) -> float | None:
    """Measure one conversation; a turn is (role, text) or (role, text, automation)."""
    rows = [("c", at, t[0], len(t) > 2, t[2] if len(t) > 2 else None, t[1]) for at, t in enumerate(turns)]
    heads = pl.DataFrame([{"conversation_key": "c", "csat_label": csat, "is_test": False} | (head or {})], schema=HEADS)
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
    assert value_of("automated_share", ("customer", "x"), ("agent", "y", "workflow"), ("agent", "z")) == 0.5
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
    assert value_of("rating", csat="bad", head={"csat_score": 0.25}) == 0.25


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
    heads = pl.DataFrame([{"conversation_key": "c"}], schema=HEADS)
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


def test_waiting_counts_the_customers_turns_after_the_last_answer() -> None:
    assert value_of("waiting", ("customer", "a"), ("agent", "b"), ("customer", "c"), ("customer", "d")) == 2
    assert value_of("waiting", ("customer", "a"), ("agent", "b")) == 0
    assert value_of("waiting") is None


def test_shares_of_characters() -> None:
    assert value_of("digit_share", ("customer", "ab 12")) == 0.5
    assert value_of("symbol_share", ("customer", "a1 -!")) == 0.5
    assert value_of("capital_share", ("customer", "OK")) is None
    assert value_of("capital_share", ("customer", "ABCDEFGHIJ abcdefghij 123")) == 0.5


@pytest.mark.parametrize(
    ("text", "share"),
    [("asdfgh sdfkjhsdfkjh", 1.0), ("noooooo way", 0.5), ("Rechtsschutz in Schwyz", 0.0), ("你好 привет", 0.0)],
)
def test_gibberish_is_keyboard_noise_and_no_language(text: str, share: float) -> None:
    assert value_of("gibberish", ("customer", text)) == share


def test_code_lines_are_logs_and_traces_and_not_sentences() -> None:
    log = "2026-03-01 10:22:31 worker failed\n\tat org.example.Main.run(Main.java:12)\n};\nThat is all it says."
    assert value_of("code_lines", ("customer", log)) == 0.75
    assert value_of("code_lines", ("customer", "I read {this}\nit says ERROR; why?")) == 0.0


def test_repeated_ngrams_look_within_a_turn_and_repeats_across_turns_of_a_side() -> None:
    line = "please restart the device and then wait for a minute or two. "
    assert (value_of("repeated_ngrams", ("agent", line * 4)) or 0) > 0.5
    assert value_of("repeated_ngrams", ("agent", line), ("agent", line)) == 0.0
    turns = [("customer", line), ("agent", line), ("agent", line), ("agent", line.upper())]
    assert value_of("repeats", *turns) == 2


def test_terms_share_weighs_turns_by_their_words_and_terms_may_hold_other_scripts() -> None:
    turns = [("agent", "We call you back"), ("agent", "one two three four five six seven eight nine ten eleven twelve")]
    assert value_of("terms_share", *turns, terms=["call you back"]) == 0.25
    assert value_of("terms", ("agent", "ÄRGER mit Größe"), terms=["ärger"]) == 1
    assert value_of("terms", ("agent", "谢谢"), terms=["谢谢"]) == 1
    assert value_of("terms", ("agent", "call\n  you   back"), terms=["call you back"]) == 1


def test_a_pattern_is_found_with_and_without_signs_alike() -> None:
    turns = [("agent", "Hello {{name}}"), ("agent", "Hello")]
    assert value_of("pattern", *turns, pattern=r"\{\{\w+\}\}", signs=("{{",)) == 1
    assert value_of("pattern", *turns, pattern=r"\{\{\w+\}\}") == 1
    assert value_of("pattern_share", *turns, pattern=r"\{\{\w+\}\}") == 0.5


@pytest.mark.parametrize(
    ("kind", "head", "value"),
    [
        ("unfinished", {"status": "pending"}, 1.0),
        ("unfinished", {"status": "solved"}, 0.0),
        ("unfinished", {}, None),
        ("merged", {"is_merged": True}, 1.0),
        ("incomplete", {"completeness": "truncated_head"}, 1.0),
        ("reopens", {"reopens": 2}, 2.0),
        ("other_language", {"other_language_share": 1.4}, 1.0),
    ],
)
def test_what_the_helpdesk_recorded_is_measured(kind: str, head: dict[str, object], value: float | None) -> None:
    assert value_of(kind, ("customer", "Hi"), head=head) == value


def test_tags_are_compared_without_case() -> None:
    assert value_of("tagged", head={"tags": ["Spam", "x"]}, tags=["spam"]) == 1.0
    assert value_of("tagged", head={"tags": []}, tags=["spam"]) == 0.0


def test_the_order_of_conversations_and_other_rules_change_no_value() -> None:
    rules = [rule for rule in load_rules(quality_packs()) if rule.action != "weight"]
    rows = [
        (
            f"c{n % 7}",
            n // 7,
            ("customer", "agent")[n // 7 % 2],
            False,
            None,
            f"turn {n} ASDF {{}} thanks " * (n % 5 + 1),
        )
        for n in range(70)
    ]
    turns = pl.DataFrame(rows, schema=TURNS, orient="row").sort("conversation_key", "position")
    heads = pl.DataFrame([{"conversation_key": f"c{n}"} for n in range(7)], schema=HEADS)
    whole = measure(rules, turns, heads)
    parts = [
        measure(rules[::-1], turns.filter(conversation_key=f"c{n}"), heads.filter(conversation_key=f"c{n}"))
        for n in (4, 2, 6, 0, 1, 3, 5)
    ]
    assert pl.concat(parts).sort(pl.all()).equals(whole.sort(pl.all()))


def test_the_stage_reads_findings_languages_reopens_and_attachments(workspace: Workspace, store: Store) -> None:
    turns = [("customer", "Ada Ada Ada"), ("agent", "Send it to us")]
    add_conversation(store, "a", turns, custom='{"reopens":3}', status="open", tags=["spam"])
    finding = {"conversation_key": "a", "turn_key": "a-0", "entity_type": "PERSON", "recognizer": "r", "why": "{}"}
    spans = [(0, 3, 0.9), (0, 7, 0.9), (8, 11, 0.1)]
    rows = [
        finding | {"finding_id": str(start + end), "start_char": start, "end_char": end, "score": score, "run_id": "r"}
        for start, end, score in spans
    ]
    store.append("findings", pl.DataFrame(rows))
    shares = [("language", 1.0, "de"), ("language_share", 0.6, "en"), ("language_share", 0.4, "de")]
    for signal, value, label in shares:
        store.execute("INSERT INTO signals VALUES ('a', ?, ?, ?, 'run')", [signal, value, label])
    store.execute("INSERT INTO attachments VALUES ('a-0', 'a', 0, 'x.png', NULL, NULL, NULL, false, false)")
    curate_quality(curation_of(workspace, store))
    found = {name: value for name, (value, _) in signals_of(store, "a").items()}
    assert (found["reopens"], found["unfinished"], found["bare_attachments"]) == (3.0, 1.0, 1.0)
    assert found["redacted_share"] == pytest.approx(7 / 24)
    assert found["other_language"] == 1.0


def test_new_findings_are_measured_again(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "a", [("customer", "Where is it?"), ("agent", "On its way to you, I hope.")])
    curate_quality(curation_of(workspace, store))
    store.execute("INSERT INTO processed VALUES ('redaction', 'a', 'h', 'new', 'ok', NULL, NULL, 'run')")
    curate_quality(curation_of(workspace, store))
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'quality'") == 2
