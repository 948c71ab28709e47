"""Score texts with langdetect's n-gram profiles, seeded, many times faster than langdetect's own loop.

The method is langdetect's (Nakatani Shuyo, "Language Detection Library for Java", 2010): naive Bayes over character
1- to 3-grams drawn at random, averaged over seven trials, so that a text in two languages shows two probabilities.
Three things differ. The profiles are read in the order of their names, where langdetect takes the folder's order and
so rounds differently on every machine. Every trial draws the same number of n-grams instead of stopping at the first
moment of certainty. The sums are taken by numpy, and the n-grams of a word are looked up once.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

TRIALS = 7  # as langdetect's Detector.n_trial
DRAWS = 64
SMOOTHING = 0.5 / 10_000  # langdetect's ALPHA_DEFAULT / BASE_FREQ
SEED = 42
WORDS_REMEMBERED = 200_000


Prior = tuple[tuple[str, float], ...]  # language, probability before anything is read


@dataclass(frozen=True, slots=True)
class Candidates:
    """The languages of one prior that have a profile, and their columns."""

    languages: tuple[str, ...]
    prior: NDArray[np.float64]  # logarithms
    scores: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Model:
    """The profiles as one table: a row an n-gram, a column a language, cells log-likelihoods."""

    languages: tuple[str, ...]
    rows: dict[str, int]
    scores: NDArray[np.float32]
    words: dict[str, tuple[int, ...]] = field(default_factory=dict[str, tuple[int, ...]])
    candidates: dict[Prior, Candidates] = field(default_factory=dict[Prior, Candidates])

    def probabilities(self, text: str, prior: Prior) -> dict[str, float]:
        """Give the probability of each language that the prior holds; nothing where no n-gram is known.

        Languages without a profile are left out. The same text, prior and profiles give the same answer, in any
        process and whatever was asked before.
        """
        among = self._among(prior)
        found = np.array([row for word in split_words(text) for row in self._word(word)], dtype=np.int64)
        if not found.size or not among.languages:
            return {}
        drawn = found[np.random.default_rng(SEED).integers(0, found.size, size=(TRIALS, DRAWS))]
        sums = among.scores[drawn].sum(axis=1, dtype=np.float64) + among.prior
        odds = np.exp(sums - sums.max(axis=1, keepdims=True))
        mean = (odds / odds.sum(axis=1, keepdims=True)).mean(axis=0)
        return dict(zip(among.languages, mean.tolist(), strict=True))

    def _among(self, prior: Prior) -> Candidates:
        known = self.candidates.get(prior)
        if known is None:
            held = dict(prior)
            columns = [column for column, code in enumerate(self.languages) if held.get(code)]
            codes = tuple(self.languages[column] for column in columns)
            known = Candidates(codes, np.log([held[code] for code in codes]), self.scores[:, columns].copy())
            self.candidates[prior] = known
        return known

    def _word(self, word: str) -> tuple[int, ...]:
        known = self.words.get(word)
        if known is None:
            padded = f" {word} "
            grams = (padded[at - size : at] for at in range(2, len(padded) + 1) for size in (1, 2, 3) if size <= at)
            known = tuple(self.rows[gram] for gram in grams if gram != " " and gram in self.rows)
            if len(self.words) < WORDS_REMEMBERED:
                self.words[word] = known
        return known


@cache
def model() -> Model:
    """Load langdetect's profiles, once for each process."""
    from langdetect.detector_factory import PROFILES_DIRECTORY, DetectorFactory

    factory = DetectorFactory()
    files = sorted(Path(PROFILES_DIRECTORY).iterdir(), key=lambda path: path.name)
    factory.load_json_profile([path.read_text(encoding="utf-8") for path in files if path.name[0] != "."])
    table: dict[str, Sequence[float]] = factory.word_lang_prob_map
    likelihood = np.array(list(table.values()), dtype=np.float64)
    return Model(
        languages=tuple(factory.langlist),
        rows={gram: row for row, gram in enumerate(table)},
        scores=np.log(likelihood + SMOOTHING).astype(np.float32),
    )


def split_words(text: str) -> list[str]:
    """Split a text as langdetect's profiles were made: letters only; shouted words count in lower case."""
    return [
        word.lower() if len(word) > 1 and word.isupper() else word for word in re.findall(r"[^\W\d_]+", _folded(text))
    ]


def _folded(text: str) -> str:
    from langdetect.utils.ngram import NGram

    return text if text.isascii() else NGram.normalize_vi(text).translate(FOLDING)


class _Folding(dict[int, str]):
    """Map a character to the one that stands for it in the profiles."""

    def __missing__(self, code: int) -> str:
        from langdetect.utils.ngram import NGram

        self[code] = folded = NGram.normalize(chr(code)) if code > 127 else chr(code)
        return folded


FOLDING = _Folding()
