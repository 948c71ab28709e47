"""The recognizers that are ours, or Presidio's with what support conversations need changed.

Importing this module imports Presidio and spaCy; `curate.redact.engine` does so at its first use.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

import phonenumbers
import regex
import tldextract
from presidio_analyzer import AnalysisExplanation, LocalRecognizer, Pattern, PatternRecognizer, RecognizerResult
from presidio_analyzer.predefined_recognizers import EmailRecognizer

from curate.redact.checks import iban_length, imei_length, vin_length
from curate.redact.errors import RecognizerTimeoutError
from curate.redact.names import name_length
from curate.redact.rules import RecognizerRule

FLAGS = regex.DOTALL | regex.MULTILINE | regex.IGNORECASE
VALUE = "value"
TRIMS: dict[str, Callable[[str], int]] = {
    "name": name_length,
    "imei": imei_length,
    "vin": vin_length,
    "iban": iban_length,
    "": len,
}

# No empty tuple of caches and lists: tldextract would otherwise fetch the list of suffixes at its first use.
BUNDLED_SUFFIXES = tldextract.TLDExtract(suffix_list_urls=(), cache_dir=None)

# A number of seven digits or more, as people write it: spaces, dots, dashes, slashes and brackets between.
PHONE_SHAPE = regex.compile(r"(?<![\w.])[+(]{0,2}\d(?:[\s().\-/–]{0,3}\d){6,16}(?!\w)")
WRITTEN_AS_PHONE = regex.compile(r"^[+(]|^00|\d[\s().\-/–]+\d")
WRITTEN_AS_DATE = regex.compile(r"^(?:\d{1,2}([./\-])\d{1,2}\1(?:\d{2}|\d{4})|\d{4}([./\-])\d{1,2}\2\d{1,2})$")
GROUPED_PRICE = regex.compile(r"^\d{1,3}(?:[., ]\d{3})+$")


class Span:
    """Stand in for a regex match where Presidio asks only for its span."""

    __slots__ = ("_bounds",)

    def __init__(self, bounds: tuple[int, int]) -> None:
        self._bounds = bounds

    def span(self) -> tuple[int, int]:
        """Give the half-open span to redact."""
        return self._bounds


class GuardedRegex:
    """A compiled expression that is never given up silently.

    Presidio calls `finditer` on it. A timeout becomes our own error, which Presidio does not catch; and a group named
    `value` narrows what is found.
    """

    __slots__ = ("_compiled", "_name", "_seconds", "_trim")

    def __init__(
        self, pattern: str, *, flags: int, name: str, seconds: float, trim: Callable[[str], int] = len
    ) -> None:
        self._compiled = regex.compile(pattern, flags=flags)
        self._name = name
        self._seconds = seconds
        self._trim = trim

    def finditer(self, text: str, timeout: float | None = None) -> Iterator[Span]:  # noqa: ARG002 - Presidio's own
        """Give the spans of a text.

        Raises:
            RecognizerTimeoutError: the search took longer than the set time.
        """
        group = VALUE if VALUE in self._compiled.groupindex else 0
        try:
            for match in self._compiled.finditer(text, timeout=self._seconds):
                start = match.start(group)
                yield Span((start, start + self._trim(match[group])))
        except TimeoutError:
            raise RecognizerTimeoutError(f"{self._name} took longer than {self._seconds:g} s on one text.") from None


def guard(recognizer: PatternRecognizer, seconds: float, trim: Callable[[str], int] = len) -> None:
    """Put guarded expressions in place of a recognizer's own.

    Presidio keeps patterns on the class, shared by all instances; each recognizer gets copies. The expression of
    IbanRecognizer is compiled elsewhere and cannot be replaced, but all its repeats are bounded.
    """
    flags = recognizer.global_regex_flags
    recognizer.patterns = [copy.copy(pattern) for pattern in recognizer.patterns]
    for pattern in recognizer.patterns:
        guarded: Any = GuardedRegex(
            pattern.regex, flags=int(flags or 0), name=f"{recognizer.name} ({pattern.name})", seconds=seconds, trim=trim
        )
        pattern.compiled_regex = guarded
        pattern.compiled_with_flags = flags  # pyright: ignore[reportAttributeAccessIssue]  # untyped None


class RuleRecognizer(PatternRecognizer):
    """A recognizer from a pack in rules/recognizers."""

    def __init__(self, rule: RecognizerRule, language: str) -> None:
        super().__init__(
            supported_entity=rule.entity,
            name=rule.name,
            supported_language=language,
            patterns=[Pattern(one.name, one.regex, one.score) for one in rule.patterns],
            context=list(rule.context),
            global_regex_flags=FLAGS,
        )
        self.trim = TRIMS[rule.validator]


class OfflineEmailRecognizer(EmailRecognizer):
    """Presidio's, with the bundled list of suffixes, and without dropping addresses of unknown suffixes.

    The stock one fetches the list from the network at its first use, and lets jane@mail.internal through.
    """

    def validate_result(self, pattern_text: str) -> bool | None:  # pyright: ignore[reportIncompatibleMethodOverride]  # as its base class
        """Confirm addresses under a known suffix; leave others at the pattern's own score."""
        return True if BUNDLED_SUFFIXES.extract_str(pattern_text).fqdn else None


