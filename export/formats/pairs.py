"""Cut preference pairs out of a conversation's messages: what came before an answer, it, and one that lost to it.

The answer that was given is preferred. The other is a draft that the agent rewrote before sending, or what was answered
to nearly the same question elsewhere and rated badly.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from export.formats.examples import SPECIAL_TOKEN, Shape, Sums, beginnings, fixed_cost, system_message
from export.formats.openai_chat import Excluded, Script, excluded
from export.formats.speaking import bare
from export.tokens import TokenCounter, Tokens, has_special_token, neutral, total

DRAFT, RATED = "draft", "rated"


@dataclass(frozen=True, slots=True)
class Other:
    """An answer that lost: its redacted text and its turn, and the turn that was said instead.

    `answer_key` is empty where it is the conversation's first answer.
    """

    turn_key: str
    text: str
    source: str
    answer_key: str = ""


@dataclass(frozen=True, slots=True)
class PairExample:
    """A pair: the canonical record, its tokens, and as for other examples where it comes from."""

    body: Mapping[str, Any]
    tokens: Tokens
    turn_key: str
    cut_turns: int
    repairs: tuple[str, ...]
    other: Other


def pair_examples(
    script: Script, shape: Shape, counter: TokenCounter, others: Sequence[Other]
) -> Iterator[PairExample | Excluded]:
    """Give a conversation's pairs in the order of the other answers; a reason where there is none to give."""
    if not others:
        yield excluded("export.no_pair")
        return
    sums = Sums.of(script.messages, fixed_cost(script, counter), counter)
    for other in others:
        yield _pair(script, shape, counter, sums, other)


def _pair(script: Script, shape: Shape, counter: TokenCounter, sums: Sums, other: Other) -> PairExample | Excluded:
    place = _place(script, other)
    if place is None:
        return excluded("export.no_pair", other.answer_key or None)
    answer_key = script.turn_keys[script.turns[place][-1]]
    chosen = bare(script.messages[place])
    rejected = {"role": "assistant", "content": neutral(other.text).strip()}
    if is_same(chosen["content"], rejected["content"]) or not rejected["content"]:
        return excluded("export.pair_same", answer_key)
    possible = beginnings(script.messages, place, shape.context_turns)
    if not possible:
        return excluded("export.no_customer", answer_key)
    more = counter.message(rejected).words
    first = next((first for first in possible if sums.fits(first, place + 1, shape.limit - more)), None)
    if first is None:
        return excluded("export.too_long", answer_key)
    context = [bare(one) for one in script.messages[first:place]]
    head = [system_message(script)] if script.system else []
    tools = {"tools": list(script.tools)} if script.tools else {}
    tokens = sums.tokens(first, place + 1)
    is_repaired = has_special_token(other.text) or any(
        not script.repaired.isdisjoint(turns) for turns in script.turns[first : place + 1]
    )
    return PairExample(
        body={"messages": [*head, *context], **tools, "chosen": chosen, "rejected": rejected},
        tokens=Tokens(tokens.total + total(more, 0).total, tokens.margin),
        turn_key=answer_key,
        cut_turns=script.turns[first][0] if first else 0,
        repairs=(SPECIAL_TOKEN,) if is_repaired else (),
        other=other,
    )


def _place(script: Script, other: Other) -> int | None:
    """Find the message that was said instead; None where it is not there, is not to be learnt, or answers more."""
    if not other.answer_key:
        first = script.targets[0]
        return first if all(one["role"] == "user" for one in script.messages[:first]) else None
    for place in script.targets:
        if other.answer_key in {script.turn_keys[number] for number in script.turns[place]}:
            return place
    return None


def is_same(one: str, other: str) -> bool:
    """Say whether two answers differ in no more than blanks, signs and capitals."""
    return plain(one) == plain(other)


def plain(text: str) -> str:
    """Give a text's letters and digits in lower case.

    >>> plain("Hello, Ann - ok?")
    'helloannok'
    """
    return "".join(filter(str.isalnum, text.casefold()))
