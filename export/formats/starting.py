"""The page that goes with a bundle: what the files are, how to start, and what to know first."""

from __future__ import annotations

from collections.abc import Sequence

from export.formats.target import DEFAULT_BASE, Facts

START = "START.md"
BASE_MODEL = (
    f"The configuration names {DEFAULT_BASE}, a small model that anybody may use; put yours in its place. It asks for "
    "the length of the longest line and a quarter more, for another model's tokenizer may need more tokens."
)


def start(facts: Facts, name: str, *, install: str, run: Sequence[str], notes: Sequence[str] = ()) -> str:
    """Write the page: `install` and `run` are lines to type, `notes` what to know first."""
    held = [f"* `{file}`: {facts.lines[split]:,} examples ({split})" for split, file in facts.files.items()]
    empty = sorted({"train", "validation", "test"} - set(facts.files))
    told = [f"No example is in {' and '.join(empty)}: there were too few conversations."] if empty else []
    blocks = [
        f"# Train with {name}",
        f"Dataset {facts.dataset}. The data card is README.md; manifest.json has every file's SHA-256.",
        "\n".join([*held, *(f"* {line}" for line in told)]),
        "## Start",
        "\n".join(f"    {line}" for line in (install, *run) if line),
    ]
    if notes:
        blocks += ["## Know first", "\n".join(f"* {note}" for note in notes)]
    return "\n\n".join(blocks) + "\n"
