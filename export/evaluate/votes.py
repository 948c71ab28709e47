"""People's blind votes: which of two answers is better, not knowing whose is whose, in an order drawn for each voter.

A vote is a row of `ratings`; a voter's newest vote on a pair holds. Which model stands left is never sent to a voter.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from export.catalog import find_dataset
from export.evaluate.asking import Answer, Key, read_answers
from export.evaluate.cases import Case, draw, read_cases
from export.evaluate.errors import NotToBeVoted
from export.evaluate.judge import BASE, TIE, TUNED, is_same, said, tally
from export.evaluate.measures import estimate_json
from export.evaluate.statistics import Agreement, agreement
from store.database import Store
from store.history import record
from store.workspace import Workspace

KIND = "models"
LEFT, RIGHT = "left", "right"
CHOICES = (LEFT, RIGHT, TIE)
EVALUATIONS = """
SELECT evaluation_id, result, strftime(created_at, '%Y-%m-%d %H:%M') FROM evaluations
WHERE kind = ? ORDER BY created_at DESC, evaluation_id
"""
VOTES = """
SELECT item_id, rated_by, arg_max(verdict, rated_at) FROM ratings
WHERE evaluation_id = ? GROUP BY item_id, rated_by ORDER BY item_id, rated_by
"""


@dataclass(frozen=True, slots=True)
class Ballot:
    """A comparison that can be voted on; which models it is about a voter learns only when all is voted."""

    evaluation_id: str
    dataset_id: str
    made_at: str
    result: Mapping[str, Any]

    @property
    def models(self) -> tuple[str, str]:
        """Name base and tuned."""
        return self.result["base"]["model"], self.result["tuned"]["model"]


@dataclass(frozen=True, slots=True)
class Pair:
    """One pair of answers as a voter sees it: `turns` are what was said before, as (role, text)."""

    item_id: str
    turns: tuple[tuple[str, str], ...]
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a voter is."""

    voted: int
    pairs: int


def ballots(store: Store) -> list[Ballot]:
    """Give the comparisons of models, the newest first."""
    read = ((name, orjson.loads(result), made_at) for name, result, made_at in store.rows(EVALUATIONS, [KIND]))
    return [Ballot(name, result["dataset"], made_at, result) for name, result, made_at in read]


def find_ballot(store: Store, evaluation_id: str = "") -> Ballot | None:
    """Give a comparison by its id, or the newest; None where there is none.

    Raises:
        NotToBeVoted: there is none of that id.
    """
    found = ballots(store)
    if not evaluation_id:
        return found[0] if found else None
    for ballot in found:
        if ballot.evaluation_id == evaluation_id:
            return ballot
    raise NotToBeVoted("There is no such comparison of models.", hint="chatmill evaluate makes one.")


def next_pair(workspace: Workspace, store: Store, ballot: Ballot, *, voter: str) -> tuple[Pair | None, Standing]:
    """Give the next pair that a voter has not voted on, in the order drawn for them, and how far they are."""
    pairs = _pairs(workspace, store, ballot)
    voted = {item for item, by in _newest(store, ballot.evaluation_id) if by == voter}
    seed = _seed(ballot)
    left = sorted((item for item in pairs if item not in voted), key=lambda item: draw(seed, voter, item))
    standing = Standing(len(voted & pairs.keys()), len(pairs))
    if not left:
        return None, standing
    case, base, tuned = pairs[left[0]]
    first, second = (tuned, base) if _is_tuned_left(ballot, left[0], voter) else (base, tuned)
    return Pair(left[0], _turns(case), said(first), said(second)), standing


def vote(workspace: Workspace, store: Store, ballot: Ballot, item_id: str, *, choice: str, voter: str) -> None:
    """Keep a vote: left, right or tie.

    Raises:
        NotToBeVoted: there is no such pair (any more), or no such choice.
    """
    if choice not in CHOICES or item_id not in _pairs(workspace, store, ballot):
        raise NotToBeVoted("There is no such pair of answers to vote on any more.", hint="Go on with the next one.")
    verdict = TIE
    if choice != TIE:
        verdict = TUNED if (choice == LEFT) == _is_tuned_left(ballot, item_id, voter) else BASE
    with store.transaction():
        store.execute("INSERT INTO ratings VALUES (?, ?, ?, ?, now())", [ballot.evaluation_id, item_id, verdict, voter])
        record(store, "evaluation.vote", subject=ballot.evaluation_id, after={"item": item_id}, by=voter)


