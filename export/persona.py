"""Let all agents speak under one name: the persona's stands where an agent's own name stood.

An agent's name is that of a participant with this role, or one that an agent gives in a turn ("my name is …", below
"Best regards"); a word that is also a name of somebody else in the conversation is nobody's. Only what redaction
replaces is replaced, so nothing comes back; where the persona's own name was said in a conversation, it is not used
there.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import polars as pl

from curate.redact.known import Known, Plain, normal_name, search
from curate.redact.operators import PageOperators, StandIns
from curate.redact.policy import Policy, load_policy
from curate.redact.redact import Redacted, Turn, apply, read_page
from curate.redact.spans import Finding
from export.signatures import introduced, signed
from store.database import Store
from store.settings import Settings

PERSON = "PERSON"
AGENT = "agent"
KEEP = "keep"
NAMES = """
SELECT p.conversation_key, p.role, p.display_name FROM participants AS p JOIN wanted USING (conversation_key)
WHERE p.display_name IS NOT NULL AND p.role IN ('agent', 'customer', 'third_party', 'unknown') ORDER BY ALL
"""

Findings = Mapping[str, Iterable[Finding]]
People = Sequence[tuple[str, str]]  # role and display name


@dataclass(frozen=True, slots=True)
class Voice:
    """Who speaks in a conversation: the persona, and the words of the names that it stands for."""

    persona: str
    own: frozenset[str] = field(repr=False)

    @classmethod
    def of(cls, persona: str, turns: Sequence[Turn], findings: Findings, people: People) -> Voice | None:
        """Find out which names in a conversation are its agents' own; None where nobody may be called the persona."""
        named: dict[bool, set[str]] = {True: set(), False: set()}  # agents' and others' words
        for role, name in people:
            named[role == AGENT] |= _words(name)
        said: set[str] = set()
        for turn in turns:
            for one in findings.get(turn.turn_key, ()):
                value = _words(turn.text[one.start : one.end])
                said |= value
                if one.entity_type == PERSON and introduced(turn.text, one.start, one.end):
                    named[turn.role != "customer"] |= value
        if not _words(persona).isdisjoint(said | named[True] | named[False]):
            return None
        return cls(persona, frozenset(named[True] - named[False]))

    def is_own(self, value: str) -> bool:
        """Say whether a name is an agent's own."""
        words = _words(value)
        return bool(words) and words <= self.own


def voiced_turns(store: Store, settings: Settings, keys: Sequence[str]) -> pl.DataFrame:
    """Give the redacted public turns of conversations as curate.redact does, with the persona in its places.

    Columns: conversation_key, turn_key, position, kind, role, text.
    """
    policy = load_policy(store.path.parent)
    wanted = pl.DataFrame({"conversation_key": list(keys)}, schema={"conversation_key": pl.String})
    page = read_page(store, wanted)
    operators = PageOperators(store, policy, page.findings)
    people = read_people(store, wanted)
    changed: dict[str, str] = {}
    for key, turns in page.conversations():
        findings = page.findings.get(key, {})
        language = page.languages.get(key, settings.workspace.languages[0])
        voice = Voice.of(settings.export.persona, turns, findings, people.get(key, ()))
        told = speak(turns, findings, policy, language=language, operators=operators.of(key, language), voice=voice)
        changed.update(zip((turn.turn_key for turn in turns), told.texts, strict=True))
    return page.turns.with_columns(
        pl.col("turn_key").replace_strict(changed, default=pl.col("text"), return_dtype=pl.String).alias("text")
    )


def read_people(store: Store, keys: pl.DataFrame) -> dict[str, list[tuple[str, str]]]:
    """Read the roles and names of the people in some conversations, by key."""
    people: dict[str, list[tuple[str, str]]] = defaultdict(list)
    with store.scratch(wanted=keys):
        for key, role, name in store.rows(NAMES):
            people[key].append((role, name))
    return people


def speak(
    turns: Sequence[Turn],
    findings: Findings,
    policy: Policy,
    *,
    language: str,
    operators: StandIns,
    voice: Voice | None,
) -> Redacted:
    """Redact a conversation's turns by the policy, with the persona for agents' own names and in their signatures."""
    if voice is None:
        return apply(turns, findings, policy, language=language, operators=operators)
    done = apply(turns, findings, policy, language=language, operators=_Voiced(operators, voice))
    kept = list(_kept(turns, findings, voice)) if voice.own and KEEP in policy.of(PERSON).operators else []
    return replace(done, texts=tuple(_said(*each, voice, kept) for each in zip(turns, done.texts, strict=True)))


@dataclass(frozen=True, slots=True)
class _Voiced:
    """Stand in with the persona for agents' own names, with the policy's operators for all else."""

    operators: StandIns
    voice: Voice

    def stand_in(self, entity_type: str, value: str, role: str) -> str:
        """Give the text for a value; numbers of placeholders are those that stand without a persona, too."""
        text = self.operators.stand_in(entity_type, value, role)
        return self.voice.persona if entity_type == PERSON and self.voice.is_own(value) else text


def _kept(turns: Sequence[Turn], findings: Findings, voice: Voice) -> Iterator[Known]:
    """Give the agents' own names as they are written, which the policy may leave in the turns of some roles."""
    values = (
        turn.text[one.start : one.end]
        for turn in turns
        for one in findings.get(turn.turn_key, ())
        if one.entity_type == PERSON
    )
    for value in sorted({value for value in values if voice.is_own(value)}, key=lambda value: (-len(value), value)):
        yield Known(value, PERSON, 1.0, "persona")


def _said(turn: Turn, text: str, voice: Voice, kept: Sequence[Known]) -> str:
    if turn.kind != "message":
        return text
    for name in kept:
        for one in sorted(search((name,), Plain.of(text)), key=lambda one: -one.start):
            text = text[: one.start] + voice.persona + text[one.end :]
    if f"{voice.persona} {voice.persona}" in text:  # a first name and a surname, found apart
        name = re.escape(voice.persona)
        text = re.sub(rf"(?<!\w){name}(?: {name})+(?!\w)", voice.persona, text)
    return signed(text, voice.persona) if turn.role == AGENT else text


def _words(name: str) -> set[str]:
    """Give the words of a name in plain form, without titles and initials."""
    return {word for word in normal_name(name).split() if len(word) > 1}
