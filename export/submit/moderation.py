"""Look through the lines that would be sent as a provider's moderation does, and name those that would stand out.

OpenAI refuses a file for "too many examples flagged" and names the category alone; so every message is looked at here
before anything is uploaded. OpenAI's own free endpoint is asked where the files go to OpenAI anyway; everywhere else
the words of the rule packs decide, on this machine. A text is judged once: the answer is kept under its hash.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Protocol, TypeVar

import polars as pl

from curate.quality.changing import word_lists
from curate.quality.texts import Wanted, worked_out
from curate.quality.wording import digest
from export.formats.lines import read_line
from export.submit.dry_run import SentFile
from export.submit.errors import AGAIN, Flagged, SubmitError, Unavailable
from export.submit.provider import Provider
from store.database import Store
from store.errors import unknown_name
from store.progress import Progress, silent

Thing = TypeVar("Thing")

REFUSE, LEAVE_OUT, SEND = "refuse", "leave-out", "send"
CHOICES = (REFUSE, LEAVE_OUT, SEND)
LISTS = ("toxicity", "unsafe")
"""The lists in rules/deny that stand for categories: insults and threats, and danger to somebody."""

PROBE = ("Good morning.", "Good evening.")
PAGE = 5_000  # messages looked up at once
ASKED = 32  # texts in one request to the endpoint
NAMED = 5  # lines that an error names


@dataclass(frozen=True, slots=True)
class Flag:
    """One message that stands out: the file, its line and the message in it, both from 1, and why."""

    file: str
    line: int
    message: int
    categories: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Moderated:
    """What moderation found, and by what: the endpoint's model, or the words and their version."""

    judge: str
    messages: int
    flags: tuple[Flag, ...]


class Judge(Protocol):
    """Somebody who says what is wrong with texts; `name` changes whenever the answers could."""

    @property
    def name(self) -> str:
        """Name it, with its version."""
        ...

    def __call__(self, texts: Sequence[str]) -> list[list[str]]:
        """Give the categories of each text."""
        ...


@dataclass(frozen=True, slots=True)
class WordJudge:
    """The workspace's own lists of words."""

    name: str
    terms: Mapping[str, tuple[str, ...]]

    @classmethod
    def of(cls, root: Path) -> WordJudge:
        """Read the lists, a workspace's own before ours."""
        terms = {one.name: one.terms for one in word_lists(root) if one.name in LISTS}
        return cls(f"words {digest(sorted(terms.items()))}", terms)

    def __call__(self, texts: Sequence[str]) -> list[list[str]]:
        """Give the lists whose words stand in each text."""
        found = worked_out(pl.Series("text", texts, dtype=pl.String), Wanted({}, {}, self.terms))
        rows = {row["text"]: [name for name in LISTS if row[name]] for row in found.iter_rows(named=True)}
        return [rows[text] for text in texts]


@dataclass(frozen=True, slots=True)
class EndpointJudge:
    """The provider's endpoint."""

    name: str
    ask: Callable[[Sequence[str]], list[list[str]] | None]

    def __call__(self, texts: Sequence[str]) -> list[list[str]]:
        """Ask for a few texts at a time.

        Raises:
            Unavailable: the endpoint moderates no more; what it has not seen does not count as clean.
        """
        told: list[list[str]] = []
        for some in _batches(texts, ASKED):
            found = self.ask(some)
            if found is None:
                raise Unavailable(f"The {self.name} stopped to moderate; nothing was sent.", hint=AGAIN)
            told += found
        return told


def judge_for(provider: Provider, root: Path) -> Judge:
    """Choose who judges: the provider, where it moderates and answers, else the words."""
    if provider.capabilities.moderation and provider.moderate(PROBE) is not None:
        return EndpointJudge(f"endpoint {provider.endpoint}", provider.moderate)
    return WordJudge.of(root)


