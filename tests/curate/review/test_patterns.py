"""Patterns: findings grouped by value and by shape, one undoable decision for all of them; nothing is done in vain."""

import pytest

from curate.redact.values import shape_of
from curate.review.acts import last_acts
from curate.review.bulk import SHAPE, VALUE
from curate.review.decisions import decide
from curate.review.errors import ReviewError, UnknownItem
from curate.review.patterns import decide_pattern, examples_of, page_of, pattern_of, sample_of
from curate.review.queue import page_of as queue_page
from curate.review.stage import rebuild
from curate.review.undoing import undo
from store.database import Store
from store.workspace import Workspace
from tests.curate.review.builders import NOON, curate, desk, find, patterns_alone, put

COUNT = 30


@pytest.fixture
def ready(workspace: Workspace, store: Store) -> Workspace:
    own = patterns_alone(workspace)
    talks = {
        f"c{n:02d}": [("customer", f"order ORD-48{n:04d} please, help@shop.example said so"), ("agent", "On its way.")]
        for n in range(COUNT)
    }
    put(store, talks)
    curate(own, store)
    return own


@pytest.mark.parametrize(
    ("value", "entity_type", "shape"),
    [
        ("ORD-482913", "ORDER_ID", "ORD-######"),
        ("Ann.Lee@Example.com", "EMAIL_ADDRESS", "*@example.com"),
        ("12 Main Street", "ADDRESS", "## Aa Aa"),
        ("Maria", "PERSON", ""),
        ("٤٥٦", "ORDER_ID", "###"),
    ],
)
def test_a_shape_says_what_values_share_and_gives_none_away(value: str, entity_type: str, shape: str) -> None:
    assert shape_of(value, entity_type) == shape


def test_findings_are_grouped_by_value_and_by_shape(ready: Workspace, store: Store) -> None:
    (mail,) = [one for one in page_of(store, VALUE) if one.entity_type == "EMAIL_ADDRESS"]
    assert (mail.pattern, mail.findings, mail.conversations) == ("help@shop.example", COUNT, COUNT)
    orders = next(one for one in page_of(store, SHAPE) if one.pattern == "ORD-######")
    assert orders.conversations == COUNT
    assert 0 < orders.lowest <= orders.highest <= 1
    assert len(examples_of(store, [orders])[orders.pattern_id]) == 3
    assert "ORD" not in orders.pattern_id


def test_a_sample_is_drawn_alike_for_the_same_seed(ready: Workspace, store: Store) -> None:
    orders = next(one for one in page_of(store, SHAPE) if one.pattern == "ORD-######")
    drawn = sample_of(store, orders, "1")
    assert drawn == sample_of(store, orders, "1")
    assert len(drawn) == 20
    assert all(one.value.startswith("ORD-48") and one.before == "order " for one in drawn)


def test_a_whole_pattern_is_one_act_that_leaves_decided_ones_alone_and_is_undone(
    ready: Workspace, store: Store
) -> None:
    mail = next(one for one in page_of(store, VALUE) if one.entity_type == "EMAIL_ADDRESS")
    decide(desk(store), find(store, "c03", "help@shop.example"), "accept")
    act = decide_pattern(desk(store), mail.pattern_id, "reject")
    assert act.findings == COUNT - 1
    after = pattern_of(store, mail.pattern_id)
    assert (after.accepted, after.rejected, after.undecided) == (1, COUNT - 1, 0)
    assert last_acts(store, size=1)[0].words == f"A whole pattern: rejected ({COUNT - 1})"
    undo(desk(store), act.decision_id)
    again = pattern_of(store, mail.pattern_id)
    assert (again.accepted, again.rejected, again.undecided) == (1, 0, COUNT - 1)


def test_pages_follow_one_another(ready: Workspace, store: Store) -> None:
    patterns = page_of(store, SHAPE)
    after = (patterns[0].undecided, patterns[0].pattern_id)
    assert page_of(store, SHAPE, after=after) == patterns[1:]


def test_what_was_counted_anew_is_the_same(ready: Workspace, store: Store) -> None:
    decide(desk(store), find(store, "c03", "help@shop.example"), "accept")
    queue = [store.rows(f"SELECT * FROM {table} ORDER BY ALL") for table in ("review_queue", "patterns")]
    rebuild(store, ready.derive("review patterns").hex())
    again = [store.rows(f"SELECT * FROM {table} ORDER BY ALL") for table in ("review_queue", "patterns")]
    assert again[0] == queue[0]
    assert [row[:6] for row in again[1]] == [row[:6] for row in queue[1]]


def test_values_of_an_older_store_are_filled_in(ready: Workspace, store: Store) -> None:
    whole = store.rows("SELECT finding_id, normal, shape FROM finding_values ORDER BY ALL")
    store.execute("DELETE FROM finding_values WHERE conversation_key < 'c10'")
    curate(ready, store)
    assert store.rows("SELECT finding_id, normal, shape FROM finding_values ORDER BY ALL") == whole


def test_a_second_run_does_nothing(ready: Workspace, store: Store) -> None:
    before = store.value("SELECT count(*) FROM runs")
    curate(ready, store)
    assert store.value("SELECT count(*) FROM runs") == before
    assert len(queue_page(store, NOON)) == COUNT


def test_what_is_not_there_or_not_allowed_is_said_so(ready: Workspace, store: Store) -> None:
    with pytest.raises(UnknownItem):
        decide_pattern(desk(store), "nothing", "reject")
    with pytest.raises(ReviewError):
        decide_pattern(desk(store), "nothing", "perhaps")
