"""Allow and deny lists: the effect is told first, only the conversations touched run again, and all of it is undone."""

import pytest

from curate.redact.redact import redacted_turns
from curate.review.decisions import decide
from curate.review.errors import ReviewError, UnknownItem
from curate.review.lists import Entry, listed, preview, put, take_off
from curate.review.undoing import undo
from export.dataset import build_dataset
from export.selection import select
from export.sign_off import checklist
from store.database import Store
from store.workspace import Workspace
from tests.curate.review.builders import curate, desk, find, outcome, patterns_alone, runs
from tests.curate.review.builders import put as store_talk

SHOP = "help@shop.example"
TALK = {
    "c1": [("customer", f"I wrote to {SHOP} about it"), ("agent", "Zörnbrix is on its way.")],
    "c2": [("customer", f"{SHOP.upper()} never answers"), ("agent", "We are sorry.")],
    "c3": [("customer", "where is my ZORNBRIX?"), ("agent", "It comes today.")],
    "c4": [("customer", "nothing of that sort"), ("agent", "Fine.")],
}


@pytest.fixture
def ready(workspace: Workspace, store: Store) -> Workspace:
    own = patterns_alone(workspace)
    store_talk(store, {key: turns for key, turns in TALK.items() if key != "c3"})
    store_talk(store, {"c3": TALK["c3"]}, batch_id="other")
    curate(own, store)
    return own


def texts(workspace: Workspace, store: Store) -> list[str]:
    rows = redacted_turns(store, workspace.settings, sorted(TALK))
    return rows.filter(rows["position"] == 0)["text"].to_list() + rows.filter(rows["position"] == 1)["text"].to_list()


def test_what_is_never_redacted_stays_and_only_what_it_touches_runs_again(ready: Workspace, store: Store) -> None:
    entry = Entry(SHOP, "allow")
    effect = preview(store, entry)
    assert (effect.places, effect.conversations, effect.found, effect.undecided) == (2, 2, 2, 2)
    assert listed(store) == []
    done = put(desk(store), entry)
    assert (done.to_run, done.act.findings) == (2, 2)
    curate(ready, store)
    assert runs(store, "redaction") == [4]
    assert runs(store, "leaks") == [4, 2]
    assert texts(ready, store)[:2] == [TALK["c1"][0][1], TALK["c2"][0][1]]
    assert {outcome(store, key) for key in TALK} == {"kept"}


def test_what_is_allowed_is_left_alone_in_what_comes_later(ready: Workspace, store: Store) -> None:
    put(desk(store), Entry(SHOP, "allow"))
    store_talk(store, {"c5": [("customer", f"mail me, not {SHOP}: bo@else.example"), ("agent", "Yes.")]})
    curate(ready, store)
    (text, _) = redacted_turns(store, ready.settings, ["c5"])["text"].to_list()
    assert text == f"mail me, not {SHOP}: <EMAIL_1>"
    decide(desk(store), find(store, "c5", SHOP), "accept")
    (text, _) = redacted_turns(store, ready.settings, ["c5"])["text"].to_list()
    assert SHOP not in text


def test_what_is_always_redacted_goes_however_it_is_spelt_and_nothing_leaves_before(
    ready: Workspace, store: Store
) -> None:
    entry = Entry("Zörnbrix", "deny", "CUSTOM")
    effect = preview(store, entry)
    assert (effect.places, effect.conversations, effect.found) == (2, 2, 0)
    assert put(desk(store), entry).to_run == 2
    assert set(select(store).kept["conversation_key"]) == {"c2", "c4"}
    curate(ready, store)
    assert runs(store, "redaction") == [4, 2]
    assert texts(ready, store)[2] == "where is my <CUSTOM_1>?"
    assert texts(ready, store)[4] == "<CUSTOM_1> is on its way."
    assert set(select(store).kept["conversation_key"]) == set(TALK)


def test_an_entry_for_one_batch_leaves_the_others_alone(ready: Workspace, store: Store) -> None:
    assert put(desk(store), Entry("zornbrix", "deny", "CUSTOM", "other")).to_run == 1
    curate(ready, store)
    assert texts(ready, store)[2] == "where is my <CUSTOM_1>?"
    assert texts(ready, store)[4] == "Zörnbrix is on its way."


def test_an_entry_is_undone_with_everything_it_did(ready: Workspace, store: Store) -> None:
    before = texts(ready, store)
    for entry in (Entry("Zörnbrix", "deny", "CUSTOM"), Entry(SHOP, "allow")):
        done = put(desk(store), entry)
        curate(ready, store)
        assert texts(ready, store) != before
        assert undo(desk(store), done.act.decision_id).to_run == 2
        curate(ready, store)
        assert texts(ready, store) == before
    assert listed(store) == []


def test_the_newest_entry_of_a_value_holds(ready: Workspace, store: Store) -> None:
    put(desk(store), Entry("zornbrix", "deny", "CUSTOM"))
    put(desk(store), Entry("Zörnbrix", "allow"))
    (held,) = listed(store)
    assert held.list == "allow"
    curate(ready, store)
    assert texts(ready, store)[2] == TALK["c3"][0][1]
    take_off(desk(store), held.normal)
    assert listed(store) == []
    with pytest.raises(UnknownItem):
        take_off(desk(store), held.normal)


@pytest.mark.parametrize("value", ["", "a", " - ", "x" * 501])
def test_an_entry_that_would_fit_anything_is_refused(value: str, ready: Workspace, store: Store) -> None:
    with pytest.raises(ReviewError):
        preview(store, Entry(value, "deny", "CUSTOM"))


def test_a_denied_value_needs_a_type_that_the_policy_knows(ready: Workspace, store: Store) -> None:
    with pytest.raises(ReviewError, match="NOTHING"):
        put(desk(store), Entry("zornbrix", "deny", "NOTHING"))


@pytest.mark.parametrize("written", ["4155550132", "(415) 555-0132", "415 555 0132"])
def test_a_number_is_found_however_it_is_grouped(written: str, ready: Workspace, store: Store) -> None:
    store_talk(store, {"c6": [("customer", "use 415.555.0132 then"), ("agent", "ok")]})
    assert preview(store, Entry(written, "deny", "PHONE_NUMBER")).conversations == 1


def test_a_list_entry_that_no_finding_knew_of_reaches_the_next_export(ready: Workspace, store: Store) -> None:
    first = build_dataset(ready, store)
    put(desk(store), Entry("Zörnbrix", "deny", "CUSTOM"))
    curate(ready, store)
    checks = {one.name: one.said for one in checklist(ready, store, first, by="ann")}
    assert checks["Up to date"] == "1 decisions were made after it was built."
    second = build_dataset(ready, store)
    lines = "".join((second.folder / name).read_text() for name in second.files)
    assert "rnbrix" not in lines.casefold()
    assert second.dataset_id != first.dataset_id
    assert not build_dataset(ready, store).is_new
