"""Labels: topic, outcome, length, kinds of turns and weights, each with what told it."""

from pathlib import Path
from typing import Any

import pytest

from curate.checking import check_rules
from curate.errors import RulesError
from curate.outcomes import curate_outcomes
from curate.quality.labels import load_labels
from curate.quality.stage import curate_quality
from store.database import Store
from store.workspace import Workspace
from tests.curate.builders import add_conversation, curation_of


def labels(store: Store, key: str) -> dict[str, tuple[str, str]]:
    rows = store.rows(
        "SELECT label, value, source FROM labels WHERE conversation_key = ? AND turn_key IS NULL ORDER BY ALL", [key]
    )
    return {label: (value, source) for label, value, source in rows}


def turn_labels(store: Store, key: str, label: str) -> dict[str, tuple[str, str]]:
    rows = store.rows(
        "SELECT turn_key, value, source FROM labels WHERE conversation_key = ? AND label = ? ORDER BY ALL", [key, label]
    )
    return {turn: (value, source) for turn, value, source in rows}


def own_pack(workspace: Workspace, folder: str, text: str) -> None:
    path = workspace.root / "rules" / folder
    path.mkdir(parents=True, exist_ok=True)
    (path / "mine.toml").write_text(text, encoding="utf-8")


def test_a_topic_is_told_by_tags_then_subject_then_the_customers_words(workspace: Workspace, store: Store) -> None:
    asks = [("customer", "My parcel is late."), ("customer", "Where is the parcel?"), ("agent", "refund refund refund")]
    add_conversation(store, "tags", asks, subject="My invoice", tags=["VIP", "Refund"])
    add_conversation(store, "subject", asks, subject="My invoice")
    add_conversation(store, "words", [*asks, ("customer", "Or I cancel.")])
    add_conversation(store, "none", [("customer", "Hm"), ("agent", "Your parcel?")])
    curate_quality(curation_of(workspace, store))
    assert {key: labels(store, key)["topic"] for key in ("tags", "subject", "words", "none")} == {
        "tags": ("returns", "tags"),
        "subject": ("payment", "subject"),
        "words": ("delivery", "words"),
        "none": ("other", "none"),
    }


@pytest.mark.parametrize(
    ("last", "columns", "told"),
    [
        ("Thanks a lot!", {"csat_label": "bad"}, ("unresolved", "rating")),
        ("Still not working.", {"csat_label": "good"}, ("resolved", "rating")),
        ("Thanks, but it is still not working.", {"status": "solved"}, ("unresolved", "last turns")),
        ("Vielen Dank!", {}, ("resolved", "last turns")),
        ("Merci beaucoup", {}, ("resolved", "last turns")),
        ("muchas gracias", {}, ("resolved", "last turns")),
        ("谢谢", {}, ("resolved", "last turns")),
        ("Thanks", {"status": "pending"}, ("unresolved", "status")),
        ("Ok", {"status": "closed"}, ("resolved", "status")),
        ("Ok", {"status": "closed", "custom": '{"metric_set": {"reopens": 2}}'}, ("unknown", "none")),
        ("Ok", {}, ("unknown", "none")),
    ],
)
def test_an_outcome_is_told_by_rating_last_turns_and_status(
    workspace: Workspace, store: Store, last: str, columns: dict[str, Any], told: tuple[str, str]
) -> None:
    turns = [("customer", "thanks in advance"), ("customer", "Hi"), ("agent", "Hello"), ("customer", last)]
    add_conversation(store, "c", turns, **columns)
    curate_quality(curation_of(workspace, store))
    assert labels(store, "c")["outcome"] == told


def test_lengths_and_forms_of_turns(workspace: Workspace, store: Store) -> None:
    add_conversation(
        store,
        "c",
        [
            ("customer", "My lamp is broken."),
            ("agent", "Which one?"),
            ("agent", "I send one."),
            ("customer", "Thanks!"),
        ],
    )
    add_conversation(store, "long", [("customer", "Hi"), ("agent", "Hi")] * 9)
    curate_quality(curation_of(workspace, store))
    assert labels(store, "c")["length"][0] == "short"
    assert labels(store, "long")["length"][0] == "long"
    forms = {turn: value for turn, (value, _) in turn_labels(store, "c", "turn").items()}
    assert forms == {"c-1": "question", "c-3": "thanks"}  # the others are a statement and an answer


