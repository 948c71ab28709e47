"""Run Presidio's recognizers and ours over texts: each distinct text once, nothing it cannot hold, failing closed.

`Engine.scan` finds what `AnalyzerEngine.analyze` finds with the same registry, tested over real turns, but skips the
recognizers whose gate is shut, and tokenizes only where a plugged-in recognizer asks for it.
"""

from __future__ import annotations

import contextlib
import functools
import importlib
import inspect
import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from curate.redact.errors import ERROR, TIMEOUT, UNSUPPORTED_LANGUAGE, PolicyError, RecognizerTimeoutError
from curate.redact.gates import OPEN, Need, count_digits, fold, need_of
from curate.redact.name_model import MODEL_LANGUAGES, NO_MODEL
from curate.redact.rules import RecognizerRule
from curate.redact.spans import Failure, Finding, in_order, join_windows
from curate.redact.view import View

if TYPE_CHECKING:
    from presidio_analyzer import AnalysisExplanation, AnalyzerEngine, EntityRecognizer, RecognizerResult

    from curate.redact.name_model.recognizer import NameModelRecognizer

WINDOW = 20_000  # characters analysed at once; longer texts go through windows that overlap
MOST_DIGITS = 16  # texts with more digits than this are treated alike
OVERLAP = 1_000  # longer than anything that is found as one
QUIET = ("presidio-analyzer", "presidio_analyzer", "tldextract", "decision_process")

Scanned = tuple[Finding, ...] | Failure


@dataclass(frozen=True, slots=True)
class EngineSpec:
    """All that decides what an engine finds; small, picklable, and the same in every process."""

    languages: tuple[str, ...]
    countries: tuple[tuple[str, tuple[str, ...]], ...]
    phone_regions: tuple[tuple[str, tuple[str, ...]], ...]
    phone_context: tuple[str, ...]
    context: tuple[tuple[str, tuple[str, ...]], ...]
    needs_context: tuple[str, ...]
    skip: tuple[str, ...]
    rules: tuple[RecognizerRule, ...]
    plugins: tuple[str, ...]
    names: str
    floor: float
    timeout: float
    head: bytes = b""  # what the workspace's own decisions add to the name model


@dataclass(frozen=True, slots=True)
class Gated:
    """A recognizer and what a text must hold for one of its patterns to be found."""

    recognizer: EntityRecognizer
    needs: tuple[Need, ...]

    @property
    def least_digits(self) -> int:
        """Give the number of digits below which no pattern can be found."""
        return min(need.digits for need in self.needs)

    def may_find(self, digits: int, folded: str) -> bool:
        """Say whether the recognizer has to be run on a text."""
        for need in self.needs:  # noqa: SIM110 - a generator costs twice as much in this innermost loop
            if need.met(digits, folded):
                return True
        return False


@dataclass(frozen=True, slots=True)
class ScanTask:
    """Texts of one language for a worker."""

    spec: EngineSpec
    language: str
    texts: tuple[str, ...]


def scan_task(task: ScanTask) -> list[Scanned]:
    """Scan a worker's share; the engine is built once in each process."""
    return engine_for(task.spec).scan(task.texts, task.language)


@functools.lru_cache(maxsize=4)
def engine_for(spec: EngineSpec) -> Engine:
    """Give the engine of a spec, building it at the first call."""
    return Engine(spec)


