"""The sections of a comparison's report: sentences, plots, tables and examples, made of the document of figures."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from markupsafe import Markup

from curate.report.lines import lines
from curate.report.plots import Whisker, whiskers
from export.evaluate.examples import Example
from export.evaluate.measures import signed, written
from export.evaluate.safety import SWAP_FIGURES

Words = Callable[[Mapping[str, Any]], Iterator[str]]

GROUPS = (
    ("answers", "How good the answers are", "Graded without a model, against what the person wrote."),
    ("tone", "Length and tone", "What people do is the aim here: nearer to it is better."),
    ("format", "Form", "Whether answers keep to the form of a support agent's answer."),
    ("speed", "Speed", "As it was here, with several questions under way at a time."),
    ("cost", "Size and cost", "Prices are OpenAI's as of mid-2025; other endpoints have none here."),
)
LIMITS = (
    "Similarity to one person's answer is not the same as being right: there are many good answers.",
    "A judge is a model with tastes of its own; people's votes say more.",
    "Held-out conversations are from the same source as those trained on; other customers may write otherwise.",
)


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of text under the names of their columns."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """Examples under one heading."""

    title: str
    examples: tuple[Example, ...]


@dataclass(frozen=True, slots=True)
class Section:
    """A heading and what stands under it."""

    title: str
    words: tuple[str, ...] = ()
    plots: tuple[Markup, ...] = ()
    tables: tuple[Table, ...] = ()
    shown: tuple[Shown, ...] = ()


def sections(document: Mapping[str, Any], examples: Mapping[str, Example]) -> Iterator[Section]:
    """Give the report's sections, those without figures left out."""
    yield from _compared("What a judge says", document["judge"], examples, _judge_words)
    yield from _compared("What people say", document["votes"], examples, _vote_words)
    for group, title, words in GROUPS:
        measures = [one for one in document["measures"] if one["group"] == group]
        if measures:
            yield _measured(title, (words,), measures, examples)
    yield from _training(document["training"])
    yield _safety(document, examples)
    yield from _swaps(document["swaps"])
    yield _limits(document)


def _measured(
    title: str, words: tuple[str, ...], measures: Sequence[Mapping[str, Any]], examples: Mapping[str, Example]
) -> Section:
    plots = [_plot(unit, [one for one in measures if one["unit"] == unit]) for unit in _units(measures)]
    shown = [Shown(f"Examples: {one['title']}", _of(one["examples"], examples)) for one in measures]
    return Section(
        title,
        words,
        tuple(plots),
        (
            Table(
                ("", "base", "tuned", "people", "difference, 95 % interval", "cases", ""),
                tuple(map(measure_row, measures)),
            ),
        ),
        tuple(one for one in shown if one.examples),
    )


def _units(measures: Sequence[Mapping[str, Any]]) -> Iterable[str]:
    return dict.fromkeys(one["unit"] for one in measures)


def _plot(unit: str, measures: Sequence[Mapping[str, Any]]) -> Markup:
    """Draw figures of one unit on one scale: base over tuned, and people where there are any."""
    rows: list[Whisker | str] = []
    for one in measures:
        rows.append(one["title"])
        rows += [
            Whisker(part, *_ends(one[part]), note=written(one[part]["value"], unit), is_pale=part != "tuned")
            for part in ("base", "tuned", "people")
            if one[part] and one[part]["value"] is not None
        ]
    title = f"{', '.join(one['title'] for one in measures)}, with intervals"
    return _markup(whiskers(title, rows, also=(0.0, 1.0) if unit == "share" else ()))


def _ends(estimate: Mapping[str, float | None]) -> tuple[float, float, float]:
    value = estimate["value"] or 0.0
    low, high = estimate["low"], estimate["high"]
    return value, value if low is None else low, value if high is None else high


def measure_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    """Write a measure as cells: title, both models, people, the difference, cases, verdict."""
    unit, difference = one["unit"], one["difference"]
    limits = f"{_bare(_signed(difference['low'], unit))} to {_bare(_signed(difference['high'], unit))}"
    return (
        one["title"],
        *(_with_limits(one[part], unit) for part in ("base", "tuned", "people")),
        f"{_signed(difference['value'], unit)} ({limits})",
        f"{one['of']:,}",
        one["verdict"],
    )


def _with_limits(estimate: Mapping[str, float | None] | None, unit: str) -> str:
    if estimate is None or estimate["value"] is None:
        return ""
    if estimate["low"] is None or estimate["high"] is None:
        return written(estimate["value"], unit)
    low, high = (_bare(written(estimate[end] or 0.0, unit)) for end in ("low", "high"))
    return f"{written(estimate['value'], unit)} ({low} to {high})"


def _bare(figure: str) -> str:
    """Leave the unit out, where it stands beside already."""
    return figure.split(" ")[0]


def _signed(value: float | None, unit: str) -> str:
    return "unknown" if value is None else signed(value, unit)


def _compared(
    title: str, told: Mapping[str, Any] | None, examples: Mapping[str, Example], words: Words
) -> Iterator[Section]:
    if not told:
        return
    rate = Whisker("tuned wins", *_ends(told["rate"]), note=f"{(told['rate']['value'] or 0) * 100:.0f} %")
    counts = (("tuned is better", "tuned"), ("base is better", "base"), ("ties", "ties"))
    shown = Shown("Examples: pairs with a winner", _of(told["examples"], examples))
    yield Section(
        title,
        tuple(words(told)),
        (_markup(whiskers("Share of decided pairs that the tuned model wins", [rate], mark=0.5, also=(0.0, 1.0))),),
        (Table(("", "pairs"), tuple((name, f"{told[key]:,}") for name, key in counts)),),
        (shown,) if shown.examples else (),
    )


