"""Decisions on a real store: append-only, the newest counts, the later one sees the earlier, undo gives back."""

from datetime import timedelta
from pathlib import Path

import pytest

from curate.redact.redact import redacted_turns
from curate.review.acts import act_of, last_acts, newest_of
from curate.review.decisions import accept_rest, add_span, decide, flag, retype
from curate.review.errors import Overtaken, Reserved, ReviewError, UnknownItem
from curate.review.everywhere import decide_everywhere, same_text
from curate.review.queue import DONE, FLAGGED, OPEN, counts, page_of
from curate.review.reservations import holder, release, reserve
from curate.review.undoing import undo
from store.database import Store
from store.workspace import Workspace
from tests.curate.review.builders import NOON, case, curate, desk, find, outcome, patterns_alone, put

MAIL = "ann.lee@example.com"
TALK = {
    "c1": [("customer", f"Hi, my mail is {MAIL} and my order ORD-482913."), ("agent", f"Thanks, I wrote to {MAIL}.")],
    "c2": [("customer", f"please use {MAIL} for the invoice"), ("agent", "Done.")],
    "c3": [("customer", "my phone is 415 555 0132"), ("agent", "Thank you.")],
}


@pytest.fixture
def ready(workspace: Workspace, store: Store) -> Workspace:
    own = patterns_alone(workspace)
    put(store, TALK)
    curate(own, store)
    return own


def texts(workspace: Workspace, store: Store, key: str) -> list[str]:
    return redacted_turns(store, workspace.settings, [key])["text"].to_list()


def state(store: Store, key: str) -> str:
    return store.value("SELECT state FROM review_queue WHERE conversation_key = ?", [key])


def test_a_rejected_text_stays_in_its_whole_conversation_and_nothing_leaks(ready: Workspace, store: Store) -> None:
    act = decide(desk(store), find(store, "c1", MAIL), "reject")
    assert act.findings >= 2
    assert [MAIL in text for text in texts(ready, store, "c1")] == [True, True]
    assert MAIL not in texts(ready, store, "c2")[0]
    curate(ready, store)
    assert outcome(store, "c1") == "kept"


def test_decisions_are_only_added_and_the_newest_counts(ready: Workspace, store: Store) -> None:
    finding = find(store, "c1", MAIL)
    before = store.rows("SELECT * FROM decisions")
    decide(desk(store), finding, "reject")
    first = store.rows("SELECT * FROM decisions ORDER BY ALL")
    decide(desk(store), finding, "accept")
    after = store.rows("SELECT * FROM decisions ORDER BY ALL")
    assert before == []
    assert set(first) < set(after)
    assert case(store, "c1").item(finding).verdict == "accept"
    assert MAIL not in "".join(texts(ready, store, "c1"))


def test_the_later_one_sees_the_earlier(ready: Workspace, store: Store) -> None:
    finding = find(store, "c1", MAIL)
    decide(desk(store, "ann"), finding, "reject", seen="")
    with pytest.raises(Overtaken, match="ann has decided"):
        decide(desk(store, "ben"), finding, "accept", seen="")
    newest = newest_of(store, "c1")
    assert newest is not None
    decide(desk(store, "ben"), finding, "accept", seen=newest[0])
    assert case(store, "c1").item(finding).decided_by == "ben"


def test_what_somebody_has_is_refused_to_others_for_five_minutes(ready: Workspace, store: Store) -> None:
    finding = find(store, "c1", MAIL)
    assert reserve(store, "c1", "ann", NOON).person == "ann"
    assert reserve(store, "c1", "ben", NOON).person == "ann"
    with pytest.raises(Reserved, match="ann is reviewing"):
        decide(desk(store, "ben", NOON + timedelta(minutes=4)), finding, "reject")
    decide(desk(store, "ben", NOON + timedelta(minutes=6)), finding, "reject")
    release(store, "c1", "ann")
    assert holder(store, "c1", NOON) is None


def test_who_takes_the_next_one_gives_back_the_last(ready: Workspace, store: Store) -> None:
    reserve(store, "c1", "ann", NOON)
    reserve(store, "c2", "ann", NOON)
    assert holder(store, "c1", NOON) is None
    assert page_of(store, NOON)[0].held_by in (None, "ann")


def test_another_type_stands_in_the_text_and_survives_a_new_search(ready: Workspace, store: Store) -> None:
    retype(desk(store), find(store, "c1", "ORD-482913"), "TICKET_ID")
    assert "<TICKET_ID_1>" in texts(ready, store, "c1")[0]
    store.execute("UPDATE processed SET content_hash = '' WHERE stage = 'redaction'")
    curate(ready, store)
    assert "<TICKET_ID_1>" in texts(ready, store, "c1")[0]
    assert outcome(store, "c1") == "kept"


