"""The data card of a dataset version, written from its manifest alone: what it is, where from, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from curate.evaluation.intervals import percent
from curate.report.charts import Bar
from export.balance.picture import CHART, balance_bars
from export.card_parts import Bullets, Card, Chart, Code, Part, Section, Table, Text
from export.models import cost

LIMITS = (
    "Redaction finds what its recognizers know; a name nobody has seen written that way may have been missed.",
    "Look at the blind sample of `chatmill audit` before the data leaves your hands.",
    "Only public turns are here: notes, drafts, deleted and system turns are not.",
    "What agents wrote is taken as it is: it is not checked for being right.",
    "Token counts follow OpenAI's published formula; with tools they are an estimate, and the margin says how close.",
)
VERIFY = """\
# the same as in manifest.json, under "files"
sha256sum train.jsonl validation.jsonl test.jsonl
# where the first line of train.jsonl comes from
chatmill explain {dataset} 1
# whether a trainer would take the files, and for how much
chatmill submit {dataset} --dry-run
"""
EVALUATION = (
    "No conversation here is nearly the same as a record of these files, or holds {overlap} of the words of one in "
    "long runs. Runs that stand in more than 10 conversations or records are phrases that everybody uses and were not "
    "counted. Records too short for a run were compared as a whole only."
)
EVALUATION_COLUMNS = (
    "file", "records", "nearly the same", "shared runs", "words in a run", "phrases", "too short", "SHA-256",
)  # fmt: skip
EVALUATION_COUNTS = ("records", "near_duplicates", "shared_runs", "run_words", "common_runs", "too_short")
CAP_COLUMNS = ("cap on each", "at most", "there are", "had more", "largest before", "largest after", "not capped")
ASKED = {
    "purpose": "What it is for",
    "source": "Whose conversations",
    "licence": "Licence",
    "consent": "Consent",
    "retention": "Kept until",
    "contact": "Contact",
}
NOT_FILLED_IN = "not filled in: set `card.{name}` in chatmill.toml"
UNMEASURED = (
    "How much of it redaction finds has not been measured on these conversations: run `chatmill audit`, and the next "
    "`chatmill export` writes it here."
)
MOST_BARS = 12


def card(manifest: Mapping[str, Any]) -> Card:
    """Describe a dataset; but for the last audit's date it holds no times and no run ids."""
    return Card(
        f"Dataset {manifest['dataset']}",
        _about(manifest),
        tuple(_figures(manifest)),
        (
            Section("Licence and consent", (_filled_in(manifest["about"]),)),
            Section("Splits", tuple(_splits(manifest))),
            *_balance(manifest["balance"]),
            *_evaluation(manifest["contamination"]),
            Section("What it is made of", tuple(_composition(manifest))),
            Section("How long it is", tuple(_lengths(manifest))),
            Section("Personal data found in these conversations", tuple(_personal_data(manifest))),
            Section("What was left out, and why", tuple(_left_out(manifest))),
            Section("Known limits", (Bullets(LIMITS),)),
            Section("How to verify", (Code(VERIFY.format(dataset=manifest["dataset"])),)),
            Section("Rules and versions", (_rules(manifest),)),
        ),
    )


def _about(manifest: Mapping[str, Any]) -> str:
    told = (
        f"{manifest['conversations']:,} customer support conversations as {manifest['format']} lines, made by chatmill "
        f"{manifest['chatmill']}. Agents' turns are what is to be learnt; bots' turns, and answers that a rule keeps "
        f"from being learnt, have weight 0. Counted for {manifest['model']} ({manifest['encoding']}). "
        f"Seed {manifest['seed']}."
    )
    return " ".join([told, *_shape(manifest)])