def moderate(store: Store, files: Sequence[SentFile], judge: Judge, *, progress: Progress = silent) -> Moderated:
    """Judge every message of the files, each distinct text once and for all."""
    flags: list[Flag] = []
    messages = 0
    with progress.task("Moderating, lines", sum(file.lines for file in files)) as task:
        for file in files:
            for page in _batches(_messages(file.path), PAGE):
                found = _judged(store, judge, {sha: text for _, _, sha, text in page})
                messages += len(page)
                flags += [
                    Flag(file.name, line, number, tuple(found[sha])) for line, number, sha, _ in page if found[sha]
                ]
            task.advance(file.lines)
    return Moderated(judge.name, messages, tuple(flags))


def check_choice(name: str) -> str:
    """Give the choice back if there is such a one.

    Raises:
        SubmitError: there is none.
    """
    if name not in CHOICES:
        raise SubmitError(unknown_name("choice for flagged lines", name, CHOICES), hint="Set it with --flagged.")
    return name


def refusal(found: Moderated, *, left_out: int | None = None) -> Flagged:
    """Say which lines stand out and what can be done; `left_out` says how many conversations were set aside."""
    lines = {(flag.file, flag.line) for flag in found.flags}
    some = "; ".join(
        f"{flag.file} line {flag.line} message {flag.message}: {', '.join(flag.categories)}"
        for flag in found.flags[:NAMED]
    )
    more = f"; and {len(found.flags) - NAMED:,} more messages" if len(found.flags) > NAMED else ""
    hint = (
        "Look at them (chatmill explain), then choose: --flagged leave-out keeps their conversations out of the next "
        "export, --flagged send sends them as they are."
        if left_out is None
        else f"{left_out:,} conversations were set aside. Run chatmill curate and chatmill export, then submit that."
    )
    return Flagged(f"Nothing was sent: moderation ({found.judge}) flags {len(lines):,} lines. {some}{more}.", hint=hint)


def _batches(things: Iterable[Thing], size: int) -> Iterator[list[Thing]]:
    left = iter(things)
    while some := list(islice(left, size)):
        yield some


def _messages(path: Path) -> Iterator[tuple[int, int, str, str]]:
    """Give every message that says something: line and number from 1, the hash of its text, and the text."""
    with path.open("rb") as file:
        for line, raw in enumerate(file, start=1):
            body = read_line(raw)
            if isinstance(body, dict):
                for number, text in enumerate(map(_text, _said(body)), start=1):
                    if text:
                        yield line, number, hashlib.sha256(text.encode()).hexdigest(), text


def _said(body: Mapping[str, Any]) -> list[Any]:
    """Give the messages of a line, of a preference pair too."""
    asked = body.get("input")
    before = asked.get("messages") if isinstance(asked, dict) else body.get("messages")
    return [*(before or []), *(body.get("preferred_output") or []), *(body.get("non_preferred_output") or [])]


def _text(message: object) -> str:
    content = message.get("content") if isinstance(message, dict) else None
    if isinstance(content, list):
        return "\n".join(str(part.get("text") or "") for part in content if isinstance(part, dict)).strip()
    return content if isinstance(content, str) else ""


def _judged(store: Store, judge: Judge, texts: Mapping[str, str]) -> dict[str, list[str]]:
    """Look texts up by their hashes, and judge and keep those that were not judged before."""
    known = dict(
        store.rows(
            "SELECT text_sha256, categories FROM moderations WHERE judge = ? AND text_sha256 IN (SELECT unnest(?))",
            [judge.name, list(texts)],
        )
    )
    new = [sha for sha in texts if sha not in known]
    if new:
        told = judge([texts[sha] for sha in new])
        frame = pl.DataFrame(
            {"text_sha256": new, "judge": [judge.name] * len(new), "categories": told},
            schema={"text_sha256": pl.String, "judge": pl.String, "categories": pl.List(pl.String)},
        )
        store.replace("moderations", frame, keys=("text_sha256", "judge"))
        known |= dict(zip(new, told, strict=True))
    return known
