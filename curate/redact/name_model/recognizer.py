"""The name model as a Presidio recognizer: words that belong together become one find.

Importing this module imports Presidio; `curate.redact.engine` does so at its first use.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from presidio_analyzer import AnalysisExplanation, LocalRecognizer, RecognizerResult

from curate.redact.name_model import LABELS, RECOGNIZER, model_hash
from curate.redact.name_model.head import Head
from curate.redact.name_model.inference import Word, name_model
from curate.redact.names import is_common

ENTITIES = LABELS[1:]
BETWEEN = re.compile(r"[ \t.'’&-]{0,3}")  # what may stand between two words of one name
BETWEEN_ADDRESS = re.compile(r"[\s.,'’#/&º°ª-]{0,4}")  # and between those of one address, lines included
WEIGHTS = np.array((2, 1, 1, 1), np.float32)  # a person taken for a company would stay: in doubt it is a person
LETTER = re.compile(r"[^\W\d_]")
LETTERS = re.compile(r"[^\W\d_]{2}")  # of what is named; one letter alone names nobody, nor does "v2.1"
FIRST_WORD = re.compile(r"([^\W\d_]+)\s+")


@dataclass(slots=True)
class Piece:
    """Words of one label that stand together: its place, label and best score."""

    start: int
    end: int
    label: str
    score: float


class NameModelRecognizer(LocalRecognizer):
    """Find PERSON, LOCATION, ADDRESS and ORGANIZATION: a find scores as its surest word."""

    def __init__(self, supported_language: str = "en", head: Head | None = None) -> None:
        self._head = head
        self._prepared: dict[str, list[Piece]] = {}
        super().__init__(
            supported_entities=list(ENTITIES),
            supported_language=supported_language,
            name=RECOGNIZER,
            version=model_hash()[:12],
        )

    def load(self) -> None:
        """Do nothing: the model is loaded when the first text comes, once in each process."""

    def prepare(self, texts: Sequence[str]) -> None:
        """Run the model over texts that `analyze` will be asked about next, for together they take half the time.

        Texts prepared before are forgotten.
        """
        wanted = [text for text in dict.fromkeys(texts) if LETTER.search(text)]
        words = name_model().words(wanted, self._head)
        self._prepared = {text: list(pieces(text, found)) for text, found in zip(wanted, words, strict=True)}

    def analyze(
        self,
        text: str,
        entities: list[str],
        nlp_artifacts: Any = None,  # noqa: ANN401, ARG002 - Presidio's own
    ) -> list[RecognizerResult]:
        """Give a text's finds; a text without a letter has none."""
        if not LETTER.search(text):
            return []
        found = self._prepared.get(text)
        if found is None:
            found = list(pieces(text, next(iter(name_model().words([text], self._head)))))
        return [self._result(piece) for piece in found if piece.label in entities]

    def _result(self, piece: Piece) -> RecognizerResult:
        explanation = AnalysisExplanation(recognizer=self.name, original_score=piece.score, pattern_name="name model")
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult(piece.label, piece.start, piece.end, piece.score, explanation, metadata)


def pieces(text: str, words: Iterable[Word]) -> Iterator[Piece]:
    """Join a text's likely words into finds, and leave out what cannot be one."""
    last: Piece | None = None
    for word in words:
        best = int(np.argmax(word.scores[1:] * WEIGHTS)) + 1
        label, score = LABELS[best], round(float(1 - word.scores[0]), 4)
        if last is not None and last.label == label and _adjoin(text, last, word):
            last.end, last.score = word.end, max(last.score, score)
            continue
        yield from _sound(text, last)
        last = Piece(word.start, word.end, label, score)
    yield from _sound(text, last)


def _adjoin(text: str, piece: Piece, word: Word) -> bool:
    between = BETWEEN_ADDRESS if piece.label == "ADDRESS" else BETWEEN
    return between.fullmatch(text, piece.end, word.start) is not None


def _sound(text: str, piece: Piece | None) -> Iterator[Piece]:
    """Give a find without the punctuation at its ends, unless nothing is left that can be a name."""
    if piece is None:
        return
    value = text[piece.start : piece.end]
    start = piece.start + len(value) - len(value.lstrip(" \t\n.,;:!?'’\"-()#&/"))
    end = piece.end - (len(value) - len(value.rstrip(" \t\n,;:!?'’\"-(#&/")))
    value = text[start:end]
    if piece.label == "ADDRESS":
        while (first := FIRST_WORD.match(text, start, end)) and is_common(first[1]):
            start = first.end()  # "parcel 12 Mill Lane": no street begins so
        words = text[start:end].split()
        sound = any(character.isalnum() for character in text[start:end]) and not all(map(is_common, words))
    else:
        sound = LETTERS.search(value) is not None and not all(is_common(word) for word in value.split())
    if sound:
        yield Piece(start, end, piece.label, piece.score)
