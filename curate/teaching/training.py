"""`chatmill model train`: learn from decisions, measure on conversations held out, keep what is no worse."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from curate.errors import CurateError
from curate.redact.name_model import LABELS, WIDTH
from curate.redact.name_model.head import Head
from curate.redact.name_model.inference import name_model
from curate.redact.policy import HEAD
from curate.teaching.decided import DecidedTurn, decided_turns, other_texts
from curate.teaching.learning import Words, learn
from store.database import Store
from store.ledger import run
from store.progress import Progress, silent
from store.workspace import Workspace

STAGE = "model train"
LEAST = 20  # decided findings below which nothing can be learned, or measured
OTHERS = 2_000  # texts that the model must not change its mind about
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Rights:
    """How many words of findings that people accepted are told to be names, and of rejected ones to be none."""

    accepted: int
    found: int
    rejected: int
    left_alone: int


@dataclass(frozen=True, slots=True)
class Trained:
    """What training came to: on conversations held out, before and after; `path` is None where nothing was kept."""

    decisions: int
    before: Rights
    after: Rights
    path: Path | None

    def figures(self) -> dict[str, Any]:
        """Give everything as one JSON object, in which no text stands."""
        return {
            "decisions": self.decisions,
            "before": asdict(self.before),
            "after": asdict(self.after),
            "kept": self.path is not None,
        }


def train_names(workspace: Workspace, store: Store, *, progress: Progress = silent) -> Trained:
    """Train the workspace's own addition to the name model, and keep it unless it is worse on what was held out.

    Raises:
        CurateError: too little was decided.
    """
    turns = list(decided_turns(store))
    decisions = sum(len(turn.spans) for turn in turns)
    taught = [turn for turn in turns if not turn.is_held_out]
    held_out = [turn for turn in turns if turn.is_held_out]
    if decisions < LEAST or not taught or not held_out:
        raise CurateError(
            f"{decisions} findings of names were accepted or rejected, in {len(turns)} turns; {LEAST} are needed, in "
            "several conversations.",
            hint="Review more redactions first.",
        )
    known = {turn.text for turn in turns}
    drawn = other_texts(store, seed=workspace.settings.workspace.seed, most=OTHERS)
    others = [text for text in drawn if text not in known]
    with run(store, STAGE) as this, progress.task("model: learning", len(taught) + len(others)) as task:
        decided = _decided_words(taught)
        task.advance(len(taught))
        head = learn(decided, _own_words(others))
        task.advance(len(others))
        before, after = _rights(held_out, None), _rights(held_out, head)
        kept = _keep(workspace, head) if _score(after) >= _score(before) else None
        this.count("decisions", decisions)
    return Trained(decisions, before, after, kept)


def _keep(workspace: Workspace, head: Head) -> Path:
    path = workspace.root / HEAD
    path.parent.mkdir(exist_ok=True)
    partial = path.with_name(path.name + ".partial")
    partial.write_bytes(head.to_bytes())
    partial.chmod(0o600)
    return partial.replace(path)


def _decided_words(turns: Sequence[DecidedTurn]) -> Words:
    """Give the words of decided spans with the label that people gave them."""
    rows: list[tuple[Any, Any, int]] = []
    for turn, words in zip(turns, name_model().all_words([turn.text for turn in turns]), strict=True):
        for word, states in words:
            label = next((label for start, end, label in turn.spans if word.start < end and start < word.end), None)
            if label is not None:
                rows.append((word.scores, states, label))
    targets = np.eye(len(LABELS))[[label for _, _, label in rows]]
    return Words(_stacked(row[0] for row in rows), _stacked(row[1] for row in rows), targets)


def _own_words(texts: Sequence[str]) -> Words:
    """Give the words of texts with what the model says of them as what they ought to be."""
    scores: list[Any] = [np.zeros((0, len(LABELS)))]
    states: list[Any] = [np.zeros((0, WIDTH))]
    for at in range(0, len(texts), AT_ONCE):
        for words in name_model().all_words(texts[at : at + AT_ONCE]):
            scores += [word.scores[None] for word, _ in words]
            states += [state[None] for _, state in words]
    told = np.concatenate(scores).astype(np.float64)
    return Words(told, np.concatenate(states).astype(np.float64), told)


def _rights(turns: Sequence[DecidedTurn], head: Head | None) -> Rights:
    counts = {(wanted, told): 0 for wanted in (True, False) for told in (True, False)}
    for turn, words in zip(turns, name_model().words([turn.text for turn in turns], head), strict=True):
        for start, end, label in turn.spans:
            told = any(word.start < end and start < word.end and _is_name(word.scores) for word in words)
            counts[label > 0, told] += 1
    return Rights(
        accepted=counts[True, True] + counts[True, False],
        found=counts[True, True],
        rejected=counts[False, True] + counts[False, False],
        left_alone=counts[False, False],
    )


def _is_name(scores: Any) -> bool:  # noqa: ANN401 - an array
    return bool(scores[0] < 1 - scores[0])


def _score(rights: Rights) -> float:
    """Give the mean of both shares: to miss half of the names is as bad as to take half of the words for names."""
    shares = [right / of for right, of in ((rights.found, rights.accepted), (rights.left_alone, rights.rejected)) if of]
    return sum(shares) / len(shares)


def _stacked(rows: Iterable[Any]) -> Any:  # noqa: ANN401 - an array
    return np.stack(list(rows)).astype(np.float64)
