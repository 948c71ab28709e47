"""What recurs over conversations: answers (macros), and questions together with their answers (exchanges).

Runs after redaction: what was found there, names above all, is left out of the comparison, and so are numbers and the
placeholders of templates. "Hi Maria, order 17 is on its way" and "Hi Omar, order 96 is on its way" are one macro.
"""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import polars as pl

from curate.dedup.clusters import clusters
from curate.dedup.signing import Hashes, Indexes, Scheme
from curate.dedup.similarity import Similarity
from curate.dedup.stage import STATE
from curate.dedup.texts import Texts, compared, signed_texts
from curate.stages import Curation
from store.ledger import last_done, run

CODE_VERSION = "1"
# Turns are many and short: half the signature is enough to find their pairs, and takes half the memory.
PERMUTATIONS = 64
# A shorter turn ("You're welcome!") is courtesy: neither a macro nor an answer of the agent's own.
LEAST_WORDS = 4
# How many of a conversation's answers are neither courtesy nor macros, and how many stand in no exchange.
OWN = {"macro": "own_answers", "exchange": "own_exchanges"}

TURNS = """
WITH spans AS (
    SELECT turn_key, list(start_char ORDER BY start_char, end_char) AS starts,
           list(end_char ORDER BY start_char, end_char) AS ends
    FROM findings GROUP BY turn_key
),
said AS (
    SELECT conversation_key, turn_key, role, text,
           lag(turn_key) OVER whole AS before, lag(role) OVER whole AS role_before
    FROM public_turns WHERE kind = 'message'
    WINDOW whole AS (PARTITION BY conversation_key ORDER BY position)
)
SELECT conversation_key, turn_key, text, starts, ends, CASE role_before WHEN 'customer' THEN before END AS question
FROM said LEFT JOIN spans USING (turn_key)
WHERE role = '{role}'
"""
REDACTED = """
SELECT bit_xor(md5_number(concat_ws(' ', conversation_key, content_hash, version, status)))::VARCHAR
FROM processed WHERE stage = 'redaction'
"""

# {{ticket.name}}, [First name], <order>, %NAME%, and words with digits.
ASIDE = re.compile(r"\{\{?[^{}\n]{1,60}\}\}?|\[[^\[\]\n]{1,60}\]|<[^<>\n]{1,60}>|%\w{1,40}%|\w*\d\w*")
WORDS = re.compile(r"\w+")

TURN_CLUSTERS = pl.Schema(
    {
        "conversation_key": pl.String,
        "turn_key": pl.String,
        "question": pl.String,
        "cluster": pl.String,
        "similarity": pl.Float64,
    }
)


def curate_repeats(curation: Curation) -> None:
    """Find the macros and exchanges, all anew if any conversation, finding or setting changed.

    The run's position holds a fingerprint of what was compared; if it is the last run's, nothing is done.
    """
    store = curation.store
    fingerprint = _fingerprint(curation)
    last = last_done(store, "repeats")
    if last is not None and last["position"].get("fingerprint") == fingerprint:
        return
    with run(store, "repeats", versions={"repeats": CODE_VERSION}) as this:
        macros, answers = _turn_clusters(curation, "agent")
        questions, _ = _turn_clusters(curation, "customer")
        exchanges = _exchanges(macros, questions, least=curation.settings.duplicates.repeats_from)
        found = pl.concat([_rows(macros, "macro"), _rows(exchanges, "exchange")])
        with store.transaction():
            store.execute("DELETE FROM repeats")
            store.execute("DELETE FROM signals WHERE list_contains(?, signal)", [list(OWN.values())])
            store.append("repeats", found.with_columns(pl.lit(this.run_id).alias("run_id")))
            store.append("signals", _own(answers, found).with_columns(pl.lit(this.run_id).alias("run_id")))
        this.count("macros", macros["cluster"].n_unique())
        this.count("exchanges", exchanges["cluster"].n_unique())
        this.position["fingerprint"] = fingerprint


def plain_turns(rows: pl.DataFrame) -> list[str]:
    """Give what is compared of each turn: without findings, numbers and placeholders; nothing where that is short."""
    texts = rows["text"].to_list()
    found = rows.select("starts", "ends").with_row_index("place").filter(pl.col("starts").is_not_null())
    for place, starts, ends in found.rows():
        texts[place] = _without(texts[place], starts, ends)
    plain = [ASIDE.sub(" ", text) for text in texts]
    return [text if len(WORDS.findall(text)) >= LEAST_WORDS else "" for text in plain]


def _fingerprint(curation: Curation) -> list[Any]:
    chosen = curation.settings.duplicates
    settings = [CODE_VERSION, chosen.threshold, chosen.shingle, chosen.repeats_from]
    return [*settings, *curation.store.rows(STATE)[0], curation.store.value(REDACTED)]


