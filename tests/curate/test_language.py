"""The language stage and filter: what the customer writes, and what to do where that is hard to tell."""

import gzip
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.errors import CurateError
from curate.language import curate_language, language_stream
from curate.language.scripts import weights
from curate.language.telling import base_code, read, sample
from store.database import Store
from store.settings import Settings, WorkspaceSettings
from store.workspace import Workspace
from tests.curate.builders import add_conversation, curation_of, signals_of

GERMAN = "Guten Tag, meine Lieferung ist leider noch immer nicht angekommen. Können Sie bitte nachsehen, wo sie bleibt?"
ENGLISH = "I am sorry to hear that. Could you tell me the number of your order, so that I can look into it for you?"
CHINESE = "你好，我的订单还没有到，请帮我查一下。"


def told(text: str, *languages: str) -> str:
    settings = Settings(workspace=WorkspaceSettings(languages=languages or ("en",)))
    return next(language_stream([json.dumps({"text": text})], settings))["lang"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("refund pls", "en"),
        ("still not working", "en"),
        ("I love you", "en"),
        ("404 error", "en"),
        ("I WANT MY MONEY BACK NOW", "en"),
        ("Wo ist mein Paket?", "de"),
        ("kan ikke logge ind", "da"),
        ("Hola, quiero un reembolso", "es"),
        ("où est ma commande", "fr"),
        ("你好", "zh"),
        ("iPhone 15 壊れた", "ja"),
        ("환불해 주세요", "ko"),
        ("Привет, где мой заказ", "ru"),
        ("أين طلبي؟ لم يصل حتى الآن", "ar"),
        ("ยังไม่ได้รับของ", "th"),
    ],
)
def test_short_texts_are_told_in_an_english_workspace(text: str, code: str) -> None:
    assert told(text) == code


def test_a_short_text_without_evidence_is_of_the_workspaces_first_language() -> None:
    assert told("ok", "de", "en") == "de"
    assert told("12345", "it") == "it"


def test_a_short_text_of_a_foreign_script_is_never_taken_for_ours() -> None:
    assert told("Да", "en") in {"ru", "uk", "bg", "mk"}


def test_links_addresses_codes_and_placeholders_say_nothing() -> None:
    assert sample(["see https://example.com/der/die/das or a.b@example.com <PERSON_1> AB-1234 #help"]) == "see or AB-"


def test_a_sample_stops_at_a_turn_once_it_has_enough() -> None:
    assert sample(["a" * 300, "b" * 300, "c" * 300]) == "a" * 300 + "\n" + "b" * 300
    assert sample(["a" * 5000], 400) == "a" * 400


@pytest.mark.parametrize(("tag", "code"), [("pt-BR", "pt"), ("zh_cn", "zh"), ("nb", "no"), ("EN", "en"), ("cmn", "zh")])
def test_language_tags_are_reduced_to_one_code(tag: str, code: str) -> None:
    assert base_code(tag) == code


@given(st.text(max_size=200))
def test_any_text_is_read_the_same_twice_and_probabilities_are_shares(text: str) -> None:
    reading = read(text, ("en", "de"), 0.9)
    assert reading == read(text, ("en", "de"), 0.9)
    assert sum(p for _, p in reading.probabilities) == pytest.approx(1.0 if reading.probabilities else 0.0)
    assert bool(reading.letters) == bool(weights(text))


def test_a_reading_does_not_depend_on_what_was_read_before() -> None:
    alone = read(GERMAN, ("en",), 0.9)
    for text in (ENGLISH, CHINESE, "Guten Tag"):
        read(text, ("en",), 0.9)
    assert read(GERMAN, ("en",), 0.9) == alone


def test_the_stage_says_what_the_language_rests_on(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "long", [("customer", ENGLISH)])
    add_conversation(store, "short", [("customer", "#4711 ok"), ("agent", GERMAN)])
    add_conversation(store, "stated", [("customer", "ok")], language="fr-CA")
    add_conversation(store, "nothing", [("customer", "12")])
    add_conversation(store, "silent")
    curate_language(curation_of(workspace, store))
    found = {key: signals_of(store, key) for key in ("long", "short", "stated", "nothing", "silent")}
    assert {key: (s["language"][1], s["language_source"][1]) for key, s in found.items()} == {
        "long": ("en", "customer"),
        "short": ("de", "conversation"),
        "stated": ("fr", "stated"),
        "nothing": ("en", "default"),
        "silent": ("en", "default"),
    }
    assert found["long"]["language"][0] == pytest.approx(1.0, abs=0.01)


