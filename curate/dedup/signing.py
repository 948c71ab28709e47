"""Turn texts into what duplicates are found by: a digest of the normalised text, shingles, a MinHash signature."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

HASH_SEED = 42
# Odd multipliers, one for each place in a shingle, so that the order of its words counts (Knuth, TAOCP 3, 6.4).
GOLDEN = 0x9E3779B97F4A7C15
WORD = re.compile(r"\w+")
# Chinese, Japanese and Thai write no spaces: every letter stands for a word there.
UNSPACED = re.compile(r"([\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005\u3041-\u30ff\u3400-\u9fff\uf900-\ufaff])")


@dataclass(frozen=True, slots=True)
class Signed:
    """A batch of texts, a row each: digests (n, 2), shingle counts (n,), signatures (n, permutations)."""

    digests: NDArray[np.uint64]
    sizes: NDArray[np.int64]
    signatures: NDArray[np.uint32]


def normalised(text: str) -> list[str]:
    """Split a text into words: case folded, punctuation and spacing gone, digits kept."""
    folded = text.casefold()
    return WORD.findall(folded if folded.isascii() else UNSPACED.sub(r" \1 ", folded))


def shingles(texts: Sequence[str], width: int) -> list[NDArray[np.uint64]]:
    """Give each text's set of shingles of `width` words as sorted 64-bit hashes; none where it has too few words."""
    return _shingles([normalised(text) for text in texts], width)


def sign(texts: Sequence[str], *, width: int, permutations: int) -> Signed:
    """Give each text's digest, number of shingles and MinHash signature."""
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue] - it has no stubs

    words = [normalised(text) for text in texts]
    sets = _shingles(words, width)
    sizes = np.array([each.size for each in sets], dtype=np.int64)
    offsets = np.concatenate([[0], np.cumsum(sizes)]).astype(np.uint64)
    flat = np.concatenate([*sets, np.empty(0, np.uint64)])
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(flat, offsets, permutations, HASH_SEED)
    signatures = np.array(matrix.to_rows(), dtype=np.uint32).reshape(len(texts), permutations)
    digests = b"".join(_digest(each) for each in words)
    return Signed(np.frombuffer(digests, dtype="<u8").reshape(len(texts), 2), sizes, signatures)


def _digest(words: list[str]) -> bytes:
    """Hash a normalised text; one without a word has no digest (zero), as it is like nothing."""
    if not words:
        return bytes(16)
    return hashlib.blake2b(" ".join(words).encode("utf-8", "surrogatepass"), digest_size=16).digest()


def _shingles(words: list[list[str]], width: int) -> list[NDArray[np.uint64]]:
    from rensa import RMinHash  # pyright: ignore[reportAttributeAccessIssue] - it has no stubs

    hashed: list[list[int]] = RMinHash.hash_token_sets(words)
    return [_of_words(np.array(each, dtype=np.uint64), width) for each in hashed]


def _of_words(words: NDArray[np.uint64], width: int) -> NDArray[np.uint64]:
    count = words.size - width + 1
    if count < 1:
        return np.empty(0, np.uint64)
    mixed = np.zeros(count, np.uint64)
    for place in range(width):
        mixed = (mixed ^ words[place : place + count]) * np.uint64(GOLDEN)
        mixed ^= mixed >> np.uint64(29)
    return np.unique(mixed)
