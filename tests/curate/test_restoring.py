"""What a person decides of dropped conversations holds over every later curation, and shows why they were dropped."""

from collections.abc import Callable
from typing import Any

import pytest

from curate.dedup.stage import curate_duplicates
from curate.errors import CurateError
from curate.language import curate_language
from curate.outcomes import curate_outcomes
from curate.quality.stage import curate_quality
from curate.redact.stage import curate_redaction
from curate.restoring import (
    CannotRestore,
    count_decided,
    decide,
    decided_outcomes,
    decisions_of,
    outcome_of,
    outcomes_of,
)
from curate.stages import Curation
from curate.triggers import trigger_of
from store.database import Store
from store.workspace import Workspace
from tests.curate.builders import add_conversation, curation_of

ANSWER = "I am sorry for the delay. It was sent on Monday and should be with you by the end of this week."
RUDE = [
    ("customer", "My name is Ann Miller. Where the fuck is the blue kettle that this shop has sold me?"),
    ("agent", ANSWER),
]
SHORT = [("customer", "Hello, I would like to know when your shop in Leeds opens on Sunday?"), ("agent", "At nine.")]
LEAK = [("customer", "Guten Tag, wo bleibt meine Bestellung? Ich warte seit drei Wochen."), ("agent", ANSWER)]


@pytest.fixture
def curate(workspace: Workspace, store: Store) -> Callable[[], Curation]:
    def run() -> Curation:
        curation = curation_of(workspace, store)
        curate_language(curation)
        curate_duplicates(curation)
        curate_redaction(curation)
        curate_quality(curation)
        curate_outcomes(curation)
        return curation

    return run


@pytest.fixture
def curated(store: Store, curate: Any) -> Store:
    add_conversation(store, "rude", RUDE)
    add_conversation(store, "short", SHORT)
    add_conversation(store, "german", LEAK)
    ask = "I ordered a red lamp and a chair last month, and only the lamp has come, where is the chair please?"
    add_conversation(store, "lamp", [("customer", ask), ("agent", ANSWER)])
    add_conversation(store, "lamp2", [("customer", ask.replace("month", "winter")), ("agent", ANSWER)])
    curate()
    return store


def verdict(store: Store, key: str) -> str:
    return outcome_of(store, key).verdict


def test_a_restored_conversation_stays_until_the_decision_is_withdrawn(curated: Store, curate: Any) -> None:
    assert outcome_of(curated, "short").code == "Q003"
    decide(curated, "short", "keep", note="A good short answer.", by="Ann")
    assert outcome_of(curated, "short").is_waiting
    curate()
    restored = outcome_of(curated, "short")
    assert (restored.verdict, restored.reason) == ("keep", "A person decided to keep it.")
    assert not restored.is_waiting
    add_conversation(curated, "other", [("customer", "Is it open?"), ("agent", ANSWER)])
    curate()
    assert verdict(curated, "short") == "keep"
    assert [one.conversation_key for one in decided_outcomes(curated)] == ["short"]
    decide(curated, "short", "withdrawn", note="The rule is right.", by="Ben")
    curate()
    assert (verdict(curated, "short"), count_decided(curated)) == ("drop", 0)
    assert [(one.verdict, one.decided_by) for one in decisions_of(curated, "short")] == [
        ("keep", "Ann"),
        ("withdrawn", "Ben"),
    ]


def test_every_decision_is_in_the_history_with_what_it_overruled(curated: Store) -> None:
    decide(curated, "short", "keep", note="Fine as it is.", by="Ann")
    decide(curated, "short", "drop", note="After all not.", by="Ben")
    rows = curated.rows("SELECT actor, action, subject, before FROM history ORDER BY happened_at, action DESC")
    assert [row[:3] for row in rows] == [("Ann", "conversation.keep", "short"), ("Ben", "conversation.drop", "short")]
    assert '"decision":"keep"' in rows[1][3]
    assert '"outcome":"Q003"' in rows[0][3]


def test_a_near_duplicate_can_be_kept_beside_its_keeper(curated: Store, curate: Any) -> None:
    spare = next(key for key in ("lamp", "lamp2") if verdict(curated, key) == "drop")
    assert outcome_of(curated, spare).code == "duplicates.near"
    decide(curated, spare, "keep", note="Another season is another case.", by="Ann")
    curate()
    assert (verdict(curated, "lamp"), verdict(curated, "lamp2")) == ("keep", "keep")


@pytest.mark.parametrize(("said", "note"), [("keep", " "), ("maybe", "why"), ("withdrawn", "why"), ("drop", "x" * 501)])
def test_what_makes_no_sense_is_refused_and_leaves_no_trace(curated: Store, said: str, note: str) -> None:
    with pytest.raises(CurateError):
        decide(curated, "short", said, note=note, by="Ann")
    assert curated.value("SELECT count(*) FROM decisions") == 0
    assert curated.value("SELECT count(*) FROM history") == 0


def test_nobody_may_overrule_what_keeps_people_safe(curated: Store) -> None:
    assert not outcome_of(curated, "german").can_restore
    with pytest.raises(CannotRestore, match=r"language\.unsupported"):
        decide(curated, "german", "keep", note="Please.", by="Ann")
    with pytest.raises(CurateError, match="no outcome"):
        decide(curated, "nobody", "keep", note="Please.", by="Ann")


def test_pages_go_on_behind_the_last_key(curated: Store) -> None:
    first = outcomes_of(curated, "kept", size=1)
    rest = outcomes_of(curated, "kept", after=first[0].conversation_key)
    everything = outcomes_of(curated, "kept")
    assert [one.conversation_key for one in (*first, *rest)] == [one.conversation_key for one in everything]
    assert len(first) == 1


def test_the_words_that_broke_a_rule_are_marked_and_names_are_redacted(workspace: Workspace, curated: Store) -> None:
    shown = trigger_of(curated, workspace.settings, workspace.root, key="rude", code="Q060")
    said = {turn.role: turn for turn in shown.turns if turn.is_cause}
    assert shown.rule is not None
    assert list(said) == ["customer"]
    assert [piece.text for piece in said["customer"].pieces if piece.is_cause] == ["fuck"]
    assert "Miller" not in "".join(piece.text for turn in shown.turns for piece in turn.pieces)
    assert (shown.measured, shown.allowed) == (1.0, "at most 0")


def test_a_duplicate_shows_its_keeper_and_the_words_that_differ(workspace: Workspace, curated: Store) -> None:
    spare, keeper = ("lamp", "lamp2") if verdict(curated, "lamp") == "drop" else ("lamp2", "lamp")
    shown = trigger_of(curated, workspace.settings, workspace.root, key=spare, code="duplicates.near")
    assert shown.keeper == keeper
    assert shown.differs in ("month → winter", "winter → month")


def test_what_redaction_has_not_passed_shows_no_word(workspace: Workspace, curated: Store) -> None:
    shown = trigger_of(curated, workspace.settings, workspace.root, key="german", code="language.unsupported")
    assert not shown.is_shown
    assert shown.turns == ()
