"""Talk in the terminal to a model, or to two side by side."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from export.submit.jobs import tuned_by
from export.submit.local_chat import stream
from export.submit.local_trainer import LocalTrainer
from store.console import Console
from store.database import Store


@dataclass(slots=True)
class Talk:
    """A conversation with one or two models, each of which remembers its own answers."""

    trainer: LocalTrainer
    models: list[str]
    system: str
    temperature: float
    seed: int | None
    most: int | None
    said: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])

    def ask(self, text: str, console: Console) -> list[str]:
        """Ask every model, and give their answers; a single one is shown as it grows, two stand side by side."""
        answers = [self._answer(model, text, console if len(self.models) == 1 else None) for model in self.models]
        if len(self.models) > 1:
            console.table("", self.models, [answers])
        return answers

    def _answer(self, model: str, text: str, console: Console | None) -> str:
        start = [{"role": "system", "content": self.system}] if self.system else []
        messages = self.said.setdefault(model, start)
        messages.append({"role": "user", "content": text})
        told = ""
        for piece in stream(
            self.trainer, model, messages, temperature=self.temperature, seed=self.seed, most=self.most
        ):
            told += piece
            if console is not None and not console.json:
                sys.stdout.write(piece)
                sys.stdout.flush()
        if console is not None and not console.json:
            sys.stdout.write("\n")
        messages.append({"role": "assistant", "content": told})
        return told


def model_of(store: Store, name: str) -> str:
    """Give the model that a name stands for: a job's id, or latest, for what it became; else the name itself."""
    return tuned_by(store, name) if name == "latest" or name.startswith(("job-", "ftjob-")) else name


def talk(conversation: Talk, once: str | None, console: Console) -> None:
    """Ask once, or as long as somebody types; what comes from a pipe is one question."""
    if once is None and sys.stdin.isatty():
        _converse(conversation, console)
        return
    text = once if once is not None else sys.stdin.read().strip()
    answers = conversation.ask(text, console)
    told = [{"model": model, "text": answer} for model, answer in zip(conversation.models, answers, strict=True)]
    console.result({"answers": told})


def _converse(conversation: Talk, console: Console) -> None:
    console.note("Type what the customer says. Ctrl-D ends it.")
    while True:
        try:
            text = input("> ").strip()
        except EOFError:
            return
        if text:
            conversation.ask(text, console)