def _figures(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    files = manifest["files"].values()
    yield f"{manifest['conversations']:,}", "conversations"
    yield f"{sum(file['lines'] for file in files):,}", "lines"
    yield f"{sum(file['targets'] for file in files):,}", "answers to learn"
    yield f"{sum(file['tokens'] for file in files):,}", "tokens"


def _filled_in(about: Mapping[str, str]) -> Table:
    rows = [(label, about[name] or NOT_FILLED_IN.format(name=name)) for name, label in ASKED.items()]
    return Table(("", "what people say of it"), tuple(rows))


def _shape(manifest: Mapping[str, Any]) -> Iterator[str]:
    """Say what of the lines is not as it would be without a setting or a repair."""
    settings, files = manifest["settings"], manifest["files"].values()
    if settings["examples"] == "turn":
        yield "Each line teaches one answer; what stands before it is context."
    if settings["context_turns"]:
        yield f"At most {settings['context_turns']} turns stand before the last answer of a line."
    if settings["persona"]:
        yield f"Agents speak as {settings['persona']}, where that is nobody's name in the conversation."
    if cut := sum(file["cut"] for file in files):
        yield f"Lines without their oldest turns: {cut:,}."
    if fitted := sum(file.get("fitted", 0) for file in files):
        yield f"Changed to fit {manifest['format']}: {fitted:,} lines ({manifest['fitted_to']})."
    if repaired := sum(file["repaired"] for file in files):
        yield f"Lines in which a control mark, such as `<|endoftext|>`, was broken up by a space: {repaired:,}."


def _splits(manifest: Mapping[str, Any]) -> Iterator[Part]:
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    yield Chart("splits.svg", "Lines of each split", tuple(Bar(name, file["lines"]) for name, file in files.items()))
    yield Table(
        ("file", "lines", "targets", "tokens", "SHA-256"),
        tuple(
            (name, f"{file['lines']:,}", f"{file['targets']:,}", _tokens(file), f"`{file['sha256']}`")
            for name, file in files.items()
        ),
    )
    groups = manifest["groups"]
    shared = sum(sum(pairs.values()) for pairs in manifest["overlap"].values())
    note = f" {manifest['split_note']}" if manifest["split_note"] else ""
    yield Text(
        f"{groups['count']:,} groups of conversations that share a customer or a near-duplicate cluster, the largest "
        f"of {groups['largest']:,}. Customers and clusters that stand in two splits: {shared}.{note}"
    )
    yield from _periods(manifest)
    yield Text(_price(manifest))


def _price(manifest: Mapping[str, Any]) -> str:
    tokens = sum(file["tokens"] for file in manifest["files"].values() if file["split"] == "train")
    epochs = manifest["epochs_by_default"]
    priced = cost(manifest["model"], tokens=tokens, epochs=epochs)
    trained = f"Training on it once for {epochs} epochs reads {priced.trained_tokens:,} tokens"
    if priced.usd is None:
        return f"{trained}; what {priced.model} costs is not known here."
    return f"{trained}: about ${priced.usd:,.2f} for {priced.model} ({priced.price_source}, {priced.price_date})."


def _periods(manifest: Mapping[str, Any]) -> Iterator[Part]:
    period, periods = manifest["period"], manifest["periods"]
    if not period:
        return
    yield Text(
        f"Divided by time: what began before {period['cutoff']} trains, less a gap of {period['gap_days']} days. The "
        f"cut-off was {period['cutoff_was']}. Customers and clusters that come up on both sides do not train."
    )
    rows = ((split, one["first"], one["last"]) for split, one in periods.items())
    yield Table(("split", "first began", "last began"), tuple(rows))


def _balance(balance: Mapping[str, Any] | None) -> Iterator[Section]:
    """Tell what balance did; nothing where nothing was asked for."""
    if not balance:
        return
    given_up = balance["before"] - balance["after"]
    parts: list[Part] = [
        Text(f"{balance['after']:,} of {balance['before']:,} conversations were taken, {given_up:,} given up.")
    ]
    if balance["notes"]:
        parts.append(Bullets(tuple(balance["notes"])))
    parts.append(Chart(CHART, "Conversations before and after balance", balance_bars(balance)))
    for table in balance["tables"]:
        columns = (table["dimension"], "before", "after", "asked for", "short")
        parts.append(Table(columns, tuple(balance_rows(table, balance["after"]))))
    if balance["caps"]:
        parts.append(Table(CAP_COLUMNS, tuple(cap_rows(balance))))
    yield Section("Balance", tuple(parts))


def cap_rows(balance: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """Give a row of text for each cap of a balance report, under CAP_COLUMNS."""
    names = ("most", "kinds", "over", "largest_before", "largest_after", "unnamed")
    return [(cap["dimension"], *(f"{cap[name]:,}" for name in names)) for cap in balance["caps"]]


def balance_rows(table: Mapping[str, Any], total: int) -> list[tuple[str, ...]]:
    """Give a row of text for each value: before, after, what was asked for, how many are short."""
    before = sum(row["before"] for row in table["rows"])
    return [
        (
            row["value"],
            _part(row["before"], before),
            _part(row["after"], total),
            _asked(row["wanted"]),
            _some(row["short"]),
        )
        for row in table["rows"]
    ]


def _part(count: int, total: int) -> str:
    return f"{count:,} ({percent(count / total)})" if total else "0"


def _asked(wanted: float | None) -> str:
    if wanted is None:
        return ""
    return f"{wanted:,}" if isinstance(wanted, int) else f"{wanted:.0%}"


def _some(count: int) -> str:
    return f"{count:,}" if count else ""


def _evaluation(reports: Sequence[Mapping[str, Any]]) -> Iterator[Section]:
    """Tell what was found of the evaluation files; nothing where none was given."""
    if not reports:
        return
    rows = (
        (report["file"], *(f"{report[name]:,}" for name in EVALUATION_COUNTS), f"`{report['sha256']}`")
        for report in reports
    )
    told = Text(EVALUATION.format(overlap=f"{reports[0]['overlap']:.0%}"))
    yield Section("Evaluation files", (told, Table(EVALUATION_COLUMNS, tuple(rows))))


def _composition(manifest: Mapping[str, Any]) -> Iterator[Part]:
    total = manifest["conversations"]
    kinds = [
        ("source", manifest["sources"]),
        ("language", manifest["languages"]),
        *((one["dimension"], one["rows"]) for one in manifest["composition"]),
    ]
    for name, rows in kinds:
        if len(rows) > 1:
            yield _chart(f"{name}.svg", f"Conversations by {name}", rows, "conversations")
        yield Table((name, "conversations"), tuple((row["name"], _part(row["conversations"], total)) for row in rows))


def _lengths(manifest: Mapping[str, Any]) -> Iterator[Part]:
    for name, what, of in (
        ("turns_in_a_conversation", "turns", "conversations"),
        ("tokens_in_a_line", "tokens", "lines"),
    ):
        told = manifest[name]
        rows = [{"name": _range(one), of: one["count"]} for one in told["buckets"]]
        if rows:
            yield _chart(f"{what}.svg", f"{of.capitalize()} by their {what}", rows, of)
            yield Table((what, of), tuple(_pairs(rows, of)))
            yield Text(
                f"The shortest has {told['least']:,} {what}, half have at most {told['median']:,}, 95 % at most "
                f"{told['p95']:,}, the longest has {told['most']:,}."
            )


def _range(bucket: Mapping[str, Any]) -> str:
    start, end = bucket["from"], bucket["to"]
    if end is None:
        return f"{start:,} or more"
    return f"{start:,}" if start == end else f"{start:,} to {end:,}"


def _personal_data(manifest: Mapping[str, Any]) -> Iterator[Part]:
    rows, audit = manifest["personal_data"], manifest["run"]["audit"]
    measured = {one["type"]: one for one in audit["kinds"]} if audit else {}
    if rows:
        yield _chart("redactions.svg", "Redactions by kind", rows, "findings")
    yield Table(
        ("entity", "findings", "recall, 95 % interval"),
        tuple((row["name"], f"{row['findings']:,}", _recall(measured.get(row["name"]))) for row in rows),
    )
    if not audit:
        yield Text(UNMEASURED)
        return
    yield Text(
        f"Recall was measured on {audit['made_at']} by `chatmill audit`: invented values, planted into copies of these "
        "conversations, of which so many were found. Kinds without a figure were not planted."
    )
    others = [one for kind, one in measured.items() if kind not in {row["name"] for row in rows}]
    if others:
        found = (f"{one['what']} {_recall(one)}" for one in others)
        yield Text("Not found in these conversations, but planted: " + "; ".join(found) + ".")
    if audit["blind"]:
        yield Text(audit["blind"])


def _recall(measured: Mapping[str, Any] | None) -> str:
    if measured is None:
        return ""
    low, high = measured["interval"]
    return f"{percent(measured['recall'])} ({percent(low)} to {percent(high)}, of {measured['planted']:,})"


def _tokens(file: Mapping[str, Any]) -> str:
    margin = f" ± {file['tokens_margin']:,}" if file["tokens_margin"] else ""
    return f"{file['tokens']:,}{margin}"


def _left_out(manifest: Mapping[str, Any]) -> Iterator[Part]:
    funnel = manifest["funnel"]
    steps = (Bar(step["label"], step["left"], step["dropped"]) for step in funnel)
    yield Chart("funnel.svg", "Conversations left after each step", tuple(steps))
    rows = [
        (stage["stage"], why["code"], why["reason"], f"{why['conversations']:,}")
        for stage in funnel
        for why in stage["reasons"]
    ]
    rows += [("export", row["code"], row["reason"], f"{row['conversations']:,}") for row in manifest["excluded"]]
    yield Table(("stage", "code", "reason", "conversations"), tuple(rows))
    if manifest["changed_since_curated"]:
        yield Text(f"{manifest['changed_since_curated']:,} more changed since they were curated.")


def _rules(manifest: Mapping[str, Any]) -> Table:
    rows = (
        (stage, ", ".join(f"{k} {v}" for k, v in versions.items())) for stage, versions in manifest["rules"].items()
    )
    return Table(("stage", "version"), tuple(rows))


def _chart(file: str, title: str, rows: Sequence[Mapping[str, Any]], count: str) -> Chart:
    return Chart(file.replace(" ", "_"), title, tuple(Bar(row["name"], row[count]) for row in rows[:MOST_BARS]))


def _pairs(rows: Iterable[Mapping[str, Any]], count: str) -> Iterator[tuple[str, str]]:
    return ((row["name"], f"{row[count]:,}") for row in rows)
