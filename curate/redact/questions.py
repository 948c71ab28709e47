"""Tell what a turn asks for, from the packs in rules/questions.

A sentence asks when it ends in a question mark, holds one of the language's cues ("may I have", "please provide"), or
is nothing but the thing asked for ("Account number and pin"). What it asks for are the nouns in it, in their order.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from typing import Any

from curate.redact.errors import PolicyError
from curate.redact.known import plain_text

NOTHING = "NOTHING"  # asked for, and nobody's: amounts, times, models
EVERYWHERE = "en"  # agents answer in English in every language's conversations
LONGEST = 2_000  # what is longer is a document and no question
LONGEST_TERSE = 80  # characters of a sentence that is nothing but what it asks for
REMEMBERED = 50_000
SENTENCE = re.compile(r"[^.?!\n¿]+[?]?")
GIVEN = re.compile(r"(?:\s+(?:is|was|ist|es|est|e)\b|\s*[:#=])+\s*\S*\d")
KEYS = {"language", "cues", "glue", "question", "example"}


@dataclass(frozen=True, slots=True)
class QuestionExample:
    """A turn and the types it asks for, in order."""

    text: str
    asks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Questions:
    """How one language asks: its cues, the words between nouns, and each type's nouns in one expression."""

    language: str
    cues: re.Pattern[str]
    glue: re.Pattern[str]
    nouns: re.Pattern[str]
    entities: tuple[str, ...]
    examples: tuple[QuestionExample, ...]

    def asked(self, text: str) -> Iterator[str]:
        """Give the types that a text in plain form asks for, as they come."""
        for sentence in SENTENCE.finditer(text):
            asks = sentence[0].endswith("?") or self.cues.search(sentence[0]) is not None
            if not asks and len(sentence[0]) > LONGEST_TERSE:
                continue
            found = [noun for noun in self.nouns.finditer(sentence[0]) if noun.end() > noun.start()]
            if asks or (found and self._only(sentence[0], found)):
                for noun in found:
                    if not GIVEN.match(sentence[0], noun.end()):
                        yield self.entities[int(str(noun.lastgroup)[1:])]

    def _only(self, sentence: str, nouns: list[re.Match[str]]) -> bool:
        rest = sentence
        for noun in reversed(nouns):
            rest = rest[: noun.start()] + " " + rest[noun.end() :]
        return not re.search(r"\w", self.glue.sub(" ", rest))


@functools.cache
def question_packs() -> dict[str, Questions]:
    """Give every pack that comes with chatmill, by its language.

    Raises:
        PolicyError: a pack has unknown keys or an expression that is none.
    """
    folder = files("rules") / "questions"
    packs = sorted((one for one in folder.iterdir() if one.name.endswith(".toml")), key=lambda one: one.name)
    read = [parse_questions(tomllib.loads(pack.read_text(encoding="utf-8")), pack.name) for pack in packs]
    return {pack.language: pack for pack in read}


@functools.cache
def questions_text() -> str:
    """Give the text of all packs and of the list of nicknames, so that a change in one is a new version."""
    folder = files("rules") / "questions"
    texts = sorted(one.read_text(encoding="utf-8") for one in folder.iterdir() if one.name.endswith(".toml"))
    return "\n".join((*texts, (files("rules") / "names" / "nicknames.txt").read_text(encoding="utf-8")))


def parse_questions(raw: dict[str, Any], name: str) -> Questions:
    """Build one language's questions from a parsed pack.

    Raises:
        PolicyError: unknown keys, or an expression that is none.
    """
    if unknown := sorted(set(raw) - KEYS):
        raise PolicyError(f"{name}: unknown keys {unknown}.", hint=f"A pack of questions has {sorted(KEYS)}.")
    questions: list[dict[str, Any]] = raw.get("question", [])
    groups = [f"(?P<q{at}>{'|'.join(one['nouns'])})" for at, one in enumerate(questions)]
    try:
        return Questions(
            language=str(raw["language"]),
            cues=re.compile(r"\b(?:" + "|".join(raw["cues"]) + ")"),
            glue=re.compile(r"\b" + raw["glue"] + r"\b"),
            nouns=re.compile(r"(?<!\w)(?:" + "|".join(groups) + r")(?!\w)"),
            entities=tuple(one["entity"] for one in questions),
            examples=tuple(QuestionExample(one["text"], tuple(one["asks"])) for one in raw.get("example", [])),
        )
    except (re.error, KeyError) as error:
        raise PolicyError(
            f"{name} cannot be used: {error!r}.", hint="Compare it with rules/questions/en.toml."
        ) from None


@functools.lru_cache(REMEMBERED)
def asked_types(text: str, language: str) -> tuple[str, ...]:
    """Give the types that a turn asks for, in order and each once; the language's pack first, then English."""
    if len(text) > LONGEST:
        return ()
    plain = plain_text(text)
    packs = question_packs()
    wanted = [packs[name] for name in dict.fromkeys((language, EVERYWHERE)) if name in packs]
    types = list(dict.fromkeys(kind for pack in wanted for kind in pack.asked(plain)))
    if len(types) > 1 and NOTHING in types:
        types.remove(NOTHING)  # whatever else is asked for is somebody's
    return tuple(types)
