"""Look at training files before they cost anything: what gets a file refused, and what spoils it without a word.

Files are read line by line. Findings name places and keys, never what a file says.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from export.formats.lines import read_line
from export.formats.openai_rules import Problem
from export.formats.registry import OPENAI_CHAT
from export.formats.target import Target
from export.models import Model, find
from export.tokens import TokenCounter
from store.progress import Task

Severity = Literal["error", "warning"]

MAX_FILE_BYTES = 512 * 1024 * 1024  # of one upload to /files (OpenAI's API specification)
MIN_EXAMPLES = 10
SUFFIX_LENGTH = 64
AZURE_SUFFIX_LENGTH = 18
MOST_OF_A_CODE = 100  # findings of one code that are listed; the rest are counted
MORE = "Export ten conversations or more, so that each split holds one."
BOM = b"\xef\xbb\xbf"

# These spoil a file or waste it, but nobody refuses it for them.
WARNINGS = frozenset(
    {
        "example.last",
        "example.no_user",
        "example.system_late",
        "example.systems",
        "line.duplicate",
        "message.null_content",
        "tools.arguments",
        "tools.undeclared",
        "tools.unknown",
        "job.suffix_azure",
    }
)


@dataclass(frozen=True, slots=True)
class PreflightFinding:
    """One thing that is wrong: the line (from 1; 0 is the file as a whole), a code, what it is and what to do."""

    line: int
    code: str
    message: str
    fix: str
    file: str = ""

    @property
    def severity(self) -> Severity:
        """Tell what a trainer refuses, or what is lost, from what is only unwise."""
        return "warning" if self.code in WARNINGS else "error"


@dataclass(slots=True)
class _Check:
    """What one pass over one file or several remembers: the lines it saw, by hash."""

    model: Model
    target: Target
    task: Task | None = None
    counter: TokenCounter | None = None
    seen: dict[bytes, tuple[str, int]] = field(default_factory=dict[bytes, tuple[str, int]])

    def tokens(self, record: Mapping[str, Any]) -> int:
        """Count a canonical record, or both answers of a pair with what came before them."""
        self.counter = self.counter or TokenCounter(self.model.name)
        answers = (record[key] for key in ("chosen", "rejected") if key in record)
        return self.counter.example({**record, "messages": [*record["messages"], *answers]}).total


def preflight(path: Path, model: str) -> list[PreflightFinding]:
    """Check one training file for a model."""
    return preflight_files({path.name: path}, model)


def preflight_files(
    files: Mapping[str, Path],
    model: str,
    *,
    held_out: bool = False,
    most: int | None = MOST_OF_A_CODE,
    task: Task | None = None,
    target: Target = OPENAI_CHAT,
) -> list[PreflightFinding]:
    """Check files that belong together: each one, and that no line stands in two of them.

    The smallest number of examples is asked of the first file alone, the one to train on, and of none when all of
    them are `held_out`. So many findings of a code as `most` are listed for a file, and the rest counted; None lists
    all. `task` is told of each line. `target` is whose format they are in.
    """
    check = _Check(find(model), target, task)
    minimum = 0 if held_out else MIN_EXAMPLES if target is OPENAI_CHAT else target.minimum
    findings: list[PreflightFinding] = []
    for number, (name, path) in enumerate(files.items()):
        found = _file(name, path, check, minimum=0 if number else minimum)
        findings.extend(found if most is None else _listed(name, found, most))
    return findings


def check_suffix(suffix: str | None) -> list[PreflightFinding]:
    """Check the ending of the tuned model's name: 1 to 64 characters, at Azure 18 without dots."""
    if suffix is None:
        return []
    if not re.fullmatch(r"[A-Za-z0-9._-]+", suffix) or len(suffix) > SUFFIX_LENGTH:
        fix = f"Use 1 to {SUFFIX_LENGTH} letters, digits, dots, hyphens and underscores."
        return [PreflightFinding(0, "job.suffix", f"The suffix {suffix!r} is not allowed.", fix)]
    if len(suffix) > AZURE_SUFFIX_LENGTH or "." in suffix:
        fix = f"Use at most {AZURE_SUFFIX_LENGTH} characters and no dots there."
        return [PreflightFinding(0, "job.suffix_azure", f"Azure does not take the suffix {suffix!r}.", fix)]
    return []


def _listed(name: str, found: Iterator[PreflightFinding], most: int) -> Iterator[PreflightFinding]:
    counts: Counter[str] = Counter()
    for finding in found:
        counts[finding.code] += 1
        if counts[finding.code] <= most:
            yield finding
    for code, count in sorted(counts.items()):
        if count > most:
            yield PreflightFinding(0, code, f"And {count - most} more lines like these.", "As above.", name)


def _file(name: str, path: Path, check: _Check, *, minimum: int) -> Iterator[PreflightFinding]:
    size = path.stat().st_size
    most = MAX_FILE_BYTES if check.target is OPENAI_CHAT else check.target.most_bytes
    if most and size > most:
        fix = "Make a smaller dataset, or upload in parts."
        message = f"The file has {size:,} bytes; {most // 2**20:,} MB are taken."
        yield PreflightFinding(0, "file.too_large", message, fix, name)
    lines = 0
    with path.open("rb") as file:
        for lines, raw in enumerate(file, start=1):
            line = raw.removesuffix(b"\n").removesuffix(b"\r")
            if lines == 1 and line.startswith(BOM):
                yield PreflightFinding(1, "file.bom", "The file begins with a byte order mark.", "Take it out.", name)
                line = line.removeprefix(BOM)
            for problem in _line(name, lines, line, check):
                yield PreflightFinding(lines, *problem, name)
            if check.task is not None:
                check.task.advance()
    if not lines and check.target.needs_every_split:
        yield PreflightFinding(0, "file.empty", "The file is empty, which stops the trainer.", MORE, name)
    if lines < minimum:
        fix = "Fifty to a hundred good examples are where an effect begins to show."
        message = f"There are {lines} examples; at least {minimum} are asked for."
        yield PreflightFinding(0, "file.few_examples", message, fix, name)


def _line(name: str, number: int, line: bytes, check: _Check) -> Iterator[Problem]:
    if not line.strip():
        yield Problem("line.empty", "The line is empty.", "Take it out.")
        return
    yield from _repeated(name, number, line, check)
    body = read_line(line)
    if isinstance(body, Problem):
        yield body
        return
    found = list(check.target.problems(body))
    yield from found
    # A token is a byte or more, so only long lines need counting; broken ones cannot be counted.
    limit = check.model.max_example_tokens
    if found or len(line) <= limit:
        return
    record = check.target.read(body)
    if not isinstance(record, Problem) and (tokens := check.tokens(record)) > limit:
        message = f"The example has {tokens:,} tokens; after {limit:,} it is cut, and its last answer lost."
        yield Problem("line.too_long", message, "Leave it out or shorten it.")


def _repeated(name: str, number: int, line: bytes, check: _Check) -> Iterator[Problem]:
    digest = blake2b(line, digest_size=12).digest()
    file, first = check.seen.setdefault(digest, (name, number))
    if (file, first) == (name, number):
        return
    if file == name:
        yield Problem("line.duplicate", f"The line repeats line {first}.", "Keep one of them.")
    else:
        fix = "What is trained on must not be what it is judged by."
        yield Problem("line.shared", f"The line also stands in {file}, line {first}.", fix)
