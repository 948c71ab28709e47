"""What a reject tells of a record: its keys and its place, never what stands under the keys."""

import pytest

from ingest.found import Found, shape_of


@pytest.mark.parametrize(("value", "shape"), [
    ({"b": "secret", "a_1": 2}, "an object with a_1, b"),
    ({"ann@example.com": 1, "Ann Example": 2, "type": 3}, "an object with ?, ?, type"),
    ({}, "an object with nothing"),
    (["secret"], "a list"), ("secret", "text"), (7, "a number"), (True, "true or false"), (None, "null"),
])  # fmt: skip
def test_a_shape_holds_keys_that_formats_give_and_no_values(value, shape) -> None:
    assert shape_of(value) == shape


def test_a_long_shape_is_cut() -> None:
    shape = shape_of({f"key_{number:02}": 1 for number in range(30)})
    assert shape.endswith("key_19, ...")


def test_a_reject_has_the_place_and_the_raw_value_for_the_store() -> None:
    found = Found("line 3", "a.json", {"text": "secret"})
    reject = found.inner("event 2", found.value).unknown("no event")
    assert (reject.place, reject.source_uri, reject.code) == ("line 3 event 2", "a.json", "bad_record")
    assert reject.detail == "no event; it is an object with text"
    assert reject.raw == '{"text":"secret"}'
    assert Found(*found.row()) == found
