"""The calls that ask models: chat completions, whole or as a stream, and how likely a given answer is."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import orjson
from fastapi import APIRouter, Depends
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response

from export.training.errors import TrainingError
from export.training.libraries import check_libraries
from service.trainer.errors import Refused
from service.trainer.models import model_json
from service.trainer.shelf import Thing, new_id, now
from service.trainer.trainer import Trainer, trainer_of

if TYPE_CHECKING:
    from export.training.answering import Answer, Piece

router = APIRouter(prefix="/v1")
Here = Annotated[Trainer, Depends(trainer_of)]
MOST_CHOICES = 8
USUAL_LENGTH = 512
"""Tokens of an answer at most, where nobody says: an untrained model would never end."""


class Message(BaseModel):
    """One message; what else it carries goes to the model's template."""

    model_config = ConfigDict(extra="allow")

    role: str
    content: str | list[dict[str, Any]] | None = None


class Question(BaseModel):
    """The body of a chat completion; what would change the answer and is not known here is refused."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[Message] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None
    temperature: float | None = Field(None, ge=0, le=2)
    top_p: float | None = Field(None, gt=0, le=1)
    max_tokens: int | None = Field(None, ge=1)
    max_completion_tokens: int | None = Field(None, ge=1)
    n: int | None = Field(None, ge=1, le=MOST_CHOICES)
    stop: str | list[str] | None = None
    seed: int | None = None
    logprobs: bool | None = None
    top_logprobs: int | None = Field(None, ge=0, le=20)
    stream: bool | None = None
    stream_options: dict[str, Any] | None = None
    # Taken and of no effect: they change nothing about an answer here.
    user: str | None = None
    store: bool | None = None
    metadata: dict[str, str] | None = None


class Scored(BaseModel):
    """The body that asks how likely the answers in a conversation are."""

    model_config = ConfigDict(extra="forbid")

    model: str
    messages: list[Message] = Field(min_length=1)
    tools: list[dict[str, Any]] | None = None


@router.get("/models")
def list_models(here: Here) -> Thing:
    """List the models."""
    with here.shelf.lock:
        return {"object": "list", "data": here.models.listed()}


@router.get("/models/{name:path}")
def retrieve(name: str, here: Here) -> Thing:
    """Look a model up."""
    with here.shelf.lock:
        here.models.find(name)
        listed = {model["id"]: model for model in here.models.listed()}
    return listed.get(name) or model_json(name, 0, "local")


@router.post("/chat/completions", response_model=None)
def complete(question: Question, here: Here) -> Thing | Response:
    """Answer a conversation."""
    answers = [_begin(here, question, number) for number in range(question.n or 1)]
    frame = {"id": new_id("chatcmpl-"), "created": now(), "model": question.model}
    if question.stream:
        return StreamingResponse(_events(question, answers, frame), media_type="text/event-stream")
    choices = [_choice(question, answer, number) for number, answer in enumerate(answers)]
    made = sum(choice.pop("tokens") for choice in choices)
    return frame | {"object": "chat.completion", "choices": choices, "usage": _usage(answers, made)}


@router.post("/chatmill/score")
def score(scored: Scored, here: Here) -> Thing:
    """Say how likely a model finds the answers with weight 1 in a conversation: the mean loss over their tokens."""
    found = _asking(
        lambda: here.answers.score(_source(here, scored.model), _plain(scored.messages), scored.tools or [])
    )
    return {"model": scored.model, "tokens": found.tokens, "loss": found.loss, "accuracy": found.accuracy}


def _begin(here: Trainer, question: Question, number: int) -> Answer:
    check_libraries()
    from export.training.answering import Sampling

    stop = [question.stop] if isinstance(question.stop, str) else question.stop or []
    how = Sampling(
        temperature=1.0 if question.temperature is None else question.temperature,
        top_p=question.top_p or 1.0,
        most=question.max_completion_tokens or question.max_tokens or USUAL_LENGTH,
        seed=None if question.seed is None else question.seed + number,
        stop=tuple(stop),
        top=question.top_logprobs or 0,
    )
    messages = _plain(question.messages)
    return _asking(lambda: here.answers.answer(_source(here, question.model), messages, question.tools or [], how))


def _asking(ask: Any) -> Any:  # noqa: ANN401 - gives what it asks for
    check_libraries()
    try:
        return ask()
    except TrainingError as error:
        raise Refused(400, f"{error.message} {error.hint}".strip(), reason="invalid_value") from None


def _source(here: Trainer, name: str) -> Any:  # noqa: ANN401 - a ModelSource
    with here.shelf.lock:
        return here.models.find_for_answers(name)


def _plain(messages: list[Message]) -> list[Thing]:
    return [message.model_dump(exclude_unset=True) for message in messages]


def _choice(question: Question, answer: Answer, number: int) -> Thing:
    pieces = list(answer.pieces)
    content = "".join(piece.text for piece in pieces)
    return {
        "index": number,
        "message": {"role": "assistant", "content": content, "refusal": None},
        "logprobs": _logprobs(question, pieces),
        "finish_reason": _reason(answer),
        "tokens": len(pieces),
    }


def _events(question: Question, answers: list[Answer], frame: Thing) -> Iterator[bytes]:
    """Write an answer as server-sent events, a token at a time."""
    frame = frame | {"object": "chat.completion.chunk"}
    made = 0
    for number, answer in enumerate(answers):
        yield _event(frame, number, {"role": "assistant", "content": ""}, None, None)
        for piece in answer.pieces:
            made += 1
            yield _event(frame, number, {"content": piece.text}, _logprobs(question, [piece]), None)
        yield _event(frame, number, {}, None, _reason(answer))
    if (question.stream_options or {}).get("include_usage"):
        yield _line(frame | {"choices": [], "usage": _usage(answers, made)})
    yield b"data: [DONE]\n\n"


def _event(frame: Thing, number: int, delta: Thing, logprobs: Thing | None, reason: str | None) -> bytes:
    choice = {"index": number, "delta": delta, "logprobs": logprobs, "finish_reason": reason}
    return _line(frame | {"choices": [choice]})


def _line(thing: Thing) -> bytes:
    return b"data: " + orjson.dumps(thing) + b"\n\n"


def _reason(answer: Answer) -> str:
    return "stop" if answer.ends else "length"


def _logprobs(question: Question, pieces: list[Piece]) -> Thing | None:
    if not question.logprobs:
        return None
    content = [_likely(piece.chosen) | {"top_logprobs": [_likely(other) for other in piece.others]} for piece in pieces]
    return {"content": content, "refusal": None}


def _likely(one: Any) -> Thing:  # noqa: ANN401 - a Likely
    return {"token": one.token, "logprob": one.logprob, "bytes": list(one.token.encode())}


def _usage(answers: list[Answer], made: int) -> Thing:
    asked = sum(answer.prompt_tokens for answer in answers)
    return {"prompt_tokens": asked, "completion_tokens": made, "total_tokens": asked + made}
