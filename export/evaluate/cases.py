"""The held-out conversations as questions: what stood before an agent's answer, and the answer itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import orjson

from export.catalog import Dataset
from export.evaluate.errors import NothingToCompare
from export.evaluate.replies import Message


@dataclass(frozen=True, slots=True)
class Case:
    """One answer of an agent that nobody has trained on: `messages` stand before it, `reference` is what it was.

    `item_id` is split:line, and where every answer of a line is asked for, split:line:message, both from 1.
    """

    item_id: str
    line: int
    messages: tuple[Message, ...]
    reference: Message
    tools: tuple[Message, ...] = ()

    @property
    def expected(self) -> str:
        """Give the words of the agent's answer; empty where it was a call of a tool alone."""
        return str(self.reference.get("content") or "")


def read_cases(dataset: Dataset, split: str, *, limit: int, seed: int, every: bool = False) -> list[Case]:
    """Give the questions of a split in the order of its lines: the last answer of each line, or `every` one.

    Of more than `limit` (0: no limit) the seed chooses; a higher limit takes the same ones and more.

    Raises:
        UnknownDataset: there is no such split.
        NothingToCompare: it holds no answer, or is not in a format of messages.
    """
    cases = [case for line, body in _bodies(dataset.path(split)) for case in _cases(split, line, body, every=every)]
    if not cases:
        raise NothingToCompare(
            f"The {split} split of {dataset.dataset_id} holds no agent's answer as chat messages.",
            hint="Export in a format with messages, such as openai-chat, and with a share for this split.",
        )
    if limit and len(cases) > limit:
        chosen = set(sorted(range(len(cases)), key=lambda at: draw(seed, cases[at].item_id))[:limit])
        cases = [case for at, case in enumerate(cases) if at in chosen]
    return cases


def read_shots(dataset: Dataset, count: int, *, seed: int) -> tuple[Message, ...]:
    """Give so many exchanges of the train split as examples for a prompt: a customer's words, and the answer."""
    if not count:
        return ()
    cases = [case for line, body in _bodies(dataset.path("train")) for case in _cases("train", line, body, every=False)]
    cases = [case for case in cases if case.expected and case.messages[-1]["role"] == "user"]
    chosen = sorted(cases, key=lambda case: draw(seed, case.item_id))[:count]
    answers = ({"role": "assistant", "content": case.expected} for case in chosen)
    return tuple(
        message for case, answer in zip(chosen, answers, strict=True) for message in (case.messages[-1], answer)
    )


def prompted(case: Case, prompt: str, shots: Sequence[Message]) -> Case:
    """Give a case as a model is asked that needs telling: with a long prompt and examples in place of its own."""
    if not prompt and not shots:
        return case
    own = [message for message in case.messages if message["role"] == "system"]
    system = [{"role": "system", "content": prompt}] if prompt else own
    rest = [message for message in case.messages if message["role"] != "system"]
    return replace(case, messages=(*system, *shots, *rest))


def draw(seed: int, *names: str) -> bytes:
    """Give a thing's place in an order that the seed decides, whatever else is there."""
    return blake2b("\0".join((str(seed), *names)).encode(), digest_size=16).digest()


def _bodies(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            body = orjson.loads(line)
            if isinstance(body, dict) and isinstance(body.get("messages"), list):
                yield number, body


def _cases(split: str, line: int, body: Mapping[str, Any], *, every: bool) -> Iterator[Case]:
    messages: list[Message] = body["messages"]
    answers = [at for at, one in enumerate(messages) if one["role"] == "assistant" and one.get("weight") != 0]
    asked = [at for at in answers if any(one["role"] == "user" for one in messages[:at])]
    for at in asked if every else asked[-1:]:
        yield Case(
            item_id=f"{split}:{line}:{at + 1}" if every else f"{split}:{line}",
            line=line,
            messages=tuple(_unweighted(message) for message in messages[:at]),
            reference=_unweighted(messages[at]),
            tools=tuple(body.get("tools") or ()),
        )


def _unweighted(message: Message) -> Message:
    """Leave out what only training reads: chat completions refuse it."""
    return {key: value for key, value in message.items() if key != "weight"}
