"""The redaction stage over a real store, the reader for exports, and the filter."""

import json
import logging
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate.redact.errors import PolicyError
from curate.redact.filter import redact_lines, redact_stream
from curate.redact.redact import redacted_turns
from curate.redact.stage import curate_redaction
from curate.stages import Curation
from store.database import Store
from store.settings import RedactionSettings, load
from store.workers import Workers
from store.workspace import Workspace
from tests.curate.builders import add_conversation

SENTINEL = "quincunx"


def put(
    store: Store, key: str, *turns: tuple[str, str] | tuple[str, str, str], language: str = "en", **more: Any
) -> None:
    """Store a conversation of (role, text) or (role, text, kind), with a language signal."""
    given = [(role, text, _columns(*kind)) for role, text, *kind in turns]
    add_conversation(store, key, turns=given, **more)
    signal = {"conversation_key": [key], "signal": ["language"], "label": [language], "run_id": ["r"]}
    store.append("signals", pl.DataFrame(signal))


def _columns(kind: str = "message") -> dict[str, Any]:
    return {"kind": kind, "visibility": "internal" if kind == "note" else "public"}


def curate(workspace: Workspace, store: Store) -> None:
    with Workers(1) as workers:
        curate_redaction(Curation(store, workspace, workers))


def texts(workspace: Workspace, store: Store, *keys: str) -> list[str]:
    return redacted_turns(store, workspace.settings, list(keys))["text"].to_list()


def with_settings(workspace: Workspace, extra: str) -> Workspace:
    path = workspace.root / "chatmill.toml"
    path.write_text(path.read_text(encoding="utf-8") + extra, encoding="utf-8")
    return Workspace(workspace.root, load(path))


def quarantined(store: Store) -> dict[str, tuple[str, str]]:
    rows = store.rows("SELECT conversation_key, code, detail FROM processed WHERE status = 'quarantine'")
    return {key: (code, detail) for key, code, detail in rows}


def test_what_participants_are_called_goes_from_every_turn(workspace: Workspace, store: Store) -> None:
    put(
        store,
        "c1",
        ("customer", "where is my parcel"),
        ("agent", "One moment, maria. Write to M.Gonzales@Example.com."),
        ("customer", "call me: 415 555 0132"),
        ("note", "Maria is upset", "note"),
        ("agent", "Bye Maria Gonzales! Tom will call."),
        participants=[
            {"display_name": "Maria Gonzales", "email": "m.gonzales@example.com", "phone": "+1 415-555-0132"},
            {"display_name": "Tom Baker", "role": "agent"},
            {"display_name": "Support Team", "role": "agent"},
        ],
    )
    curate(workspace, store)
    assert texts(workspace, store, "c1") == [
        "where is my parcel",
        "One moment, <PERSON_1>. Write to <EMAIL_1>.",
        "call me: <PHONE_1>",
        "Bye <PERSON_2>! <PERSON_3> will call.",
    ]
    assert quarantined(store) == {}
    recognizers = {row[0] for row in store.rows("SELECT DISTINCT recognizer FROM findings")}
    assert "participants" in recognizers


def test_what_is_found_once_goes_from_the_whole_conversation(workspace: Workspace, store: Store) -> None:
    put(
        store,
        "c1",
        ("customer", "my name is alexis"),
        ("agent", "Sure. So alexis, what else?"),
        ("customer", "Alexis is all"),
    )
    curate(workspace, store)
    assert texts(workspace, store, "c1") == [
        "my name is <PERSON_1>",
        "Sure. So <PERSON_1>, what else?",
        "<PERSON_1> is all",
    ]


def test_custom_fields_are_searched_where_the_workspace_names_them(workspace: Workspace, store: Store) -> None:
    own = with_settings(workspace, '\n[redaction]\ncustom_fields = ["vehicle"]\n')
    put(
        store,
        "c1",
        ("customer", "the lamp zx-88 k is broken"),
        custom=json.dumps({"vehicle": {"plate": "ZX-88 K"}, "other": "lamp"}),
    )
    curate(own, store)
    assert texts(own, store, "c1") == ["the lamp <CUSTOM_1> is broken"]


def test_a_second_run_finds_nothing_due(workspace: Workspace, store: Store) -> None:
    put(store, "c1", ("customer", "my name is alexis"))
    curate(workspace, store)
    runs = store.value("SELECT count(*) FROM runs")
    curate(workspace, store)
    assert store.value("SELECT count(*) FROM runs") == runs


def test_a_moved_threshold_runs_no_recognizer_again(workspace: Workspace, store: Store) -> None:
    put(store, "c1", ("customer", "hi maria"))
    curate(workspace, store)
    assert texts(workspace, store, "c1") == ["hi <PERSON_1>"]
    (workspace.root / "rules").mkdir(exist_ok=True)
    (workspace.root / "rules/redaction.toml").write_text("[entities.PERSON]\nthreshold = 1.0\n", encoding="utf-8")
    curate(workspace, store)
    stages = [row[0] for row in store.rows("SELECT stage FROM runs ORDER BY started_at")]
    assert stages == ["redaction", "leaks", "leaks"]
    assert texts(workspace, store, "c1") == ["hi maria"]


def test_a_rejected_finding_is_not_applied_and_is_no_leak(workspace: Workspace, store: Store) -> None:
    put(store, "c1", ("customer", "hi maria"), ("customer", "my code: order 482913"))
    curate(workspace, store)
    subject = store.value("SELECT finding_id FROM findings WHERE entity_type = 'PERSON'")
    decision = {
        "decision_id": "d1",
        "subject": "finding",
        "subject_id": subject,
        "conversation_key": "c1",
        "verdict": "reject",
        "note": "",
        "decided_by": "me",
    }
    store.append(
        "decisions",
        pl.DataFrame([decision]).with_columns(
            decided_at=pl.lit("2026-03-01T00:00:00Z").str.to_datetime(time_zone="UTC")
        ),
    )
    assert texts(workspace, store, "c1") == ["hi maria", "my code: order <ORDER_ID_1>"]


