"""Cutting a chat into conversations: nothing lost, nothing twice, and a longer export cuts the same."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from ingest.records import Turn
from ingest.sessions import CHANNEL, CHAT, MOST_TURNS, Pause, sessions

START = datetime(2026, 1, 1, tzinfo=UTC)


def turns(minutes: list[int | None]) -> list[Turn]:
    at, made = START, list[Turn]()
    for number, pause in enumerate(minutes):
        at += timedelta(minutes=pause or 0)
        made.append(
            Turn("customer", "x", external_id=str(number), created_at=None if pause is None else at.isoformat())
        )
    return made


@given(st.lists(st.one_of(st.none(), st.integers(0, 3000)), max_size=60), st.integers(1, 5), st.integers(0, 60))
def test_nothing_is_lost_and_a_shorter_export_cuts_the_same(minutes: list[int | None], after: int, end: int) -> None:
    pause = Pause(timedelta(hours=8), after=after)
    said = turns(minutes)
    whole = list(sessions(said, pause))
    assert [turn for part in whole for turn in part] == said
    assert all(whole)
    shorter = list(sessions(said[:end], pause))
    assert shorter[:-1] == whole[: len(shorter) - 1 if shorter else 0]


def test_a_chat_is_whole_until_it_is_long_and_a_channel_ends_at_night() -> None:
    said = turns([0, 30 * 24 * 60])
    assert [len(part) for part in sessions(said, CHAT)] == [2]
    assert [len(part) for part in sessions(said, CHANNEL)] == [1, 1]


def test_no_conversation_is_longer_than_fits_in_memory() -> None:
    parts = list(sessions(turns([0] * (MOST_TURNS + 1)), CHAT))
    assert [len(part) for part in parts] == [MOST_TURNS, 1]
