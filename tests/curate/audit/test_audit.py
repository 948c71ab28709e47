"""The audit: planted values in memory, figures in the store, and a blind sample that people rate."""

import json
import random
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from curate.audit.audit import run_audit
from curate.audit.blind import blind_state, draw_blind_sample
from curate.audit.canaries import sample_turns
from curate.audit.planting import LOWER, Drawn, kinds, names, plant, streets
from curate.audit.summary import last_audit
from curate.audit.values import ADDRESS, DRAWS, draw
from curate.errors import CurateError
from curate.pipeline import curate_workspace
from curate.redact.policy import load_policy
from curate.report.data import gather
from curate.report.page import write_page
from service.main import app
from store.database import Store
from store.workspace import Workspace
from tests.curate.builders import add_conversations

ITEMS = ("lamp", "kettle", "blanket", "mirror", "bicycle", "teapot", "curtain", "drawer")
DOINGS = ("arrived broken", "never came", "is the wrong colour", "makes a strange noise", "was charged twice")


def conversation(number: int) -> tuple[str, list[tuple[str, str]], dict[str, object]]:
    item, doing = ITEMS[number % 8], DOINGS[number % 5]
    opening = f"Hello, the {item} that I bought from you last week {doing}. Could you please help me with that?"
    extra = f" You can write to me at person{number}@example.com if you need more." if number % 3 == 0 else ""
    return (
        f"c{number:03}",
        [
            ("customer", opening + extra),
            (
                "agent",
                f"I am sorry that the {item} {doing}. We will send you a replacement {number} today, is that fine?",
            ),
            ("customer", f"Yes, that would be great. I have waited for the {item} for {number + 2} days already."),
            ("agent", "Thank you for your patience. The replacement is on its way and should be with you soon."),
        ],
        {},
    )


@pytest.fixture
def curated(workspace: Workspace, store: Store) -> Store:
    add_conversations(store, [conversation(number) for number in range(40)])
    curate_workspace(workspace, store, workers=1)
    assert store.value("SELECT count(*) FROM outcomes WHERE verdict = 'keep'") > 20
    return store


def test_an_audit_reports_recall_by_kind_with_its_interval(workspace: Workspace, curated: Store) -> None:
    result = run_audit(workspace, curated, sample=30, of_each=10, blind=20)
    by_type = {one.entity_type: one for one in result.canaries.kinds}
    assert set(by_type) == {kind.entity_type for kind in kinds()}
    assert by_type["EMAIL_ADDRESS"].planted == 10
    assert by_type["EMAIL_ADDRESS"].found == 10
    for figures in result.canaries.figures()["kinds"]:
        low, high = figures["interval"]
        assert low <= figures["recall"] <= high
    assert by_type["EMAIL_ADDRESS"].sentence.startswith("Of 10 planted e-mail addresses 10 were found")


def test_a_policy_that_keeps_a_type_shows_as_recall_0(workspace: Workspace, curated: Store) -> None:
    (workspace.root / "rules").mkdir(exist_ok=True)
    (workspace.root / "rules" / "redaction.toml").write_text('[entities.EMAIL_ADDRESS]\noperator = "keep"\n')
    result = run_audit(workspace, curated, sample=30, of_each=10, blind=0)
    by_type = {one.entity_type: one for one in result.canaries.kinds}
    assert by_type["EMAIL_ADDRESS"].found <= 2  # a part of one may be taken for something else
    assert by_type["IP_ADDRESS"].found == 10


def test_surrogates_change_no_figure(workspace: Workspace, curated: Store) -> None:
    plain = run_audit(workspace, curated, sample=10, of_each=5, blind=0)
    (workspace.root / "rules").mkdir(exist_ok=True)
    (workspace.root / "rules" / "redaction.toml").write_text('[default]\noperator = "surrogate"\n')
    assert run_audit(workspace, curated, sample=10, of_each=5, blind=0).canaries == plain.canaries


