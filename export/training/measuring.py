"""Measure a model on rows: the mean loss over the tokens to be learnt, and how often the likeliest token is right.

Every token counts the same, whatever row or batch it stands in, so that exp(loss) is the perplexity.
"""

# torch and its friends belong to the extra `train`, and have no types that help.
# pyright: reportMissingImports=false, reportMissingModuleSource=false, reportUnknownParameterType=false
# pyright: reportUntypedBaseClass=false, reportUntypedFunctionDecorator=false, reportPrivateImportUsage=false, reportAttributeAccessIssue=false
from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn.functional import cross_entropy

from export.training.encoding import IGNORED, Row

MOST_TOKENS = 4096  # in one forward pass, padding included


@dataclass(frozen=True, slots=True)
class Measured:
    """What a model made of some rows: natural logarithms, a share, and how many tokens they were taken over."""

    loss: float
    accuracy: float
    tokens: int

    @property
    def perplexity(self) -> float:
        """Give exp(loss); infinite where that is no number."""
        return math.exp(self.loss) if self.loss < 700 else math.inf


def measure(model: Any, rows: Sequence[Row], *, pad: int, batch: int = 16) -> Measured:  # noqa: ANN401 - any model
    """Measure a model on rows; rows of like length are read together, which changes nothing but the time."""
    was_training = model.training
    model.eval()
    total, right, tokens = 0.0, 0, 0
    ordered = sorted(rows, key=lambda row: len(row.input_ids))
    for first in range(0, len(ordered), batch):
        for part in _fitting(ordered[first : first + batch]):
            loss, correct, count = _batch(model, part, pad)
            total, right, tokens = total + loss, right + correct, tokens + count
    model.train(was_training)
    return Measured(total / max(tokens, 1), right / max(tokens, 1), tokens)


def _fitting(rows: Sequence[Row]) -> list[Sequence[Row]]:
    """Cut a batch until each part has room."""
    size = max(1, MOST_TOKENS // max(len(row.input_ids) for row in rows))
    return [rows[first : first + size] for first in range(0, len(rows), size)]


@torch.no_grad()
def _batch(model: Any, rows: Sequence[Row], pad: int) -> tuple[float, int, int]:  # noqa: ANN401 - any model
    longest = max(len(row.input_ids) for row in rows)
    device = next(model.parameters()).device
    ids = torch.tensor([row.input_ids + [pad] * (longest - len(row.input_ids)) for row in rows], device=device)
    labels = torch.tensor([row.labels + [IGNORED] * (longest - len(row.labels)) for row in rows], device=device)
    seen = torch.tensor(
        [[1] * len(row.input_ids) + [0] * (longest - len(row.input_ids)) for row in rows], device=device
    )
    logits = model(input_ids=ids, attention_mask=seen, use_cache=False).logits[:, :-1]
    wanted = labels[:, 1:]
    learnt = wanted != IGNORED
    chosen, truth = logits[learnt].float(), wanted[learnt]
    loss = cross_entropy(chosen, truth, reduction="sum")
    return float(loss), int((chosen.argmax(-1) == truth).sum()), int(learnt.sum())
