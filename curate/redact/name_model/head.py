"""What a workspace's own decisions add to the name model: a linear layer over its last states."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.redact.name_model import LABELS, WIDTH, model_hash

LITTLE = np.dtype("<f4")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """Weights of shape (width + 1, labels), the last row being the bias; they are added to the model's logits."""

    weights: Floats

    def applied(self, scores: Floats, states: Floats) -> Floats:
        """Give the probabilities (…, labels) that the model's own, with these states (…, width), become."""
        return softmax(np.log(np.maximum(scores, 1e-9)) + states @ self.weights[:-1] + self.weights[-1])

    def to_bytes(self) -> bytes:
        """Give the file's content: one line that names the model it was learned on, then the weights."""
        about = json.dumps({"model": model_hash(), "shape": self.weights.shape})
        return about.encode() + b"\n" + self.weights.astype(LITTLE).tobytes()


def softmax(logits: Floats) -> Floats:
    """Give probabilities over the last axis."""
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return (powers / powers.sum(-1, keepdims=True)).astype(np.float32)


@functools.lru_cache(maxsize=4)
def head_of(content: bytes) -> Head | None:
    """Read a head's file; None where it was learned on another model, whose states mean other things."""
    about, _, weights = content.partition(b"\n")
    if json.loads(about).get("model") != model_hash():
        return None
    return Head(np.frombuffer(weights, LITTLE).reshape(WIDTH + 1, len(LABELS)).astype(np.float32))