class Engine:
    """Presidio's analyzer with our registry, and our own way through it."""

    def __init__(self, spec: EngineSpec) -> None:
        _quiet_libraries()
        self.spec = spec
        self.analyzer = _analyzer(spec)
        self._gated = {language: self._gates(language) for language in spec.languages}
        self._possible = {language: _by_digits(gated) for language, gated in self._gated.items()}
        self._models = {language: model for language in spec.languages if (model := self._model(language))}
        self._needs_context = frozenset(spec.needs_context)

    def scan(self, texts: Sequence[str], language: str) -> list[Scanned]:
        """Give each text's findings, or why it could not be checked; every distinct text is analysed once."""
        distinct = list(dict.fromkeys(texts))
        self._prepare(distinct, language)
        found = {text: self.scan_text(text, language) for text in distinct}
        return [found[text] for text in texts]

    def scan_text(self, text: str, language: str) -> Scanned:
        """Give a text's findings above the floor, overlapping ones included, or why it could not be checked."""
        if language not in self._gated:
            return Failure(UNSUPPORTED_LANGUAGE, f"nothing here finds names in {language or 'an unknown language'}")
        try:
            view = View.of(text)
            return tuple(view.back(finding) for finding in self._whole(view.text, language))
        except _RecognizerFailedError as failed:
            return failed.failure
        except Exception as error:  # noqa: BLE001 - what a plug-in's results bring about must not pass either
            return Failure(ERROR, f"the analysis failed with {type(error).__name__}")

    def _prepare(self, texts: Sequence[str], language: str) -> None:
        """Let the name model run over short texts together; what cannot be prepared is analysed, and fails, alone."""
        model = self._models.get(language)
        with contextlib.suppress(Exception):
            if model is not None:
                model.prepare([View.of(text).text for text in texts if len(text) <= WINDOW])

    def gates(self, language: str) -> tuple[Gated, ...]:
        """Give a language's recognizers with their gates."""
        return self._gated[language]

    def keep(self, results: Iterable[RecognizerResult]) -> Iterator[Finding]:
        """Turn Presidio's results into findings, leaving out what lies below the floor or lacks its context."""
        for result in results:
            why = _why(result)
            bare = result.entity_type in self._needs_context and "context" not in why
            if result.score >= self.spec.floor and not bare:
                name = str(result.recognition_metadata["recognizer_name"])
                score = round(float(result.score), 4)
                yield Finding(result.start, result.end, result.entity_type, score, name, why)

    def _whole(self, text: str, language: str) -> tuple[Finding, ...]:
        if len(text) <= WINDOW:
            return self._window(text, language)
        return join_windows(
            _moved(finding, at)
            for at in range(0, len(text) - OVERLAP, WINDOW - OVERLAP)
            for finding in self._window(text[at : at + WINDOW], language)
        )

    def _window(self, text: str, language: str) -> tuple[Finding, ...]:
        digits = count_digits(text)
        folded = fold(text)
        possible = self._possible[language][min(digits, MOST_DIGITS)]
        due = [one.recognizer for one in possible if one.may_find(digits, folded)]
        if not due:
            return ()
        artifacts = self.analyzer.nlp_engine.process_text(text, language) if self.spec.plugins else None
        results: list[RecognizerResult] = []
        for recognizer in due:
            results += _analyze(recognizer, text, artifacts)
        if not results:
            return ()
        return in_order(self.keep(self._finished(text, results, due)))

    def _finished(self, text: str, results: Any, due: list[EntityRecognizer]) -> list[RecognizerResult]:  # noqa: ANN401
        enhancer: Any = self.analyzer.context_aware_enhancer
        results = enhancer.enhance_using_context(text, results, None, due)
        results = [result for result in results if result.score >= self.spec.floor]
        return due[0].remove_duplicates(results) if len(results) > 1 else results

    def _model(self, language: str) -> NameModelRecognizer | None:
        from curate.redact.name_model.recognizer import NameModelRecognizer

        recognizers = (gated.recognizer for gated in self._gated[language])
        return next((one for one in recognizers if isinstance(one, NameModelRecognizer)), None)

    def _gates(self, language: str) -> tuple[Gated, ...]:
        recognizers = self.analyzer.registry.get_recognizers(language=language, all_fields=True)
        gated = [Gated(recognizer, _needs(recognizer)) for recognizer in recognizers]
        return tuple(sorted(gated, key=lambda one: (one.recognizer.name, one.recognizer.supported_entities)))


def _by_digits(gated: Sequence[Gated]) -> list[list[Gated]]:
    """Give the recognizers that may find something in a text of so many digits, for every count of digits."""
    return [[one for one in gated if min(one.least_digits, MOST_DIGITS) <= digits] for digits in range(MOST_DIGITS + 1)]


class _RecognizerFailedError(Exception):
    def __init__(self, failure: Failure) -> None:
        super().__init__(failure.code)
        self.failure = failure


def _analyze(recognizer: EntityRecognizer, text: str, artifacts: Any) -> list[RecognizerResult]:  # noqa: ANN401
    """Run one recognizer; whatever it raises becomes a failure that names it and holds nothing of the text."""
    try:
        results: list[RecognizerResult] = recognizer.analyze(text, recognizer.supported_entities, artifacts) or []
    except RecognizerTimeoutError as error:
        raise _RecognizerFailedError(Failure(TIMEOUT, error.message)) from None
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything, and nothing of it may pass
        raise _RecognizerFailedError(Failure(ERROR, f"{recognizer.name}: {type(error).__name__}")) from None
    for result in results:
        metadata: dict[str, str] = result.recognition_metadata or {}
        result.recognition_metadata = {
            "recognizer_name": recognizer.name,
            "recognizer_identifier": recognizer.id,
            **metadata,
        }
    return results


