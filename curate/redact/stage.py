"""The redaction stage: what is personal in every due conversation; then the check that nothing of it is left.

Two stages, so that a changed threshold runs the cheap second one alone.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import polars as pl

from curate.language.stage import own_languages
from curate.redact.engine import Scanned
from curate.redact.errors import BROKEN_JSON, LEAK, UNSUPPORTED_LANGUAGE
from curate.redact.known import Known
from curate.redact.leaks import leaked_type
from curate.redact.lists import NOTHING, read_lists, read_marks, with_listed
from curate.redact.operators import Operators, PageOperators
from curate.redact.operators.drawing import notes, prepare
from curate.redact.operators.noted import SIGNALS
from curate.redact.participants import conversation_findings, known_values
from curate.redact.policy import Policy, detection_version, load_policy
from curate.redact.redact import Page, Turn, apply, read_page
from curate.redact.scanning import Scanner
from curate.redact.spans import Failure, Finding
from curate.redact.values import forms_of
from curate.stages import QUARANTINED, Curation, PageResult, run_stage, turn_rows

LEAKS_VERSION = 1  # raise it when applying or checking changes
PAGE = 1000
FINDINGS = pl.Schema(
    {
        "finding_id": pl.String,
        "conversation_key": pl.String,
        "turn_key": pl.String,
        "start_char": pl.Int32,
        "end_char": pl.Int32,
        "entity_type": pl.String,
        "score": pl.Float64,
        "recognizer": pl.String,
        "why": pl.String,
    }
)
VALUES = pl.Schema(
    {
        "finding_id": pl.String,
        "conversation_key": pl.String,
        "entity_type": pl.String,
        "score": pl.Float64,
        "normal": pl.String,
        "shape": pl.String,
    }
)

TURNS = """
SELECT t.conversation_key, t.turn_key, t.text, if(t.kind = 'message', t.role, NULL) AS role, s.label AS language
FROM public_turns AS t JOIN page USING (conversation_key)
LEFT JOIN signals AS s ON s.conversation_key = t.conversation_key AND s.signal = 'language'
WHERE t.turn_row >= ? AND t.turn_row <= ?
ORDER BY t.conversation_key, t.position, t.turn_key
"""

Speech = dict[str, dict[str, str]]


def curate_redaction(curation: Curation) -> None:
    """Find what is personal in every due conversation, and set aside what cannot be redacted safely."""
    policy = load_policy(curation.workspace.root)
    settings = curation.settings.redaction
    spec = policy.spec(own_languages(curation.settings), settings)
    version = detection_version(spec, settings)
    scanner = Scanner(spec, curation.workers)
    run_stage(
        curation,
        name="redaction",
        version=version,
        work=partial(_find, curation, scanner),
        tables=("findings", "finding_values"),
        page=PAGE,
    )
    checking = f"{version}-{policy.fingerprint}-{LEAKS_VERSION}"
    owners = prepare(curation, policy, stage="leaks", version=checking)
    run_stage(
        curation,
        name="leaks",
        version=checking,
        work=partial(_check, curation, policy, owners),
        signals=SIGNALS,
        page=PAGE,
    )


def finding_id(turn_key: str, finding: Finding) -> str:
    """Give a finding's id: a hash of turn, span, type and recognizer, so that decisions outlive a new search."""
    text = "\x1f".join((turn_key, str(finding.start), str(finding.end), finding.entity_type, finding.recognizer))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Searched:
    """What was found in a conversation, by turn, without what people wrote down; or why it must be set aside."""

    key: str
    texts: dict[str, str]
    roles: dict[str, str]
    language: str
    found: dict[str, tuple[Finding, ...]]
    failure: Failure | None = None


def search_page(curation: Curation, scanner: Scanner, page: pl.DataFrame) -> Iterator[Searched]:
    """Search the conversations of a page, each as a whole."""
    speech, roles, languages = _read(curation, page)
    own = {key for key in speech if languages[key] in scanner.spec.languages}
    scanned = scanner.scan((languages[key], text) for key in own_order(speech, own) for text in speech[key].values())
    known = known_values(curation.store, page, curation.settings.redaction.custom_fields)
    for key, texts in speech.items():
        said, language = roles.get(key, {}), languages[key]
        if key not in own:
            yield Searched(key, texts, said, language, {}, Failure(UNSUPPORTED_LANGUAGE, language or "unknown"))
            continue
        results = {turn_key: scanned[language, text] for turn_key, text in texts.items()}
        if failure := _first_failure(results.values()):
            yield Searched(key, texts, said, language, {}, failure)
            continue
        scans = {turn_key: one for turn_key, one in results.items() if not isinstance(one, Failure)}
        found = conversation_findings(texts, scans, known.get(key, ()), roles=said, language=language)
        yield Searched(key, texts, said, language, found)


