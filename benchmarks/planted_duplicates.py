"""Generate support conversations of 170 words, some of them near-duplicates at known Jaccard similarities.

A conversation is six turns. Words are drawn as in real text (Zipf); every turn begins with one of a few hundred canned
phrases, so that strangers share shingles too. Out of ten conversations seven are alone and three are a family: a text
and two copies in which 0 to 8 words, far apart, are others. Each other word takes 3 of the 168 shingles of 3 words and
brings 3 new ones, so that e words leave a similarity of (168 - 3 e) / (168 + 3 e): 1.00, .96, .93, .90, .87, .84, .81,
.78, .75 (a little less exactly where a text repeats itself). Members of a family get keys far apart.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import polars as pl
from numpy.typing import NDArray

WORDS, TURNS, PHRASE = 170, 6, 6
VOCABULARY, PHRASES = 30_000, 400
CHUNK = 10_000
# Each place's family within a block of ten; the last three are one family.
FAMILIES = np.array([0, 1, 2, 3, 4, 5, 6, 7, 7, 7])
MOST_CHANGED = 8
EDGES = np.linspace(0, WORDS, TURNS + 1).astype(int)


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some conversations: their words (n, 170) as places in the vocabulary, and the family of each."""

    words: NDArray[np.int64]
    families: NDArray[np.int64]


def vocabulary(seed: int) -> NDArray[np.str_]:
    """Make words of two to eleven letters, the commonest first and mostly shorter."""
    draw = np.random.default_rng(seed)
    letters = draw.integers(ord("a"), ord("z") + 1, size=(VOCABULARY, 11), dtype=np.uint32)
    lengths = np.clip(draw.normal(np.linspace(3, 8, VOCABULARY), 1.5), 2, 11).astype(int)
    letters[np.arange(11) >= lengths[:, None]] = 0
    return letters.view("<U11").ravel()


def chunks(count: int, seed: int) -> Iterator[Chunk]:
    """Give `count` conversations, a multiple of ten, some thousand at a time; the first ones are always the same."""
    phrases = _zipf(np.random.default_rng(seed + 1), (PHRASES, PHRASE))
    for first in range(0, count, CHUNK):
        size = min(CHUNK, count - first)
        yield _chunk(np.random.default_rng((seed, first)), phrases, size, first)


def texts_of(chunk: Chunk, words: NDArray[np.str_]) -> list[list[str]]:
    """Write out each conversation's turns."""
    return [[" ".join(row[start:end]) + "." for start, end in pairwise(EDGES)] for row in words[chunk.words].tolist()]


def frames(chunk: Chunk, words: NDArray[np.str_]) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give the chunk as rows of conversations and turns, with only the columns that duplicates look at."""
    keys = [key_of(family, place) for place, family in enumerate(chunk.families.tolist())]
    heads = pl.DataFrame({"conversation_key": keys, "content_hash": keys})
    turns = pl.DataFrame(
        {
            "conversation_key": np.repeat(keys, TURNS),
            "position": np.tile(np.arange(TURNS), len(keys)),
            "role": ["customer", "agent"] * (TURNS // 2 * len(keys)),
            "text": [text for turns in texts_of(chunk, words) for text in turns],
        }
    ).with_columns(turn_key=pl.concat_str("conversation_key", "position", separator="-"))
    return heads, turns


def key_of(family: int, place: int) -> str:
    """Make a key that scatters a family's members; `place` is the one within the chunk."""
    return f"{(family * 10 + place % 10) * 0x9E3779B97F4A7C15 % 2**64:016x}"


def _chunk(draw: np.random.Generator, phrases: NDArray[np.int64], size: int, first: int) -> Chunk:
    families = first + np.arange(size) // 10 * 10 + np.resize(FAMILIES, size)
    words = _zipf(draw, (size, WORDS))
    for edge in EDGES[:-1]:
        words[:, edge : edge + PHRASE] = phrases[np.minimum(draw.zipf(1.3, size) - 1, PHRASES - 1)]
    starts = np.maximum.accumulate(np.where(np.diff(families, prepend=-1) != 0, np.arange(size), 0))
    words = words[starts]
    changed = np.where(starts == np.arange(size), 0, draw.integers(0, MOST_CHANGED + 1, size))
    # One word in each of eight stretches of 20, at the same distance or more from its neighbours.
    places = 3 + 20 * np.argsort(draw.random((size, MOST_CHANGED)), axis=1) + draw.integers(0, 14, (size, 1))
    for number in range(MOST_CHANGED):
        rows = np.flatnonzero(changed > number)
        words[rows, places[rows, number]] = draw.integers(0, VOCABULARY, rows.size)
    return Chunk(words, families)


def _zipf(draw: np.random.Generator, shape: tuple[int, int]) -> NDArray[np.int64]:
    return (draw.zipf(1.15, shape) - 1) % VOCABULARY
