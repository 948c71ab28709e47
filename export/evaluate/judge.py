"""Let a chat model judge pairs of answers: blind, in both orders, with ties; what it cannot be read from is counted.

A model tends to prefer what stands first (L. Zheng et al., "Judging LLM-as-a-judge with MT-Bench and Chatbot Arena",
2023), so every pair is asked in both orders, and only a verdict that both give counts; everything else is a tie.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from curate.evaluation.intervals import percent
from export.evaluate.asking import Answer, Asked, Key, Question
from export.evaluate.cases import Case, Message, draw
from export.evaluate.measures import BETTER, OPEN, WORSE, estimate_json
from export.evaluate.statistics import Estimate, excludes, share_of, wins

BASE_FIRST, TUNED_FIRST = "judge:base-first", "judge:tuned-first"
TUNED, BASE, TIE = "tuned", "base", "tie"
BETTER_IS = re.compile(r'\{\s*"better"\s*:\s*"?([012])"?\s*\}')
PLAIN = re.compile(r"\s*([012])\s*\.?\s*")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a pair: who is better, and whether both orders were readable and agreed."""

    item_id: str
    better: str
    is_readable: bool
    is_agreed: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How pairs were decided: `rate` is the tuned model's share of those with a winner."""

    base: int
    tuned: int
    ties: int
    rate: Estimate

    @property
    def verdict(self) -> str:
        """Say whether one of the models is better."""
        return {1: BETTER, -1: WORSE, 0: OPEN}[excludes(self.rate, 0.5)]

    @property
    def sentence(self) -> str:
        """Say it in words."""
        pairs = self.base + self.tuned + self.ties
        if not self.rate.of:
            return f"Of {pairs:,} pairs none was decided: all are ties."
        limits = f"interval {self.rate.low * 100:.0f} to {self.rate.high * 100:.0f} %"
        return (
            f"Tuned wins {percent(self.rate.value)} of {self.rate.of:,} decided pairs, {limits}: {self.verdict} "
            f"({self.ties:,} of {pairs:,} pairs are ties)."
        )


def tally(better: Sequence[str]) -> Tally:
    """Count winners."""
    counts = Counter(better)
    return Tally(counts[BASE], counts[TUNED], counts[TIE], wins(counts[TUNED], counts[BASE]))


def speaker_of(order: str, judge: Asked, prompt: str) -> str:
    """Name a judge's replies: another judge, or another prompt, says something else."""
    return f"{order}:{draw(0, judge.model, judge.chat.endpoint, prompt).hex()[:8]}"


def questions(
    cases: Sequence[Case], answers: Mapping[Key, Answer], judge: Asked, prompt: str, *, seed: int
) -> Iterator[Question]:
    """Give both questions for each case that both models answered, the order that the seed draws first."""
    for case in cases:
        pair = [answers.get((case.item_id, speaker)) for speaker in (BASE, TUNED)]
        base, tuned = pair
        if base is None or tuned is None or base.problem or tuned.problem or is_same(base, tuned):
            continue
        orders = ((BASE_FIRST, said(base), said(tuned)), (TUNED_FIRST, said(tuned), said(base)))
        for speaker, first, second in orders if draw(seed, case.item_id)[0] % 2 else orders[::-1]:
            words = prompt.format(conversation=transcript(case.messages), first=first, second=second)
            yield Question(
                case.item_id, speaker_of(speaker, judge, prompt), judge, ({"role": "user", "content": words},)
            )


def replies_of(answers: Mapping[Key, Answer], judge: Asked, prompt: str) -> dict[Key, Answer]:
    """Give both models' answers, and of all judges' replies those of this one, by their order alone."""
    orders = {speaker_of(order, judge, prompt): order for order in (BASE_FIRST, TUNED_FIRST)} | {
        BASE: BASE,
        TUNED: TUNED,
    }
    return {(item, orders[speaker]): one for (item, speaker), one in answers.items() if speaker in orders}


