"""Line charts: every series drawn within the paper, told apart without colour, escaped."""

import re
from xml.etree import ElementTree as ET

from hypothesis import given
from hypothesis import strategies as st

from curate.report.lines import HEIGHT, POINTS_MOST, WIDTH, lines

NUMBERS = st.floats(-1e6, 1e6, allow_nan=False)
POINTS = st.lists(st.tuples(st.integers(0, 10_000), NUMBERS), min_size=1, max_size=40).map(sorted)


@given(st.dictionaries(st.text("abc_<&\"'", min_size=1, max_size=8), POINTS, min_size=1, max_size=4))
def test_every_point_lies_within_the_paper(series: dict[str, list[tuple[int, float]]]) -> None:
    drawn = ET.fromstring(lines("Loss <by> step", series))
    lists = [one.attrib["points"] for one in drawn.iter("polyline")]
    assert len(lists) == len(series)
    for place in " ".join(lists).split():
        x, y = map(float, place.split(","))
        assert 0 <= x <= WIDTH
        assert 0 <= y <= HEIGHT


def test_long_series_are_thinned_but_keep_both_ends() -> None:
    points = [(step, 1 / (step + 1)) for step in range(10_000)]
    drawn = re.search(r'polyline class="line series-0" points="([^"]+)"', lines("Loss", {"train_loss": points}))
    assert drawn is not None
    places = drawn[1].split()
    assert len(places) <= POINTS_MOST + 1
    assert float(places[-1].split(",")[0]) == WIDTH - 16


def test_nothing_to_draw_is_no_chart() -> None:
    assert lines("Loss", {}) == lines("Loss", {"train_loss": []}) == ""
