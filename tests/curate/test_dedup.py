"""Duplicates: exact and near, verified, in clusters that do not depend on the order of anything."""

import json
import random
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curate.dedup.clusters import Components, clusters, exact_groups
from curate.dedup.rare import rare_pairs
from curate.dedup.signing import Indexes, Scheme, normalised, shingles, sign
from curate.dedup.similarity import Similarity, unpack
from curate.dedup.stage import curate_duplicates
from curate.dedup.stream import duplicates_stream
from store.database import Store
from store.settings import DuplicatesSettings
from store.workspace import Workspace
from tests.curate.builders import CREATED_AT, add_conversation, add_conversations, curation_of

WORDS = [f"word{n}" for n in range(400)]
THRESHOLD = 0.8


def similarity_of(texts: Sequence[str], sizes: "np.ndarray[Any, np.dtype[np.int32]]") -> Similarity:
    def fetch(indexes: Indexes) -> Iterator[list[str]]:
        for first in range(0, len(indexes), 7):
            yield [texts[index] for index in indexes[first : first + 7].tolist()]

    return Similarity(fetch, 3, sizes)


def clustered(texts: Sequence[str], threshold: float = THRESHOLD) -> list[int]:
    signed = sign(texts, Scheme(3, 128, threshold))
    return clusters(signed, similarity_of(texts, signed.sizes), threshold=threshold).roots.tolist()


def shingled(text: str) -> set[tuple[bytes, ...]]:
    """The shingles as they are defined, word by word."""
    words = normalised(text).split()
    return set(zip(words, words[1:], words[2:], strict=False))


def jaccard(one: set[Any], other: set[Any]) -> float:
    return len(one & other) / len(one | other) if one & other else 0.0


def mutated_texts(seed: int, families: int, *, copies: int = 4) -> list[str]:
    """Give texts of 30 to 120 words, each with copies in which some words are replaced."""
    draw = random.Random(seed)
    texts: list[str] = []
    for _ in range(families):
        words = draw.choices(WORDS, k=draw.randint(30, 120))
        for _ in range(copies):
            rate = draw.choice([0.0, 0.01, 0.03, 0.06, 0.12])
            texts.append(" ".join(draw.choice(WORDS) if draw.random() < rate else word for word in words))
    draw.shuffle(texts)
    return texts


def alike_pairs(texts: Sequence[str], threshold: float = THRESHOLD) -> set[tuple[int, int]]:
    sets = list(map(shingled, texts))
    return {
        (one, other)
        for one, other in combinations(range(len(texts)), 2)
        if jaccard(sets[one], sets[other]) >= threshold or normalised(texts[one]) == normalised(texts[other])
    }


def components(count: int, pairs: set[tuple[int, int]]) -> list[int]:
    found = Components(np.arange(count))
    left, right = np.array(sorted(pairs), dtype=np.int64).reshape(-1, 2).T
    found.join(left, right)
    return found.roots.tolist()


def test_clusters_are_the_components_of_the_alike_pairs_as_brute_force_finds_them() -> None:
    pairs = found = wrong = 0
    for seed in range(4):
        texts = mutated_texts(seed, 60)
        alike = alike_pairs(texts)
        truth, given_ = components(len(texts), alike), clustered(texts)
        pairs += len(alike)
        found += sum(given_[one] == given_[other] for one, other in alike)
        wrong += sum(g != t and truth[g] != t for g, t in zip(given_, truth, strict=True))
    assert pairs > 300
    assert found / pairs >= 0.995
    assert wrong == 0


def filled_forms(seed: int, count: int) -> list[str]:
    """Texts that share most of their words and are mostly just not alike; some are copies with another word or two."""
    draw = random.Random(seed)
    form = draw.choices(WORDS, k=60)
    texts: list[str] = []
    for _ in range(count):
        words = [f"filled{draw.randrange(10**6)}" if place % 9 == 4 else word for place, word in enumerate(form)]
        for _ in range(draw.choice([1, 1, 1, 3])):
            places = draw.sample(range(60), draw.randrange(4))
            texts.append(" ".join(draw.choice(WORDS) if place in places else word for place, word in enumerate(words)))
    draw.shuffle(texts)
    return texts


