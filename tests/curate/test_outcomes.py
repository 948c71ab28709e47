"""Outcomes: one for every conversation, by the stages' precedence, failing closed; and the funnel that counts them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest

from curate.dedup.stage import curate_duplicates
from curate.language import curate_language
from curate.outcomes import curate_outcomes, funnel
from curate.quality.stage import curate_quality
from curate.stages import Curation
from store.database import Store
from store.settings import LanguageSettings, WorkspaceSettings
from store.workspace import Workspace
from tests.curate.builders import add_conversation, add_conversations, curation_of

ASK = "I ordered a blue kettle two weeks ago and it still has not arrived, can you please find out where it is now"
ANSWER = "I am sorry for the delay. It was sent on Monday and should be with you by the end of this week."
PLAIN = [("customer", ASK), ("agent", ANSWER)]
GERMAN = [("customer", "Guten Tag, wo bleibt meine Bestellung? Ich warte seit drei Wochen."), ("agent", ANSWER)]


def topic(words: str) -> list[tuple[str, str]]:
    return [("customer", f"I would like to ask something about {words}, please."), ("agent", f"{ANSWER} {words}")]


def redacted(store: Store, *, quarantined: dict[str, str] | None = None, only: tuple[str, ...] | None = None) -> None:
    """Record redaction and its leak check as done, with conversations set aside by code."""
    keys = store.frame("SELECT conversation_key, content_hash FROM conversations")
    if only is not None:
        keys = keys.filter(pl.col("conversation_key").is_in(only))
    codes = quarantined or {}
    for stage in ("redaction", "leaks"):
        rows = keys.with_columns(
            pl.lit(stage).alias("stage"),
            pl.lit("1").alias("version"),
            pl.lit("run").alias("run_id"),
            pl.col("conversation_key").replace_strict(codes, default=None, return_dtype=pl.String).alias("code"),
        ).with_columns(status=pl.when(pl.col("code").is_null()).then(pl.lit("ok")).otherwise(pl.lit("quarantine")))
        store.replace("processed", rows, keys=("stage", "conversation_key"))


def decide(store: Store, key: str, verdict: str, *, minute: int = 0) -> None:
    row = {
        "decision_id": f"{key}-{minute}",
        "subject": "conversation",
        "subject_id": key,
        "conversation_key": key,
        "verdict": verdict,
        "note": "",
        "decided_by": "someone",
        "decided_at": datetime(2026, 5, 1, 9, minute, tzinfo=UTC),
    }
    store.append("decisions", pl.DataFrame([row]))


def outcomes(store: Store) -> dict[str, tuple[str, str, str]]:
    rows = store.rows("SELECT conversation_key, verdict, stage, code FROM outcomes")
    return {key: (verdict, stage, code) for key, verdict, stage, code in rows}


@pytest.fixture
def curate(workspace: Workspace, store: Store) -> Callable[..., Curation]:
    """Run all stages, redaction being recorded instead of done."""

    def run(**redaction: Any) -> Curation:
        curation = curation_of(workspace, store)
        curate_language(curation)
        curate_duplicates(curation)
        redacted(store, **redaction)
        curate_quality(curation)
        curate_outcomes(curation)
        return curation

    return run


def reason(store: Store, key: str) -> str:
    return store.value("SELECT reason FROM outcomes WHERE conversation_key = ?", [key])


def test_every_conversation_has_one_outcome_by_the_first_stage_that_stops_it(store: Store, curate: Any) -> None:
    add_conversation(store, "good", PLAIN)
    add_conversation(store, "silent", [("agent", "call him", {"kind": "note", "visibility": "internal"})])
    add_conversation(store, "german", GERMAN)
    add_conversation(store, "same", [("customer", ASK), ("agent", ANSWER.upper())])
    add_conversation(store, "alike", [("customer", ASK), ("agent", ANSWER + " Bye")], csat_label="bad")
    add_conversation(store, "leaky", topic("a red toaster with two slots"))
    add_conversation(store, "alone", [("customer", "Is anybody there to help me with my order?")])
    curate(quarantined={"leaky": "redaction.leak", "german": "redaction.unsupported_language"})
    assert outcomes(store) == {
        "good": ("drop", "duplicates", "duplicates.near"),
        "silent": ("drop", "ingest", "ingest.no_public_turns"),
        "german": ("quarantine", "language", "language.unsupported"),
        "same": ("drop", "duplicates", "duplicates.near"),
        "alike": ("drop", "quality", "Q009"),
        "leaky": ("quarantine", "redaction", "redaction.leak"),
        "alone": ("drop", "quality", "Q002"),
    } | ({"good": ("keep", "kept", "kept")})
    assert reason(store, "german") == "The customer writes German (de); this workspace curates en."


def test_what_a_stage_has_not_seen_in_its_present_form_is_quarantined(store: Store, curate: Any) -> None:
    add_conversation(store, "a", topic("a lamp"))
    add_conversation(store, "b", topic("the colour of a garden chair"))
    curation = curate(only=("a",))
    assert outcomes(store) == {"a": ("keep", "kept", "kept"), "b": ("quarantine", "redaction", "redaction.not_run")}
    add_conversation(store, "a", topic("a lamp that I bought"))
    curate_outcomes(curation)
    assert outcomes(store)["a"] == ("quarantine", "language", "language.not_run")


def test_a_leak_check_that_has_not_run_is_no_pass(store: Store, curate: Any) -> None:
    add_conversation(store, "a", PLAIN)
    curation = curate()
    store.execute("DELETE FROM processed WHERE stage = 'leaks'")
    curate_outcomes(curation)
    assert outcomes(store)["a"] == ("quarantine", "redaction", "redaction.not_run")


def test_the_best_member_that_passes_stands_for_a_cluster(store: Store, curate: Any) -> None:
    for key, extra in (("long", " Thank you"), ("middle", " Thanks"), ("short", "")):
        add_conversation(store, key, [("customer", ASK + extra), ("agent", ANSWER)])
    curation = curate()
    assert outcomes(store)["long"] == ("keep", "kept", "kept")
    assert "% the same as another conversation" in reason(store, "short")
    redacted(store, quarantined={"long": "redaction.timeout"})
    curate_outcomes(curation)
    assert outcomes(store) == {
        "long": ("quarantine", "redaction", "redaction.timeout"),
        "middle": ("keep", "kept", "kept"),
        "short": ("drop", "duplicates", "duplicates.near"),
    }
    assert "%" not in reason(store, "short")


def test_a_cluster_of_which_nobody_passes_tells_the_keepers_reason(store: Store, curate: Any) -> None:
    for key in ("a", "b"):
        add_conversation(store, key, PLAIN, csat_label="bad")
    curate()
    assert outcomes(store) == {"a": ("drop", "quality", "Q009"), "b": ("drop", "duplicates", "duplicates.exact")}


def test_a_person_overrules_quality_and_nothing_else(store: Store, curate: Any) -> None:
    add_conversation(store, "rated", topic("a kettle"), csat_label="bad")
    add_conversation(store, "leaky", topic("the size of my new winter coat"))
    add_conversation(store, "fine", topic("opening hours over Christmas and New Year"))
    add_conversation(store, "german", GERMAN)
    for key, verdict in (("rated", "keep"), ("leaky", "keep"), ("fine", "drop"), ("german", "keep")):
        decide(store, key, verdict)
    curation = curate(quarantined={"leaky": "redaction.leak"})
    assert outcomes(store) == {
        "rated": ("keep", "kept", "kept"),
        "leaky": ("quarantine", "redaction", "redaction.leak"),
        "fine": ("drop", "quality", "decision.drop"),
        "german": ("quarantine", "language", "language.unsupported"),
    }
    decide(store, "fine", "keep", minute=1)
    curate_outcomes(curation)
    assert outcomes(store)["fine"] == ("keep", "kept", "kept")


def test_flags_name_every_rule_that_matches_and_mixed_languages(
    workspace: Workspace, store: Store, curate: Any
) -> None:
    add_conversation(
        store, "a", [("customer", "<b>Why?</b>"), ("agent", ANSWER), ("customer", "Why?")], csat_label="bad"
    )
    add_conversation(store, "b", GERMAN)
    curation = curate()
    flags = "SELECT flags FROM outcomes WHERE conversation_key = ?"
    assert store.value(flags, ["a"]) == ["Q004", "Q008", "Q009"]
    assert store.value(flags, ["b"]) == ["Q037", "language.mixed"]
    wide = replace(workspace.settings, language=LanguageSettings(mixed_share=0.5))
    curate_outcomes(replace(curation, workspace=replace(workspace, settings=wide)))
    assert store.value(flags, ["b"]) == ["Q037"]


def test_nothing_is_written_twice_and_any_change_is_noticed(workspace: Workspace, store: Store, curate: Any) -> None:
    add_conversation(store, "german", GERMAN)
    curation = curate()
    curate_outcomes(curation)
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'outcomes'") == 1
    both = replace(workspace.settings, workspace=WorkspaceSettings(languages=("en", "de")))
    curate_outcomes(replace(curation, workspace=replace(workspace, settings=both)))
    assert outcomes(store)["german"] == ("keep", "kept", "kept")
    folder = workspace.root / "rules" / "quality"
    folder.mkdir(parents=True)
    (folder / "mine.toml").write_text('pack = "mine"\n[[change]]\ncode = "Q003"\nthreshold = { min = 50 }\n')
    curate_outcomes(replace(curation, workspace=replace(workspace, settings=both)))
    assert outcomes(store)["german"] == ("drop", "quality", "Q003")


def test_the_funnel_adds_up_from_read_to_kept(store: Store, curate: Any) -> None:
    add_conversations(store, [(f"k{n}", topic(f"number {n} of {n * n} and {n * 7} things {n}"), {}) for n in range(5)])
    add_conversation(store, "german", GERMAN)
    add_conversation(store, "silent")
    add_conversation(store, "one", PLAIN)
    add_conversation(store, "two", PLAIN)
    store.append("batches", pl.DataFrame([BATCH]))
    store.append("rejects", pl.DataFrame([REJECT]))
    curate()
    rows = funnel(store)
    assert [(row.stage, row.left, row.dropped) for row in rows] == [
        ("read", 13, 0),
        ("stored", 9, 4),
        ("ingest", 8, 1),
        ("language", 7, 1),
        ("duplicates", 6, 1),
        ("redaction", 6, 0),
        ("quality", 6, 0),
        ("kept", 6, 0),
    ]
    assert all(sum(count for _, _, count in row.reasons) == row.dropped for row in rows)
    assert {code: count for row in rows for code, _, count in row.reasons} == {
        "bad_json": 1,
        "ingest.superseded": 3,
        "ingest.no_public_turns": 1,
        "language.unsupported": 1,
        "duplicates.exact": 1,
    }


def test_the_funnel_of_what_is_not_curated_yet_stops_at_stored(store: Store) -> None:
    assert [(row.stage, row.left) for row in funnel(store)] == [("read", 0), ("stored", 0)]


def test_conversations_read_since_the_outcomes_are_counted_as_not_curated(store: Store, curate: Any) -> None:
    add_conversation(store, "a", PLAIN)
    curate()
    add_conversation(store, "b", PLAIN)
    last = funnel(store)[-1]
    assert (last.left, last.dropped, last.reasons[0][0]) == (1, 1, "curate.not_run")


BATCH = {
    "batch_id": "batch",
    "connector": "test",
    "connector_version": 1,
    "source_uri": "test.jsonl",
    "file_sha256": "",
    "file_bytes": 1,
    "options": "{}",
    "status": "done",
    "started_at": datetime(2026, 5, 1, tzinfo=UTC),
    "records": 12,
    "superseded": 2,
    "run_id": "run",
}
REJECT = {
    "batch_id": "batch",
    "source_uri": "test.jsonl",
    "place": "line 3",
    "code": "bad_json",
    "detail": "not JSON",
}
