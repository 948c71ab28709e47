"""Macros and exchanges: found over conversations and batches, whatever the order; caps say what goes, and why."""

import random
from dataclasses import replace
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from curate.dedup.caps import in_turn, over_caps
from curate.dedup.repeats import curate_repeats, plain_turns
from curate.dedup.stage import curate_duplicates
from curate.language import curate_language
from curate.outcomes import curate_outcomes, funnel
from curate.quality.stage import curate_quality
from store.database import Store
from store.settings import DuplicatesSettings
from store.workspace import Workspace
from tests.curate.builders import Turns, add_conversation, add_conversations, curation_of
from tests.curate.test_outcomes import outcomes, redacted

MACRO = "Thank you for waiting, {name}. Your order {number} left our warehouse today and will arrive within three days."
QUESTION = "Where is my order number {number}, I have been waiting for it since last week?"
OTHER = "We are sorry that your parcel came damaged, please send us a picture of the box and of what is in it."
WORDS = [
    "kettle",
    "toaster",
    "lamp",
    "chair",
    "shelf",
    "table",
    "carpet",
    "mirror",
    "garden",
    "window",
    "blanket",
    "curtain",
    "pillow",
    "bottle",
    "basket",
]


def own(number: int) -> str:
    """An answer that nobody else gives."""
    return "This one is about " + " ".join(random.Random(number).sample(WORDS, 9)) + f" of yours {number}"


def found(store: Store, kind: str = "macro") -> dict[str, set[str]]:
    rows = store.rows("SELECT cluster, turn_key FROM repeats WHERE kind = ?", [kind])
    return {cluster: {key for own, key in rows if own == cluster} for cluster, _ in rows}


def own_answers(store: Store) -> dict[str, float]:
    return dict(store.rows("SELECT conversation_key, value FROM signals WHERE signal = 'own_answers'"))


def with_macro(number: int, *, key: str = "m") -> tuple[str, Turns, dict[str, Any]]:
    """A conversation whose only answer is the macro; what the customer says is no other's."""
    return (f"{key}{number}", [("customer", own(number)), ("agent", MACRO.format(name="friend", number=number))], {})


def test_an_answer_that_recurs_is_a_macro_with_names_numbers_and_placeholders_aside(
    workspace: Workspace, store: Store
) -> None:
    for number, name in enumerate(("Ottilie", "Kwabena", "Rosalind", "{{user.name}}", "[First Name]")):
        answer = MACRO.format(name=name, number=100 * number)
        add_conversation(store, f"c{number}", [("customer", own(number)), ("agent", answer)])
        if name.isalpha():
            start = answer.index(name)
            add_finding(store, f"c{number}", f"c{number}-1", start, start + len(name))
    add_conversation(store, "own", [("customer", own(50)), ("agent", own(51))])
    curate_repeats(curation_of(workspace, store))
    assert list(found(store).values()) == [{f"c{number}-1" for number in range(5)}]
    assert set(store.rows("SELECT similarity FROM repeats")) == {(1.0,)}
    assert own_answers(store) == {f"c{number}": 0 for number in range(5)} | {"own": 1}


def add_finding(store: Store, conversation: str, turn: str, start: int, end: int) -> None:
    row = {"finding_id": f"{turn}-{start}", "conversation_key": conversation, "turn_key": turn, "start_char": start}
    row |= {"end_char": end, "entity_type": "PERSON", "score": 1.0, "recognizer": "test", "why": "{}", "run_id": "run"}
    store.append("findings", pl.DataFrame([row]))


def test_the_commonest_wording_of_a_macro_has_the_keeper(workspace: Workspace, store: Store) -> None:
    answer = MACRO.format(name="friend", number=1)
    for number in range(6):
        text = answer + " Bye!" if number in {0, 3} else answer
        add_conversation(store, f"c{number}", [("customer", own(number)), ("agent", text)])
    curate_repeats(curation_of(workspace, store))
    assert list(found(store)) == ["c1-1"]
    similar = dict(store.rows("SELECT turn_key, similarity FROM repeats"))
    assert similar["c1-1"] == similar["c5-1"] == 1.0
    assert 0.8 <= similar["c0-1"] == similar["c3-1"] < 1.0


@pytest.mark.parametrize("conversations", [4, 5])
def test_a_macro_recurs_in_enough_conversations_not_turns(
    workspace: Workspace, store: Store, conversations: int
) -> None:
    for number in range(conversations):
        add_conversation(store, f"c{number}", [("customer", own(number)), ("agent", OTHER), ("agent", OTHER)])
    curate_repeats(curation_of(workspace, store))
    assert len(found(store)) == (1 if conversations == 5 else 0)


