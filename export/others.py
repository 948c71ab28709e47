"""Find the answers that lost, for preference pairs: drafts that agents rewrote, and badly rated twins of good answers.

A draft never went through curation, so it is searched here, with everything its conversation knows, and redacted with
it; where anything about that fails, or a known value still stands in it, the draft is left out. Twins are conversations
that curation kept and whose first question reads the same once names, numbers and signs are put aside.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

import polars as pl

from curate.language.stage import own_languages
from curate.redact.known import Known
from curate.redact.leaks import leaked_type
from curate.redact.lists import NOTHING, Listed, read_lists, with_listed
from curate.redact.operators import PageOperators
from curate.redact.participants import conversation_findings, known_values
from curate.redact.policy import Policy, load_policy
from curate.redact.redact import Page, Turn, read_page
from curate.redact.scanning import Scanner
from curate.redact.spans import Failure, Finding
from export.formats.pairs import DRAFT, RATED, Other
from export.persona import Voice, read_people, speak
from export.redacting import Redacted
from store.database import Store
from store.settings import Settings
from store.workers import Workers

# A draft counts where the agent's next public message comes before the customer's.
DRAFTS = """
WITH later AS (
    SELECT d.conversation_key, d.turn_key, d.position, d.text, p.turn_key AS said_key, p.role,
           row_number() OVER (PARTITION BY d.turn_key ORDER BY p.position) AS nth
    FROM turns AS d SEMI JOIN page USING (conversation_key)
    JOIN public_turns AS p ON p.conversation_key = d.conversation_key AND p.position > d.position
    WHERE d.is_draft AND NOT d.is_deleted AND d.kind = 'message' AND d.role = 'agent' AND trim(d.text) <> ''
      AND p.kind = 'message' AND p.role IN ('customer', 'agent')
)
SELECT conversation_key, turn_key, text, said_key FROM later WHERE nth = 1 AND role = 'agent'
ORDER BY conversation_key, position, turn_key
"""
RATINGS = """
SELECT r.conversation_key, r.split, c.csat_label FROM rows AS r JOIN conversations AS c USING (conversation_key)
WHERE c.csat_label IN ('good', 'bad') ORDER BY r.conversation_key
"""
PLACEHOLDER = re.compile(r"<([A-Z_]+?)_(?:\d+|[0-9a-f]{12})>")
NUMBER = re.compile(r"\d+")
WORD = re.compile(r"\w+")
FEWEST_WORDS = 4  # "hello", "any news?" are the same question of nobody
PAGE = 1000


@dataclass(slots=True)
class Others:
    """Give the other answers of a page of conversations; the name model is loaded once, when a draft needs it."""

    store: Store
    settings: Settings
    redacted: Redacted
    twins: Mapping[str, str] = field(default_factory=dict[str, str])  # a good conversation's key: a bad one's
    _scanner: Scanner | None = None

    def of(self, keys: pl.DataFrame) -> dict[str, list[Other]]:
        """Give the other answers by conversation, drafts first, in their order."""
        others: dict[str, list[Other]] = defaultdict(list)
        for key, other in self._drafts(keys):
            others[key].append(other)
        for key, other in self._rated(keys["conversation_key"].to_list()):
            others[key].append(other)
        return dict(others)

    def _drafts(self, keys: pl.DataFrame) -> Iterator[tuple[str, Other]]:
        with self.store.scratch(page=keys.select("conversation_key")):
            drafts = self.store.frame(DRAFTS)
        if drafts.is_empty():
            return
        texts = redacted_drafts(self.store, self.settings, drafts, self._searching())
        for key, turn_key, said_key in drafts.select("conversation_key", "turn_key", "said_key").iter_rows():
            if turn_key in texts:
                yield key, Other(turn_key, texts[turn_key], DRAFT, said_key)

    def _rated(self, keys: Sequence[str]) -> Iterator[tuple[str, Other]]:
        pairs = [(key, self.twins[key]) for key in keys if key in self.twins]
        if not pairs:
            return
        turns = self.redacted(self.store, self.settings, sorted({bad for _, bad in pairs}))
        answers = _first_answers(turns)
        for good, bad in pairs:
            if bad in answers:
                turn_key, text = answers[bad]
                yield good, Other(turn_key, text, RATED)

    def _searching(self) -> Scanner:
        if self._scanner is None:
            spec = load_policy(self.store.path.parent).spec(own_languages(self.settings), self.settings.redaction)
            self._scanner = Scanner(spec, Workers(1))
        return self._scanner


def find_twins(store: Store, settings: Settings, rows: pl.DataFrame, redacted: Redacted) -> dict[str, str]:
    """Pair well rated conversations with badly rated ones of the same split that begin with the same question.

    `rows` holds conversation_key and split. Each conversation is in one pair at most, in the order of their keys.
    """
    with store.scratch(rows=rows.select("conversation_key", "split")):
        rated = store.frame(RATINGS)
    if rated["csat_label"].n_unique() < 2:
        return {}
    asked: dict[tuple[str, bytes], dict[str, list[str]]] = defaultdict(lambda: {"good": [], "bad": []})
    for page in rated.iter_slices(PAGE):
        questions = _questions(redacted(store, settings, page["conversation_key"].to_list()))
        for key, split, label in page.iter_rows():
            if key in questions:
                asked[split, questions[key]][label].append(key)
    twins = (pair for both in asked.values() for pair in zip(both["good"], both["bad"], strict=False))
    return dict(twins)


def redacted_drafts(store: Store, settings: Settings, drafts: pl.DataFrame, scanner: Scanner) -> dict[str, str]:
    """Give the redacted texts of drafts (conversation_key, turn_key, text) by turn key; what is not safe is missing."""
    policy, keys = load_policy(store.path.parent), drafts.select("conversation_key").unique(maintain_order=True)
    page = read_page(store, keys)
    desk = _Desk(
        settings=settings,
        policy=policy,
        scanner=scanner,
        page=page,
        known=known_values(store, keys, settings.redaction.custom_fields),
        lists=read_lists(store, keys),
        people=read_people(store, keys) if settings.export.persona else {},
        operators=PageOperators(store, policy, keys["conversation_key"].to_list()),
    )
    written: dict[str, list[Turn]] = defaultdict(list)
    for key, turn_key, text in drafts.select("conversation_key", "turn_key", "text").iter_rows():
        written[key].append(Turn(turn_key, "message", text, "agent"))
    safe: dict[str, str] = {}
    for key, turns in page.conversations():
        for draft in written[key]:
            text = desk.redacted(key, turns, draft)
            if text is not None:
                safe[draft.turn_key] = text
    return safe


@dataclass(frozen=True, slots=True)
class _Desk:
    """What redacting the drafts of a page needs."""

    settings: Settings
    policy: Policy
    scanner: Scanner
    page: Page
    known: Mapping[str, Sequence[Known]]
    lists: Mapping[str, Listed]
    people: Mapping[str, Sequence[tuple[str, str]]]
    operators: PageOperators

    def redacted(self, key: str, turns: Sequence[Turn], draft: Turn) -> str | None:
        """Redact a draft as the last turn of its conversation, so that what stood before keeps its numbers."""
        language = self.page.languages.get(key, self.settings.workspace.languages[0])
        if language not in self.scanner.spec.languages:
            return None
        whole = [*turns, draft]
        found = self._found(key, whole, language)
        if found is None:
            return None
        findings = {**self.page.findings.get(key, {}), draft.turn_key: found}
        persona, people = self.settings.export.persona, self.people.get(key, ())
        voice = Voice.of(persona, whole, findings, people) if persona else None
        own = self.operators.of(key, language)
        done = speak(whole, findings, self.policy, language=language, operators=own, voice=voice)
        known = self.lists.get(key, NOTHING).known(self.known.get(key, ()))
        if done.broken or leaked_type(whole, done, known, self.policy, language=language):
            return None
        return done.texts[-1]

    def _found(self, key: str, whole: Sequence[Turn], language: str) -> list[Finding] | None:
        """Search a draft; None where that fails. Names from the lists that are to stay are left out."""
        draft, lists = whole[-1], self.lists.get(key, NOTHING)
        scanned = self.scanner.scan((language, turn.text) for turn in whole)
        scans = {turn.turn_key: scanned[language, turn.text] for turn in whole}
        fine = {turn_key: one for turn_key, one in scans.items() if not isinstance(one, Failure)}
        if len(fine) < len(scans):
            return None
        texts = {turn.turn_key: turn.text for turn in whole}
        roles = {turn.turn_key: turn.role for turn in whole if turn.kind == "message"}
        found = conversation_findings(texts, fine, self.known.get(key, ()), roles=roles, language=language)
        listed = with_listed(found, {draft.turn_key: draft.text}, lists.denied, {})[draft.turn_key]
        return [one for one in listed if not lists.allows(draft.text[one.start : one.end])]


def _questions(turns: pl.DataFrame) -> dict[str, bytes]:
    """Give the hash of each conversation's first words by a customer, names, numbers and signs aside."""
    questions: dict[str, list[str]] = defaultdict(list)
    over: set[str] = set()
    for key, kind, role, text in turns.select("conversation_key", "kind", "role", "text").iter_rows():
        if kind != "message" or key in over:
            continue
        if role == "customer":
            questions[key].append(text)
        elif key in questions or role == "agent":
            over.add(key)
    hashed: dict[str, bytes] = {}
    for key, texts in questions.items():
        words = WORD.findall(NUMBER.sub("0", PLACEHOLDER.sub(r" \1 ", " ".join(texts)).casefold()))
        if len(words) >= FEWEST_WORDS:
            hashed[key] = blake2b(" ".join(words).encode(), digest_size=16).digest()
    return hashed


def _first_answers(turns: pl.DataFrame) -> dict[str, tuple[str, str]]:
    """Give what agents said first in each conversation, up to the customer's next words, and its first turn."""
    answers: dict[str, tuple[str, str]] = {}
    over: set[str] = set()
    columns = turns.select("conversation_key", "turn_key", "kind", "role", "text")
    for key, turn_key, kind, role, text in columns.iter_rows():
        if kind != "message" or key in over or not text.strip():
            continue
        if role == "agent":
            first, said = answers.get(key, (turn_key, ""))
            answers[key] = (first, f"{said}\n{text.strip()}".strip())
        elif key in answers:
            over.add(key)
    return answers
