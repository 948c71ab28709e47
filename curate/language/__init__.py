"""Tell the language a customer writes, from the customer's turns first, and say what the answer rests on."""

from curate.language.stage import curate_language
from curate.language.stream import language_stream

__all__ = ["curate_language", "language_stream"]
