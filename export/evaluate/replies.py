"""What models give back: an answer with its figures, and how surprised they are by an answer that is given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Message = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Reply:
    """What a model said: `first_seconds` is the wait for its first token, None where it was not streamed.

    Token counts are the endpoint's own, None where it tells none.
    """

    text: str
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    seconds: float = 0.0
    first_seconds: float | None = None
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    finish_reason: str = ""


@dataclass(frozen=True, slots=True)
class Scored:
    """How surprised a model is by a given answer: its tokens, and their mean negative log-likelihood (nats)."""

    tokens: int
    loss: float
