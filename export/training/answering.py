"""Let a model answer, token by token, and say how likely it finds an answer that is there already.

The last models asked stay in memory. One answer is made at a time.
"""

# torch and its friends belong to the extra `train`, and have no types that help.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch

from export.training import loading
from export.training.encoding import Encoder
from export.training.errors import TrainingError
from export.training.examples import Example, Message
from export.training.measuring import Measured, measure
from export.training.sources import ModelSource

KEPT = 2
UNFINISHED = "\ufffd"
"""What a tokenizer gives for half of a character."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How to choose tokens: temperature 0 takes the likeliest; `top` others are told beside each chosen one."""

    temperature: float = 1.0
    top_p: float = 1.0
    most: int = 512
    seed: int | None = None
    stop: tuple[str, ...] = ()
    top: int = 0


@dataclass(frozen=True, slots=True)
class Likely:
    """A token with its natural log-probability, before temperature."""

    token: str
    logprob: float


@dataclass(frozen=True, slots=True)
class Piece:
    """What one more token brought: text (empty while a character is unfinished), and how likely it was."""

    text: str
    chosen: Likely
    others: list[Likely] = field(default_factory=list[Likely])


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer under way: `pieces` can be read once; `ends` says after that whether the model ended it itself."""

    prompt_tokens: int
    pieces: Iterator[Piece]
    ends: list[bool]


@dataclass(frozen=True, slots=True)
class _Loaded:
    model: Any
    tokenizer: Any
    encoder: Encoder
    context: int


@dataclass(frozen=True, slots=True)
class Answers:
    """Models that answer, loaded when they are first asked."""

    loaded: OrderedDict[ModelSource, _Loaded] = field(default_factory=OrderedDict[ModelSource, _Loaded])
    lock: threading.RLock = field(default_factory=threading.RLock)

    def answer(self, source: ModelSource, messages: Sequence[Message], tools: list[Message], how: Sampling) -> Answer:
        """Begin an answer.

        Raises:
            TrainingError: there is no such model, or no room for an answer in what it reads.
        """
        with self.lock:
            held = self._held(source)
            prompt = held.encoder.prompt(messages, tools)
        room = held.context - len(prompt)
        if room < 1:
            raise TrainingError(
                f"The conversation has {len(prompt)} tokens, and the model reads {held.context}.",
                hint="Leave old messages out.",
            )
        ends: list[bool] = []
        return Answer(len(prompt), self._pieces(held, prompt, min(how.most, room), how, ends), ends)

    def score(self, source: ModelSource, messages: Sequence[Message], tools: list[Message]) -> Measured:
        """Measure how likely the answers in a conversation are, as training would.

        Raises:
            TrainingError: there is no such model, or its template refuses the conversation.
        """
        with self.lock:
            held = self._held(source)
            rows = [row.last(held.context) for row in held.encoder.example(Example(1, list(messages), tools))]
            return measure(held.model, rows, pad=held.tokenizer.pad_token_id or 0)

    def forget(self) -> None:
        """Let go of all models: what stands at their place may change."""
        with self.lock:
            self.loaded.clear()

    def _held(self, source: ModelSource) -> _Loaded:
        if source not in self.loaded:
            tokenizer = loading.load_tokenizer(source)
            dtype = torch.bfloat16 if loading.has_bf16() else torch.float32
            model = loading.load_model(source, dtype=dtype).to(loading.device()).eval()
            self.loaded[source] = _Loaded(model, tokenizer, Encoder(tokenizer), loading.context_of(source))
            while len(self.loaded) > KEPT:
                self.loaded.popitem(last=False)
        self.loaded.move_to_end(source)
        return self.loaded[source]

    def _pieces(self, held: _Loaded, prompt: list[int], most: int, how: Sampling, ends: list[bool]) -> Iterator[Piece]:
        made, told, step = list[int](), "", _Stepper(held.model, how)
        stops = _stop_tokens(held)
        for _ in range(most):
            # For a token at a time: who reads the pieces may be another thread each time, or may have hung up.
            with self.lock, torch.no_grad():
                token, logprobs = step.next(made[-1:] or prompt)
            if token in stops:
                ends.append(True)
                return
            made.append(token)
            text = held.tokenizer.decode(made, skip_special_tokens=True)
            fresh = "" if text.endswith(UNFINISHED) else text[len(told) :]
            cut = min((place for one in how.stop if (place := text.find(one)) >= 0), default=None)
            if cut is not None:
                fresh = text[len(told) : cut] if cut > len(told) else ""
            told += fresh
            yield Piece(fresh, _likely(held, logprobs, token), _top(held, logprobs, how.top))
            if cut is not None:
                ends.append(True)
                return


@dataclass(slots=True)
class _Stepper:
    """Ask a model for one more token after the other; it remembers what it has read."""

    model: Any
    how: Sampling
    cache: Any = None
    dice: Any = None

    def __post_init__(self) -> None:
        self.dice = torch.Generator(device="cpu")
        if self.how.seed is None:
            self.dice.seed()
        else:
            self.dice.manual_seed(self.how.seed)

    def next(self, read: list[int]) -> tuple[int, Any]:
        """Read tokens, choose the next, and give it with all log-probabilities."""
        ids = torch.tensor([read], device=next(self.model.parameters()).device)
        out = self.model(input_ids=ids, past_key_values=self.cache, use_cache=True)
        self.cache = out.past_key_values
        logits = out.logits[0, -1].float().cpu()
        logprobs = torch.log_softmax(logits, dim=-1)
        if self.how.temperature == 0:
            return int(logits.argmax()), logprobs
        chances = torch.softmax(logits / self.how.temperature, dim=-1)
        if self.how.top_p < 1:
            chances = _nucleus(chances, self.how.top_p)
        return int(torch.multinomial(chances, 1, generator=self.dice)), logprobs


def _nucleus(chances: Any, share: float) -> Any:  # noqa: ANN401 - tensors
    """Keep the likeliest tokens that hold a share together (Holtzman et al. 2020)."""
    ordered, places = chances.sort(descending=True)
    beyond = ordered.cumsum(0) - ordered >= share
    chances = chances.clone()
    chances[places[beyond]] = 0
    return chances


def _stop_tokens(held: _Loaded) -> set[int]:
    given = held.model.generation_config.eos_token_id
    listed = given if isinstance(given, list) else [given]
    return {one for one in (*listed, held.tokenizer.eos_token_id) if one is not None}


def _likely(held: _Loaded, logprobs: Any, token: int) -> Likely:  # noqa: ANN401 - a tensor
    return Likely(held.tokenizer.decode([token]), float(logprobs[token]))


def _top(held: _Loaded, logprobs: Any, count: int) -> list[Likely]:  # noqa: ANN401 - a tensor
    if not count:
        return []
    return [_likely(held, logprobs, int(token)) for token in logprobs.topk(count).indices]