def _needs(recognizer: EntityRecognizer) -> tuple[Need, ...]:
    """Give what a text must hold for a recognizer, openly where its way of searching is not known."""
    from presidio_analyzer import PatternRecognizer
    from presidio_analyzer.predefined_recognizers import IbanRecognizer

    from curate.redact.recognizers import OfflineEmailRecognizer, ShapedPhoneRecognizer

    if isinstance(recognizer, ShapedPhoneRecognizer):
        return (Need(digits=7),)
    if isinstance(recognizer, OfflineEmailRecognizer):
        return (Need(clauses=frozenset({frozenset({"@"})})),)
    searches = (PatternRecognizer.analyze, IbanRecognizer.analyze)
    if isinstance(recognizer, PatternRecognizer) and type(recognizer).analyze in searches:
        return tuple(dict.fromkeys(need_of(pattern.regex) for pattern in recognizer.patterns))
    return (OPEN,)


def _why(result: RecognizerResult) -> dict[str, str]:
    explanation: AnalysisExplanation | None = result.analysis_explanation  # plug-ins may leave it out
    if explanation is None:  # pyright: ignore[reportUnnecessaryComparison]
        return {}
    why = {"pattern": explanation.pattern_name, "context": explanation.supportive_context_word}
    if explanation.validation_result:
        why["validation"] = "passed"
    return {key: str(value) for key, value in why.items() if value}


def _moved(finding: Finding, by: int) -> Finding:
    from dataclasses import replace

    return replace(finding, start=finding.start + by, end=finding.end + by)


def _quiet_libraries() -> None:
    """Silence loggers that write parts of the text: context words, failed IBANs, hosts."""
    for name in QUIET:
        logging.getLogger(name).setLevel(logging.CRITICAL + 1)


def _analyzer(spec: EngineSpec) -> AnalyzerEngine:
    from presidio_analyzer import AnalyzerEngine, RecognizerRegistry

    from curate.redact.nlp import BlankNlpEngine, WordContextEnhancer

    recognizers = [one for language in spec.languages for one in _recognizers(spec, language)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Presidio warns of engines it does not know
        return AnalyzerEngine(
            registry=RecognizerRegistry(recognizers=recognizers, supported_languages=list(spec.languages)),
            nlp_engine=BlankNlpEngine(spec.languages),
            supported_languages=list(spec.languages),
            context_aware_enhancer=WordContextEnhancer(),
        )


def _recognizers(spec: EngineSpec, language: str) -> Iterator[EntityRecognizer]:
    from presidio_analyzer import PatternRecognizer

    from curate.redact.name_model.head import head_of
    from curate.redact.name_model.recognizer import NameModelRecognizer
    from curate.redact.recognizers import OfflineEmailRecognizer, RuleRecognizer, ShapedPhoneRecognizer, guard

    context = dict(spec.context)
    regions = dict(spec.phone_regions).get(language, ())
    ours = [RuleRecognizer(rule, language) for rule in spec.rules if rule.speaks(language)]
    yield ShapedPhoneRecognizer(language=language, regions=regions, context=spec.phone_context)
    patterns = [
        *(_stock(spec, language)),
        OfflineEmailRecognizer(supported_language=language, name="EmailRecognizer"),
        *(_plugin(path, language) for path in spec.plugins),
        *ours,
    ]
    if spec.names != NO_MODEL and language in MODEL_LANGUAGES:
        yield NameModelRecognizer(language, head_of(spec.head) if spec.head else None)
    for recognizer in patterns:
        if recognizer.supported_entities[0] in context:
            recognizer.context = list(context[recognizer.supported_entities[0]])
        if isinstance(recognizer, PatternRecognizer):
            guard(recognizer, spec.timeout, getattr(recognizer, "trim", len))
        yield recognizer


def _stock(spec: EngineSpec, language: str) -> Iterator[EntityRecognizer]:
    """Make Presidio's own pattern recognizers: the generic ones, and those of the language's countries."""
    from presidio_analyzer import PatternRecognizer, predefined_recognizers

    wanted = dict(spec.countries).get(language, ())
    for name, kind in sorted(vars(predefined_recognizers).items()):
        if not inspect.isclass(kind) or not issubclass(kind, PatternRecognizer) or name in spec.skip:
            continue
        if ".generic." in kind.__module__ or kind.COUNTRY_CODE in wanted:
            make: Any = kind
            yield make(supported_language=language)


def _plugin(path: str, language: str) -> EntityRecognizer:
    """Make a recognizer that the workspace names as module:Class.

    Raises:
        PolicyError: it cannot be imported or made.
    """
    module, _, name = path.partition(":")
    try:
        return getattr(importlib.import_module(module), name)(supported_language=language)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise PolicyError(
            f"The recognizer {path!r} of redaction.recognizers cannot be made: {type(error).__name__}.",
            hint="It must be module:Class, a Presidio EntityRecognizer that takes supported_language.",
        ) from None