@pytest.mark.parametrize(
    "said", ["👩🏽‍🚒🎉 ask Zorro about it", "שלום, ask Zorro about it", "a\u0301\u200d ask Zorro now"]
)
def test_a_span_after_an_emoji_or_in_right_to_left_text_is_the_one_meant(
    said: str, ready: Workspace, store: Store
) -> None:
    put(store, {"c9": [("customer", said), ("agent", "Zorro will call.")]})
    curate(ready, store)
    start = said.index("Zorro")
    add_span(desk(store), "c9", "c9-0", start, start + 5, "PERSON")
    assert texts(ready, store, "c9") == [said.replace("Zorro", "<PERSON_1>"), "<PERSON_1> will call."]
    curate(ready, store)
    assert outcome(store, "c9") == "kept"


@pytest.mark.parametrize(("start", "end"), [(-1, 3), (3, 3), (0, 10_000), (2, 3)])
def test_a_span_that_is_none_is_refused(start: int, end: int, ready: Workspace, store: Store) -> None:
    with pytest.raises(ReviewError):
        add_span(desk(store), "c1", "c1-0", start, end, "PERSON")
    assert store.rows("SELECT * FROM marks") == []


def test_a_span_is_taken_back(ready: Workspace, store: Store) -> None:
    act = add_span(desk(store), "c3", "c3-1", 0, 9, "PERSON")
    assert texts(ready, store, "c3")[1] == "<PERSON_1>."
    undo(desk(store), act.decision_id)
    assert texts(ready, store, "c3")[1] == "Thank you."
    undo(desk(store), last_acts(store)[0].decision_id)
    assert texts(ready, store, "c3")[1] == "<PERSON_1>."


def test_a_mark_on_a_text_that_has_changed_holds_no_more(ready: Workspace, store: Store) -> None:
    add_span(desk(store), "c3", "c3-1", 0, 5, "PERSON")
    put(store, {"c3": [("customer", "my phone is 415 555 0132"), ("agent", "Many thanks to you.")]})
    curate(ready, store)
    assert texts(ready, store, "c3")[1] == "Many thanks to you."


def test_accepting_the_rest_leaves_nothing_undecided_and_changes_no_text(ready: Workspace, store: Store) -> None:
    before = texts(ready, store, "c1")
    accept_rest(desk(store), "c1")
    assert state(store, "c1") == DONE
    assert texts(ready, store, "c1") == before
    assert counts(store) == {OPEN: 2, FLAGGED: 0, DONE: 1}


def test_undo_gives_back_what_was_before_but_not_over_somebody_else(ready: Workspace, store: Store) -> None:
    finding = find(store, "c1", MAIL)
    first = decide(desk(store, "ann"), finding, "accept")
    second = decide(desk(store, "ann"), finding, "reject")
    undo(desk(store, "ann"), second.decision_id)
    assert case(store, "c1").item(finding).verdict == "accept"
    decide(desk(store, "ben"), finding, "reject")
    undone = undo(desk(store, "ann"), first.decision_id)
    assert undone.findings == 0
    assert case(store, "c1").item(finding).decided_by == "ben"
    with pytest.raises(ReviewError, match="undone already"):
        undo(desk(store), first.decision_id)


def test_the_same_text_is_counted_first_and_then_decided_as_one(ready: Workspace, store: Store) -> None:
    finding = find(store, "c1", MAIL)
    decide(desk(store), finding, "reject")
    counted = same_text(store, finding, "reject").counted
    assert (counted.findings, counted.conversations) == (1, 1)
    act = decide_everywhere(desk(store), finding, "reject")
    assert act.conversations == 1
    assert MAIL in texts(ready, store, "c2")[0]
    undo(desk(store), act.decision_id)
    assert MAIL not in texts(ready, store, "c2")[0]
    assert MAIL in texts(ready, store, "c1")[0]


def test_a_flag_sets_aside_and_comes_off(ready: Workspace, store: Store) -> None:
    flag(desk(store), "c2", note="is this a product?")
    assert state(store, "c2") == FLAGGED
    flag(desk(store), "c2", flagged=False)
    assert state(store, "c2") == OPEN


def test_the_riskiest_come_first_and_pages_follow_one_another(ready: Workspace, store: Store) -> None:
    first = page_of(store, NOON, size=2)
    rest = page_of(store, NOON, after=(first[-1].risk, first[-1].conversation_key))
    risks = [one.risk for one in (*first, *rest)]
    assert risks == sorted(risks, reverse=True)
    assert {one.conversation_key for one in (*first, *rest)} == set(TALK)


def test_no_value_stands_in_the_history_or_in_an_act(ready: Workspace, store: Store, tmp_path: Path) -> None:
    finding = find(store, "c1", MAIL)
    decide(desk(store), finding, "reject")
    decide_everywhere(desk(store), finding, "reject")
    add_span(desk(store), "c3", "c3-1", 0, 5, "PERSON")
    told = repr(store.rows("SELECT * FROM history")) + repr(store.rows("SELECT * FROM acts"))
    assert "example.com" not in told
    assert "Thank" not in told
    assert store.value("SELECT count(*) FROM history WHERE action LIKE 'review.%'") == 3


def test_what_is_not_there_is_said_so(ready: Workspace, store: Store) -> None:
    with pytest.raises(UnknownItem):
        decide(desk(store), "nothing", "accept")
    with pytest.raises(UnknownItem):
        act_of(store, "nothing")
