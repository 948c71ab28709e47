"""Learn a head: a linear layer whose result is added to the name model's logits.

Only 1,925 numbers are learned, so that some dozen decisions go a long way and the model's own knowledge stays: on words
nobody decided on, the head is held to what the model said before (knowledge distillation, Hinton et al. 2015).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from curate.redact.name_model.head import Head

STEPS = 400
RATE = 0.02
FAITH = 4.0  # what the words nobody decided on weigh against the decided ones
SHRINK = 1e-4  # of the squared weights
MOMENTS = (0.9, 0.999)  # Adam's (Kingma and Ba 2015)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Words:
    """Words with the model's probabilities (n, labels), its states (n, width) and what they ought to be (n, labels)."""

    scores: Floats
    states: Floats
    targets: Floats


def learn(decided: Words, others: Words) -> Head:
    """Give the head that agrees best with the decided words and changes least about the others."""
    parts = ((decided, 1.0), (others, FAITH))
    known = [
        (
            np.log(np.maximum(words.scores, 1e-9)),
            _with_one(words.states),
            words.targets,
            weight / max(1, len(words.scores)),
        )
        for words, weight in parts
    ]
    weights = np.zeros((decided.states.shape[1] + 1, decided.scores.shape[1]))
    mean, square = np.zeros_like(weights), np.zeros_like(weights)
    for step in range(1, STEPS + 1):
        slope = 2 * SHRINK * weights
        for logits, states, targets, weight in known:
            slope = slope + states.T @ (_softmax(logits + states @ weights) - targets) * weight
        mean = MOMENTS[0] * mean + (1 - MOMENTS[0]) * slope
        square = MOMENTS[1] * square + (1 - MOMENTS[1]) * slope**2
        size = RATE * (1 - step / STEPS)  # falls to nothing, so that the last steps settle
        weights = weights - size * (mean / (1 - MOMENTS[0] ** step)) / (
            np.sqrt(square / (1 - MOMENTS[1] ** step)) + 1e-8
        )
    return Head(weights.astype(np.float32))


def _with_one(states: Floats) -> Floats:
    return np.concatenate((states, np.ones((len(states), 1))), axis=1)


def _softmax(logits: Floats) -> Floats:
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)