def _find(curation: Curation, scanner: Scanner, page: pl.DataFrame) -> PageResult:
    lists = read_lists(curation.store, page)
    searched = list(search_page(curation, scanner, page))
    marks = read_marks(curation.store, page, {turn: text for one in searched for turn, text in one.texts.items()})
    rows: list[tuple[Any, ...]] = []
    values: list[tuple[Any, ...]] = []
    quarantined: list[tuple[str, str, str]] = []
    for one in searched:
        if one.failure:
            quarantined.append((one.key, one.failure.code, one.failure.detail))
            continue
        found = with_listed(one.found, one.texts, lists.get(one.key, NOTHING).denied, marks)
        rows += finding_rows(one.key, found)
        values += value_rows(one.key, found, one.texts)
    return PageResult(
        {
            "findings": pl.DataFrame(rows, schema=FINDINGS, orient="row"),
            "finding_values": pl.DataFrame(values, schema=VALUES, orient="row"),
        },
        pl.DataFrame(quarantined, schema=QUARANTINED, orient="row"),
    )


def own_order(speech: Speech, own: set[str]) -> Iterator[str]:
    """Give the keys of conversations in the workspace's languages, in the page's order."""
    return (key for key in speech if key in own)


def _read(curation: Curation, page: pl.DataFrame) -> tuple[Speech, Speech, dict[str, str]]:
    """Read the public turns' texts and who said them, by conversation and turn, and every conversation's language."""
    speech: Speech = defaultdict(dict)
    roles: Speech = defaultdict(dict)
    languages: dict[str, str] = {}
    with curation.store.scratch(page=page.select("conversation_key")):
        for key, turn_key, text, role, language in curation.store.rows(TURNS, turn_rows(page)):
            speech[key][turn_key] = text
            languages[key] = language or ""
            if role:
                roles[key][turn_key] = role
    return dict(speech), roles, languages


def _first_failure(results: Iterable[Scanned]) -> Failure | None:
    return next((one for one in results if isinstance(one, Failure)), None)


def finding_rows(key: str, found: Mapping[str, Iterable[Finding]]) -> Iterator[tuple[Any, ...]]:
    """Give a conversation's rows of FINDINGS."""
    for turn_key, findings in found.items():
        for one in findings:
            why = json.dumps(one.why, ensure_ascii=False, sort_keys=True)
            identity = finding_id(turn_key, one)
            yield identity, key, turn_key, one.start, one.end, one.entity_type, one.score, one.recognizer, why


def value_rows(key: str, found: Mapping[str, Iterable[Finding]], texts: Mapping[str, str]) -> Iterator[tuple[Any, ...]]:
    """Give a conversation's rows of VALUES."""
    for turn_key, findings in found.items():
        for one in findings:
            forms = forms_of(texts[turn_key][one.start : one.end], one.entity_type)
            yield finding_id(turn_key, one), key, one.entity_type, one.score, *forms


def _check(curation: Curation, policy: Policy, owners: pl.DataFrame, keys: pl.DataFrame) -> PageResult:
    noted = notes(curation.store, keys, owners)  # first, so that a decision made meanwhile counts as a new one
    page = read_page(curation.store, keys.select("conversation_key"))
    known = known_values(curation.store, keys, curation.settings.redaction.custom_fields)
    lists = read_lists(curation.store, keys)
    languages = own_languages(curation.settings)
    identities = dict(owners.join(keys, on="conversation_key", how="semi").iter_rows())
    operators = PageOperators(curation.store, policy, page.findings, identities)
    quarantined: list[tuple[str, str, str]] = []
    for key, turns in page.conversations():
        language = page.languages.get(key, "")
        own = lists.get(key, NOTHING).known(known.get(key, ()))
        if language in languages and (key in page.findings or own):
            quarantined += _problems(key, turns, page, own, policy, operators.of(key, language))
    return PageResult({"signals": noted}, pl.DataFrame(quarantined, schema=QUARANTINED, orient="row"))


def _problems(
    key: str, turns: list[Turn], page: Page, known: tuple[Known, ...], policy: Policy, operators: Operators
) -> Iterator[tuple[str, str, str]]:
    """Give the reason why a conversation's redacted form must not go on, if there is one."""
    language = page.languages[key]
    redacted = apply(turns, page.findings.get(key, {}), policy, language=language, operators=operators)
    if redacted.broken:
        yield key, BROKEN_JSON, f"{len(redacted.broken)} turn(s) of JSON do not survive redaction"
    elif kind := leaked_type(turns, redacted, known, policy, language=language):
        yield key, LEAK, kind