POLISH = "Mój adres to jan.kowalski@example.com"


def test_a_language_without_a_name_model_is_set_aside_unless_patterns_alone_will_do(
    workspace: Workspace, store: Store
) -> None:
    put(store, "c1", ("customer", POLISH), language="pl")
    path = workspace.root / "chatmill.toml"
    path.write_text(path.read_text(encoding="utf-8").replace('languages = ["en"]', 'languages = ["pl"]'), "utf-8")
    polish = Workspace(workspace.root, load(path))
    assert polish.settings.workspace.languages == ("pl",)
    curate(polish, store)
    assert quarantined(store) == {"c1": ("redaction.unsupported_language", "pl")}
    alone = with_settings(polish, '\n[redaction]\npatterns_only = ["pl"]\n')
    curate(alone, store)
    assert quarantined(store) == {}
    assert texts(alone, store, "c1") == ["Mój adres to <EMAIL_1>"]


def test_the_filter_wants_to_be_told_that_patterns_alone_will_do() -> None:
    lines = [json.dumps({"text": POLISH})]
    with pytest.raises(PolicyError, match="'pl'"):
        list(redact_stream(lines, language="pl"))
    (answer,) = redact_stream(lines, language="pl", settings=RedactionSettings(names="none"))
    assert answer["text"] == "Mój adres to <EMAIL_1>"


def test_another_language_is_set_aside_unread(workspace: Workspace, store: Store) -> None:
    put(store, "c1", ("customer", "你好"), language="zh")
    curate(workspace, store)
    assert quarantined(store) == {"c1": ("redaction.unsupported_language", "zh")}


def test_tool_calls_stay_json(workspace: Workspace, store: Store) -> None:
    put(store, "c1", ("customer", "order 482913 please"), ("agent", '{"order": 482913, "n": 1}', "tool_call"))
    curate(workspace, store)
    assert json.loads(texts(workspace, store, "c1")[1]) == {"order": "<ORDER_ID_1>", "n": 1}
    assert quarantined(store) == {}


def test_what_fails_is_set_aside_and_the_rest_goes_on(
    workspace: Workspace,
    store: Store,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    (tmp_path / "planted_for_stage.py").write_text(
        "from presidio_analyzer import EntityRecognizer\n"
        "class Raising(EntityRecognizer):\n"
        "    def __init__(self, supported_language='en'):\n"
        "        super().__init__(['PERSON'], supported_language=supported_language, name='Raising')\n"
        "    def load(self): pass\n"
        "    def analyze(self, text, entities, nlp_artifacts=None):\n"
        f"        if '{SENTINEL}' in text: raise ValueError(text)\n"
        "        return []\n",
        encoding="utf-8",
    )
    monkeypatch.syspath_prepend(tmp_path)
    own = with_settings(workspace, '\n[redaction]\nrecognizers = ["planted_for_stage:Raising"]\n')
    put(store, "bad", ("customer", f"my {SENTINEL} broke"))
    put(store, "good", ("customer", "my name is alexis"))
    curate(own, store)
    assert quarantined(store) == {"bad": ("redaction.error", "Raising: ValueError")}
    assert texts(own, store, "good") == ["my name is <PERSON_1>"]
    assert SENTINEL not in caplog.text


def test_the_filter_redacts_texts_and_turns_in_order() -> None:
    lines = [
        json.dumps({"id": 7, "text": "my name is alexis", "keep": [1]}),
        "",
        "{broken",
        json.dumps({"turns": [{"role": "customer", "text": "I'm Anna."}, {"speaker": "agent", "text": "Hi anna"}]}),
        json.dumps({"id": "x", "text": 5}),
    ]
    first, broken, turns, shapeless = redact_stream(lines)
    (found,) = first.pop("findings")
    assert first == {"id": 7, "text": "my name is <PERSON_1>", "keep": [1]}
    assert found.pop("score") >= 0.9
    assert found.pop("recognizer") in ("introduction", "NameModel")
    assert found == {"start": 11, "end": 17, "entity_type": "PERSON"}
    assert broken["line"] == 3
    assert "error" in broken
    assert [turn["text"] for turn in turns["turns"]] == ["I'm <PERSON_1>.", "Hi <PERSON_1>"]
    assert [(one["turn"], one["start"], one["end"]) for one in turns["findings"]] == [(0, 4, 8), (1, 3, 7)]
    assert (shapeless["id"], shapeless["line"]) == ("x", 5)


def test_the_filter_gives_the_same_with_two_workers() -> None:
    lines = [
        json.dumps({"id": n, "text": f"order number {48291300 + n}, call 415-555-01{n % 90:02}"}) for n in range(1200)
    ]
    assert list(redact_lines(lines, workers=2)) == list(redact_lines(lines))


def test_a_leak_sets_the_conversation_aside_by_type_alone(workspace: Workspace, store: Store) -> None:
    put(store, "c1", ("customer", "my name is alexis"), ("agent", "fine"))
    curate(workspace, store)
    store.execute("UPDATE turns SET text = 'fine, ALEXIS' WHERE turn_key = 'c1-1'")
    store.execute("DELETE FROM processed WHERE stage = 'leaks'")
    curate(workspace, store)
    assert quarantined(store) == {"c1": ("redaction.leak", "PERSON")}