def _without(text: str, starts: list[int], ends: list[int]) -> str:
    """Leave out spans, which may overlap and rise by their start."""
    pieces: list[str] = []
    done = 0
    for start, end in zip(starts, ends, strict=True):
        pieces.append(text[done:start])
        done = max(done, end)
    return " ".join([*pieces, text[done:]])


def _turn_clusters(curation: Curation, role: str) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Give a role's turns that recur, each with its keeper; and how many turns that are no courtesy each one has."""
    chosen = curation.settings.duplicates
    scheme = Scheme(chosen.shingle, PERMUTATIONS, chosen.threshold)
    with compared(
        curation.store, TURNS.format(role=role), columns=("text", "starts", "ends"), render=plain_turns
    ) as texts:
        label = {"agent": "curate: answers", "customer": "curate: questions"}[role]
        signed = signed_texts(texts, scheme, workers=curation.workers, progress=curation.progress, label=label)
        similarity = Similarity(texts.fetch, scheme.width, signed.sizes)
        with curation.progress.task(f"{label}, comparing") as task:
            roots = clusters(signed, similarity, threshold=scheme.threshold).roots
            said = signed.digests.any(axis=1)
            recurring = _recurring(texts, roots, signed.digests, similarity, least=chosen.repeats_from)
            counted = texts.firsts(np.flatnonzero(said), "conversation_key").group_by("conversation_key").len("answers")
            task.advance(recurring.height)
            return recurring, counted


def _recurring(texts: Texts, roots: Indexes, digests: Hashes, similarity: Similarity, *, least: int) -> pl.DataFrame:
    """Give the members of clusters that stand in enough conversations; the commonest wording has the keeper."""
    several = np.flatnonzero((np.bincount(roots, minlength=roots.size)[roots] >= least) & digests.any(axis=1))
    if not several.size:
        return TURN_CLUSTERS.to_frame()
    members = (
        texts.firsts(several, "conversation_key", "turn_key", "question")
        .with_columns(root=roots[several], first=digests[several, 0], second=digests[several, 1])
        .filter(pl.col("conversation_key").n_unique().over("root") >= least)
    )
    wordings = (
        members.group_by("root", "first", "second")
        .agg(
            pl.col("conversation_key").n_unique().alias("count"),
            pl.col("index").min(),
            pl.col("turn_key").min().alias("cluster"),
        )
        .sort("root", "count", "cluster", descending=[False, True, False])
        .with_columns(pl.col("index").first().over("root").alias("keeper"), pl.col("cluster").first().over("root"))
    )
    one, other = wordings["index"].to_numpy(), wordings["keeper"].to_numpy()
    alike = np.where(one == other, 1.0, similarity.of(one, other)).round(4)
    wordings = wordings.select("root", "first", "second", "cluster", pl.Series("similarity", alike))
    return members.join(wordings, on=["root", "first", "second"]).select(TURN_CLUSTERS.names())


def _exchanges(macros: pl.DataFrame, questions: pl.DataFrame, *, least: int) -> pl.DataFrame:
    """Give the answers that recur after a question that recurs; the keeper is the answer most like both."""
    asked = questions.select(question="turn_key", asked="cluster", asked_similarity="similarity")
    return (
        macros.join(asked, on="question")
        .with_columns(similarity=pl.min_horizontal("similarity", "asked_similarity"))
        .filter(pl.col("conversation_key").n_unique().over("asked", "cluster") >= least)
        .sort("similarity", "turn_key", descending=[True, False])
        .with_columns(pl.col("turn_key").first().over("asked", "cluster").alias("cluster"))
    )


def _rows(found: pl.DataFrame, kind: str) -> pl.DataFrame:
    columns = ["conversation_key", "turn_key", "kind", "cluster", "similarity"]
    return found.with_columns(kind=pl.lit(kind)).select(columns).sort("cluster", "turn_key")


def _own(answers: pl.DataFrame, found: pl.DataFrame) -> pl.DataFrame:
    """Give how many answers of a conversation recur nowhere, as a signal for each kind."""
    recurring = found.group_by("conversation_key", "kind").len("recurring")
    signals = answers.join(pl.DataFrame({"kind": list(OWN)}), how="cross").join(
        recurring, on=["conversation_key", "kind"], how="left"
    )
    return signals.select(
        "conversation_key",
        signal=pl.col("kind").replace_strict(OWN),
        value=(pl.col("answers") - pl.col("recurring").fill_null(0)).cast(pl.Float64),
    ).sort("conversation_key", "signal")
