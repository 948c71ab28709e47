"""What Presidio wants of language processing, without a model: tokens, and the words around a find."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from presidio_analyzer import EntityRecognizer, RecognizerResult
from presidio_analyzer.context_aware_enhancers import ContextAwareEnhancer
from presidio_analyzer.nlp_engine import NlpArtifacts, NlpEngine

from curate.redact.gates import fold

WORD = re.compile(r"\w+")
WINDOW_CHARACTERS = 100
WORDS_BEFORE = 6
PREFIX_LENGTH = 4
BOOST = 0.35
LEAST_WITH_CONTEXT = 0.4


class BlankNlpEngine(NlpEngine):
    """Tokens from a blank spaCy pipeline; nothing is downloaded and no model is needed."""

    engine_name = "blank"

    def __init__(self, languages: tuple[str, ...]) -> None:
        self.languages = languages
        self.nlp: dict[str, Any] = {}

    def load(self) -> None:
        """Make a blank pipeline for each language; one whose tokenizer is not installed gets the neutral one."""
        import spacy

        for language in self.languages:
            try:
                self.nlp[language] = spacy.blank(language)
            except ImportError:
                self.nlp[language] = spacy.blank("xx")

    def is_loaded(self) -> bool:
        """Say whether `load` was called."""
        return bool(self.nlp)

    def process_text(self, text: str, language: str) -> NlpArtifacts:
        """Give a text's tokens; lower-cased, they stand in for lemmas."""
        doc = self.nlp[language].make_doc(text)
        return NlpArtifacts(
            entities=[],
            tokens=doc,
            tokens_indices=[token.idx for token in doc],
            lemmas=[token.lower_ for token in doc],
            nlp_engine=self,
            language=language,
        )

    def process_batch(
        self,
        texts: Iterable[str],
        language: str,
        batch_size: int = 1,  # noqa: ARG002 - Presidio's own
        n_process: int = 1,  # noqa: ARG002
        **_: Any,  # noqa: ANN401
    ) -> Iterator[tuple[str, NlpArtifacts]]:
        """Give the tokens of each text in turn."""
        for text in texts:
            yield text, self.process_text(text, language)

    def is_stopword(self, word: str, language: str) -> bool:
        """Say whether spaCy's list of the language holds a word."""
        return bool(self.nlp[language].vocab[word].is_stop)

    def is_punct(self, word: str, language: str) -> bool:
        """Say whether a token is punctuation."""
        return bool(self.nlp[language].vocab[word].is_punct)

    def get_supported_entities(self) -> list[str]:
        """Give no entities: there is no model."""
        return []

    def get_supported_languages(self) -> list[str]:
        """Give the languages it was made for."""
        return list(self.languages)


class WordContextEnhancer(ContextAwareEnhancer):
    """Raise the score of a find when a context word stands just before it.

    Presidio's own looks for context words inside other words ("lic" in "duplicate", "us" in "because"), cannot see
    those of two words, and needs the whole text's tokens. Here a word counts as a whole, or as the start of a longer
    one when it has four letters (account, accounts, Kontonummer's Konto).
    """

    def __init__(self) -> None:
        super().__init__(BOOST, LEAST_WITH_CONTEXT, WORDS_BEFORE, 0)

    def enhance_using_context(
        self,
        text: str,
        raw_results: list[RecognizerResult],
        nlp_artifacts: Any,  # noqa: ANN401, ARG002 - Presidio's own
        recognizers: list[EntityRecognizer],
        context: list[str] | None = None,
    ) -> list[RecognizerResult]:
        """Raise scores in place, and note the word that did it."""
        by_id = {recognizer.id: recognizer for recognizer in recognizers}
        for result in raw_results:
            recognizer = by_id[result.recognition_metadata[RecognizerResult.RECOGNIZER_IDENTIFIER_KEY]]
            word = context_word(text, result.start, [*(recognizer.context or ()), *(context or ())])
            if word:
                result.score = min(max(result.score + BOOST, LEAST_WITH_CONTEXT), self.MAX_SCORE)
                if result.analysis_explanation:
                    result.analysis_explanation.set_supportive_context_word(word)
                    result.analysis_explanation.set_improved_score(result.score)
        return raw_results


def context_word(text: str, start: int, wanted: Iterable[str]) -> str:
    """Give the first wanted word among the few before a place, or nothing."""
    before = WORD.findall(fold(text[max(0, start - WINDOW_CHARACTERS) : start]))[-WORDS_BEFORE:]
    if not before:
        return ""
    window = " " + " ".join(before) + " "
    for word in wanted:
        plain = " ".join(WORD.findall(fold(word)))
        open_end = "" if len(plain) >= PREFIX_LENGTH else " "
        if plain and f" {plain}{open_end}" in window:
            return word
    return ""