def test_a_rule_of_weights_marks_the_turn_and_flags_the_conversation(workspace: Workspace, store: Store) -> None:
    turns = [
        ("customer", "WHERE IS MY {{thing}} PLEASE, I NEED IT"),
        ("agent", "Hello {{ticket.name}}, we look into it."),
        ("agent", "It is at the front desk of your house."),
    ]
    add_conversation(store, "c", turns)
    curation = curation_of(workspace, store)
    curate_quality(curation)
    curate_outcomes(curation)
    assert turn_labels(store, "c", "weight") == {"c-1": ("0", "Q034")}
    assert "Q034" in store.value("SELECT flags FROM outcomes")


def test_a_new_threshold_of_weights_is_judged_again_and_nothing_else_runs_twice(
    workspace: Workspace, store: Store
) -> None:
    add_conversation(store, "c", [("customer", "Is it there?"), ("agent", "Yes"), ("agent", "At the desk.")])
    curation = curation_of(workspace, store)
    curate_quality(curation)
    curate_quality(curation)
    assert store.value("SELECT count(*) FROM runs WHERE stage = 'quality'") == 1
    assert turn_labels(store, "c", "weight") == {"c-1": ("0", "Q036")}
    own_pack(workspace, "quality", 'pack = "mine"\n[[change]]\ncode = "Q036"\nthreshold = { min = 4 }\n')
    curate_quality(curation)
    assert set(turn_labels(store, "c", "weight")) == {"c-1", "c-2"}


def test_a_workspaces_labels_come_before_ours_and_may_be_new_ones(workspace: Workspace, store: Store) -> None:
    own_pack(
        workspace,
        "labels",
        """
        pack = "mine"
        [[label]]
        label = "topic"
        value = "lamps"
        words = ["lamp"]
        [[label]]
        label = "plan"
        value = "gold"
        tags = ["Gold"]
        """,
    )
    add_conversation(store, "a", [("customer", "My lamp: refund please"), ("agent", "Ok")], tags=["gold"])
    add_conversation(store, "b", [("customer", "refund please"), ("agent", "Ok")])
    curate_quality(curation_of(workspace, store))
    assert (labels(store, "a")["topic"], labels(store, "a")["plan"]) == (("lamps", "words"), ("gold", "tags"))
    assert (labels(store, "b")["topic"], labels(store, "b")["plan"]) == (("returns", "words"), ("other", "none"))


def test_every_mistake_in_a_label_pack_is_told_with_its_place(workspace: Workspace) -> None:
    own_pack(
        workspace,
        "labels",
        """
        pack = "mine"
        [[label]]
        label = "outcome"
        value = "resolvd"
        wrods = ["x"]
        [[label]]
        label = "weight"
        value = "1"
        words = [3]
        """,
    )
    with pytest.raises(RulesError) as caught:
        load_labels(workspace.root)
    told = caught.value.message
    for complaint in (
        "mine.toml: the pack, label 1: There is no key called 'wrods'. Did you mean words?",
        "There is no outcome called 'resolvd'. Did you mean resolved?",
        "words and tags are both missing",
        "label is 'weight', which chatmill tells by itself.",
        "words holds 3, but must hold texts.",
    ):
        assert complaint in told
    assert any("wrods" in problem for problem in check_rules(workspace.root).problems)


def test_a_label_pack_that_is_no_toml_is_named(workspace: Workspace) -> None:
    own_pack(workspace, "labels", "pack = mine")
    with pytest.raises(RulesError, match=r"mine\.toml: the file: is not valid TOML"):
        load_labels(workspace.root)


def test_our_own_label_packs_have_no_mistakes(tmp_path: Path) -> None:
    rules = load_labels(tmp_path)
    assert {rule.value for rule in rules if rule.label == "outcome"} == {"resolved", "unresolved"}
    assert len({rule.value for rule in rules if rule.label == "topic"}) >= 8
