"""The engine: the same findings however texts are given, gates that never shut wrongly, and failing closed."""

import gzip
import json
import logging
import socket
from pathlib import Path
from typing import Any

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st
from presidio_analyzer import EntityRecognizer, Pattern, PatternRecognizer, RecognizerResult

from curate.redact import engine as engines
from curate.redact.engine import Engine, EngineSpec, engine_for
from curate.redact.errors import ERROR, TIMEOUT, UNSUPPORTED_LANGUAGE, PolicyError
from curate.redact.gates import OPEN, Need, count_digits, fold, need_of
from curate.redact.policy import load_policy
from curate.redact.scanning import Scanner
from curate.redact.spans import Failure
from store.settings import RedactionSettings
from store.workers import Workers

SENTINEL = "quincunx-7731"
POLICY = load_policy()
FRAGMENTS = (
    "my name is alexis",
    "Hi Maria,",
    "order #482913",
    "call 415-555-0132",
    "jane@example.com",
    "jane@mail.internal",
    "4111 1111 1111 1111",
    "GB33BUKB20201555555555",
    "10.0.0.1",
    "a1:b2:c3:d4:e5:f6",
    "password is hunter22",
    "ssn 078-05-1120",
    "https://example.com/a?b=c",
    "\n",
    "Best regards,\nAnna",
    "😀",
    "ſſn",
    "K",
    "İ",
    "１２３４５６７８",
    "0123456789",
    "::1",
)
TEXTS = st.lists(st.one_of(st.sampled_from(FRAGMENTS), st.text(max_size=12)), max_size=6).map(" ".join)


class Raising(EntityRecognizer):
    def __init__(self, supported_language: str = "en") -> None:
        super().__init__(supported_entities=["PERSON"], supported_language=supported_language, name="Raising")

    def load(self) -> None:
        pass

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:
        if SENTINEL in text:
            raise ValueError(text)
        return []


class Backtracking(PatternRecognizer):
    def __init__(self, supported_language: str = "en") -> None:
        pattern = Pattern("planted", r"(?:a+)+b|(?:a|aa)+$x", 0.9)
        super().__init__("PERSON", name="Backtracking", supported_language=supported_language, patterns=[pattern])


def spec_of(*plugins: str, timeout: float = 2.0) -> EngineSpec:
    return POLICY.spec(("en",), RedactionSettings(recognizers=plugins, timeout_seconds=timeout))


@pytest.fixture(scope="module")
def engine() -> Engine:
    return engine_for(spec_of())


@settings(max_examples=60, deadline=None)
@given(texts=st.lists(TEXTS, min_size=1, max_size=6))
def test_a_text_has_the_same_findings_alone_and_in_any_batch(texts: list[str]) -> None:
    engine = engine_for(spec_of())
    alone = [engine.scan_text(text, "en") for text in texts]
    assert engine.scan([*reversed(texts), *texts], "en")[len(texts) :] == alone
    with Workers(1) as workers:
        scanner = Scanner(spec_of(), workers)
        found = scanner.scan(("en", text) for text in texts)
    assert [found["en", text] for text in texts] == alone


@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_a_shut_gate_never_hides_a_finding(text: str) -> None:
    engine = engine_for(spec_of())
    digits, folded = count_digits(text), fold(text)
    for gated in engine.gates("en"):
        if not gated.may_find(digits, folded):
            assert gated.recognizer.analyze(text, gated.recognizer.supported_entities, None) == []


def test_our_way_finds_what_presidios_analyzer_finds_over_real_turns(engine: Engine, shared: Path) -> None:
    with gzip.open(shared / "data/conversations/star.jsonl.gz", "rt", encoding="utf-8") as lines:
        turns = [turn["text"] for line in list(lines)[::40] for turn in json.loads(line)["turns"]]
    texts = list(dict.fromkeys(turns))[:1500]
    for text in texts:
        stock = engine.analyzer.analyze(text, "en", score_threshold=engine.spec.floor, return_decision_process=True)
        expected = sorted((one.start, one.end, one.entity_type, one.score) for one in engine.keep(stock))
        ours = engine.scan_text(text, "en")
        assert isinstance(ours, tuple)
        assert sorted((one.start, one.end, one.entity_type, one.score) for one in ours) == expected


def test_folding_makes_equal_what_regex_equates() -> None:
    everything = "".join(map(chr, (code for code in range(0x110000) if not 0xD800 <= code < 0xE000)))
    for letter in map(chr, range(33, 127)):
        for found in regex.findall(regex.escape(letter), everything, flags=regex.IGNORECASE):
            assert fold(letter) in fold(found), (letter, hex(ord(found)))


