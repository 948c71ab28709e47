"""Copies of the same thread: told by what was said when, however little alike they are."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from curate.dedup.stage import curate_duplicates
from store.database import Store
from store.workspace import Workspace
from tests.curate.builders import CREATED_AT, Turns, add_conversation, curation_of

WORDS = ("lamp", "invoice", "coffee", "address", "refund", "login", "parcel", "colour")


def thread(first: int, last: int, *, every: int = 60, **columns: Any) -> Turns:
    """Turns of one long thread, `every` seconds apart."""
    return [
        (("customer", "agent")[n % 2], f"{n}: what we said about the {WORDS[n % 8]} number {n}",
         {"created_at": CREATED_AT + timedelta(seconds=n * every)} | columns)
        for n in range(first, last)
    ]  # fmt: skip


def clusters(workspace: Workspace, store: Store) -> dict[str, str]:
    """Give each member's keeper."""
    curate_duplicates(curation_of(workspace, store))
    return dict(store.rows("SELECT conversation_key, keeper FROM duplicates"))


def test_a_part_of_a_thread_is_a_copy_of_it_and_the_whole_one_is_kept(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "whole", thread(0, 20))
    add_conversation(store, "start", thread(0, 2))
    add_conversation(store, "middle", thread(7, 10))
    add_conversation(store, "other", thread(100, 120))
    found = clusters(workspace, store)
    assert found == {"start": "whole", "middle": "whole", "whole": "whole"}
    similarity = store.value("SELECT similarity FROM duplicates WHERE conversation_key = 'start'")
    assert 0 < similarity < 0.5


def test_what_says_one_thing_more_is_no_copy(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "whole", thread(0, 20))
    add_conversation(store, "more", [*thread(0, 3), *thread(50, 51)])
    assert clusters(workspace, store) == {}


def test_days_without_a_time_and_turns_without_any_prove_nothing(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "whole", thread(0, 20, every=0))
    add_conversation(store, "day", thread(0, 2, every=0))
    add_conversation(store, "untimed", [*thread(4, 6), *thread(6, 7, created_at=None)])
    add_conversation(store, "timed", thread(0, 20))
    assert clusters(workspace, store).keys() <= {"whole", "timed"}


def test_what_many_say_in_the_same_second_is_no_thread(workspace: Workspace, store: Store) -> None:
    for number in range(12):
        own = ("customer", f"only I say this, {number} times {number}", {"created_at": CREATED_AT + timedelta(days=1)})
        add_conversation(store, f"c{number}", [*thread(0, 2), *thread(100 * number + 50, 100 * number + 60), own])
    add_conversation(store, "welcome", thread(0, 2))
    assert "welcome" not in clusters(workspace, store)


def test_notes_and_drafts_do_not_keep_a_copy_from_being_one(workspace: Workspace, store: Store) -> None:
    add_conversation(store, "whole", thread(0, 20))
    add_conversation(store, "copy", [*thread(0, 2), *thread(60, 62, visibility="internal")])
    assert clusters(workspace, store)["copy"] == "whole"
