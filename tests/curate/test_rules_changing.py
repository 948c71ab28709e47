"""Rules changed on the screens: written as a person would, counted before, refused where they cannot hold."""

import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.dedup.stage import curate_duplicates
from curate.errors import RulesError
from curate.language import curate_language
from curate.outcomes import GENERAL, curate_outcomes
from curate.quality.changing import change_list, change_rule, read_terms, version_of, word_lists
from curate.quality.counted import STAGE, count_signals
from curate.quality.effects import counts, effect_of, spread_of
from curate.quality.packs import rules_and_changed, workspace_rules
from curate.quality.rules import Threshold
from curate.quality.stage import curate_quality
from curate.quality.trying import read_chat, try_rules
from store.database import Store
from store.ledger import run
from store.workspace import Workspace
from tests.curate.builders import add_conversation, curation_of
from tests.curate.test_outcomes import redacted

WORDS = ["kettle", "lamp", "chair", "window", "garden", "bicycle", "carpet", "mirror", "blanket", "drawer"]


def curate(workspace: Workspace, store: Store) -> None:
    curation = curation_of(workspace, store)
    curate_language(curation)
    curate_duplicates(curation)
    redacted(store)
    curate_quality(curation)
    curate_outcomes(curation)


@pytest.fixture
def curated(workspace: Workspace, store: Store) -> Store:
    """Ten conversations whose answers have 3 to 12 words."""
    for at, word in enumerate(WORDS):
        said = " ".join(["Certainly the", word, *WORDS[:at]][: at + 2])
        ask = f"Hello, could somebody tell me when the {word} that I ordered for {word} day will come?"
        add_conversation(store, word, [("customer", ask), ("agent", said)])
    curate(workspace, store)
    return store


def rule(root: Path, code: str) -> Any:
    return next(now for own, now in rules_and_changed(root) if own.code == code)


def dropped(store: Store) -> set[str]:
    return {key for (key,) in store.rows("SELECT conversation_key FROM outcomes WHERE verdict = 'drop'")}


@pytest.mark.parametrize("least", [1.0, 4.0, 6.0, 9.0])
@pytest.mark.parametrize("action", ["drop", "flag", "off"])
def test_the_counted_effect_is_what_curation_then_does(
    workspace: Workspace, curated: Store, least: float, action: str
) -> None:
    before, root = dropped(curated), workspace.root
    rules = workspace_rules(root)
    told = effect_of(curated, rules, rule(root, "Q003"), threshold=Threshold(min=least), action=action)
    change_rule(curated, root, "Q003", threshold=Threshold(min=least), action=action, by="Ann")
    curate(workspace, curated)
    after = dropped(curated)
    assert (len(after - before), len(before - after)) == (told.newly, told.back)
    if action != "off":
        assert counts(curated).get("Q003", counts(curated).get("none")) is None or told.matches_then == (
            counts(curated)["Q003"].matches
        )


def test_a_change_is_a_pack_that_people_can_read_and_taking_it_back_leaves_none(
    workspace: Workspace, curated: Store
) -> None:
    root, packed = workspace.root, rule(workspace.root, "Q003")
    done = change_rule(curated, root, "Q003", threshold=Threshold(min=2), action="flag", by="Ann")
    path = root / "rules" / "quality" / "screens.toml"
    assert tomllib.loads(path.read_text())["change"] == [{"code": "Q003", "threshold": {"min": 2.0}, "action": "flag"}]
    assert (done.threshold, done.action) == (Threshold(min=2.0), "flag")
    change_rule(curated, root, "Q003", threshold=packed.threshold, action=packed.action, by="Ben")
    assert "change" not in tomllib.loads(path.read_text())
    told = curated.rows("SELECT actor, action, subject, before, after FROM history ORDER BY happened_at")
    assert [row[:3] for row in told] == [("Ann", "rule.change", "Q003"), ("Ben", "rule.change", "Q003")]
    assert told[0][4] == told[1][3] == '{"action":"flag","max":null,"min":2.0}'


def test_a_change_that_cannot_hold_is_refused_and_changes_nothing(workspace: Workspace, curated: Store) -> None:
    root = workspace.root
    folder = root / "rules" / "quality"
    folder.mkdir(parents=True)
    (folder / "z_by_hand.toml").write_text('pack = "hand"\n[[change]]\ncode = "Q003"\nthreshold = { min = 7 }\n')
    cases: list[tuple[str, Threshold, str, str]] = [
        ("Q003", Threshold(min=2), "drop", "Another file"),
        ("Q999", Threshold(min=2), "drop", "no rule"),
        ("Q004", Threshold(), "drop", "least or a most"),
        ("Q004", Threshold(min=3, max=1), "drop", "nothing allowed"),
        ("Q004", Threshold(max=1), "weight", "whole conversations"),
        ("Q004", Threshold(max=1), "burn", "no action"),
    ]
    for code, threshold, action, why in cases:
        with pytest.raises(RulesError, match=why):
            change_rule(curated, root, code, threshold=threshold, action=action, by="Ann")
    assert [path.name for path in folder.iterdir()] == ["z_by_hand.toml"]
    assert curated.value("SELECT count(*) FROM history") == 0


def test_the_second_of_two_people_is_told_that_the_first_was_faster(workspace: Workspace, curated: Store) -> None:
    seen = version_of(rule(workspace.root, "Q003"))
    change_rule(curated, workspace.root, "Q003", threshold=Threshold(min=2), action="drop", by="Ann", version=seen)
    with pytest.raises(RulesError, match="meanwhile"):
        change_rule(curated, workspace.root, "Q003", threshold=Threshold(min=9), action="drop", by="Ben", version=seen)