def _judge_words(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['sentence']} The judge is {told['model']}; it saw every pair in both orders, without names."
    yield (
        f"In {told['disagreeing']:,} pairs it changed its mind with the order, in {told['unreadable']:,} its reply "
        "could not be read; both count as ties."
    )
    if told["first_place_of"]:
        yield f"It chose what stood first in {_with_limits(told['first_place'], 'share')} of its choices; 50 % is fair."
    if told["longer_wins_of"]:
        yield f"The longer answer won {_with_limits(told['longer_wins'], 'share')} of the decided pairs."


def _vote_words(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['sentence']} {told['voters']:,} people gave {told['votes']:,} votes, blind."
    yield told["agreement_sentence"]


def _training(told: Mapping[str, Any] | None) -> Iterator[Section]:
    if not told:
        return
    rows = [
        (name, f"{told[name]['step']:,}", f"{told[name]['loss']:.4f}", f"{told[name]['perplexity']:,.2f}")
        for name in ("first", "lowest", "last")
    ]
    drawn = {name: [(step, loss) for step, loss in points] for name, points in told["losses"].items()}
    yield Section(
        "Training",
        (f"Losses as {told['job']} told them; a perplexity is the exponential of a validation loss.",),
        (_markup(lines("Loss over steps", drawn)),),
        (Table(("validation", "step", "loss", "perplexity"), tuple(rows)),),
    )


def _safety(document: Mapping[str, Any], examples: Mapping[str, Example]) -> Section:
    told, measures = document["leaks"], [one for one in document["measures"] if one["group"] == "safety"]
    base = _measured("Leaks and refusals", tuple(_leak_words(told)), measures, examples)
    columns = ("", "answers searched", "customers' values, in answers", "surrogates of the training data, in answers")
    rows = tuple((model, *_leak_row(told[model])) for model in ("base", "tuned"))
    leaky = [
        Shown(f"Answers of {model} that hold values, covered", _of(list(told[model]["items"]), examples))
        for model in ("base", "tuned")
    ]
    shown = (*base.shown, *(one for one in leaky if one.examples))
    return Section(base.title, base.words, base.plots, (Table(columns, rows), *base.tables), shown)


def _leak_row(told: Mapping[str, Any]) -> Iterator[str]:
    yield f"{told['answers']:,}"
    for source in ("original", "surrogate"):
        values = sum(told[f"{source}s"].values())
        yield f"{values:,}, in {_with_limits(told[f'share_of_{source}s'], 'share')}"


def _leak_words(told: Mapping[str, Any]) -> Iterator[str]:
    searched = told["searched"]
    yield (
        f"Every answer was searched for {searched['original']:,} values that redaction replaced in the training data, "
        f"and for {searched['surrogate']:,} surrogates that stand there instead; none is shown here."
    )
    yield (
        "A value that a question holds itself is no leak. A surrogate is nobody's data, but shows that the model "
        f"repeats what it was trained on. {told['left_in']:,} replaced values also stand openly in the exported lines, "
        "as common words do, and were not looked for."
    )


def _swaps(gaps: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    if not gaps:
        return
    clear = sum(one["is_clear"] for one in gaps)
    words = (
        "The same conversations were asked under other names, genders and regions. "
        "Each group is compared with the others on the same conversations. "
        f"Of {len(gaps):,} differences {clear:,} are clear of chance; about {len(gaps) * 0.05:.0f} would look so by "
        "chance alone."
    )
    drawn = [_gap_whisker(one) for one in gaps if one["figure"] == "chrf"]
    ordered = sorted(gaps, key=lambda one: (not one["is_clear"], one["swap"], one["figure"], one["group"]))
    plot = whiskers("Similarity to the person's answer, against the other groups", drawn, mark=0.0)
    columns = ("swapped", "group", "model", "figure", "against the others, 95 % interval", "cases", "")
    table = Table(columns, tuple(map(_gap_row, ordered)))
    yield Section("The same case, another customer", (words,), (_markup(plot),), (table,))


def _gap_whisker(one: Mapping[str, Any]) -> Whisker:
    note, pale = one["told"].split(" (")[0], one["model"] == "base"
    return Whisker(f"{one['model']}: {one['group']}", *_ends(one["difference"]), note=note, is_pale=pale)


def _gap_row(one: Mapping[str, Any]) -> tuple[str, ...]:
    title = next(title for name, title, _ in SWAP_FIGURES if name == one["figure"])
    clear = "clear" if one["is_clear"] else ""
    return (one["swap"], one["group"], one["model"], title, one["told"], f"{one['of']:,}", clear)


def _limits(document: Mapping[str, Any]) -> Section:
    asked, problems = document["asked"], document["problems"]
    told = tuple((name.replace("_", " "), str(value)) for name, value in asked.items())
    words = LIMITS
    if problems:
        words = (f"{len(problems):,} questions were refused by an endpoint and count nowhere.", *LIMITS)
    about = (
        ("comparison", document["evaluation"]),
        ("endpoint of the base", document["base"]["endpoint"]),
        ("endpoint of the tuned model", document["tuned"]["endpoint"]),
        ("rules", document["rules"]),
    )
    return Section("Limits, and how it was asked", words, (), (Table(("what", "value"), (*about, *told)),))


def _of(items: Sequence[str], examples: Mapping[str, Example]) -> tuple[Example, ...]:
    return tuple(examples[item] for item in items if item in examples)


def _markup(svg: str) -> Markup:
    # plots.py escapes every label itself, so its SVG may stand in the page as it is.
    return Markup(svg)  # noqa: S704