@pytest.mark.parametrize(
    ("pattern", "need"),
    [
        (r"\b[0-9]{8,17}\b", Need(8)),
        (r"(?:foo|bar)\d?", Need(0, frozenset({frozenset({"foo", "bar"})}))),
        (r"x?(?:\d|\w)+", OPEN),
        (r"(?=\d{4})\d\d", Need(4)),
        (r"(?!secret)@", Need(0, frozenset({frozenset({"@"})}))),
        (r"(?:foo){e<=1}", OPEN),
        (r"[[:digit:]]{3}", OPEN),
    ],
)
def test_what_a_pattern_needs_is_read_off_it(pattern: str, need: Need) -> None:
    assert need_of(pattern) == need


def test_a_backtracking_pattern_is_a_timeout_and_not_a_clean_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = Engine(spec_of(f"{__name__}:Backtracking", timeout=0.2))
    result = engine.scan_text("a" * 5000 + f" {SENTINEL}", "en")
    assert isinstance(result, Failure)
    assert result.code == TIMEOUT
    assert "Backtracking" in result.detail
    assert SENTINEL not in result.detail + caplog.text


def test_a_raising_recognizer_names_itself_and_shows_no_text(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine = Engine(spec_of(f"{__name__}:Raising"))
    fine, bad = engine.scan(["all is well", f"my code {SENTINEL}"], "en")
    assert fine == ()
    assert bad == Failure(ERROR, "Raising: ValueError")
    assert SENTINEL not in caplog.text


def test_libraries_log_nothing_of_the_text(engine: Engine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    engine.scan_text(f"iban DE00 3704 0044 0532 0130 00 and account {SENTINEL} for {SENTINEL}@example.com", "en")
    assert caplog.text == ""


def test_an_unknown_language_is_a_failure(engine: Engine) -> None:
    assert engine.scan_text("hello", "xx") == Failure(UNSUPPORTED_LANGUAGE, "nothing here finds names in xx")


def test_a_plugin_that_cannot_be_made_is_named() -> None:
    with pytest.raises(PolicyError, match="no_such_module:Thing"):
        Engine(spec_of("no_such_module:Thing"))


def test_no_socket_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    found = Engine(spec_of()).scan_text("write to jane@shop.example.co.uk or jane@mail.internal", "en")
    assert isinstance(found, tuple)
    mails = [(one.entity_type, one.score) for one in found if one.entity_type == "EMAIL_ADDRESS"]
    assert mails == [("EMAIL_ADDRESS", 1.0), ("EMAIL_ADDRESS", 0.5)]


def test_a_very_long_text_is_searched_to_its_end(engine: Engine) -> None:
    address, number = "jane@example.com", "order number 48291345"
    text = ("lorem ipsum " * 1700 + address + " ") * 8 + number
    assert len(text) > 160_000
    found = engine.scan_text(text, "en")
    assert isinstance(found, tuple)
    mails = [one for one in found if one.entity_type == "EMAIL_ADDRESS"]
    assert [text[one.start : one.end] for one in mails] == [address] * 8
    assert [text[one.start : one.end] for one in found if one.entity_type == "ORDER_ID"] == ["48291345"]


@pytest.mark.parametrize("piece", ["1", "1 ", "a", "@", "a.", "1.1.", ":", "a1-", "Hi ", "name is ", "\n"])
def test_adversarial_long_texts_come_to_an_end(engine: Engine, piece: str) -> None:
    text = (piece * 200_000)[:60_000]
    assert isinstance(engine.scan_text(text, "en"), tuple | Failure)


def test_a_finding_across_two_windows_is_one(engine: Engine) -> None:
    text = "x " * ((engines.WINDOW - 20) // 2) + "write to jane.doe.of.the.long.address@example.com now " + "y " * 2000
    found = engine.scan_text(text, "en")
    assert isinstance(found, tuple)
    mails = [text[one.start : one.end] for one in found if one.entity_type == "EMAIL_ADDRESS"]
    assert mails == ["jane.doe.of.the.long.address@example.com"]


def test_offsets_are_code_points_of_the_text(engine: Engine) -> None:
    text = "😀😀 ａ my e-mail: jane@example.com 😀"
    found = engine.scan_text(text, "en")
    assert isinstance(found, tuple)
    assert [text[one.start : one.end] for one in found] == ["jane@example.com"]


def test_two_processes_find_what_one_finds() -> None:
    texts = [("en", f"{fragment} {n}") for fragment in FRAGMENTS for n in range(3)]
    with Workers(1) as one, Workers(2) as two:
        assert Scanner(spec_of(), one).scan(texts) == Scanner(spec_of(), two).scan(texts)
