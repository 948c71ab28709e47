"""Turn texts into what duplicates are found by: a digest of the words, bands of a MinHash signature, a sketch of it.

Everything is computed for many texts at once, over one buffer of bytes: a Python object for each word would cost more
than all the hashing.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from store.settings import DuplicatesSettings

Indexes = NDArray[np.int64]
Hashes = NDArray[np.uint64]

HASH_SEED = 42
# Odd, so that multiplying loses nothing, and without pattern, so that it mixes (Knuth, TAOCP 3, 6.4).
GOLDEN = np.uint64(0x9E3779B97F4A7C15)
# Of pairs at the very threshold this share is found; more alike pairs are found more surely.
RECALL = 0.995
# Texts that are worked on at once: what is made of so many of some hundred words stays in a core's own cache.
AT_ONCE = 256
# Longer words, which are rare, are hashed one by one.
WORD_BYTES = 64

# ASCII letters in lower case, digits and _; any other ASCII character ends a word.
FOLDED = b"".join(
    bytes([byte]).lower() if byte > 127 or chr(byte).isalnum() or byte == ord("_") else b" " for byte in range(256)
)
NO_WORD = re.compile(r"[^\w\x00-\x7f]+")
# Chinese, Japanese and Thai write no spaces: every letter stands for a word there.
UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff])")
LOW_BYTES = np.array([(1 << 8 * count) - 1 for count in range(9)], dtype=np.uint64)


@dataclass(frozen=True)
class Scheme:
    """How texts are compared: words in a shingle, hash functions of a signature, similarity that makes two one."""

    width: int
    permutations: int
    threshold: float

    @classmethod
    def of(cls, settings: DuplicatesSettings) -> Scheme:
        """Take the scheme from a workspace's settings."""
        return cls(settings.shingle, settings.permutations, settings.threshold)

    @cached_property
    def rows(self) -> int:
        """Signature rows in a band: the most, for few candidates, that still find a pair at the threshold.

        Leskovec, Rajaraman, Ullman, "Mining of Massive Datasets", 3rd ed., section 3.4: with b bands of r rows a pair
        of similarity s becomes a candidate with probability 1 - (1 - s^r)^b.
        """
        every = range(1, self.permutations + 1)
        wide = [rows for rows in every if 1 - (1 - self.threshold**rows) ** (self.permutations // rows) >= RECALL]
        return max(wide, default=1)

    @property
    def bands(self) -> int:
        """How many bands a signature is cut into."""
        return self.permutations // self.rows


@dataclass(frozen=True, slots=True)
class Signed:
    """A batch of texts, a row each: about 250 bytes of 128 permutations at a threshold of 0.8.

    digests (n, 2), zero without a word; sizes (n,): shingles, repeated ones too; bands (n, b): a hash of each band;
    sketches (n, permutations): the lowest byte of each MinHash (Li, König: b-Bit Minwise Hashing, WWW 2010).
    """

    digests: Hashes
    sizes: NDArray[np.int32]
    bands: NDArray[np.uint32]
    sketches: NDArray[np.uint8]

    @classmethod
    def empty(cls, count: int, scheme: Scheme) -> Signed:
        """Make room for `count` texts."""
        return cls(
            np.zeros((count, 2), np.uint64),
            np.zeros(count, np.int32),
            np.zeros((count, scheme.bands), np.uint32),
            np.zeros((count, scheme.permutations), np.uint8),
        )

    def put(self, first: int, part: Signed) -> None:
        """Fill in a part, its first text at place `first`."""
        place = slice(first, first + len(part.sizes))
        self.digests[place] = part.digests
        self.sizes[place] = part.sizes
        self.bands[place] = part.bands
        self.sketches[place] = part.sketches


def normalised(text: str) -> bytes:
    """Give a text's words, separated by single spaces: case folded, punctuation and spacing gone, digits kept."""
    return b" ".join(_encoded([text])[0].translate(FOLDED).split())


def sign(texts: Sequence[str], scheme: Scheme) -> Signed:
    """Give each text's digest, number of shingles, bands and sketch."""
    signed = Signed.empty(len(texts), scheme)
    for first in range(0, len(texts), AT_ONCE):
        words, counts = _words(texts[first : first + AT_ONCE])
        flat, sizes = _shingles(words, counts, scheme.width)
        signatures = _signatures(flat, sizes, scheme.permutations)
        bands, sketches = _bands(signatures, scheme), signatures.astype(np.uint8)
        signed.put(first, Signed(_digests(words, counts), sizes.astype(np.int32), bands, sketches))
    return signed


def shingles(texts: Sequence[str], width: int) -> tuple[Hashes, Indexes]:
    """Give all texts' shingles of `width` words as hashes, one text after the other, and how many each text has."""
    return _shingles(*_words(texts), width)


def distinct(values: Hashes) -> Hashes:
    """Give the values sorted, each once; numpy's own unique hashes integers, which takes twenty times as long."""
    values = np.sort(values)
    return values[np.concatenate([[True], values[1:] != values[:-1]])[: values.size]]


def stand_in(values: Hashes, among: Hashes) -> NDArray[np.bool_]:
    """Say which values stand in a sorted array."""
    if not among.size:
        return np.zeros(values.size, dtype=bool)
    return among[np.searchsorted(among, values).clip(max=among.size - 1)] == values


def _encoded(texts: Sequence[str]) -> tuple[bytes, list[int]]:
    """Give all texts, a space behind each, as bytes in which what is not ASCII is folded; and each one's length."""
    together = " ".join([*texts, ""])
    if together.isascii():
        return together.encode(), list(map(len, texts))
    folded = [NO_WORD.sub(" ", UNSPACED.sub(r" \1 ", text.casefold())) for text in texts]
    encoded = [text.encode("utf-8", "surrogatepass") for text in folded]
    return b" ".join([*encoded, b""]), list(map(len, encoded))


def _words(texts: Sequence[str]) -> tuple[Hashes, Indexes]:
    """Give the hashes of all texts' words, one text after the other, and how many words each text has."""
    encoded, lengths = _encoded(texts)
    # The space before gives the first word a beginning, those behind let eight bytes be read from any place.
    buffer = b" " + encoded.translate(FOLDED) + b" " * 8
    in_word = np.frombuffer(buffer, np.uint8) != ord(" ")
    edges = np.flatnonzero(in_word[1:] != in_word[:-1]) + 1
    starts, ends = edges[0::2], edges[1::2]
    limits = 1 + np.concatenate([[0], np.cumsum(np.array(lengths, dtype=np.int64) + 1)])
    return _hashed(buffer, starts, ends - starts), np.diff(np.searchsorted(starts, limits))


def _hashed(buffer: bytes, starts: Indexes, lengths: Indexes) -> Hashes:
    """Hash words by their bytes, eight at a time."""
    eights = np.ndarray((len(buffer) - 7,), "<u8", buffer, strides=(1,))
    hashes = _mixed((eights[starts] & LOW_BYTES[np.minimum(lengths, 8)]) + lengths.astype(np.uint64))
    for at in range(8, WORD_BYTES, 8):
        long = np.flatnonzero(lengths > at)
        more = eights[starts[long] + at] & LOW_BYTES[np.minimum(lengths[long] - at, 8)]
        hashes[long] = _mixed(hashes[long] ^ more)
    for word in np.flatnonzero(lengths > WORD_BYTES).tolist():
        whole = buffer[starts[word] : starts[word] + lengths[word]]
        hashes[word] = int.from_bytes(hashlib.blake2b(whole, digest_size=8).digest(), "little")
    return hashes


def _mixed(hashes: Hashes) -> Hashes:
    hashes = hashes * GOLDEN
    return hashes ^ (hashes >> np.uint64(29))


def _digests(words: Hashes, counts: Indexes) -> Hashes:
    """Hash each text's words in their order; a text without a word has no digest (zero), as it is like nothing."""
    view, ends = words.data.cast("B"), [0, *(8 * np.cumsum(counts)).tolist()]
    digests = [
        hashlib.blake2b(view[start:end], digest_size=16).digest() if end > start else bytes(16)
        for start, end in pairwise(ends)
    ]
    return np.frombuffer(b"".join(digests), "<u8").reshape(-1, 2)


def _shingles(words: Hashes, counts: Indexes, width: int) -> tuple[Hashes, Indexes]:
    count = max(0, words.size - width + 1)
    mixed = np.zeros(count, np.uint64)
    for place in range(width):
        mixed = _mixed(mixed ^ words[place : place + count])
    text = np.repeat(np.arange(counts.size), counts)
    within = text[:count] == text[text.size - count :]
    return mixed[within], np.maximum(counts - width + 1, 0)


def _signatures(flat: Hashes, sizes: Indexes, permutations: int) -> NDArray[np.uint32]:
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue] - it has no stubs

    limits = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, limits, permutations, HASH_SEED)
    return np.array(matrix.to_rows(), np.uint32).reshape(-1, permutations)


def _bands(signatures: NDArray[np.uint32], scheme: Scheme) -> NDArray[np.uint32]:
    """Hash every band of every signature; a collision only costs a look at the sketches."""
    used = scheme.bands * scheme.rows
    bands = np.zeros((signatures.shape[0], scheme.bands), np.uint64)
    for row in range(scheme.rows):
        bands = _mixed(bands ^ signatures[:, row : used : scheme.rows])
    return (bands >> np.uint64(32)).astype(np.uint32)
