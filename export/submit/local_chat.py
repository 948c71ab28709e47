"""Talk to a model of the workspace's trainer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing
from typing import Any

import openai

from export.submit.errors import UnknownModel
from export.submit.local_trainer import LocalTrainer

SECONDS = 600.0  # an answer may wait for a model to be loaded


def stream(
    trainer: LocalTrainer,
    model: str,
    messages: Sequence[dict[str, Any]],
    *,
    temperature: float,
    seed: int | None,
    most: int | None,
) -> Iterator[str]:
    """Give an answer as it grows.

    Raises:
        UnknownModel: the trainer does not know the model, or it cannot answer yet.
    """
    http = openai.DefaultHttpx2Client(follow_redirects=False, trust_env=False)
    client = openai.OpenAI(
        api_key=trainer.token, base_url=trainer.url, max_retries=0, timeout=SECONDS, http_client=http
    )
    asked: dict[str, Any] = {"model": model, "messages": list(messages), "temperature": temperature, "stream": True}
    asked |= {} if seed is None else {"seed": seed}
    asked |= {} if most is None else {"max_completion_tokens": most}
    with closing(client):
        try:
            for chunk in client.chat.completions.create(**asked):
                for choice in chunk.choices:
                    yield choice.delta.content or ""
        except openai.APIStatusError as error:
            told: Any = error.body
            words = str(told.get("message")) if isinstance(told, dict) else "no reason was given"
            problem = UnknownModel(f"{model} does not answer: {words}", hint="chatmill jobs lists what was trained.")
        else:
            return
    raise problem  # out here, so that no traceback carries the SDK's exception, which holds the conversation
