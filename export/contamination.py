"""Keep what is to be tested on out of what is learnt: find conversations that an evaluation file holds too.

Two measures. Near-duplicates: the Jaccard similarity that curation uses, candidates by MinHash, verified. Shared runs
of words: Brown et al., "Language Models are Few-Shot Learners" (2020), appendix C, look for runs of N words, N being
the 5th percentile of the examples' lengths, from 8 to 13. A single run, which is enough there, would take two thirds of
conversations made of templates; so the runs must cover a share of the record's words, by default 20 %, as in Touvron et
al., "Llama 2" (2023), A.6, where an example with less is clean. As in NeMo Curator's task decontamination (max_matches)
and The Pile's 13-gram filter, a run that stands in more than 10 conversations, or records, is a phrase that everybody
uses, as agents' macros are, and tells nothing.

Conversations are compared as they were read and as redacted, for an evaluation file may hold either.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import polars as pl

from curate.dedup.signing import Hashes, Indexes, Scheme, Signed, shingles, sign
from curate.dedup.similarity import Similarity
from export.errors import BadPlan
from export.evaluation_file import EvaluationFile
from export.redacting import Redacted
from export.split import LEFT_OUT
from store.database import Store
from store.progress import Progress
from store.settings import Settings

PAGE = 2000
# Where all conversations are alike, every record is a candidate: only those whose signatures agree most are verified.
CLOSEST = 10
COMPARED_AT_ONCE = 100_000
SHORTEST, LONGEST, PERCENTILE = 8, 13, 5
COMMON = 10
TEXTS = """
SELECT t.conversation_key, string_agg(t.text, chr(10) ORDER BY t.position) AS text
FROM public_turns AS t SEMI JOIN page USING (conversation_key)
WHERE t.kind = 'message' GROUP BY t.conversation_key ORDER BY t.conversation_key
"""
REASONS = {
    "contamination.near_duplicate": "Nearly the same as a conversation of an evaluation file.",
    "contamination.run": "It shares long runs of words with a record of an evaluation file.",
}
NEAR = pl.Schema({"conversation_key": pl.String, "record": pl.Int64, "similarity": pl.Float64})
SHARED = pl.Schema({"conversation_key": pl.String, "run": pl.Int64})


@dataclass(frozen=True, slots=True)
class Contamination:
    """Which conversations an evaluation file holds too (conversation_key, code, reason), and a report for each file."""

    left_out: pl.DataFrame = field(default_factory=LEFT_OUT.to_frame)
    reports: tuple[Mapping[str, Any], ...] = ()


def find_contamination(
    store: Store,
    settings: Settings,
    kept: pl.DataFrame,
    files: Sequence[EvaluationFile],
    *,
    redacted: Redacted,
    progress: Progress,
) -> Contamination:
    """Compare the kept conversations (column conversation_key) with evaluation files.

    Raises:
        BadPlan: the overlap asked for is no share.
    """
    least = settings.export.evaluation_overlap
    if not 0 <= least <= 1:
        raise BadPlan(
            f"export.evaluation_overlap is {least:g}, but must be between 0 and 1.", hint="Mend chatmill.toml."
        )
    if not files:
        return Contamination()
    scheme = Scheme.of(settings.duplicates)
    probes = [_Probe.of(file, scheme) for file in files]
    with progress.task("export: evaluation", kept.height) as task:
        for page in kept.select("conversation_key").iter_slices(PAGE):
            forms = _forms(store, settings, page, redacted)
            signed = sign(forms["text"].to_list(), scheme)
            for probe in probes:
                probe.look(forms, signed)
            task.advance(page.height)
    found = [probe.found(least) for probe in probes]
    rows = pl.concat([LEFT_OUT.to_frame(), *found]).unique("conversation_key", keep="first", maintain_order=True)
    return Contamination(rows, tuple(probe.report(rows, least) for probe, rows in zip(probes, found, strict=True)))


def _forms(store: Store, settings: Settings, page: pl.DataFrame, redacted: Redacted) -> pl.DataFrame:
    """Give each conversation's text (conversation_key, text) as read and, where it is another, as redacted."""
    with store.scratch(page=page):
        read = store.frame(TEXTS)
    written = (
        redacted(store, settings, page["conversation_key"].to_list())
        .filter(kind="message")
        .sort("conversation_key", "position")
        .group_by("conversation_key", maintain_order=True)
        .agg(text=pl.col("text").str.join("\n"))
    )
    return pl.concat([read, written]).unique(maintain_order=True)


