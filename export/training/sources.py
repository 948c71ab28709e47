"""Name the models that can be trained or asked: built here from nothing, a folder, a name of the hub, a tuned one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Size:
    """The shape of a Llama that is built from nothing."""

    layers: int
    hidden: int
    inner: int
    heads: int
    vocabulary: int
    context: int


TINY = "chatmill-tiny"
SIZES = {
    TINY: Size(layers=4, hidden=192, inner=512, heads=4, vocabulary=4096, context=2048),  # 2.6 million parameters
    "chatmill-nano": Size(layers=1, hidden=32, inner=64, heads=2, vocabulary=512, context=2048),  # 26 thousand
}
"""Models that need no weights on the machine; their tokenizer is learnt from the first training file they meet."""


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model's weights are: a folder or a name of the hub; where `under` is given, an adapter over that."""

    path: str
    under: ModelSource | None = None

    @property
    def root(self) -> ModelSource:
        """Give the model under all adapters."""
        return self.under.root if self.under else self

    def as_json(self) -> dict[str, Any]:
        """Give it as plain values."""
        return {"path": self.path, "under": self.under.as_json() if self.under else None}


def read_source(given: Mapping[str, Any]) -> ModelSource:
    """Read what `as_json` gave."""
    under = given.get("under")
    return ModelSource(given["path"], read_source(under) if under else None)
