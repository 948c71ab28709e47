"""Pairs of answers, judged by a model and voted on by people: blind, in both orders, with ties."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from export.evaluate import judge
from export.evaluate.asking import Answer
from export.evaluate.cases import Case
from export.evaluate.errors import NotToBeVoted
from export.evaluate.judge import BASE_FIRST, TUNED_FIRST, read_reply, tally
from export.evaluate.replies import Reply
from export.evaluate.votes import Ballot, find_ballot, next_pair, result, vote
from tests.export.evaluate.conftest import Bench, answer_of

REPLIES = ('{"better": 1}', '{"better": 2}', '{"better": 0}', "I cannot say.")
ASKED = ({"role": "user", "content": "Where is it?"},)


def judged(forward: str, backward: str) -> judge.Verdict:
    case = Case("test:1", 1, ASKED, {"role": "assistant", "content": "There."})
    said = {"base": "one", "tuned": "two", BASE_FIRST: forward, TUNED_FIRST: backward}
    answers = {("test:1", speaker): Answer("test:1", speaker, Reply(text)) for speaker, text in said.items()}
    (verdict,) = judge.verdicts([case], answers)
    return verdict


@pytest.mark.parametrize(
    ("forward", "backward", "better"),
    [(1, 2, "base"), (2, 1, "tuned"), (0, 0, "tie"), (1, 1, "tie"), (2, 2, "tie"), (1, 0, "tie"), (0, 1, "tie")],
)
def test_a_winner_must_win_in_both_orders(forward: int, backward: int, better: str) -> None:
    verdict = judged(f'{{"better": {forward}}}', f'{{"better": {backward}}}')
    assert verdict.better == better
    assert verdict.is_readable


@pytest.mark.parametrize(("forward", "backward"), [pair for pair in product(REPLIES, REPLIES) if REPLIES[3] in pair])
def test_what_cannot_be_read_is_a_tie_that_is_counted(forward: str, backward: str) -> None:
    verdict = judged(forward, backward)
    assert (verdict.better, verdict.is_readable, verdict.is_agreed) == ("tie", False, False)


@pytest.mark.parametrize(
    ("text", "better"),
    [
        ('{"better": 2}', 2), ('```json\n{ "better" : "1" }\n```', 1), (" 0. ", 0), ("2", 2),
        ('{"better": 1} or {"better": 2}', None), ("Reply 1 is better.", None), ('{"better": 3}', None), ("", None),
    ],
)  # fmt: skip
def test_replies_of_judges(text: str, better: int | None) -> None:
    assert read_reply(text) == better


@given(better=st.lists(st.sampled_from(["base", "tuned", "tie"]), max_size=200))
def test_swapping_the_models_mirrors_the_tally(better: list[str]) -> None:
    other = {"base": "tuned", "tuned": "base", "tie": "tie"}
    there, back = tally(better), tally([other[one] for one in better])
    assert (there.base, there.tuned, there.ties) == (back.tuned, back.base, back.ties)
    assert there.rate.low == pytest.approx(1 - back.rate.high, abs=1e-9)
    mirrored = {"better": "worse", "worse": "better"}.get(there.verdict, there.verdict)
    assert back.verdict == mirrored


def test_the_sentence_says_who_wins() -> None:
    assert tally(["tuned"] * 122 + ["base"] * 78).sentence == (
        "Tuned wins 61 % of 200 decided pairs, interval 54 to 67 %: better (0 of 200 pairs are ties)."
    )
    assert tally(["tie"]).sentence == "Of 1 pairs none was decided: all are ties."


def ballot_of(bench: Bench, **wish: Any) -> Ballot:
    bench.compare(**wish)
    ballot = find_ballot(bench.store)
    assert ballot is not None
    return ballot


def votes_for(bench: Bench, ballot: Ballot, voter: str, choose: Any) -> list[str]:
    """Vote on everything; `choose` gets the pair and gives left, right or tie. Gives the order of the pairs."""
    seen: list[str] = []
    while True:
        pair, standing = next_pair(bench.workspace, bench.store, ballot, voter=voter)
        assert standing.voted == len(seen)
        if pair is None:
            return seen
        seen.append(pair.item_id)
        vote(bench.workspace, bench.store, ballot, pair.item_id, choice=choose(pair), voter=voter)


def for_the_depot(pair: Any) -> str:
    return "left" if "depot" in pair.left else "right"


def test_votes_are_counted_for_the_model_whatever_side_it_stood_on(bench: Bench) -> None:
    ballot = ballot_of(bench, limit=12)
    sides: list[str] = []

    def choose(pair: Any) -> str:
        sides.append(for_the_depot(pair))
        assert pair.turns[-1][0] == "customer"
        assert answer_of(0).split(",")[0] in (pair.left + pair.right)
        return sides[-1]

    order = votes_for(bench, ballot, "Ann", choose)
    assert len(order) == 12
    assert set(sides) == {"left", "right"}
    told = result(bench.store, ballot.evaluation_id)
    assert told is not None
    assert (told["tuned"], told["base"], told["ties"], told["voters"]) == (12, 0, 0, 1)
    assert told["verdict"] == "better"
    assert "not known how far" in told["agreement_sentence"]
    assert bench.compare(limit=12)["votes"] == told


def test_each_voter_has_an_order_of_their_own_and_agreement_is_told(bench: Bench) -> None:
    ballot = ballot_of(bench, limit=10)
    first = votes_for(bench, ballot, "Ann", for_the_depot)
    second = votes_for(bench, ballot, "Ben", for_the_depot)
    assert first != second
    assert sorted(first) == sorted(second)
    told = result(bench.store, ballot.evaluation_id)
    assert told is not None
    assert told["agreement"]["value"] == 1.0
    votes_for(bench, ballot, "Cleo", lambda pair: "tie")
    told = result(bench.store, ballot.evaluation_id)
    assert told is not None
    assert told["agreement"]["value"] == pytest.approx(1 / 3)
    assert (told["tuned"], told["votes"]) == (10, 30)


def test_a_later_vote_takes_the_place_of_an_earlier_one(bench: Bench) -> None:
    ballot = ballot_of(bench, limit=10)
    order = votes_for(bench, ballot, "Ann", for_the_depot)
    vote(bench.workspace, bench.store, ballot, order[0], choice="tie", voter="Ann")
    told = result(bench.store, ballot.evaluation_id)
    assert told is not None
    assert (told["tuned"], told["ties"], told["votes"]) == (9, 1, 10)


def test_a_vote_on_what_is_not_there_is_refused(bench: Bench) -> None:
    ballot = ballot_of(bench, limit=10)
    pair, _ = next_pair(bench.workspace, bench.store, ballot, voter="Ann")
    assert pair is not None
    for item, choice in ((pair.item_id, "best"), (pair.item_id + "0", "left"), ("test:999", "left")):
        with pytest.raises(NotToBeVoted):
            vote(bench.workspace, bench.store, ballot, item, choice=choice, voter="Ann")
    assert result(bench.store, ballot.evaluation_id) is None
    with pytest.raises(NotToBeVoted):
        find_ballot(bench.store, "ev-nothing")


def test_new_answers_are_new_pairs(bench: Bench) -> None:
    ballot = ballot_of(bench, limit=10)
    votes_for(bench, ballot, "Ann", for_the_depot)
    bench.endpoint.models["tiny"] = lambda body: "Something else altogether."
    ballot = ballot_of(bench, limit=10, again=True)
    _, standing = next_pair(bench.workspace, bench.store, ballot, voter="Ann")
    assert (standing.voted, standing.pairs) == (0, 10)