def test_the_same_seed_gives_the_same_audit_and_another_seed_another(workspace: Workspace, curated: Store) -> None:
    one = run_audit(workspace, curated, sample=20, of_each=5, blind=10, seed=1)
    assert run_audit(workspace, curated, sample=20, of_each=5, blind=10, seed=1) == one
    assert curated.value("SELECT count(*) FROM evaluations") == 2
    assert sample_turns(curated, 10, 1) != sample_turns(curated, 10, 2)


def test_an_audit_changes_no_conversation_and_stores_no_text(workspace: Workspace, curated: Store) -> None:
    tables = ("conversations", "turns", "findings", "outcomes", "processed", "runs", "surrogates", "decisions")
    before = {table: curated.rows(f"SELECT count(*) FROM {table}") for table in tables}
    run_audit(workspace, curated, sample=20, of_each=5, blind=10)
    assert {table: curated.rows(f"SELECT count(*) FROM {table}") for table in tables} == before
    for (result,) in curated.rows("SELECT result FROM evaluations"):
        assert "@" not in result
        for item in (*ITEMS, "Hello", "{value}"):
            assert item not in result


def test_only_kept_conversations_are_drawn_from(workspace: Workspace, curated: Store) -> None:
    curated.execute("UPDATE outcomes SET verdict = 'drop' WHERE conversation_key <> 'c003'")
    drawn = sample_turns(curated, 100, 7)
    assert len(drawn) == 2
    assert all(one.turns[one.at][0] == "customer" for one in drawn)
    assert "person3@example.com" in drawn[0].turns[0][1]


def test_nothing_kept_is_said(workspace: Workspace, store: Store) -> None:
    with pytest.raises(CurateError, match="No kept conversation"):
        run_audit(workspace, store, sample=10, of_each=5, blind=0)


@pytest.mark.parametrize("kind", kinds(), ids=lambda kind: kind.entity_type)
@pytest.mark.parametrize("text", ["Hi. My parcel is late! Can you help?", "ok", "first line\nsecond line"])
def test_a_canary_stands_where_it_is_said_to_stand(kind: object, text: str) -> None:
    drawn = Drawn("en", (("agent", "Hello!"), ("customer", text), ("agent", "Sure.")), 1)
    for number in range(30):
        one = plant(kind, drawn, random.Random(number))  # type: ignore[arg-type]
        role, turn = one.turns[one.at]
        value = turn[one.start : one.end]
        assert role == "customer"
        assert value == value.strip() != ""
        assert "{value}" not in turn
        assert one.turns[0] == ("agent", "Hello!")
        assert one.turns[-1] == ("agent", "Sure.")
        if one.form == LOWER and not kind.case_matters:  # type: ignore[attr-defined]
            assert value == value.lower()
        if len(one.turns) == 3:
            rest = turn[: one.start] + turn[one.end :]
            assert all(word in rest for word in text.replace("\n", " ").split(" ")), "the turn's own words stay"


def test_every_kind_has_phrases_with_one_place_for_the_value() -> None:
    assert {kind.entity_type for kind in kinds()} == {*DRAWS, ADDRESS}
    for kind in kinds():
        assert kind.say["en"]
        for phrases in kind.say.values():
            assert all(phrase.count("{value}") == 1 for phrase in phrases)


@given(seed=st.integers(0, 10_000))
def test_drawn_cards_and_ibans_have_valid_check_digits(seed: int) -> None:
    rng = random.Random(seed)
    digits = [int(one) for one in draw("CREDIT_CARD", "en", rng, names(), streets()) if one.isdigit()]
    doubled = [sum(divmod(2 * one, 10)) if place % 2 else one for place, one in enumerate(reversed(digits))]
    assert sum(doubled) % 10 == 0
    iban = draw("IBAN_CODE", "en", rng, names(), streets()).replace(" ", "")
    assert int("".join(str(int(one, 36)) for one in iban[4:] + iban[:4])) % 97 == 1