def result(store: Store, evaluation_id: str) -> dict[str, Any] | None:
    """Give the votes' figures as plain JSON values; None where nobody voted. A pair counts once, by its majority."""
    by_item: dict[str, list[str]] = defaultdict(list)
    votes = _newest(store, evaluation_id)
    for (item, _), verdict in votes.items():
        by_item[item].append(verdict)
    if not by_item:
        return None
    winners = {item: _majority(verdicts) for item, verdicts in by_item.items()}
    counted, agreed = tally(list(winners.values())), agreement(list(by_item.values()))
    return {
        "votes": len(votes), "voters": len({by for _, by in votes}), "pairs": len(by_item), "base": counted.base,
        "tuned": counted.tuned, "ties": counted.ties, "rate": estimate_json(counted.rate), "verdict": counted.verdict,
        "sentence": counted.sentence, "agreement": estimate_json(agreed.share), "alpha": agreed.alpha,
        "agreement_sentence": agreement_in_words(agreed),
        "examples": [item.rsplit("#", 1)[0] for item, better in winners.items() if better != TIE][:6],
    }  # fmt: skip


def agreement_in_words(agreed: Agreement) -> str:
    """Say how far voters agree."""
    if not agreed.pairs:
        return "No pair has two voters yet, so it is not known how far people agree."
    alpha = "" if agreed.alpha is None else f"; Krippendorff's alpha is {agreed.alpha:.2f} (1: always, 0: by chance)"
    limits = f"interval {agreed.share.low * 100:.0f} to {agreed.share.high * 100:.0f} %"
    return f"Two voters agree in {agreed.share.value * 100:.0f} % of {agreed.pairs:,} comparisons, {limits}{alpha}."


def _majority(verdicts: list[str]) -> str:
    """Give what most voted for; where base and tuned have as many, a tie."""
    balance = verdicts.count(TUNED) - verdicts.count(BASE)
    if verdicts.count(TIE) > max(verdicts.count(TUNED), verdicts.count(BASE)) or not balance:
        return TIE
    return TUNED if balance > 0 else BASE


def _newest(store: Store, evaluation_id: str) -> dict[tuple[str, str], str]:
    return {(item, by): verdict for item, by, verdict in store.rows(VOTES, [evaluation_id])}


def _pairs(workspace: Workspace, store: Store, ballot: Ballot) -> dict[str, tuple[Case, Answer, Answer]]:
    """Give the pairs whose answers differ, by an id that changes with the answers: a vote is on these words alone."""
    asked = ballot.result["asked"]
    answers = read_answers(store, ballot.evaluation_id)
    dataset = find_dataset(workspace, store, ballot.dataset_id)
    cases = read_cases(dataset, asked["split"], limit=0, seed=0, every=asked["every"])
    wanted = set(ballot.result["items"])
    return {
        _pair_id(case.item_id, *pair): (case, *pair)
        for case in cases
        if case.item_id in wanted and (pair := _answered(answers, case.item_id)) is not None
    }


def _answered(answers: Mapping[Key, Answer], item: str) -> tuple[Answer, Answer] | None:
    base, tuned = answers.get((item, BASE)), answers.get((item, TUNED))
    if base is None or tuned is None or base.problem or tuned.problem or is_same(base, tuned):
        return None
    return base, tuned


def _pair_id(item_id: str, base: Answer, tuned: Answer) -> str:
    return f"{item_id}#{draw(0, said(base), said(tuned)).hex()[:12]}"


def _is_tuned_left(ballot: Ballot, item_id: str, voter: str) -> bool:
    return draw(_seed(ballot), "side", voter, item_id)[0] % 2 == 0


def _seed(ballot: Ballot) -> int:
    return int(ballot.result["asked"]["seed"])


def _turns(case: Case) -> tuple[tuple[str, str], ...]:
    names = {"user": "customer", "assistant": "agent", "tool": "bot"}
    spoken = ((names.get(message["role"], ""), str(message.get("content") or "")) for message in case.messages)
    return tuple((name, text) for name, text in spoken if name and text)
