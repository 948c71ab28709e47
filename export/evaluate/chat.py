"""Ask a model over an OpenAI-compatible endpoint: chat completions, timed, and the loss of given answers.

Answers are streamed, so that the wait for the first token is seen; an endpoint that cannot stream is asked without.
The SDK's own retries are off: pauses are told, and a wait that the endpoint asks for is obeyed.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import httpx2
import openai

from export.evaluate.replies import Message, Reply, Scored
from export.submit.capabilities import Capabilities
from export.submit.errors import RequestRefused, SubmitError, Unavailable, UnknownModel
from export.submit.openai_errors import translate
from export.submit.patience import Patience

Result = TypeVar("Result")

SECONDS = 300.0  # until an answer counts as lost
SCORE_PATH = "/chatmill/score"  # our trainer's own: the loss of answers that are given


@dataclass(slots=True)
class Chat:
    """Speak to one endpoint with one key; threads may share it.

    `address` is where it is, where that is not what it is called: this machine's trainer is elsewhere at each start.
    """

    endpoint: str
    key: str
    provider: Capabilities
    patience: Patience
    temperature: float = 0.0
    max_tokens: int = 400
    address: str = ""
    _client: openai.OpenAI = field(init=False)
    _streams: bool = field(init=False, default=True)
    _limit_name: str = field(init=False, default="max_tokens")

    def __post_init__(self) -> None:
        # A redirect would carry the questions to an address that nobody named.
        http = openai.DefaultHttpx2Client(follow_redirects=False)
        self._client = openai.OpenAI(
            api_key=self.key, base_url=self.address or self.endpoint, max_retries=0, timeout=SECONDS, http_client=http
        )

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def ask(self, model: str, messages: Sequence[Message], *, tools: Sequence[Message] = ()) -> Reply:
        """Ask a question, again and again while the endpoint is busy.

        Raises:
            Unavailable: it did not answer in time.
            SubmitError: it refuses the key, the model or the question.
        """
        return self.patience.trying(lambda: self._asked(model, messages, tools))

    def score(self, model: str, messages: Sequence[Message], *, tools: Sequence[Message] = ()) -> Scored | None:
        """Ask for the loss of the answers in `messages` that have no weight 0; None where the endpoint cannot tell."""
        body = {"model": model, "messages": list(messages)} | ({"tools": list(tools)} if tools else {})
        try:
            told = self.patience.trying(
                lambda: self._once(lambda: self._client.post(SCORE_PATH, body=body, cast_to=object))
            )
        except UnknownModel:
            raise
        except RequestRefused:
            return None
        return _scored(told)

    def _asked(self, model: str, messages: Sequence[Message], tools: Sequence[Message]) -> Reply:
        """Ask once; where the endpoint does not take an option, go on without it from then on."""
        try:
            return self._once(lambda: self._answer(model, messages, tools))
        except RequestRefused as error:
            if self._streams and "stream" in error.message:
                self._streams = False
            elif self._limit_name == "max_tokens" and "max_completion_tokens" in error.message:
                self._limit_name = "max_completion_tokens"
            else:
                raise
        return self._asked(model, messages, tools)

    def _answer(self, model: str, messages: Sequence[Message], tools: Sequence[Message]) -> Reply:
        body: dict[str, Any] = {"model": model, "messages": list(messages), "temperature": self.temperature}
        body[self._limit_name] = self.max_tokens
        if tools:
            body["tools"] = list(tools)
        start = time.perf_counter()
        if not self._streams:
            answer = self._client.chat.completions.create(**body).to_dict()
            return _whole(answer, time.perf_counter() - start)
        collected = _Collected()
        body |= {"stream": True, "stream_options": {"include_usage": True}}
        with self._client.chat.completions.create(**body) as stream:
            for chunk in stream:
                collected.add(chunk.to_dict(), time.perf_counter() - start)
        return collected.reply(time.perf_counter() - start)

    def _once(self, call: Callable[[], Result]) -> Result:
        """Make a call a single time, and turn what the SDK raises into our errors."""
        try:
            return call()
        except SubmitError:
            raise
        except openai.OpenAIError as error:
            problem = translate(error, endpoint=self.endpoint, key=self.key, provider=self.provider)
        except httpx2.HTTPError:  # the SDK lets these through while it streams
            problem = Unavailable(f"The connection to {self.endpoint} broke.")
        except (ValueError, AttributeError, KeyError, TypeError):  # JSON that breaks off, a page of a proxy
            problem = Unavailable(f"{self.endpoint} gave an answer that is none of the chat API.")
        # Raised out here so that no traceback carries the SDK's exception, which holds the request.
        raise problem


@dataclass(slots=True)
class _Collected:
    """A streamed answer as it grows."""

    text: list[str] = field(default_factory=list[str])
    calls: dict[int, dict[str, Any]] = field(default_factory=dict[int, dict[str, Any]])
    usage: Mapping[str, Any] = field(default_factory=dict[str, Any])
    first_seconds: float | None = None
    finish_reason: str = ""

    def add(self, chunk: Mapping[str, Any], seconds: float) -> None:
        self.usage = chunk.get("usage") or self.usage
        for choice in (chunk.get("choices") or ())[:1]:
            delta = choice.get("delta") or {}
            if self.first_seconds is None and (delta.get("content") or delta.get("tool_calls")):
                self.first_seconds = seconds
            self.text.append(delta.get("content") or "")
            for call in delta.get("tool_calls") or ():
                self._call(call)
            self.finish_reason = choice.get("finish_reason") or self.finish_reason

    def reply(self, seconds: float) -> Reply:
        if not self.finish_reason:
            raise Unavailable("An answer broke off before its end.")
        return Reply(
            "".join(self.text), tuple(self.calls[at] for at in sorted(self.calls)), seconds, self.first_seconds,
            _count(self.usage, "prompt_tokens"), _count(self.usage, "completion_tokens"), self.finish_reason,
        )  # fmt: skip

    def _call(self, call: Mapping[str, Any]) -> None:
        known = self.calls.setdefault(call.get("index") or 0, {"name": "", "arguments": ""})
        function = call.get("function") or {}
        for name in known:
            known[name] += function.get(name) or ""


def _whole(answer: Mapping[str, Any], seconds: float) -> Reply:
    choice = answer["choices"][0]
    message, usage = choice["message"], answer.get("usage") or {}
    calls = tuple(
        {name: call["function"].get(name) or "" for name in ("name", "arguments")}
        for call in message.get("tool_calls") or ()
    )
    return Reply(
        message.get("content") or "", calls, seconds, None, _count(usage, "prompt_tokens"),
        _count(usage, "completion_tokens"), choice.get("finish_reason") or "",
    )  # fmt: skip


def _scored(told: Any) -> Scored | None:  # noqa: ANN401 - whatever the endpoint answered
    tokens, loss = (told.get("tokens"), told.get("loss")) if isinstance(told, dict) else (None, None)
    if not isinstance(tokens, int) or not isinstance(loss, int | float):
        return None
    return Scored(tokens, float(loss))


def _count(usage: Mapping[str, Any], name: str) -> int | None:
    value = usage.get(name)
    return value if isinstance(value, int) else None