def test_the_blind_sample_is_drawn_from_both_strata(workspace: Workspace, curated: Store) -> None:
    strata = draw_blind_sample(curated, load_policy(), size=20, seed=3, fallback="en")
    by_name = {one.name: one for one in strata}
    turns = curated.value(
        "SELECT count(*) FROM public_turns JOIN outcomes USING (conversation_key) WHERE verdict = 'keep'"
    )
    assert sum(one.turns for one in strata) == turns
    assert [len(one.drawn) for one in strata] == [10, 10]
    assert by_name["with findings"].found >= by_name["with findings"].turns
    assert by_name["without findings"].found == 0
    assert not set(by_name["with findings"].drawn) & set(by_name["without findings"].drawn)


def test_a_stratum_with_too_few_turns_leaves_its_places_to_the_other(workspace: Workspace, curated: Store) -> None:
    strata = draw_blind_sample(curated, load_policy(), size=60, seed=3, fallback="en")
    assert sum(len(one.drawn) for one in strata) == 60
    assert len(strata[0].drawn) == strata[0].turns < 30


def test_ratings_give_recall_with_its_interval(workspace: Workspace, curated: Store) -> None:
    run_audit(workspace, curated, sample=10, of_each=2, blind=20)
    state = blind_state(curated)
    assert state is not None
    assert state.recall is None
    assert "0 of these 20 are rated" in state.sentence
    evaluation_id, result = curated.rows("SELECT evaluation_id, result FROM evaluations WHERE kind = 'blind_sample'")[0]
    keys = [key for stratum in json.loads(result)["strata"] for key in stratum["drawn"]]
    rows = [
        {"evaluation_id": evaluation_id, "item_id": key, "verdict": "1" if at == 0 else "0", "rated_by": "officer",
         "rated_at": datetime.now(UTC)}
        for at, key in enumerate(keys)
    ]  # fmt: skip
    curated.append("ratings", pl.DataFrame(rows))
    run_audit(workspace, curated, sample=10, of_each=2, blind=20)
    rated = blind_state(curated)
    assert rated is not None
    assert rated.recall is not None
    assert 0 < rated.recall.interval.low < rated.recall.recall < 1
    assert "20 of these 20 are rated. They counted 1 misses" in rated.sentence


def test_the_report_tells_the_last_audit_and_goes_without_one(
    workspace: Workspace, curated: Store, tmp_path: Path
) -> None:
    page = tmp_path / "report.html"
    write_page(page, gather(curated, workspace))
    assert "How much redaction finds" not in page.read_text(encoding="utf-8")
    assert last_audit(curated) is None
    run_audit(workspace, curated, sample=10, of_each=5, blind=10)
    write_page(page, gather(curated, workspace))
    assert "Of 5 planted e-mail addresses 5 were found; true recall lies between 57 % and 100 %." in page.read_text(
        encoding="utf-8"
    )


def test_the_command_speaks_json_and_words(workspace: Workspace, store: Store) -> None:
    add_conversations(store, [conversation(number) for number in range(20)])
    curate_workspace(workspace, store, workers=1)
    store.close()
    arguments = ["audit", "-w", str(workspace.root), "--sample", "10", "--canaries", "3", "--blind", "6", "--seed", "5"]
    spoken = CliRunner().invoke(app, arguments)
    assert spoken.exit_code == 0, spoken.output
    assert "Of 3 planted phone numbers" in spoken.stdout
    assert "Drawn for people to read" in spoken.stdout
    figures = json.loads(CliRunner().invoke(app, [*arguments, "--json"]).stdout)
    assert {one["planted"] + one["set_aside"] for one in figures["canaries"]["kinds"]} == {3}
    assert sum(one["drawn"] for one in figures["blind"]["strata"]) == 6
    report = CliRunner().invoke(app, ["report", "-w", str(workspace.root), "--json"])
    assert len(json.loads(report.stdout)["audit"]["sentences"]) == len(kinds()) + 1