def verdicts(cases: Sequence[Case], answers: Mapping[Key, Answer]) -> list[Verdict]:
    """Read what the judge said of each pair; equal answers are a tie that nobody need be asked about."""
    found: list[Verdict] = []
    for case in cases:
        base, tuned = answers.get((case.item_id, BASE)), answers.get((case.item_id, TUNED))
        if base is None or tuned is None or base.problem or tuned.problem:
            continue
        if is_same(base, tuned):
            found.append(Verdict(case.item_id, TIE, is_readable=True, is_agreed=True))
            continue
        replies = [answers.get((case.item_id, speaker)) for speaker in (BASE_FIRST, TUNED_FIRST)]
        if all(reply is not None for reply in replies):
            read = [read_reply(reply.text) if reply and not reply.problem else None for reply in replies]
            found.append(_verdict(case.item_id, read))
    return found


def _verdict(item_id: str, read: Sequence[int | None]) -> Verdict:
    forward = {0: TIE, 1: BASE, 2: TUNED}.get(-1 if read[0] is None else read[0])
    backward = {0: TIE, 1: TUNED, 2: BASE}.get(-1 if read[1] is None else read[1])
    readable = forward is not None and backward is not None
    agreed = readable and forward == backward
    return Verdict(item_id, forward if agreed and forward else TIE, is_readable=readable, is_agreed=agreed)


def read_reply(text: str) -> int | None:
    """Read which reply a judge found better: 1, 2 or neither (0); None where it says none of these.

    >>> read_reply('I think so. {"better": 2}')
    2
    >>> read_reply("Both are fine.") is None
    True
    """
    found = {int(value) for value in BETTER_IS.findall(text)}
    if len(found) == 1:
        return found.pop()
    plain = PLAIN.fullmatch(text)
    return int(plain[1]) if plain and not found else None


def result(cases: Sequence[Case], answers: Mapping[Key, Answer], *, model: str) -> dict[str, Any] | None:
    """Give the judge's figures as plain JSON values; None where it judged nothing."""
    found = verdicts(cases, answers)
    if not found:
        return None
    counted = tally([one.better for one in found])
    first, of = _first_places(answers)
    longer = _longer_wins(found, answers)
    return {
        "model": model, "pairs": len(found), "base": counted.base, "tuned": counted.tuned, "ties": counted.ties,
        "unreadable": sum(not one.is_readable for one in found),
        "disagreeing": sum(one.is_readable and not one.is_agreed for one in found),
        "rate": estimate_json(counted.rate), "verdict": counted.verdict, "sentence": counted.sentence,
        "first_place": estimate_json(share_of(first, of)), "first_place_of": of,
        "longer_wins": estimate_json(longer), "longer_wins_of": longer.of,
        "examples": _examples(found),
    }  # fmt: skip


def _first_places(answers: Mapping[Key, Answer]) -> tuple[int, int]:
    """Count how often the judge chose the answer that stood first, whichever it was."""
    read = [read_reply(answer.text) for (_, speaker), answer in answers.items() if speaker.startswith("judge:")]
    return read.count(1), read.count(1) + read.count(2)


def _longer_wins(found: Sequence[Verdict], answers: Mapping[Key, Answer]) -> Estimate:
    """Give the share of winners that were the longer answer: far from a half, length may have decided."""
    longer = shorter = 0
    for one in found:
        if one.better != TIE:
            loser = BASE if one.better == TUNED else TUNED
            gap = len(answers[one.item_id, one.better].text) - len(answers[one.item_id, loser].text)
            longer, shorter = longer + (gap > 0), shorter + (gap < 0)
    return wins(longer, shorter)


def _examples(found: Sequence[Verdict]) -> list[str]:
    by_winner = [[one.item_id for one in found if one.better == better][:3] for better in (TUNED, BASE)]
    return [item for items in by_winner for item in items]


def said(answer: Answer) -> str:
    """Give an answer's words, or the calls in their place."""
    calls = [f"[calls {call['name']} with {call['arguments']}]" for call in answer.reply.tool_calls]
    return "\n".join([answer.text, *calls]).strip()


def is_same(base: Answer, tuned: Answer) -> bool:
    """Say whether two answers are the same, blanks aside."""
    return said(base).split() == said(tuned).split()


def transcript(messages: Sequence[Message]) -> str:
    """Write what was said before an answer, without the system prompt."""
    names = {"user": "Customer", "assistant": "Agent", "tool": "Tool"}
    spoken = ((names.get(message["role"]), message.get("content")) for message in messages)
    return "\n".join(f"{name}: {content}" for name, content in spoken if name and content)