def test_a_german_customer_and_an_english_agent_are_mixed(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "mixed", [("customer", GERMAN), ("agent", ENGLISH)])
    add_conversation(store, "plain", [("customer", ENGLISH), ("agent", ENGLISH)])
    curate_language(curation_of(workspace, store))
    rows = store.rows("SELECT conversation_key, label, value FROM signals WHERE signal = 'language_share' ORDER BY 2")
    assert [(key, code) for key, code, _ in rows] == [("mixed", "de"), ("mixed", "en")]
    assert sum(share for _, _, share in rows) == pytest.approx(1.0, abs=0.001)
    assert min(share for _, _, share in rows) > 0.4


def test_a_customer_who_changes_language_is_mixed(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "turns", [("customer", ENGLISH), ("customer", GERMAN), ("agent", ENGLISH)])
    add_conversation(store, "scripts", [("customer", CHINESE * 2 + " " + ENGLISH), ("agent", CHINESE * 3)])
    curate_language(curation_of(workspace, store))
    rows = store.rows("SELECT conversation_key, label FROM signals WHERE signal = 'language_share' ORDER BY ALL")
    assert rows == [("scripts", "en"), ("scripts", "zh"), ("turns", "de"), ("turns", "en")]


def test_only_changed_conversations_are_read_again(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "a", [("customer", ENGLISH)])
    add_conversation(store, "b", [("customer", ENGLISH)])
    curate_language(curation_of(workspace, store))
    add_conversation(store, "b", [("customer", GERMAN)])
    curate_language(curation_of(workspace, store))
    curate_language(curation_of(workspace, store))
    counts = store.rows(
        "SELECT counts::JSON ->> 'conversations' FROM runs WHERE stage = 'language' ORDER BY started_at"
    )
    assert counts == [("2",), ("1",)]
    assert signals_of(store, "b")["language"][1] == "de"


def test_workers_change_nothing(workspace: Workspace, store: Store) -> None:
    for at, text in enumerate((ENGLISH, GERMAN, CHINESE, "ok", ENGLISH + GERMAN)):
        add_conversation(store, f"c{at}", [("customer", text), ("agent", ENGLISH)])
    everything = "SELECT * EXCLUDE (run_id) FROM signals ORDER BY ALL"
    curate_language(curation_of(workspace, store))
    alone = store.rows(everything)
    store.execute("DELETE FROM processed")
    two = curation_of(workspace, store, workers=2)
    with two.workers:
        curate_language(two)
    assert store.rows(everything) == alone
    assert len(alone) > 10


def test_internal_notes_do_not_tell_the_language(workspace: Workspace, store: Store) -> None:
    note = ("agent", GERMAN, {"kind": "note", "visibility": "internal"})
    add_conversation(store, "a", [("customer", ENGLISH), note])
    curate_language(curation_of(workspace, store))
    assert store.value("SELECT count(*) FROM signals WHERE signal = 'language_share'") == 0


def test_the_filter_keeps_the_order_and_reads_the_customers_turns() -> None:
    lines = [
        json.dumps({"id": "x", "turns": [{"role": "agent", "text": ENGLISH}, {"role": "customer", "text": GERMAN}]}),
        "",
        json.dumps({"turns": [{"speaker": "customer", "text": ENGLISH}]}),
    ]
    given = list(language_stream(lines))
    assert [(row["id"], row["lang"]) for row in given] == [("x", "de"), (3, "en")]
    assert all(set(row) == {"id", "lang", "confidence"} for row in given)


@pytest.mark.parametrize("line", ["{", "[]", '"x"', '{"id": 1}', '{"text": 5}', '{"turns": [{"role": "customer"}]}'])
def test_the_filter_names_a_line_it_cannot_read_and_not_its_text(line: str) -> None:
    with pytest.raises(CurateError, match="Line 2 "):
        list(language_stream(['{"text": "fine"}', line]))


@pytest.mark.corpus
def test_the_corpora_are_told_at_least_as_well_as_measured(shared: Path) -> None:
    codes = {"eng": "en", "deu": "de", "fra": "fr", "spa": "es", "ita": "it", "por": "pt", "nld": "nl", "pol": "pl"}
    codes |= {"jpn": "ja", "cmn": "zh", "kor": "ko", "rus": "ru", "ell": "el", "heb": "he", "tha": "th", "swe": "sv"}
    files = [shared / "data" / "language" / f"{name}.jsonl.gz" for name in ("tatoeba_cld2", "whatlang_examples")]
    rows = [json.loads(line) for file in files for line in gzip.decompress(file.read_bytes()).splitlines()]
    known = [row for row in rows if row["lang"] in codes]
    right = sum(told(row["text"]) == codes[row["lang"]] for row in known)
    assert len(known) > 90
    assert right / len(known) >= 0.98
