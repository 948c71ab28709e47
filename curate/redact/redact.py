"""Put what the operators give in the place of findings: over one conversation, and in bulk for exports."""

from __future__ import annotations

import json
import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import takewhile
from operator import itemgetter
from typing import Any

import polars as pl

from curate.redact.lists import read_lists
from curate.redact.operators import Operators, PageOperators, StandIns
from curate.redact.policy import Policy, load_policy
from curate.redact.spans import Finding, resolve
from store.database import Store
from store.settings import Settings

JSON_KINDS = ("tools", "tool_call", "tool_result")
JSON_INTEGER = re.compile(r"[1-9]\d*")
JSON_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?')

TURNS = """
SELECT t.conversation_key, t.turn_key, t.position, t.kind, t.role, t.text
FROM {turns}
ORDER BY t.conversation_key, t.position, t.turn_key
"""
OF_ONE, OF_MANY = "public_turns_of(?) AS t", "public_turns AS t JOIN wanted USING (conversation_key)"
# The newest decision on a finding holds: rejected ones are not applied, accepted ones whatever their score. Decisions
# outlive a new search, for a finding's id is made of its turn, span, type and recognizer.
FINDINGS = """
SELECT f.conversation_key, f.turn_key, f.start_char, f.end_char, f.entity_type,
       if(d.verdict = 'accept', 1.0, f.score) AS score, f.recognizer, d.verdict IS NOT DISTINCT FROM 'accept' AS is_sure
FROM findings AS f JOIN wanted USING (conversation_key)
LEFT JOIN (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions SEMI JOIN wanted USING (conversation_key) WHERE subject = 'finding' GROUP BY subject_id
) AS d ON d.subject_id = f.finding_id
WHERE d.verdict IS DISTINCT FROM 'reject'
ORDER BY f.conversation_key, f.turn_key, f.start_char, f.end_char, f.finding_id
"""
LANGUAGES = """
SELECT s.conversation_key, any_value(s.label) FROM signals AS s JOIN wanted USING (conversation_key)
WHERE s.signal = 'language' GROUP BY s.conversation_key
"""


@dataclass(frozen=True, slots=True)
class Turn:
    """What redaction needs of a turn."""

    turn_key: str
    kind: str
    text: str
    role: str = ""


@dataclass(frozen=True, slots=True)
class Applied:
    """A finding that was applied: its span of the original text, and what stands there now."""

    start: int
    end: int
    entity_type: str
    score: float
    recognizer: str
    placeholder: str


@dataclass(frozen=True, slots=True)
class Redacted:
    """A redacted conversation; `broken` names the turns whose JSON did not survive."""

    texts: tuple[str, ...]
    spans: tuple[tuple[Applied, ...], ...]
    broken: tuple[str, ...]


def apply(
    turns: Sequence[Turn],
    findings: Mapping[str, Iterable[Finding]],
    policy: Policy,
    *,
    language: str,
    operators: StandIns | None = None,
) -> Redacted:
    """Redact a conversation's turns by the policy; `findings` are by turn key, without the rejected ones.

    `operators` are those of the conversation (PageOperators); without them no operator that needs a key will do.
    """
    operators = operators or Operators(policy, language=language)
    texts: list[str] = []
    spans: list[tuple[Applied, ...]] = []
    broken: list[str] = []
    for turn in turns:
        found = findings.get(turn.turn_key, ())
        if not found:
            texts.append(turn.text)
            spans.append(())
            continue
        due = [one for one in found if policy.applies(one.entity_type, one.score, language, turn.role)]
        applied = tuple(_stood_in(resolve(due, turn.text), turn, operators))
        text, whole = _replace(turn, applied)
        texts.append(text)
        spans.append(applied)
        if not whole:
            broken.append(turn.turn_key)
    return Redacted(tuple(texts), tuple(spans), tuple(broken))


def redacted_turns(store: Store, settings: Settings, keys: pl.DataFrame | Sequence[str]) -> pl.DataFrame:
    """Give the public turns of these conversations, redacted by the workspace's policy.

    Columns: conversation_key, turn_key, position, kind, role, text; in the order of conversation and position. What a
    stage has set aside is not looked at here: ask only for conversations whose outcome is keep.
    """
    policy = load_policy(store.path.parent)
    wanted = keys if isinstance(keys, pl.DataFrame) else pl.DataFrame({"conversation_key": list(keys)})
    page = read_page(store, wanted.select(pl.col("conversation_key").cast(pl.String)))
    operators = PageOperators(store, policy, page.findings)
    changed = changed_texts(page, policy, settings.workspace.languages[0], operators)
    return page.turns.with_columns(
        pl.col("turn_key").replace_strict(changed, default=pl.col("text"), return_dtype=pl.String).alias("text")
    )


def changed_texts(page: Page, policy: Policy, fallback: str, operators: PageOperators | None = None) -> dict[str, str]:
    """Give the redacted texts of the turns in which something was found, by turn key.

    `fallback` is the language of conversations whose own nobody knows; without `operators` none that needs a key will
    do.
    """
    changed: dict[str, str] = {}
    for key, turns in page.found():
        language = page.languages.get(key, fallback)
        own = operators.of(key, language) if operators else None
        redacted = apply(turns, page.findings[key], policy, language=language, operators=own)
        changed.update(zip((turn.turn_key for turn in turns), redacted.texts, strict=True))
    return changed


