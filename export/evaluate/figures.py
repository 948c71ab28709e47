"""Turn answers into measures: graders, speed, cost, the size of prompts, and how surprised models are by people."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from export.evaluate.asking import Answer, Key
from export.evaluate.cases import Case
from export.evaluate.graders import Grader
from export.evaluate.measures import About, Measure, Point, measured
from export.evaluate.replies import Reply, Scored
from export.evaluate.safety import both
from export.models import answers_usd
from export.tokens import TokenCounter

UNITS = {"words": "words", "chrf": "score", "rouge_l": "score"}
FIRST = About("first_token", "Wait for the first token", "speed", "seconds", "low")
WAIT = About("seconds", "Time for a whole answer", "speed", "seconds", "low")
PACE = About("pace", "Tokens a second, once they come", "speed", "tokens_per_second")
ANSWER_TOKENS = About("answer_tokens", "Tokens in an answer", "cost", "tokens", "none")
PROMPT_TOKENS = About("prompt_tokens", "Tokens in a prompt", "cost", "tokens", "low")
USD = About("usd", "Price of a thousand answers", "cost", "usd", "low")
PERPLEXITY = About("perplexity", "Perplexity of people's answers", "answers", "perplexity", "low")
A_THOUSAND = 1000


@dataclass(frozen=True, slots=True)
class Models:
    """The names of both models, for prices and encodings."""

    base: str
    tuned: str


def graded(
    graders: Sequence[Grader], cases: Sequence[Case], answers: Mapping[Key, Answer], *, seed: int
) -> Iterator[Measure]:
    """Measure every grader on the cases that both models answered and that it has something to say of."""
    for grader in graders:
        about = About(grader.name, grader.title, grader.group, UNITS.get(grader.kind, "share"), grader.goal)
        points: list[Point] = []
        for case, base, tuned in _pairs(cases, answers):
            one, other = grader.grade(base, case), grader.grade(tuned, case)
            if one is not None and other is not None:
                points.append(Point(case.item_id, one, other, _of_people(grader, case)))
        if made := measured(about, points, seed=seed):
            yield made


def _of_people(grader: Grader, case: Case) -> float | None:
    """Grade what the person wrote, where the grade says something of the writing and not of its likeness to itself."""
    if grader.group != "tone" or not case.expected:
        return None
    written = Answer(case.item_id, "people", Reply(case.expected, finish_reason="stop"))
    return grader.grade(written, case)


def speed_and_cost(
    models: Models, cases: Sequence[Case], answers: Mapping[Key, Answer], *, seed: int
) -> Iterator[Measure]:
    """Measure waits, pace, tokens and prices; what an endpoint did not tell is counted, or left out where it cannot."""
    pairs = list(_pairs(cases, answers))
    yield from _each(FIRST, pairs, lambda reply, _: reply.first_seconds, seed)
    yield from _each(WAIT, pairs, lambda reply, _: reply.seconds, seed)
    yield from _pace(pairs, seed)
    yield from _each(PROMPT_TOKENS, pairs, lambda reply, _: reply.prompt_tokens, seed)
    counters = {name: TokenCounter(name) for name in (models.base, models.tuned)}
    yield from _each(ANSWER_TOKENS, pairs, lambda reply, model: _tokens(reply, counters[model]), seed, models)
    yield from _each(USD, pairs, lambda reply, model: _usd(reply, model, counters[model]), seed, models)


Figure = Callable[[Reply, str], float | None]


def _each(
    about: About, pairs: Sequence[tuple[Case, Answer, Answer]], figure: Figure, seed: int, models: Models | None = None
) -> Iterator[Measure]:
    """Measure a figure of replies, on the cases where both have it."""
    base_name, tuned_name = (models.base, models.tuned) if models else ("", "")
    points: list[Point] = []
    for case, base, tuned in pairs:
        one, other = figure(base.reply, base_name), figure(tuned.reply, tuned_name)
        if one is not None and other is not None:
            points.append(Point(case.item_id, one, other))
    if made := measured(about, points, seed=seed):
        yield made


def _pace(pairs: Sequence[tuple[Case, Answer, Answer]], seed: int) -> Iterator[Measure]:
    points: list[Point] = []
    for case, base, tuned in pairs:
        one, other = _stretch(base.reply), _stretch(tuned.reply)
        if one and other:
            points.append(Point(case.item_id, one[0], other[0], None, one[1], other[1]))
    if made := measured(PACE, points, seed=seed):
        yield made


def _stretch(reply: Reply) -> tuple[float, float] | None:
    """Give the tokens after the first and the seconds they took."""
    if reply.first_seconds is None or not reply.completion_tokens or reply.completion_tokens < 2:
        return None
    seconds = reply.seconds - reply.first_seconds
    return (reply.completion_tokens - 1.0, seconds) if seconds > 0 else None


def _tokens(reply: Reply, counter: TokenCounter) -> float:
    return float(counter.text(reply.text) if reply.completion_tokens is None else reply.completion_tokens)


def _usd(reply: Reply, model: str, counter: TokenCounter) -> float | None:
    if reply.prompt_tokens is None:
        return None
    usd = answers_usd(model, prompt_tokens=reply.prompt_tokens, answer_tokens=_tokens(reply, counter))
    return None if usd is None else usd * A_THOUSAND


def surprise(scores: Mapping[Key, Scored], cases: Sequence[Case], *, seed: int) -> Measure | None:
    """Measure the perplexity of people's answers under both models."""
    points = [
        Point(case.item_id, base.loss * base.tokens, tuned.loss * tuned.tokens, None, base.tokens, tuned.tokens)
        for case in cases
        for base, tuned in ((scores.get((case.item_id, "base")), scores.get((case.item_id, "tuned"))),)
        if base and tuned and base.tokens and tuned.tokens
    ]
    return measured(PERPLEXITY, points, seed=seed)


def _pairs(cases: Sequence[Case], answers: Mapping[Key, Answer]) -> Iterator[tuple[Case, Answer, Answer]]:
    for case in cases:
        base, tuned = both(answers, case.item_id)
        if base and tuned:
            yield case, base, tuned
