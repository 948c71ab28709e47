"""Run the name model over texts: same scores alone and in any batch, for only texts of one length go together."""

from __future__ import annotations

import functools
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from curate.redact.name_model import LABELS, MODEL, TOKENIZER, model_file
from curate.redact.name_model.head import Head

if TYPE_CHECKING:
    from tokenizers import Encoding

TEXTS_AT_ONCE = 32  # of one length; more at once is no faster and takes more memory
WINDOW = 94  # tokens looked at together, as in training; longer texts go through windows that overlap
STEP = 62
LONE_SURROGATE = re.compile("[\ud800-\udfff]")  # no tokenizer takes them
MOST_NOTHING = 0.7  # a word more probably no name than this is left out

Scores = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Word:
    """A word of a text, half-open, and how probable each label is for it."""

    start: int
    end: int
    scores: Scores


@functools.cache
def name_model() -> NameModel:
    """Give the packaged model, loaded at the first call in each process."""
    return NameModel(model_file(MODEL), model_file(TOKENIZER))


class NameModel:
    """An ONNX network with its tokenizer."""

    def __init__(self, network: bytes, tokenizer: bytes) -> None:
        import onnxruntime
        from tokenizers import Tokenizer

        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # worker processes are how work is spread
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        self._session: Any = onnxruntime.InferenceSession(network, options, providers=["CPUExecutionProvider"])
        self._tokenizer = Tokenizer.from_buffer(tokenizer)
        self._tokenizer.no_padding()
        self._tokenizer.no_truncation()
        self._first, self._last = (self._tokenizer.token_to_id(token) for token in ("[CLS]", "[SEP]"))

    def words(self, texts: Sequence[str], head: Head | None = None) -> Iterator[list[Word]]:
        """Give each text's words that may be part of a name, with their scores; `head` is a workspace's own."""
        encodings = self._encoded(texts)
        for encoding, found in zip(encodings, self._tokens(encodings, partial(self._scores, head)), strict=True):
            yield list(_words(encoding, found, MOST_NOTHING))

    def all_words(self, texts: Sequence[str]) -> Iterator[list[tuple[Word, Scores]]]:
        """Give each text's words with their scores and with the states that the scores come from, to learn from."""
        encodings = self._encoded(texts)
        for encoding, found in zip(encodings, self._tokens(encodings, self._both), strict=True):
            words = _words(encoding, found, 1.1)
            yield [(Word(one.start, one.end, one.scores[: len(LABELS)]), one.scores[len(LABELS) :]) for one in words]

    def _encoded(self, texts: Sequence[str]) -> list[Encoding]:
        plain = [LONE_SURROGATE.sub("\ufffd", text) for text in texts]
        return self._tokenizer.encode_batch(plain, add_special_tokens=False)

    def _scores(self, head: Head | None, ids: Ids) -> Scores:
        if head is None:
            return self._session.run(["scores"], {"ids": ids})[0]
        return head.applied(*self._session.run(["scores", "states"], {"ids": ids}))

    def _both(self, ids: Ids) -> Scores:
        return np.concatenate(self._session.run(["scores", "states"], {"ids": ids}), axis=-1)

    def _tokens(self, encodings: list[Encoding], run: Callable[[Ids], Scores]) -> list[Scores]:
        """Give what the network says of every text's tokens: `run` has rows of ids of one length."""
        ids = [encoding.ids for encoding in encodings]
        windows = [(text, at, part) for text, tokens in enumerate(ids) for at, part in _windows(tokens)]
        by_length: dict[int, list[int]] = defaultdict(list)
        for number, (_, _, part) in enumerate(windows):
            by_length[len(part)].append(number)
        results: dict[int, Scores] = {}
        for _, numbers in sorted(by_length.items()):
            for at in range(0, len(numbers), TEXTS_AT_ONCE):
                group = numbers[at : at + TEXTS_AT_ONCE]
                framed = np.array([[self._first, *windows[number][2], self._last] for number in group], np.int64)
                results.update(zip(group, run(framed)[:, 1:-1], strict=True))
        width = results[0].shape[-1] if results else len(LABELS)
        found = [np.empty((len(tokens), width), np.float32) for tokens in ids]
        for number, (text, at, part) in enumerate(windows):
            skipped = (WINDOW - STEP) // 2 if at else 0  # each token counts where it stands further from an edge
            found[text][at + skipped : at + len(part)] = results[number][skipped:]
        return found


def _windows(tokens: list[int]) -> Iterator[tuple[int, list[int]]]:
    """Give the places and tokens of the windows of a text; none of a text without tokens."""
    at = 0
    while tokens:
        yield at, tokens[at : at + WINDOW]
        if at + WINDOW >= len(tokens):
            return
        at += STEP


def _words(encoding: Encoding, scores: Scores, most_nothing: float) -> Iterator[Word]:
    """Join tokens into words; a word has the scores of its first token, as in training."""
    likely = scores[:, 0] < most_nothing
    if not likely.any():
        return
    numbers: list[int | None] = encoding.word_ids
    offsets: list[tuple[int, int]] = encoding.offsets
    at = 0
    while at < len(numbers):
        last = at
        while last + 1 < len(numbers) and numbers[last + 1] == numbers[at]:
            last += 1
        if likely[at]:
            yield Word(offsets[at][0], offsets[last][1], scores[at])
        at = last + 1
