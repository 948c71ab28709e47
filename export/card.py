"""The data card of a dataset version, written from its manifest alone: what it is, where from, what was left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

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


def card(manifest: Mapping[str, Any]) -> str:
    """Write the README.md of a dataset; it holds no times and no run ids, so equal datasets have equal cards."""
    parts = [
        f"# Dataset {manifest['dataset']}\n",
        _about(manifest),
        "## Splits\n",
        _splits(manifest),
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
        f"{manifest['chatmill']}.\nAgents' turns are what is to be learnt; bots' turns have weight 0. Counted for "
        f"{manifest['model']}\n({manifest['encoding']}). Seed {manifest['seed']}.\n"
    )


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
