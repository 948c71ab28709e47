"""The list of clusters: the largest first, page by page, and no word before redaction has been through it."""

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curate.dedup.listing import KINDS, SIZE, UNSEEN, differing_words, listing, masked
from curate.dedup.repeats import curate_repeats
from curate.dedup.stage import curate_duplicates
from curate.errors import CurateError
from store.database import Store
from store.settings import DuplicatesSettings
from store.workspace import Workspace
from tests.curate.builders import add_conversation, add_conversations, curation_of
from tests.curate.test_outcomes import redacted
from tests.curate.test_repeats import MACRO, OTHER, QUESTION, add_finding, own, with_macro

LONG = "I ordered a blue kettle two weeks ago and it has not arrived at my house, please help me find out where it is"


@pytest.fixture
def clustered(workspace: Workspace, store: Store) -> Store:
    """Two clusters of conversations, of three and of two; one macro; redaction done for all but `b`."""
    add_conversation(store, "a", [("customer", LONG + " Ottilie"), ("agent", own(1))])
    add_finding(store, "a", "a-0", len(LONG) + 1, len(LONG) + 8)
    add_conversation(store, "aa", [("customer", LONG), ("agent", own(1) + " today")])
    add_conversation(store, "aaa", [("customer", LONG), ("agent", own(1))])
    add_conversation(store, "b", [("customer", own(2)), ("agent", own(3))])
    add_conversation(store, "bb", [("customer", own(2)), ("agent", own(3))])
    add_conversations(store, [with_macro(number) for number in range(10, 16)])
    curation = curation_of(workspace, store)
    curate_duplicates(curation)
    redacted(store)
    store.execute("DELETE FROM processed WHERE conversation_key = 'b'")
    curate_repeats(curation)
    return store


def test_the_largest_come_first_with_keeper_and_least_similarity(clustered: Store) -> None:
    found = listing(clustered, "conversations")
    assert [(cluster.keeper, cluster.conversations) for cluster in found.clusters] == [("a", 3), ("b", 2)]
    assert [member.conversation for member in found.clusters[0].members] == ["aa", "aaa"]
    assert 0.8 < found.clusters[0].least_similar == found.clusters[0].members[0].similarity < 1
    assert (found.total, found.pages) == (2, 1)
    assert {cluster.text for cluster in found.clusters} == {None}


def test_words_are_shown_redacted_and_only_on_request(clustered: Store) -> None:
    first, second = listing(clustered, "conversations", with_text=True).clusters
    assert first.text is not None
    assert "[PERSON]" in first.text
    assert "Ottilie" not in repr(first)
    assert {member.conversation: member.differs for member in first.members} == {
        "aa": "− [PERSON]; + today",
        "aaa": "− [PERSON]",
    }
    assert second.text == UNSEEN
    assert {member.differs for member in second.members} == {UNSEEN}


def test_macros_name_their_answer_and_exchanges_their_question_too(workspace: Workspace, store: Store) -> None:
    for number in range(6):
        answer = OTHER + (" Thanks!" if number == 4 else "")
        add_conversation(store, f"c{number}", [("customer", QUESTION.format(number=number)), ("agent", answer)])
    redacted(store)
    curate_repeats(curation_of(workspace, store))
    (macro,) = listing(store, "macros", with_text=True).clusters
    assert (macro.keeper, macro.conversations, macro.text) == ("c0", 6, OTHER)
    assert [(member.conversation, member.differs) for member in macro.members] == [("c4", "+ Thanks")]
    (exchange,) = listing(store, "exchanges", with_text=True).clusters
    assert exchange.text == f"{QUESTION.format(number=0)}\n{OTHER}"


def test_pages_hold_every_cluster_once(workspace: Workspace, store: Store) -> None:
    for number in range(SIZE + 3):
        for copy in "xy":
            add_conversation(store, f"{copy}{number:02}", [("customer", own(number))])
    curate_duplicates(curation_of(workspace, store))
    pages = [listing(store, "conversations", page=page) for page in (1, 2, 3)]
    assert [len(page.clusters) for page in pages] == [SIZE, 3, 0]
    assert {page.pages for page in pages} == {2}
    keepers = [cluster.keeper for page in pages for cluster in page.clusters]
    assert len(set(keepers)) == len(keepers) == SIZE + 3


def test_an_unknown_kind_names_the_nearest(store: Store) -> None:
    with pytest.raises(CurateError, match="Did you mean macros"):
        listing(store, "macro")


@pytest.mark.parametrize("kind", KINDS)
def test_the_command_says_where_there_is_nothing(workspace: Workspace, kind: str) -> None:
    from service.main import app

    ran = CliRunner().invoke(app, ["report", "--clusters", kind, "-w", str(workspace.root)])
    assert ran.exit_code == 0
    assert "0 clusters" in ran.stdout


def test_the_command_shows_a_page_without_words(workspace: Workspace, tmp_path: Path) -> None:
    from service.main import app

    with workspace.open() as store:
        add_conversations(store, [with_macro(number) for number in range(6)])
        redacted(store)
        settings = replace(workspace.settings, duplicates=DuplicatesSettings())
        curate_repeats(curation_of(replace(workspace, settings=settings), store))
    plain = CliRunner().invoke(app, ["report", "--clusters", "macros", "-w", str(workspace.root)])
    assert "1 clusters, page 1 of 1" in plain.stdout
    assert "warehouse" not in plain.stdout
    shown = CliRunner().invoke(app, ["report", "--clusters", "macros", "--text", "-w", str(workspace.root)])
    assert "warehouse" in shown.stdout
    assert MACRO.format(name="friend", number=0)[:30] in shown.stdout


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        ("Where is it", "where IS it?", ""),
        ("Where is it", "Where is it now", "+ now"),
        ("Where is it now", "Where is it", "− now"),
        ("The red lamp of [PERSON]", "The blue lamp of [LOCATION]", "red → blue; [PERSON] → [LOCATION]"),
    ],
)
def test_the_words_that_differ_are_named(one: str, other: str, words: str) -> None:
    assert differing_words(one, other) == words


@given(st.text(alphabet="abc ", min_size=1, max_size=20), st.lists(st.tuples(st.integers(0, 19), st.integers(1, 6))))
def test_nothing_within_a_span_is_shown(text: str, given_: list[tuple[int, int]]) -> None:
    spans = sorted((start, min(start + length, len(text))) for start, length in given_ if start < len(text))
    shown = masked(text, spans, ["X"] * len(spans))
    hidden = {at for start, end in spans for at in range(start, end)}
    assert shown.replace("[X]", "") == "".join(letter for at, letter in enumerate(text) if at not in hidden)