@dataclass(slots=True)
class _Probe:
    """One evaluation file, signed and cut into runs of words, and what was found alike so far."""

    file: EvaluationFile
    scheme: Scheme
    signed: Signed
    width: int  # words in a run
    words: Indexes  # of each record
    runs: Hashes  # sorted
    places: pl.DataFrame  # run (its index), record, position: where the runs stand that few records share
    seen: Indexes  # for each run the conversations it stands in
    near: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])
    shared: list[pl.DataFrame] = field(default_factory=list[pl.DataFrame])

    @classmethod
    def of(cls, file: EvaluationFile, scheme: Scheme) -> _Probe:
        words = shingles(file.texts, 1)[1]
        width = int(np.clip(np.percentile(words, PERCENTILE), SHORTEST, LONGEST))
        flat, sizes = shingles(file.texts, width)
        runs, run = np.unique(flat, return_inverse=True)
        places = pl.DataFrame({"run": run, "record": np.repeat(np.arange(sizes.size), sizes)})
        places = places.with_columns(position=pl.int_range(pl.len()).over("record"))
        places = places.filter(pl.col("record").n_unique().over("run") <= COMMON)
        return cls(file, scheme, sign(file.texts, scheme), width, words, runs, places, np.zeros(runs.size, np.int64))

    def look(self, forms: pl.DataFrame, signed: Signed) -> None:
        """Compare a page of texts, with their signatures."""
        self._look_alike(forms, signed)
        if self.runs.size:
            self._look_for_runs(forms)

    def found(self, least: float) -> pl.DataFrame:
        """Give whom to leave out (conversation_key, code, reason), near-duplicates before shared runs."""
        near = pl.concat([NEAR.to_frame(), *self.near]).sort("similarity", "record", descending=[True, False])
        runs = self._covered().filter(pl.col("similarity") >= least)
        alike = "{} % the same as line {} of the evaluation file {}."
        covered = (
            f"It holds {{}} % of the words of line {{}} of the evaluation file {{}}, {self.width} and more in a row."
        )
        parts = [
            near.select("conversation_key", code=pl.lit("contamination.near_duplicate"), reason=self._told(alike)),
            runs.select("conversation_key", code=pl.lit("contamination.run"), reason=self._told(covered)),
        ]
        return pl.concat(parts).unique("conversation_key", keep="first", maintain_order=True)

    def _told(self, sentence: str) -> pl.Expr:
        percent = (pl.col("similarity") * 100).floor().cast(pl.Int64)
        line = pl.col("record").replace_strict(dict(enumerate(self.file.lines)), return_dtype=pl.Int64)
        return pl.format(sentence, percent, line, pl.lit(self.file.name))

    def _covered(self) -> pl.DataFrame:
        """Give the share of a record's words that stand in runs a conversation has too, the largest first."""
        shared = pl.concat([SHARED.to_frame(), *self.shared])
        rare = shared.filter(pl.Series(self.seen[shared["run"].to_numpy()] <= COMMON))
        pair = ("conversation_key", "record")
        sizes = pl.DataFrame({"record": np.arange(self.words.size), "words": self.words})
        # Each run covers its own words; of one that begins within another only those that the other lacks.
        step = pl.col("position").diff().over(*pair).fill_null(self.width).clip(upper_bound=self.width)
        return (
            rare.join(self.places, on="run")
            .sort(*pair, "position")
            .with_columns(covers=step)
            .group_by(pair, maintain_order=True)
            .agg(similarity=pl.col("covers").sum())
            .join(sizes, on="record")
            .with_columns(pl.col("similarity") / pl.col("words"))
            .sort("similarity", "record", descending=[True, False])
        )

    def report(self, found: pl.DataFrame, least: float) -> Mapping[str, Any]:
        """Tell what came of it: counts, and how far the file could be compared at all."""
        is_common = self.seen > COMMON
        is_common[np.setdiff1d(np.arange(self.runs.size), self.places["run"].to_numpy())] = True
        return {
            "file": self.file.name,
            "sha256": self.file.sha256,
            "records": len(self.file.texts),
            "too_short": int((self.words < self.width).sum()),
            "run_words": self.width,
            "overlap": least,
            "common_runs": int(is_common.sum()),
            "near_duplicates": found.filter(code="contamination.near_duplicate").height,
            "shared_runs": found.filter(code="contamination.run").height,
        }

    def _look_alike(self, forms: pl.DataFrame, signed: Signed) -> None:
        pairs = _bands(self.signed, "record").join(_bands(signed, "form"), on=["band", "hash"])
        pairs = _closest(pairs.select("record", "form").unique(), self.signed, signed)
        texts = [*self.file.texts, *forms["text"]]

        def fetch(indexes: Indexes) -> Iterator[list[str]]:
            yield [texts[index] for index in indexes.tolist()]

        similarity = Similarity(fetch, self.scheme.width, np.concatenate([self.signed.sizes, signed.sizes]))
        alike = similarity.of(pairs["record"].to_numpy(), pairs["form"].to_numpy() + len(self.file.texts))
        keys = forms["conversation_key"].gather(pairs["form"])
        found = pairs.select(keys, "record", similarity=pl.Series(alike, dtype=pl.Float64))
        self.near.append(found.filter(pl.col("similarity") >= self.scheme.threshold))

    def _look_for_runs(self, forms: pl.DataFrame) -> None:
        flat, sizes = shingles(forms["text"].to_list(), self.width)
        at = np.minimum(np.searchsorted(self.runs, flat), self.runs.size - 1)
        hit = np.flatnonzero(self.runs[at] == flat)
        form = np.repeat(np.arange(sizes.size), sizes)[hit]
        hits = pl.DataFrame({"conversation_key": forms["conversation_key"].gather(form), "run": at[hit]}).unique()
        np.add.at(self.seen, hits["run"].to_numpy(), 1)
        self.shared.append(hits.filter(pl.Series(self.seen[hits["run"].to_numpy()] <= COMMON)))


def _closest(pairs: pl.DataFrame, records: Signed, forms: Signed) -> pl.DataFrame:
    """Keep for each form the records whose sketches agree with its own in most places."""
    agree = [
        (records.sketches[part["record"].to_numpy()] == forms.sketches[part["form"].to_numpy()]).mean(axis=1)
        for part in pairs.iter_slices(COMPARED_AT_ONCE)
    ]
    ranked = pairs.with_columns(agreement=pl.Series(np.concatenate([np.empty(0), *agree])))
    ranked = ranked.sort("form", "agreement", "record", descending=[False, True, False])
    return ranked.group_by("form", maintain_order=True).head(CLOSEST).select("record", "form")


def _bands(signed: Signed, name: str) -> pl.DataFrame:
    """Give each text's bands (its place as `name`, band, hash); texts without a shingle have none."""
    count, bands = signed.bands.shape
    frame = pl.DataFrame(
        {
            name: np.repeat(np.arange(count), bands),
            "band": np.tile(np.arange(bands), count),
            "hash": signed.bands.ravel(),
            "has_shingles": np.repeat(signed.sizes > 0, bands),
        }
    )
    return frame.filter("has_shingles").drop("has_shingles")
