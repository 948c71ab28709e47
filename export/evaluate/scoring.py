"""How surprised models are by people's answers: asked of endpoints that can tell, and read from the model's job."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from export.evaluate.asking import Answer, Asked, Key, keep, read_answers, together
from export.evaluate.cases import Case, Message
from export.evaluate.replies import Reply, Scored
from export.submit.jobs import Job, list_jobs, metrics_of
from store.database import Store
from store.progress import Progress

SCORE = "score:"
LOSSES = ("full_valid_loss", "valid_loss")  # of the whole validation split where the provider tells it


@dataclass(frozen=True, slots=True)
class _Due:
    """One answer to be scored."""

    case: Case
    speaker: str
    asked: Asked


def score_all(
    store: Store,
    evaluation_id: str,
    cases: Sequence[Case],
    asked: Mapping[str, Asked],
    *,
    at_once: int,
    progress: Progress,
) -> dict[Key, Scored]:
    """Give the losses of people's answers under both models, asking for unknown ones; none where nobody can tell."""
    known = read_scores(store, evaluation_id)
    pairs = [_Due(case, speaker, who) for case in cases if case.expected for speaker, who in asked.items()]
    due = [one for one in pairs if (one.case.item_id, one.speaker) not in known]
    if not due:
        return known
    for who in asked.values():  # an endpoint that has no such call says so once, not two hundred times
        if who.chat.score(who.model, weighted(due[0].case), tools=due[0].case.tools) is None:
            return {}
    with progress.task("Scoring people's answers", len(due)) as task:
        for answer in together(due, _score, at_once=at_once):
            keep(store, evaluation_id, answer)
            task.advance()
    return read_scores(store, evaluation_id)


def read_scores(store: Store, evaluation_id: str) -> dict[Key, Scored]:
    """Give the losses that are known, by item and model."""
    return {
        (item, speaker.removeprefix(SCORE)): Scored(**orjson.loads(answer.text))
        for (item, speaker), answer in read_answers(store, evaluation_id).items()
        if speaker.startswith(SCORE) and not answer.problem
    }


def weighted(case: Case) -> tuple[Message, ...]:
    """Give a case with its answer, so that the answer alone counts."""
    before = [{**one, "weight": 0} if one["role"] == "assistant" else one for one in case.messages]
    return (*before, case.reference)


def _score(due: _Due) -> Answer:
    found = due.asked.chat.score(due.asked.model, weighted(due.case), tools=due.case.tools)
    if found is None:
        return Answer(due.case.item_id, f"{SCORE}{due.speaker}", Reply(""), "not scored")
    text = orjson.dumps({"tokens": found.tokens, "loss": found.loss}).decode()
    return Answer(due.case.item_id, f"{SCORE}{due.speaker}", Reply(text))


def job_of(store: Store, model: str) -> Job | None:
    """Find the job that a tuned model, or one of its checkpoints, came from; the newest of several."""
    for job in reversed(list_jobs(store)):
        checkpoints = job.result.get("checkpoints") or ()
        if model in (job.result.get("fine_tuned_model"), *(one.get("model") for one in checkpoints)):
            return job
    return None


def training(store: Store, job: Job) -> dict[str, Any] | None:
    """Give a job's validation loss from its first to its last figure, as losses and perplexities; None without any."""
    found = metrics_of(store, job)
    losses = next((found[name] for name in LOSSES if found.get(name)), None)
    if not losses:
        return None
    return {
        "job": job.job_id,
        "first": _at(losses[0]),
        "last": _at(losses[-1]),
        "lowest": _at(min(losses, key=lambda figure: figure[1])),
        "losses": {name: [list(figure) for figure in found[name]] for name in _curves(found)},
    }


def _curves(found: Mapping[str, Any]) -> Iterator[str]:
    yield from (name for name in ("train_loss", *LOSSES) if name in found)


def _at(figure: tuple[int, float]) -> dict[str, float]:
    step, loss = figure
    return {"step": step, "loss": loss, "perplexity": math.exp(min(loss, 700.0))}