def test_a_list_is_the_workspaces_own_until_it_is_emptied(workspace: Workspace, curated: Store) -> None:
    root = workspace.root
    ours = next(one for one in word_lists(root) if one.name == "profanity")
    assert ours.rules
    assert not ours.is_own
    mine = change_list(curated, root, "profanity", "blimey\n\n crikey  # mild\nblimey\n", by="Ann")
    assert (mine.terms, mine.is_own) == (("blimey", "crikey"), True)
    tried = {one.rule.code: one for one in try_rules(workspace_rules(root), [("agent", "Blimey, what a day.")])}
    assert any(tried[code].value for code in ours.rules)
    again = change_list(curated, root, "profanity", "", by="Ann")
    assert (again.terms, again.is_own) == (ours.terms, False)
    with pytest.raises(RulesError, match="no list"):
        change_list(curated, root, "../../chatmill", "x", by="Ann")


def test_the_spread_counts_every_measured_conversation(workspace: Workspace, curated: Store) -> None:
    bins = spread_of(curated, rule(workspace.root, "Q003"))
    assert sum(one.conversations for one in bins) == len(WORDS)
    assert bins[0].low == 3
    assert all(one.low < one.high for one in bins)


VALUES = st.one_of(
    st.integers(0, 60).map(float),
    st.integers(0, 3000).map(lambda thousandths: thousandths / 1000),
    st.floats(0, 3, allow_nan=False),
)
LIMITS = st.one_of(st.none(), st.integers(0, 3000).map(lambda thousandths: thousandths / 1000), st.floats(0, 3))


@given(
    values=st.lists(VALUES, min_size=1, max_size=len(WORDS)),
    least=LIMITS,
    most=LIMITS,
    action=st.sampled_from(["drop", "flag", "off"]),
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
def test_an_effect_that_is_looked_up_is_the_one_that_the_signals_tell(
    workspace: Workspace, curated: Store, values: list[float], least: float | None, most: float | None, action: str
) -> None:
    rules = workspace_rules(workspace.root)
    named, reason = rule(workspace.root, "Q003"), GENERAL["decision.keep"]
    curated.execute("DELETE FROM signals WHERE signal = ?", [named.signal])
    for word, value in zip(WORDS, values, strict=False):
        curated.execute("INSERT INTO signals VALUES (?, ?, ?, NULL, 'r')", [word, named.signal, value])
    curated.execute("DELETE FROM runs WHERE stage = ?", [STAGE])
    told = [effect_of(curated, rules, named, threshold=Threshold(least, most), action=action)]
    count_signals(curated, rules, reason)
    told.append(effect_of(curated, rules, named, threshold=Threshold(least, most), action=action))
    assert told[0] == told[1]
    assert told[0].measured == min(len(values), len(WORDS))


def test_zeros_are_not_stored_and_yet_counted(workspace: Workspace, curated: Store) -> None:
    named = rule(workspace.root, "Q063")  # no personal data is in any of them
    assert curated.value("SELECT count(*) FROM signals WHERE signal = ?", [named.signal]) == 0
    assert [(one.low, one.conversations) for one in spread_of(curated, named)] == [(0, len(WORDS))]
    told = effect_of(curated, workspace_rules(workspace.root), named, threshold=Threshold(max=0.2), action="drop")
    assert (told.measured, told.matches_then, told.newly) == (len(WORDS), 0, 0)


def test_a_limit_that_zero_breaks_is_counted_after_the_next_curation(workspace: Workspace, curated: Store) -> None:
    root = workspace.root
    named = rule(root, "Q063")
    least = Threshold(min=0.1)
    assert "next curation" in effect_of(curated, workspace_rules(root), named, threshold=least, action="flag").sentence
    change_rule(curated, root, "Q063", threshold=least, action="flag", by="Ann")
    curate(workspace, curated)
    now = rule(root, "Q063")
    told = effect_of(curated, workspace_rules(root), now, threshold=now.threshold, action="flag")
    assert (told.measured, told.matches_now) == (len(WORDS), len(WORDS))


def test_what_lies_beyond_a_limit_has_a_step_of_its_own(workspace: Workspace, store: Store) -> None:
    shares = [0.01 * (at % 30) for at in range(500)] + [0.5]
    named = rule(workspace.root, "Q063")  # at most 0.4 of it is personal data
    for at, share in enumerate(shares):
        store.execute("INSERT INTO signals VALUES (?, ?, ?, NULL, 'r')", [f"c{at}", named.signal, share])
    with run(store, "quality") as this:
        this.position.update(signals=[named.signal], zeros=[named.signal])
    bins = spread_of(store, named)
    assert sum(one.conversations for one in bins) == len(shares)
    assert [one.conversations for one in bins if named.threshold.broken_by((one.low + one.high) / 2)] == [1]


def test_a_pasted_chat_is_judged_by_every_rule() -> None:
    turns = read_chat("Customer: Where is my kettle?\nIt is blue.\n\nAGENT: No idea.")
    assert turns == [("customer", "Where is my kettle?\nIt is blue."), ("agent", "No idea.")]
    tried = {one.rule.code: one for one in try_rules(workspace_rules(), turns)}
    assert (tried["Q003"].value, tried["Q003"].verdict) == (2.0, "drop")
    assert tried["Q001"].verdict == "keep"


@pytest.mark.parametrize("text", ["", "   ", "Where is it?", "customer:", "agent: " + "x" * 20_001])
def test_a_paste_that_is_no_chat_says_what_to_do(text: str) -> None:
    with pytest.raises(RulesError) as caught:
        read_chat(text)
    assert caught.value.hint


@given(st.text(max_size=200))
def test_lists_read_as_they_are_written(text: str) -> None:
    terms = read_terms(text)
    assert read_terms("\n".join(terms)) == terms
