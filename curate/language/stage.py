"""The language stage: one language a conversation, what it rests on, and the shares where there are several."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import polars as pl

from curate.language.telling import Reading, Told, base_code, read, sample, settle, shares, sure_of
from curate.stages import Curation, PageResult, run_stage, turn_rows
from store.settings import Settings

CODE_VERSION = "1"
SIGNALS = ("language", "language_source", "language_share")
TEXTS_PER_BATCH = 500
# Where a customer's text leaves a second language this probable, the turns are read one by one.
IN_DOUBT = 0.1
CHARACTERS_PER_TURN = 2_000
# Agents' words only show whether a second language is there, for which less is enough.
AGENTS_CHARACTERS = 200

TURNS = """
SELECT t.conversation_key, t.role = 'customer' AS is_customer, left(t.text, ?) AS text
FROM public_turns AS t JOIN page USING (conversation_key)
WHERE t.kind = 'message' AND t.turn_row >= ? AND t.turn_row <= ?
ORDER BY t.conversation_key, t.position
"""
STATED = "SELECT c.conversation_key, c.language FROM conversations AS c JOIN page USING (conversation_key)"

# A dense script's letter counts as three, as in curate/language/scripts.py. Most characters are letters, so the others
# are counted.
LETTERS = (
    pl.col("text").str.len_chars().cast(pl.Int64)
    - pl.col("text").str.count_matches(r"\P{L}")
    + 2 * pl.col("text").str.count_matches(r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Hangul}]")
)


@dataclass(slots=True)
class Speech:
    """What is said in one conversation: samples to read, and how many letters they stand for."""

    stated: str | None = None
    customer: list[str] = field(default_factory=list[str])
    agents: list[str] = field(default_factory=list[str])
    everybody: list[str] = field(default_factory=list[str])
    customer_letters: int = 0
    agents_letters: int = 0


class Reader:
    """Read texts in the worker processes, each distinct one once."""

    def __init__(self, curation: Curation) -> None:
        self._workers = curation.workers
        self._languages = own_languages(curation.settings)
        self._prior = curation.settings.language.prior
        self._known: dict[str, Reading] = {}

    def read(self, texts: Iterable[str]) -> None:
        """Read those that have not been read yet."""
        new = iter([text for text in dict.fromkeys(texts) if text not in self._known])
        batches = iter(lambda: tuple(islice(new, TEXTS_PER_BATCH)), ())
        items = ((batch, self._languages, self._prior) for batch in batches)
        for answers in self._workers.map(read_batch, items):
            self._known.update(answers)

    def __getitem__(self, text: str) -> Reading:
        return self._known[text]


def own_languages(settings: Settings) -> tuple[str, ...]:
    """Give the workspace's languages as chatmill's codes."""
    return tuple(dict.fromkeys(base_code(code) for code in settings.workspace.languages))


def read_batch(item: tuple[tuple[str, ...], tuple[str, ...], float]) -> list[tuple[str, Reading]]:
    """Read one batch of texts; runs in a worker process."""
    texts, languages, prior = item
    return [(text, read(text, languages, prior)) for text in texts]


def curate_language(curation: Curation) -> None:
    """Tell the language of every conversation that is new, changed, or was told by other settings.

    Signals: `language` (label the code, value how probable the text makes it), `language_source` (label customer,
    conversation, stated or default), and `language_share` (label the code, value the share of letters), the last only
    where there are several languages. Which share makes a conversation mixed is decided when outcomes are read.
    """
    run_stage(
        curation,
        name="language",
        version=_version(curation.settings),
        work=lambda page: PageResult({"signals": _signals(curation, page)}),
        signals=SIGNALS,
    )


def _version(settings: Settings) -> str:
    chosen = settings.language
    parts = (CODE_VERSION, own_languages(settings), chosen.min_letters, chosen.min_confidence, chosen.prior)
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _signals(curation: Curation, page: pl.DataFrame) -> pl.DataFrame:
    speeches = _speeches(curation, page)
    reader, settings = Reader(curation), curation.settings.language
    languages = own_languages(curation.settings)
    samples = {key: (sample(s.customer), sample(s.agents, AGENTS_CHARACTERS)) for key, s in speeches.items()}
    reader.read(text for pair in samples.values() for text in pair)
    unsure = {key for key, (text, _) in samples.items() if sure_of(reader[text], languages, settings) is None}
    everybody = {key: sample(speeches[key].everybody) for key in sorted(unsure)}
    doubtful = {text for text, _ in samples.values() if _in_doubt(reader[text])}
    reader.read(everybody.values())
    reader.read(turn for text in sorted(doubtful) for turn in text.split("\n"))
    rows: list[tuple[str, str, float | None, str]] = []
    for key, speech in speeches.items():
        customer, agents = samples[key]
        whole = reader[everybody[key]] if key in unsure else Reading()
        told = settle(reader[customer], whole, stated=speech.stated, languages=languages, settings=settings)
        turns = customer.split("\n") if customer in doubtful else [customer]
        parts = [*_parts(reader, told, turns, speech.customer_letters, curation.settings)]
        parts += _parts(reader, told, [agents], speech.agents_letters, curation.settings)
        rows += ((key, *row) for row in _rows(told, shares(parts)))
    schema = {"conversation_key": pl.String, "signal": pl.String, "value": pl.Float64, "label": pl.String}
    return pl.DataFrame(rows, schema=schema, orient="row")


def _speeches(curation: Curation, page: pl.DataFrame) -> dict[str, Speech]:
    with curation.store.scratch(page=page):
        stated = curation.store.rows(STATED)
        turns = curation.store.frame(TURNS, [CHARACTERS_PER_TURN, *turn_rows(page)])
    speeches = {key: Speech(stated=language) for key, language in sorted(stated)}
    counted = turns.with_columns(LETTERS.alias("letters"))
    for key, is_customer, text, letters in counted.iter_rows():
        speech = speeches[key]
        speech.everybody.append(text)
        if is_customer:
            speech.customer.append(text)
            speech.customer_letters += letters
        else:
            speech.agents.append(text)
            speech.agents_letters += letters
    return speeches


def _in_doubt(reading: Reading) -> bool:
    return len(reading.probabilities) > 1 and reading.probabilities[1][1] >= IN_DOUBT


def _parts(
    reader: Reader, told: Told, texts: list[str], letters: int, settings: Settings
) -> Iterator[tuple[Reading, str, int]]:
    """Share one side's letters out over its texts; a text that is not sure of its language has the conversation's."""
    languages = own_languages(settings)
    total = sum(reader[text].letters for text in texts) or 1
    for text in texts:
        code = sure_of(reader[text], languages, settings.language) or told.language
        yield reader[text], code, letters * reader[text].letters // total


def _rows(told: Told, by_language: dict[str, float]) -> Iterator[tuple[str, float | None, str]]:
    yield "language", told.confidence, told.language
    yield "language_source", None, told.source
    if len(by_language) > 1:
        yield from (("language_share", round(share, 4), code) for code, share in by_language.items())