def test_courtesy_is_no_macro_and_no_answer_of_its_own(workspace: Workspace, store: Store) -> None:
    for number in range(6):
        add_conversation(
            store, f"c{number}", [("customer", own(number)), ("agent", "You're welcome!"), ("agent", OTHER)]
        )
    curate_repeats(curation_of(workspace, store))
    assert list(found(store).values()) == [{f"c{number}-2" for number in range(6)}]
    assert set(own_answers(store).values()) == {0}


def test_an_exchange_is_a_question_that_recurs_with_the_answer_after_it(workspace: Workspace, store: Store) -> None:
    for number in range(6):
        add_conversation(store, f"same{number}", [("customer", QUESTION.format(number=number)), ("agent", OTHER)])
        add_conversation(store, f"else{number}", [("customer", own(number)), ("agent", OTHER)])
        greeted = [("customer", QUESTION.format(number=number)), ("agent", own(number + 20)), ("agent", OTHER)]
        add_conversation(store, f"late{number}", greeted)
    curate_repeats(curation_of(workspace, store))
    assert found(store, "exchange") == {"same0-1": {f"same{number}-1" for number in range(6)}}
    assert len(found(store)["else0-1"]) == 18


def test_macros_are_found_over_batches_as_over_all_at_once(workspace: Workspace, store: Store) -> None:
    curation = curation_of(workspace, store)
    for first in range(0, 9, 3):
        add_conversations(store, [with_macro(number) for number in range(first, first + 3)])
        curate_repeats(curation)
    in_batches = store.rows("SELECT * EXCLUDE run_id FROM repeats ORDER BY ALL")
    store.execute("DELETE FROM runs")
    curate_repeats(curation)
    assert store.rows("SELECT * EXCLUDE run_id FROM repeats ORDER BY ALL") == in_batches
    assert {len(members) for members in found(store).values()} == {9}


