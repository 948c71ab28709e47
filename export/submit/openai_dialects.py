"""Where those who speak OpenAI's API differ: how a file begins, and what a job's request looks like.

Azure: trainingType beside the body, files with a byte-order mark (Microsoft's fine-tuning guide). Nebius: flat
hyperparameters with names of its own, no metadata (its API reference, POST /v1/fine_tuning/jobs).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, BinaryIO

from export.submit.capabilities import Capabilities
from export.submit.provider import SUBMISSION_KEY, with_key

BOM = b"\xef\xbb\xbf"
TRAINING_TYPE = "training_type"
"""The entry of our request that only Azure is sent."""


def mark_of(provider: Capabilities) -> bytes:
    """Give the bytes that a file begins with there."""
    return BOM if provider.name == "azure" else b""


def sent_as(provider: Capabilities, file: BinaryIO) -> BinaryIO | bytes:
    """Give a file's content as it is sent; with a mark it is held in memory, 512 MB at most."""
    mark = mark_of(provider)
    return mark + file.read() if mark else file


def arguments(provider: Capabilities, request: Mapping[str, Any]) -> dict[str, Any]:
    """Give our request, which is OpenAI's, as the arguments of the SDK's jobs.create for a provider."""
    asked = {name: value for name, value in request.items() if name != TRAINING_TYPE}
    if provider.name == "azure" and request.get(TRAINING_TYPE):
        asked["extra_body"] = {"trainingType": request[TRAINING_TYPE]}
    if provider.name == "nebius":
        asked = _nebius(provider, asked)
    return asked


def _nebius(provider: Capabilities, asked: dict[str, Any]) -> dict[str, Any]:
    """Move the hyperparameters up, and the submission key into the suffix."""
    key = asked.pop("metadata")[SUBMISSION_KEY]
    method = asked.pop("method")
    flat = dict(method[method["type"]]["hyperparameters"])
    if flat.get("n_epochs") == "auto":
        del flat["n_epochs"]
    return asked | {"hyperparameters": flat, "suffix": with_key(asked.get("suffix", ""), key, provider.suffix_most)}
