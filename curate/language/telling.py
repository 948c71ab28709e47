"""Read one text for its language, and settle a conversation's language from several readings."""

import re
from dataclasses import dataclass
from functools import cache

from curate.language.model import Prior, model
from curate.language.scripts import LANGUAGES, only, weights
from curate.language.words import KnownWords, known_words
from store.settings import LanguageSettings

SAMPLE_CHARACTERS = 400
# A language this improbable is ruled out, so that a doubt between two others is no reason to assume it.
RULED_OUT = 0.05
# Two letters of a script that one language has say more than any statistics.
SCRIPT_LETTERS = 2
# In texts too short for n-grams an everyday word of a language makes it this much more likely. Chosen on banking77:
# English questions taken for another language fell from 24 in 4,361 to 5.
WORD_ODDS = 8.0
WORDS_COUNT_BELOW = 100
ALIASES = {"nb": "no", "nn": "no", "iw": "he", "in": "id", "fil": "tl", "cmn": "zh", "yue": "zh"}

NOT_LANGUAGE = re.compile(
    r"https?://\S+|www\.\S+|[\w.+-]+@[\w-]+\.[\w.-]+|<[A-Za-z_]+(?:_\d+)?>|&[a-z]+;|#\w+|\w*\d\w*"
)
# Most turns hold none of it, and asking that is much cheaper.
SUSPECT = re.compile(r"[\d@/<&#]|www\.")


def base_code(code: str) -> str:
    """Reduce a language tag to the code chatmill uses: pt-BR to pt, zh-cn to zh, nb to no."""
    base = re.split(r"[-_]", code.strip().lower(), maxsplit=1)[0]
    return ALIASES.get(base, base)


def sample(turns: list[str], characters: int = SAMPLE_CHARACTERS) -> str:
    """Join turns from the first on until they hold enough to tell by; links, addresses and codes are left out."""
    taken: list[str] = []
    length = 0
    for turn in turns:
        if length >= characters:
            break
        start = turn[: 4 * characters]
        plain = NOT_LANGUAGE.sub(" ", start) if SUSPECT.search(start) else start
        words = " ".join(plain.split())[:characters]
        taken.append(words)
        length += len(words)
    return "\n".join(word for word in taken if word)


@dataclass(frozen=True, slots=True)
class Reading:
    """What one text says: languages with their probability, best first, for the script most of it is written in."""

    letters: int = 0
    probabilities: tuple[tuple[str, float], ...] = ()
    by_script: bool = False
    by_words: str | None = None
    other_scripts: tuple[tuple[str, float], ...] = ()  # language, share of the letters

    @property
    def best(self) -> str | None:
        """The most probable language, or None where there is nothing to read."""
        return self.probabilities[0][0] if self.probabilities else None

    def probability(self, code: str) -> float:
        """Give the probability of a language; 0.0 where the text speaks against it."""
        return dict(self.probabilities).get(code, 0.0)


@dataclass(frozen=True, slots=True)
class Told:
    """A conversation's language, how sure its text is of it, and what it rests on."""

    language: str
    confidence: float
    source: str  # customer, conversation, stated, default


def read(text: str, languages: tuple[str, ...], prior: float) -> Reading:
    """Read a text: its script first, then n-grams among the script's languages, then its everyday words."""
    found = weights(text)
    if not found:
        return Reading()
    script, total = next(iter(found)), sum(found.values())
    others = tuple((_first_of(s, languages), n / total) for s, n in found.items() if s != script)
    candidates = LANGUAGES[script]
    if len(candidates) == 1:
        certain = found[script] >= SCRIPT_LETTERS
        return Reading(total, ((candidates[0], 1.0),), by_script=certain, other_scripts=others)
    own = only(text, script) if others else text
    scored = model().probabilities(own, _prior(script, languages, prior))
    known = known_words(own)
    if total < WORDS_COUNT_BELOW:
        scored = _with_words(scored, known)
    ranked = sorted(scored.items(), key=lambda item: (-item[1], item[0]))
    by_words = next((code for code, _ in ranked if code in known.telling), None)
    return Reading(total, tuple(ranked), by_words=by_words, other_scripts=others)