@pytest.mark.parametrize("reach", [1, 3, 8])
def test_among_thousands_that_are_nearly_alike_those_that_are_alike_are_found(
    reach: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("curate.dedup.clusters.REACH", reach)
    texts = filled_forms(1, 150)
    alike = alike_pairs(texts)
    assert len(alike) > 30
    assert clustered(texts) == components(len(texts), alike)


@given(
    st.lists(st.sets(st.integers(0, 12), min_size=1), min_size=1, max_size=12), st.sampled_from([0.5, 0.7, 0.8, 0.9])
)
def test_texts_that_are_alike_share_one_of_their_rarest_shingles(sets: list[set[int]], threshold: float) -> None:
    # One word after the other, so that with shingles of one word a text is its set.
    texts = [" ".join(f"w{word}" for word in sorted(words)) for words in sets]
    sizes = sign(texts, Scheme(1, 8, threshold)).sizes
    similarity = Similarity(lambda indexes: [[texts[index] for index in indexes.tolist()]], 1, sizes)
    pairs = {
        pair
        for some in rare_pairs(similarity, np.arange(len(texts)), threshold=threshold, roots=np.arange(len(texts)))
        for pair in zip(*(side.tolist() for side in unpack(some)), strict=True)
    }
    for one, other in combinations(range(len(texts)), 2):
        if jaccard(sets[one], sets[other]) >= threshold:
            assert (one, other) in pairs


@settings(max_examples=40, deadline=None)
@given(st.lists(st.lists(st.sampled_from("abcdef"), max_size=12).map(" ".join), max_size=25), st.randoms())
def test_no_cluster_joins_what_no_chain_of_alike_pairs_joins_in_any_order(
    texts: list[str], draw: random.Random
) -> None:
    truth = components(
        len(texts), {p for p in alike_pairs(texts) if normalised(texts[p[0]]) and normalised(texts[p[1]])}
    )
    given_ = clustered(texts)
    assert all(truth[index] == truth[cluster] for index, cluster in enumerate(given_))
    order = list(range(len(texts)))
    draw.shuffle(order)
    shuffled = clustered([texts[index] for index in order])
    same = {frozenset(order[at] for at in range(len(order)) if shuffled[at] == root) for root in shuffled}
    assert same == {frozenset(at for at in range(len(order)) if given_[at] == root) for root in given_}


def test_a_bucket_of_thousands_of_alike_texts_becomes_one_cluster() -> None:
    base = WORDS[:100]
    texts = [" ".join([*base, f"number{n}"]) for n in range(3000)]
    assert set(clustered(texts)) == {0}


def test_normalisation_drops_case_spacing_and_punctuation_but_keeps_digits() -> None:
    assert clustered(["Hello,  WORLD!", "hello world", "hello world 2", "hello\nworld."]) == [0, 0, 2, 0]


def test_texts_without_a_word_are_like_nothing() -> None:
    assert clustered(["", "?!", "", "..."]) == [0, 1, 2, 3]


def test_texts_shorter_than_a_shingle_are_only_compared_exactly() -> None:
    assert clustered(["thank you", "thank you!", "thank"]) == [0, 0, 2]


def test_chinese_is_compared_letter_by_letter() -> None:
    text = "你好我想找一家人均消费在一百元左右的餐馆吃饭请给我推荐一家评分高一点的谢谢你"
    assert shingles([text], 3)[1][0] > 30
    assert clustered([text, text + "啊", "今天天气很好我们去公园散步吧然后回家做饭"]) == [0, 0, 2]


def test_the_order_of_words_makes_a_shingle() -> None:
    hashes, _ = shingles(["a b c", "c b a"], 3)
    assert hashes[0] != hashes[1]


@given(st.lists(st.text(max_size=40), max_size=20))
def test_texts_are_signed_alone_as_in_any_batch(texts: list[str]) -> None:
    scheme = Scheme(3, 128, THRESHOLD)
    together = sign(texts, scheme)
    for place, text in enumerate(texts):
        alone = sign([text], scheme)
        assert (alone.digests[0] == together.digests[place]).all()
        assert alone.sizes[0] == together.sizes[place] == max(0, len(normalised(text).split()) - 2)
        assert (alone.bands[0] == together.bands[place]).all()
        assert (alone.sketches[0] == together.sketches[place]).all()


@given(st.text(max_size=60), st.text(max_size=60))
def test_digests_are_equal_where_the_words_are(one: str, other: str) -> None:
    digests = sign([one, other, one.upper().lower()], Scheme(3, 128, THRESHOLD)).digests
    assert bool((digests[0] == digests[1]).all()) == (normalised(one) == normalised(other))


def test_words_that_only_begin_alike_are_different() -> None:
    long = "a" * 64
    assert clustered([long + "b", long + "c", long + "b", "abcdefgh1", "abcdefgh2", long + "bb"]) == [0, 1, 0, 3, 4, 5]


@given(st.text())
def test_normalised_is_every_word_folded(text: str) -> None:
    folded = normalised(text).decode("utf-8", "surrogatepass")
    assert folded == normalised(folded).decode("utf-8", "surrogatepass")
    assert "".join(re.findall(r"\w+", text.casefold())) == folded.replace(" ", "")


def test_the_similarity_of_many_pairs_is_that_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("curate.dedup.similarity.SORTED", 500)
    monkeypatch.setattr("curate.dedup.similarity.HELD", 2000)
    texts = [*mutated_texts(3, 40), "", "two words", "the same the same the same the same"]
    pairs = np.array(list(combinations(range(len(texts)), 2)))
    sizes = sign(texts, Scheme(3, 128, THRESHOLD)).sizes
    sets = list(map(shingled, texts))
    given_ = similarity_of(texts, sizes).of(pairs[:, 0], pairs[:, 1])
    assert given_.tolist() == [jaccard(sets[one], sets[other]) for one, other in pairs.tolist()]


@pytest.mark.parametrize("threshold", [0.5, 0.8, 0.95])
def test_bands_are_as_wide_as_the_recall_at_the_threshold_allows(threshold: float) -> None:
    def recall(rows: int) -> float:
        return 1 - (1 - threshold**rows) ** (128 // rows)

    rows = Scheme(3, 128, threshold).rows
    assert recall(rows) >= 0.995
    assert all(recall(more) < 0.995 for more in range(rows + 1, 129))


def test_exact_groups_name_the_first_and_leave_the_empty_alone() -> None:
    digests = np.array([[5, 1], [0, 0], [5, 2], [5, 1], [0, 0]], dtype=np.uint64)
    assert exact_groups(digests).tolist() == [0, 1, 2, 0, 4]


LONG = (
    "I ordered a blue kettle two weeks ago and it still has not arrived at my house please help me find out where it is"
)


def stored(store: Store) -> dict[str, tuple[str, str, str, float]]:
    rows = store.rows("SELECT conversation_key, cluster, keeper, kind, similarity FROM duplicates")
    return {key: tuple(rest) for key, *rest in rows}


def test_the_stage_stores_every_member_with_its_keeper(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "a", [("customer", LONG), ("agent", "Of course.")])
    add_conversation(store, "b", [("customer", LONG.upper() + "!"), ("agent", "of course")])
    add_conversation(store, "c", [("customer", LONG + " now"), ("agent", "Of course.")])
    add_conversation(store, "d", [("customer", "Something else entirely is what I write about today")])
    add_conversation(store, "e")
    curate_duplicates(curation_of(workspace, store))
    rows = stored(store)
    assert {key: row[:3] for key, row in rows.items()} == {
        "a": ("a", "c", "near"),
        "b": ("a", "c", "near"),
        "c": ("a", "c", "near"),
    }
    assert rows["c"][3] == 1.0
    assert THRESHOLD <= rows["a"][3] == rows["b"][3] < 1.0


@pytest.mark.parametrize(
    ("keeper", "columns"),
    [
        ("b", {"b": {"csat_label": "good"}, "a": {"csat_label": "bad"}}),
        ("a", {"b": {"csat_label": "bad"}}),
        ("b", {"a": {"csat_score": 3.0}, "b": {"csat_score": 4.0}}),
        ("c", {"c": {"created_at": CREATED_AT - timedelta(days=1)}}),
        ("b", {"a": {"created_at": None}}),
        ("a", {}),
    ],
)
def test_the_keeper_is_the_best_rated_then_the_oldest_then_the_smallest_key(
    workspace: Workspace, store: Store, keeper: str, columns: dict[str, dict[str, object]]
) -> None:
    for key in ("c", "b", "a"):
        add_conversation(store, key, [("customer", LONG)], **columns.get(key, {}))
    curate_duplicates(curation_of(workspace, store))
    assert {row[1] for row in stored(store).values()} == {keeper}
    assert {row[2] for row in stored(store).values()} == {"exact"}


def test_nothing_is_done_twice_and_a_change_is_noticed(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "a", [("customer", LONG)])
    add_conversation(store, "b", [("customer", LONG)])
    for _ in range(2):
        curate_duplicates(curation_of(workspace, store))
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'duplicates'") == 1
    add_conversation(store, "b", [("customer", "No more than this.")])
    curate_duplicates(curation_of(workspace, store))
    assert stored(store) == {}
    stricter = replace(workspace.settings, duplicates=DuplicatesSettings(threshold=0.9))
    curate_duplicates(curation_of(replace(workspace, settings=stricter), store))
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'duplicates'") == 3


def test_an_empty_store_has_no_duplicates(workspace: Workspace, store: Store) -> None:
    curate_duplicates(curation_of(workspace, store))
    assert stored(store) == {}


def test_notes_and_tool_definitions_are_not_compared(workspace: Workspace, store: Store) -> None:
    tools = ("agent", "the same long list of functions in every single conversation", {"kind": "tools"})
    note = ("agent", LONG, {"kind": "note", "visibility": "internal"})
    add_conversation(store, "a", [("customer", "Where is my parcel?"), tools, note])
    add_conversation(store, "b", [("customer", "Please cancel my order."), tools, note])
    curate_duplicates(curation_of(workspace, store))
    assert stored(store) == {}


def test_pages_and_workers_change_nothing(workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = mutated_texts(1, 30)
    add_conversations(store, [(f"c{n:03}", [("customer", text)], {}) for n, text in enumerate(texts)])
    curate_duplicates(curation_of(workspace, store))
    once = stored(store)
    assert len(once) > 30
    monkeypatch.setattr("curate.dedup.texts.PAGE", 7)
    monkeypatch.setattr("curate.dedup.texts.FETCHED", 5)
    store.execute("DELETE FROM runs")
    curate_duplicates(curation_of(workspace, store))
    assert stored(store) == once


def test_the_filter_answers_every_line_in_order() -> None:
    lines = [
        json.dumps({"id": "x", "text": LONG}),
        json.dumps({"text": "hello there"}),
        json.dumps({"id": "y", "turns": [{"role": "customer", "text": LONG}, {"role": "agent", "text": "yes"}]}),
        json.dumps({"id": "z", "turns": [{"role": "customer", "text": "Hello there!!"}]}),
    ]
    assert list(duplicates_stream(lines)) == [
        {"id": "x", "cluster": "x", "keeper": "y", "similarity": pytest.approx(22 / 23, abs=0.01)},
        {"id": 2, "cluster": 2, "keeper": "z", "similarity": 1.0},
        {"id": "y", "cluster": "x", "keeper": "y", "similarity": 1.0},
        {"id": "z", "cluster": 2, "keeper": "z", "similarity": 1.0},
    ]


def test_the_filter_gives_a_line_alone_its_own_cluster() -> None:
    assert list(duplicates_stream(['{"id": 7, "text": "hello"}'])) == [
        {"id": 7, "cluster": 7, "keeper": 7, "similarity": 1.0}
    ]
    assert list(duplicates_stream([])) == []