def test_neither_order_nor_pages_nor_workers_change_what_recurs(
    workspace: Workspace, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    draw = random.Random(7)
    conversations: list[tuple[str, Turns, dict[str, Any]]] = []
    for number in range(60):
        words = random.Random(number % 9).choices(WORDS, k=70)
        words[draw.randrange(70)] = draw.choice(WORDS)
        turns = [("customer", " ".join(words[:35])), ("agent", " ".join(words))]
        conversations.append((f"c{number:02}", turns, {}))
    add_conversations(store, conversations)
    curate_repeats(curation_of(workspace, store))
    once = store.rows("SELECT * EXCLUDE run_id FROM repeats ORDER BY ALL")
    assert len(once) > 30
    monkeypatch.setattr("curate.dedup.texts.PAGE", 7)
    draw.shuffle(conversations)
    for some in (conversations[:23], conversations[23:]):
        add_conversations(store, some)
    store.execute("DELETE FROM runs")
    curate_repeats(curation_of(workspace, store))
    assert store.rows("SELECT * EXCLUDE run_id FROM repeats ORDER BY ALL") == once


def test_nothing_is_done_twice_and_a_new_finding_is_noticed(workspace: Workspace, store: Store) -> None:
    add_conversations(store, [with_macro(number) for number in range(5)])
    curation = curation_of(workspace, store)
    redacted(store)
    curate_repeats(curation)
    curate_repeats(curation)
    runs = "SELECT count(*) FROM runs WHERE stage = 'repeats'"
    assert store.value(runs) == 1
    store.execute("UPDATE processed SET version = '2'")
    curate_repeats(curation)
    assert store.value(runs) == 2
    strict = replace(workspace.settings, duplicates=DuplicatesSettings(repeats_from=6))
    curate_repeats(replace(curation, workspace=replace(workspace, settings=strict)))
    assert found(store) == {}


@given(st.text(alphabet="ab 1{}[]<>%\n", max_size=30), st.lists(st.tuples(st.integers(0, 30), st.integers(1, 9))))
def test_nothing_of_a_finding_is_compared(text: str, spans: list[tuple[int, int]]) -> None:
    text += " w x y z"
    inside = sorted((start, min(start + length, len(text))) for start, length in spans if start < len(text))
    starts, ends = [start for start, _ in inside], [end for _, end in inside]
    schema = {"text": pl.String, "starts": pl.List(pl.Int64), "ends": pl.List(pl.Int64)}
    (plain,) = plain_turns(pl.DataFrame({"text": [text], "starts": [starts], "ends": [ends]}, schema=schema))
    masked = "".join(" " if any(s <= at < e for s, e in inside) else letter for at, letter in enumerate(text))
    (expected,) = plain_turns(pl.DataFrame({"text": [masked], "starts": [None], "ends": [None]}, schema=schema))
    assert plain.split() == expected.split()


def curate(workspace: Workspace, store: Store, duplicates: DuplicatesSettings) -> None:
    curation = curation_of(replace(workspace, settings=replace(workspace.settings, duplicates=duplicates)), store)
    curate_language(curation)
    curate_duplicates(curation)
    redacted(store)
    curate_repeats(curation)
    curate_quality(curation)
    curate_outcomes(curation)


def test_what_is_only_macros_goes_beyond_the_cap_with_a_reason_and_the_best_stays(
    workspace: Workspace, store: Store
) -> None:
    rated = {"m6": "good", "m2": "good"}
    for number in range(8):
        key, turns, _ = with_macro(number)
        add_conversation(store, key, turns, csat_label=rated.get(key, "neutral"))
    add_conversation(store, "more", [*with_macro(8)[1], ("customer", own(30)), ("agent", own(31))])
    curate(workspace, store, DuplicatesSettings(macro_cap=2))
    decided = outcomes(store)
    assert {key for key, (verdict, _, _) in decided.items() if verdict == "keep"} == best(store, 2) | {"more"}
    assert {decided[key] for key in decided.keys() - best(store, 2) - {"more"}} == {
        ("drop", "duplicates", "duplicates.macro")
    }
    (row,) = [row for row in funnel(store) if row.stage == "duplicates"]
    assert row.reasons == [
        ("duplicates.macro", "Every answer in it is a macro that enough kept conversations show already.", 6)
    ]


def best(store: Store, count: int) -> set[str]:
    rows = store.rows(
        """
        SELECT conversation_key FROM conversations JOIN turns USING (conversation_key)
        WHERE conversation_key <> 'more' GROUP BY conversation_key, csat_label
        ORDER BY sum(length(text)) DESC, csat_label = 'good' DESC, conversation_key LIMIT ?
        """,
        [count],
    )
    return {key for (key,) in rows}


def test_without_a_cap_nothing_goes(workspace: Workspace, store: Store) -> None:
    add_conversations(store, [with_macro(number) for number in range(8)])
    curate(workspace, store, DuplicatesSettings(macro_cap=0, exchange_cap=0))
    assert {verdict for verdict, _, _ in outcomes(store).values()} == {"keep"}


def test_a_new_batch_is_decided_as_if_all_had_come_at_once(workspace: Workspace, store: Store) -> None:
    settings = DuplicatesSettings(macro_cap=3)
    add_conversations(store, [with_macro(number) for number in range(6)])
    curate(workspace, store, settings)
    add_conversations(store, [with_macro(number) for number in range(6, 12)])
    curate(workspace, store, settings)
    in_batches = outcomes(store)
    store.execute("DELETE FROM runs")
    curate(workspace, store, settings)
    assert outcomes(store) == in_batches
    assert sum(verdict == "keep" for verdict, _, _ in in_batches.values()) == 3


def test_recurring_exchanges_are_capped_too(workspace: Workspace, store: Store) -> None:
    for number in range(7):
        # Long numbers make them different conversations, and no different exchanges.
        digits = " ".join(str(1000 * number + place) for place in range(20))
        add_conversation(store, f"c{number}", [("customer", f"{QUESTION} {digits}"), ("agent", OTHER)])
    curate(workspace, store, DuplicatesSettings(macro_cap=0, exchange_cap=2))
    codes = [code for _, _, code in outcomes(store).values()]
    assert (codes.count("kept"), codes.count("duplicates.exchange")) == (2, 5)


@given(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4, unique=True), max_size=30), st.integers(1, 5))
def test_a_cap_keeps_every_macro_and_takes_only_what_is_seen_often_enough(held: list[list[int]], cap: int) -> None:
    ranked = [(f"c{number:02}", [f"m{macro}" for macro in macros]) for number, macros in enumerate(held)]
    over = set(in_turn(ranked, cap))
    stays = {
        macro: sum(macro in macros for key, macros in ranked if key not in over)
        for macro in {macro for _, macros in ranked for macro in macros}
    }
    assert all(count >= 1 for count in stays.values())
    assert all(stays[macro] >= cap for key, macros in ranked if key in over for macro in macros)


def test_conversations_that_do_not_stay_fill_no_cap(workspace: Workspace, store: Store) -> None:
    add_conversations(store, [with_macro(number) for number in range(6)])
    curate_repeats(curation_of(workspace, store))
    keys = pl.Series("conversation_key", ["m4", "m5"])
    assert over_caps(store, keys, DuplicatesSettings(macro_cap=1)).height == 1