def settle(
    customer: Reading, whole: Reading, *, stated: str | None, languages: tuple[str, ...], settings: LanguageSettings
) -> Told:
    """Decide by the customer's words, else the whole conversation's, else the source's word, else the default.

    The default for a short text is the workspace's first language that is written in the script at hand; a long
    text in doubt keeps its most probable language, so that a foreign one is not taken for ours (promise 2).
    """
    for source, reading in (("customer", customer), ("conversation", whole)):
        code = sure_of(reading, languages, settings)
        if code is not None:
            return Told(code, _confidence(reading, code), source)
    fullest = whole if whole.best else customer
    if stated:
        code = base_code(stated)
        return Told(code, _confidence(fullest, code), "stated")
    code = _default(fullest, languages, settings)
    return Told(code, _confidence(fullest, code), "default")


def sure_of(reading: Reading, languages: tuple[str, ...], settings: LanguageSettings) -> str | None:
    """Name the language a reading is sure of, or None.

    Sure is: a script of one language; everyday words of one language; or enough letters, and either one language
    above the confidence asked for or none of the workspace's languages possible.
    """
    if reading.best is None or reading.by_script:
        return reading.best
    if reading.letters < settings.min_letters:
        return reading.by_words or _of_foreign_script(reading, languages)
    best, probability = reading.probabilities[0]
    if probability >= settings.min_confidence:
        return best
    if sum(reading.probability(code) for code in languages) < RULED_OUT:
        return best
    return reading.by_words


def shares(parts: list[tuple[Reading, str, int]]) -> dict[str, float]:
    """Give each language's share of the letters, from (reading, its language, letters it stands for), largest first."""
    counted: dict[str, float] = {}
    for reading, code, letters in parts:
        foreign = sum(share for _, share in reading.other_scripts)
        for language, share in ((code, 1.0 - foreign), *reading.other_scripts):
            counted[language] = counted.get(language, 0.0) + share * letters
    total = sum(counted.values())
    ranked = sorted(counted.items(), key=lambda item: (-item[1], item[0]))
    return {code: count / total for code, count in ranked if count} if total else {}


def _confidence(reading: Reading, code: str) -> float:
    return round(reading.probability(code), 4)


def _default(reading: Reading, languages: tuple[str, ...], settings: LanguageSettings) -> str:
    if reading.best is not None and reading.letters >= settings.min_letters:
        return reading.best
    possible = [code for code, _ in reading.probabilities] or languages
    return next((code for code in languages if code in possible), reading.best or "und")


def _of_foreign_script(reading: Reading, languages: tuple[str, ...]) -> str | None:
    """Name the best language of a script that none of the workspace's languages is written in."""
    known = {code for code, _ in reading.probabilities}
    return None if known.intersection(languages) else reading.best


def _first_of(script: str, languages: tuple[str, ...]) -> str:
    return next((code for code in languages if code in LANGUAGES[script]), LANGUAGES[script][0])


def _with_words(scored: dict[str, float], known: KnownWords) -> dict[str, float]:
    weighed = {code: value * WORD_ODDS ** known.hits.get(code, 0) for code, value in scored.items()}
    total = sum(weighed.values())
    return {code: value / total for code, value in weighed.items()}


@cache
def _prior(script: str, languages: tuple[str, ...], prior: float) -> Prior:
    """Spread the prior over a script: the workspace's languages hold their share together, the others the rest."""
    candidates = LANGUAGES[script]
    ours = [code for code in languages if code in candidates]
    if not ours or len(ours) == len(candidates):
        return tuple((code, 1.0 / len(candidates)) for code in candidates)
    rest = (1.0 - prior) / (len(candidates) - len(ours))
    return tuple((code, prior / len(ours) if code in ours else rest) for code in candidates)