class ShapedPhoneRecognizer(LocalRecognizer):
    """Find what is written as a phone number, or could be one and stands near a word like "call".

    Presidio's own takes any run of digits that is valid in one of eight countries for a phone, which most order and
    invoice numbers are. Here digits without a plus sign or separators score low, so that they need a context word.
    """

    VALID = 0.75
    SHAPED = 0.5
    UNSURE = 0.35
    BARE = 0.2

    def __init__(self, *, language: str, regions: tuple[str, ...], context: tuple[str, ...]) -> None:
        self.regions = regions
        super().__init__(
            supported_entities=["PHONE_NUMBER"],
            name="PhoneRecognizer",
            supported_language=language,
            context=list(context),
        )

    def load(self) -> None:
        """Do nothing: there is nothing to load."""

    def analyze(self, text: str, entities: list[str], nlp_artifacts: Any = None) -> list[RecognizerResult]:  # noqa: ANN401, ARG002 - Presidio's own
        """Find phone numbers of the given regions."""
        results: list[RecognizerResult] = []
        for found in PHONE_SHAPE.finditer(text):
            score, region = self._judge(found[0])
            if score:
                results.append(self._result(found.start(), found.end(), score, region))
        return results

    def _judge(self, written: str) -> tuple[float, str]:
        if WRITTEN_AS_DATE.match(written):
            return 0.0, ""
        shaped = WRITTEN_AS_PHONE.search(written) is not None and not GROUPED_PRICE.match(written)
        region = self._region(written)
        if not region:
            international = written.startswith(("+", "(+")) and shaped
            return (self.SHAPED if international else self.UNSURE if shaped else self.BARE), ""
        return (self.VALID if shaped else self.BARE), region

    def _region(self, written: str) -> str:
        """Give the first region in which this is a valid number; international numbers need none."""
        for region in self.regions:
            try:
                number = phonenumbers.parse(written, region)
            except phonenumbers.NumberParseException:
                return ""
            if phonenumbers.is_valid_number(number):
                return region
        return ""

    def _result(self, start: int, end: int, score: float, region: str) -> RecognizerResult:
        explanation = AnalysisExplanation(
            recognizer=self.name, original_score=score, pattern_name=region or "shape", validation_result=bool(region)
        )
        metadata = {
            RecognizerResult.RECOGNIZER_NAME_KEY: self.name,
            RecognizerResult.RECOGNIZER_IDENTIFIER_KEY: self.id,
        }
        return RecognizerResult("PHONE_NUMBER", start, end, score, explanation, metadata)
