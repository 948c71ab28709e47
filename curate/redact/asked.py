"""What was asked primes what is answered: a question types the other side's next turns.

"May I have your name?" makes a bare "viswa" a person, "and the account number?" makes digits over several turns one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from curate.redact.answers import NAMES, SHORT_TURN, WORDED, Answer, answers, only_digits
from curate.redact.questions import NOTHING, asked_types
from curate.redact.spans import Finding

RECOGNIZER = "asked"
ASKERS = frozenset({"agent", "bot", "customer"})
OF_A_CASE = ("_ID", "_NUMBER")  # what customers ask agents for; names they ask for are those of places and products
TURNS_OPEN = 3  # turns of the other side that a question waits for
SURE = 0.85
LIKELY = 0.65


@dataclass(slots=True)
class Question:
    """An open question: who asked, for what, and what of it has been answered."""

    role: str
    types: tuple[str, ...]
    left: int = TURNS_OPEN
    done: set[str] = field(default_factory=set[str])

    def open_types(self) -> tuple[str, ...]:
        """Give what has not been answered yet."""
        return tuple(kind for kind in self.types if kind not in self.done)


@dataclass(frozen=True, slots=True)
class Asked:
    """What answers hold, by turn, and the turns that answer a question for nothing personal."""

    findings: dict[str, list[Finding]]
    nothing: frozenset[str]


def asked_findings(texts: Mapping[str, str], roles: Mapping[str, str], language: str) -> Asked:
    """Give what was asked for in the answers; `texts` are in order, `roles` of the turns that people said."""
    findings: dict[str, list[Finding]] = {}
    nothing: set[str] = set()
    questions: dict[str, Question] = {}
    for turn_key, role in roles.items():
        text = texts[turn_key]
        for question in list(questions.values()):
            if question.role != role:
                if question.types == (NOTHING,):
                    nothing.add(turn_key)
                elif found := list(_answered(question, text)):
                    findings.setdefault(turn_key, []).extend(found)
                _advance(questions, question)
        _ask(questions, role, text, language)
    return Asked(findings, frozenset(nothing))


def _ask(questions: dict[str, Question], role: str, text: str, language: str) -> None:
    types = asked_types(text, language) if role in ASKERS and (role != "customer" or "?" in text) else ()
    if role == "customer":
        types = tuple(kind for kind in types if kind.endswith(OF_A_CASE))
    if types:
        questions[role] = Question(role, types, 1 if types == (NOTHING,) else TURNS_OPEN)
    elif "?" in text and role in questions:
        del questions[role]  # something else was asked


def _answered(question: Question, text: str) -> Iterator[Finding]:
    """Take what a turn answers; a number may go on in turns that are nothing but digits."""
    due = question.open_types()
    if question.left < TURNS_OPEN and len(text.split()) > SHORT_TURN:
        due = tuple(kind for kind in due if kind not in NAMES)  # by now they talk of something else
    if number := _goes_on(question, text):
        digits = text.strip()
        at = text.index(digits)
        yield _finding(Answer(at, at + len(digits), number, sure=True), question.role)
        return
    for one in answers(text, due):
        question.done.add(one.entity_type)
        yield _finding(one, question.role)


def _goes_on(question: Question, text: str) -> str:
    """Give the type of the number that a turn of digits continues, where all that was asked for has begun."""
    if question.open_types() or not only_digits(text):
        return ""
    return next((kind for kind in reversed(question.types) if kind not in WORDED), "")


def _advance(questions: dict[str, Question], question: Question) -> None:
    question.left -= 1
    if question.left <= 0:
        del questions[question.role]


def _finding(one: Answer, asker: str) -> Finding:
    score = SURE if one.sure else LIKELY
    return Finding(one.start, one.end, one.entity_type, score, RECOGNIZER, {"asked": one.entity_type, "by": asker})