@dataclass(frozen=True, slots=True)
class Page:
    """The public turns of some conversations, with the findings that may be applied and the languages, by key."""

    turns: pl.DataFrame
    findings: dict[str, dict[str, list[Finding]]]
    languages: dict[str, str]

    def conversations(self) -> Iterator[tuple[str, list[Turn]]]:
        """Give each conversation's turns in order."""
        yield from _by_conversation(self.turns)

    def found(self) -> Iterator[tuple[str, list[Turn]]]:
        """Give the turns in which something was found, in order, by conversation."""
        keys = pl.DataFrame({"turn_key": [key for turns in self.findings.values() for key in turns]})
        if not keys.is_empty():
            yield from _by_conversation(self.turns.join(keys, on="turn_key", how="semi", maintain_order="left"))


def _by_conversation(turns: pl.DataFrame) -> Iterator[tuple[str, list[Turn]]]:
    by_key: dict[str, list[Turn]] = defaultdict(list)
    columns = turns.select("conversation_key", "turn_key", "kind", "text", "role")
    for key, *turn in columns.iter_rows():
        by_key[key].append(Turn(*turn))
    yield from by_key.items()


@dataclass(frozen=True, slots=True)
class Frames:
    """A page as it is read, in frames that travel between processes in no time; `findings` has FINDINGS' columns."""

    turns: pl.DataFrame
    findings: pl.DataFrame
    languages: dict[str, str]

    def page(self) -> Page:
        """Give the page."""
        findings: dict[str, dict[str, list[Finding]]] = defaultdict(lambda: defaultdict(list))
        for key, turn_key, start, end, entity_type, score, recognizer, _ in self.findings.iter_rows():
            findings[key][turn_key].append(Finding(start, end, entity_type, score, recognizer))
        return Page(self.turns, findings, self.languages)


def read_frames(store: Store, keys: pl.DataFrame) -> Frames:
    """Read what redaction needs of some conversations."""
    lists = read_lists(store, keys)
    with store.scratch(wanted=keys.unique()):
        turns, findings = _turns_of(store, keys), store.frame(FINDINGS)
        languages: dict[str, str] = dict(store.rows(LANGUAGES))
    if lists:
        texts = dict(turns.select("turn_key", "text").iter_rows())
        stays = [
            key not in lists or is_sure or not lists[key].allows(texts.get(turn_key, "")[start:end])
            for key, turn_key, start, end, _, _, _, is_sure in findings.iter_rows()
        ]
        findings = findings.filter(pl.Series(stays, dtype=pl.Boolean))
    return Frames(turns, findings, languages)


def _turns_of(store: Store, keys: pl.DataFrame) -> pl.DataFrame:
    """Read what was said in public; of one conversation alone, as pages ask for, by the index."""
    if keys.height == 1:
        return store.frame(TURNS.format(turns=OF_ONE), [keys["conversation_key"][0]])
    return store.frame(TURNS.format(turns=OF_MANY))


def read_page(store: Store, keys: pl.DataFrame) -> Page:
    """Read what redaction needs of some conversations."""
    return read_frames(store, keys).page()


def _stood_in(findings: Sequence[Finding], turn: Turn, operators: StandIns) -> Iterator[Applied]:
    for one in findings:
        text = operators.stand_in(one.entity_type, turn.text[one.start : one.end], turn.role)
        yield Applied(one.start, one.end, one.entity_type, one.score, one.recognizer, text)


def _replace(turn: Turn, applied: Sequence[Applied]) -> tuple[str, bool]:
    """Give the redacted text, and whether what was JSON still is."""
    if not applied:
        return turn.text, True
    pieces = [(one.start, one.end, one.placeholder) for one in applied]
    if turn.kind not in JSON_KINDS or not _is_json(turn.text):
        return _filled(turn.text, pieces), True
    text = _filled(turn.text, list(_inside_values(turn.text, pieces)))
    return text, _is_json(text)


def _filled(text: str, pieces: Sequence[tuple[int, int, str]]) -> str:
    """Put placeholders in the place of spans, which stand in order and do not overlap."""
    parts: list[str] = []
    done = 0
    for start, end, placeholder in pieces:
        parts += (text[done:start], placeholder)
        done = end
    return "".join((*parts, text[done:]))


def _inside_values(text: str, pieces: Sequence[tuple[int, int, str]]) -> Iterator[tuple[int, int, str]]:
    """Keep JSON JSON: a span inside quotes stays inside them, and a bare number goes as a whole, in quotes."""
    tokens = [token.span() for token in JSON_TOKEN.finditer(text)]
    done = 0
    for start, end, placeholder in pieces:
        at = bisect_right(tokens, start, key=itemgetter(1))
        for first, last in takewhile(lambda token: token[0] < end, tokens[at:]):  # noqa: B023 - used at once
            quoted = text[first] == '"'
            inner = (max(start, first + 1), min(end, last - 1)) if quoted else (first, last)
            if done <= inner[0] < inner[1]:
                done = inner[1]
                yield *inner, placeholder if quoted or JSON_INTEGER.fullmatch(placeholder) else f'"{placeholder}"'


def _is_json(text: str) -> bool:
    try:
        value: Any = json.loads(text)
    except ValueError:
        return False
    return isinstance(value, dict | list | str | int | float)
