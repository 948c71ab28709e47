from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.times import parse

MOMENT = datetime(2018, 6, 13, 21, 25, tzinfo=UTC)


@pytest.mark.parametrize(
    ("value", "at", "source"),
    [
        (1528925100, MOMENT, "utc"),
        (1528925100.0, MOMENT, "utc"),
        ("1528925100", MOMENT, "utc"),
        ("1528925100.000000", MOMENT, "utc"),
        (1528925100000, MOMENT, "utc"),
        ("1528925100000", MOMENT, "utc"),
        (1528925100000000, MOMENT, "utc"),
        (1528925100000000000, MOMENT, "utc"),
        ("2018-06-13T21:25:00Z", MOMENT, "explicit"),
        ("2018-06-13T21:25:00.000000000Z", MOMENT, "explicit"),
        ("2018-06-13T23:25:00+02:00", MOMENT, "explicit"),
        ("2018-06-13T23:25:00+0200", MOMENT, "explicit"),
        ("2018-06-13 23:25:00 +0200", MOMENT, "explicit"),
        ("2018-06-13T21:25:00+00:00Z", MOMENT, "explicit"),
        ("2018-06-13 21:25:00 UTC", MOMENT, "explicit"),
        ("2018-06-13 21:25:00", MOMENT, "assumed"),
        ("2018-06-13T21:25", MOMENT, "assumed"),
        ("2018/06/13 21:25", MOMENT, "assumed"),
        ("20180613212500", MOMENT, "assumed"),
        ("13.06.2018 21:25", MOMENT, "assumed"),
        ("13.06.18, 21:25", MOMENT, "assumed"),
        ("13/06/2018 21:25", MOMENT, "assumed"),
        ("06/13/2018 9:25 PM", MOMENT, "assumed"),
        ("06/13/2018, 9:25\u202fPM", MOMENT, "assumed"),
        ("6/13/18 9:25 p.m.", MOMENT, "assumed"),
        ("Wed, 13 Jun 2018 21:25:00 +0000", MOMENT, "explicit"),
        ("Wed, 13 Jun 2018 23:25:00 +0200 (CEST)", MOMENT, "explicit"),
        ("13 Jun 2018 14:25:00 PDT", MOMENT, "explicit"),
        ("Wed Jun 13 2018 23:25:00 GMT+0200 (Central European Summer Time)", MOMENT, "explicit"),
        ("June 13, 2018 at 9:25 PM", MOMENT, "assumed"),
        ("2018-06-13", datetime(2018, 6, 13, tzinfo=UTC), "assumed"),
        ("20180613", datetime(2018, 6, 13, tzinfo=UTC), "assumed"),
        ("05.06.2018", datetime(2018, 6, 5, tzinfo=UTC), "assumed"),
        ("05/05/2018", datetime(2018, 5, 5, tzinfo=UTC), "assumed"),
        ("06/13/2018 12:05 AM", datetime(2018, 6, 13, 0, 5, tzinfo=UTC), "assumed"),
    ],
)
def test_a_time_is_read_in_each_known_spelling(value, at, source):
    parsed = parse(value)
    assert (parsed.at, parsed.tz_source) == (at, source)
    assert parsed.raw == str(value)


@pytest.mark.parametrize(
    "value",
    [
        "05/06/2018", "13/13/2018", "yesterday", "0000-00-00 00:00:00", "0001-01-01T00:00:00Z", "1899-12-30", 0, 12.5,
        True, -1, float("nan"), float("inf"), 10**30, "2018-06-13 25:00", "13.06.2018 9:25 XYZ", "2018-06-13 21:25 and",
        "9999-12-31T23:59:59-14:00", "0001-01-01T00:00:00+14:00", "99999999999999999999999",
    ],
)  # fmt: skip
def test_what_is_not_certain_stays_unread_and_keeps_its_spelling(value):
    parsed = parse(value)
    assert (parsed.at, parsed.raw, parsed.tz_source) == (None, str(value), "none")


@pytest.mark.parametrize("value", [None, "", "  "])
def test_no_time_is_no_time(value):
    parsed = parse(value)
    assert (parsed.at, parsed.raw) == (None, None)


def test_fractions_survive():
    assert parse("1503435956.000247").at == datetime(2017, 8, 22, 21, 5, 56, 247, tzinfo=UTC)
    assert parse(1503435956123456).at == datetime(2017, 8, 22, 21, 5, 56, 123456, tzinfo=UTC)
    assert parse("2024-03-19 16:51:27.753000").at == datetime(2024, 3, 19, 16, 51, 27, 753000, tzinfo=UTC)


@given(st.one_of(st.text(), st.integers(), st.floats(), st.text("0123456789-/.:T Z+APMapm,", max_size=30)))
def test_parsing_never_raises(value):
    parsed = parse(value)
    assert parsed.at is None or parsed.at.tzinfo is UTC


@given(st.datetimes().filter(lambda moment: moment.year > 1971))
def test_iso_round_trips(moment):
    assert parse(moment.isoformat() + "Z").at == moment.replace(tzinfo=UTC)
