"""The data card of a dataset version, written from its manifest alone: what it is, where from, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from export.balance.picture import PICTURE

LIMITS = """\
* Redaction finds what its recognizers know; a name nobody has seen written that way may have been missed. Look at the
  blind sample of `chatmill audit` before the data leaves your hands.
* Only public turns are here: notes, drafts, deleted and system turns are not.
* What agents wrote is taken as it is: it is not checked for being right.
* Token counts follow OpenAI's published formula; with tools they are an estimate, and the margin says how close.
"""
VERIFY = """\
    # the same as in manifest.json, under "files"
    sha256sum train.jsonl validation.jsonl test.jsonl
    # where the first line of train.jsonl comes from
    chatmill explain {dataset} 1
    # whether a trainer would take the files, and for how much
    chatmill submit {dataset} --dry-run
"""
EVALUATION = """\
No conversation here is nearly the same as a record of these files, or holds {overlap} of the words of one in long runs.
Runs that stand in more than 10 conversations or records are phrases that everybody uses and were not counted. Records
too short for a run were compared as a whole only.
"""
CAP_COLUMNS = ("cap on each", "at most", "there are", "had more", "largest before", "largest after", "not capped")
EVALUATION_COUNTS = ("records", "near_duplicates", "shared_runs", "run_words", "common_runs", "too_short")


def card(manifest: Mapping[str, Any]) -> str:
    """Write the README.md of a dataset; it holds no times and no run ids, so equal datasets have equal cards."""
    parts = [
        f"# Dataset {manifest['dataset']}\n",
        _about(manifest),
        "## Splits\n",
        _splits(manifest),
        *_balance(manifest["balance"]),
        *_evaluation(manifest["contamination"]),
        "## Where it comes from\n",
        _table(("connector", "conversations"), _pairs(manifest["sources"], "conversations")),
        _table(("language", "conversations"), _pairs(manifest["languages"], "conversations")),
        "## Personal data found in these conversations\n",
        _table(("entity", "findings"), _pairs(manifest["personal_data"], "findings")),
        "## What was left out, and why\n",
        _left_out(manifest),
        "## Known limits\n",
        LIMITS,
        "## How to verify\n",
        VERIFY.format(dataset=manifest["dataset"]),
        _rules(manifest),
    ]
    return "\n".join(parts)


def _about(manifest: Mapping[str, Any]) -> str:
    return (
        f"{manifest['conversations']:,} customer support conversations as {manifest['format']} lines, made by chatmill "
        f"{manifest['chatmill']}.\nAgents' turns are what is to be learnt; bots' turns, and answers that a rule keeps "
        f"from being learnt, have weight 0. Counted for\n{manifest['model']} ({manifest['encoding']}). "
        f"Seed {manifest['seed']}.\n" + "".join(f"{line}\n" for line in _shape(manifest))
    )


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
    if repaired := sum(file["repaired"] for file in files):
        yield f"Lines in which a control mark, such as `<|endoftext|>`, was broken up by a space: {repaired:,}."


def _splits(manifest: Mapping[str, Any]) -> str:
    files: Mapping[str, Mapping[str, Any]] = manifest["files"]
    rows = [
        (name, f"{file['lines']:,}", f"{file['targets']:,}", _tokens(file), file["sha256"])
        for name, file in files.items()
    ]
    groups = manifest["groups"]
    shared = sum(sum(pairs.values()) for pairs in manifest["overlap"].values())
    note = f" {manifest['split_note']}" if manifest["split_note"] else ""
    return _table(("file", "lines", "targets", "tokens", "SHA-256"), rows) + (
        f"\n{groups['count']:,} groups of conversations that share a customer or a near-duplicate cluster, the largest "
        f"of {groups['largest']:,}.\nCustomers and clusters that stand in two splits: {shared}.{note}\n"
        + _periods(manifest)
    )


def _periods(manifest: Mapping[str, Any]) -> str:
    period, periods = manifest["period"], manifest["periods"]
    if not period:
        return ""
    told = (
        f"\nDivided by time: what began before {period['cutoff']} trains, less a gap of {period['gap_days']} days. The "
        f"cut-off was {period['cutoff_was']}.\nCustomers and clusters that come up on both sides do not train.\n\n"
    )
    rows = [(split, one["first"], one["last"]) for split, one in periods.items()]
    return told + _table(("split", "first began", "last began"), rows)


def _balance(balance: Mapping[str, Any] | None) -> Iterator[str]:
    """Tell what balance did; nothing where nothing was asked for."""
    if not balance:
        return
    given_up = balance["before"] - balance["after"]
    yield "## Balance\n"
    yield f"{balance['after']:,} of {balance['before']:,} conversations were taken, {given_up:,} given up.\n"
    if balance["notes"]:
        yield "".join(f"* {note}\n" for note in balance["notes"])
    yield f"![Conversations before and after balance]({PICTURE})\n"
    for table in balance["tables"]:
        yield _table(
            (table["dimension"], "before", "after", "asked for", "short"), balance_rows(table, balance["after"])
        )
    if balance["caps"]:
        yield _table(CAP_COLUMNS, cap_rows(balance))


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
    return f"{count:,} ({count / total:.0%})" if total else "0"


def _asked(wanted: float | None) -> str:
    if wanted is None:
        return ""
    return f"{wanted:,}" if isinstance(wanted, int) else f"{wanted:.0%}"


def _some(count: int) -> str:
    return f"{count:,}" if count else ""


def _evaluation(reports: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Tell what was found of the evaluation files; nothing where none was given."""
    if not reports:
        return
    yield "## Evaluation files\n"
    yield EVALUATION.format(overlap=f"{reports[0]['overlap']:.0%}")
    yield _table(
        ("file", "records", "nearly the same", "shared runs", "words in a run", "phrases", "too short", "SHA-256"),
        [
            (report["file"], *(f"{report[name]:,}" for name in EVALUATION_COUNTS), report["sha256"])
            for report in reports
        ],
    )


def _tokens(file: Mapping[str, Any]) -> str:
    margin = f" ± {file['tokens_margin']:,}" if file["tokens_margin"] else ""
    return f"{file['tokens']:,}{margin}"


def _left_out(manifest: Mapping[str, Any]) -> str:
    rows = [
        (stage["stage"], why["code"], why["reason"], f"{why['conversations']:,}")
        for stage in manifest["funnel"]
        for why in stage["reasons"]
    ]
    rows += [("export", row["code"], row["reason"], f"{row['conversations']:,}") for row in manifest["excluded"]]
    text = _table(("stage", "code", "reason", "conversations"), rows)
    if manifest["changed_since_curated"]:
        text += f"\n{manifest['changed_since_curated']:,} more changed since they were curated.\n"
    return text


def _rules(manifest: Mapping[str, Any]) -> str:
    rows = [
        (stage, ", ".join(f"{k} {v}" for k, v in versions.items())) for stage, versions in manifest["rules"].items()
    ]
    return "## Rules and versions\n\n" + _table(("stage", "version"), rows)


def _pairs(rows: Iterable[Mapping[str, Any]], count: str) -> list[tuple[str, str]]:
    return [(row["name"], f"{row[count]:,}") for row in rows]


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [" | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) for row in rows]
    if not lines:
        return "None.\n"
    head = [" | ".join(columns), " | ".join("---" for _ in columns)]
    return "".join(f"| {line} |\n" for line in [*head, *lines])
