"""The name model in the package: people, places, street addresses and organisations in chat; docs/model_card.md."""

from __future__ import annotations

import functools
import hashlib
from importlib.resources import files

OWN, NO_MODEL, WORKSPACE = "own", "none", "workspace"  # what redaction.names may say
LABELS = ("O", "PERSON", "LOCATION", "ADDRESS", "ORGANIZATION")  # in the model's order
WIDTH = 384  # of the model's states
MODEL_LANGUAGES = ("en", "de", "es", "fr", "pt", "it", "nl")  # trained on, and stated in the card
MODEL = "names.onnx"
TOKENIZER = "tokenizer.json"

RECOGNIZER = "NameModel"


def model_file(name: str) -> bytes:
    """Read one of the model's two files."""
    return (files(__name__) / name).read_bytes()


@functools.cache
def model_hash() -> str:
    """Give the SHA-256 of the model and its tokenizer together, without making a session of them."""
    digest = hashlib.sha256()
    for name in (MODEL, TOKENIZER):
        digest.update(model_file(name))
    return digest.hexdigest()
