import pytest

from ingest.loose import as_dict, as_flag, as_id, as_json, as_list, as_text, as_time, in_order
from ingest.records import Turn


@pytest.mark.parametrize("value", [None, True, 0, 1.5, "", "a", [1], {"a": 1}])
def test_each_reader_gives_only_its_own_kind(value):
    assert isinstance(as_dict(value), dict)
    assert isinstance(as_list(value), list)
    assert as_text(value) in (None, "a")
    assert as_id(value) in (None, "0", "1.5", "a")
    assert as_time(value) is None or (as_time(value) == value and not isinstance(value, bool))


def test_flags_come_from_the_words_of_tables():
    assert [as_flag(value) for value in (True, "TRUE", "f", 0, " False ", "maybe", None)] == [
        True, True, False, False, False, None, None,
    ]  # fmt: skip


def test_json_kept_as_text_is_opened_and_other_text_is_nothing():
    assert as_json('{"a": 1}') == {"a": 1}
    assert as_json([1]) == [1]
    assert as_json("{") is None
    assert as_json("NaN") is None
    assert as_json("[" * 100_000) is None


def test_turns_stand_in_the_order_of_their_times():
    times = ["2024-05-03T10:02:00Z", None, "2024-05-03T10:00:00Z", "2024-05-03T12:01:00+02:00", "2024-05-03T10:00:00Z"]
    turns = [Turn("agent", str(number), created_at=time) for number, time in enumerate(times)]
    assert [turn.text for turn in in_order(turns)] == ["2", "4", "3", "0", "1"]
