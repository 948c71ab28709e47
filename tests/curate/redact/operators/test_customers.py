"""Surrogates over a real store: one customer is one person over connectors, imports, tickets and runs."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from curate.language import curate_language
from curate.redact.known import plain_text
from curate.redact.redact import redacted_turns
from curate.redact.stage import curate_redaction
from curate.stages import Curation
from export.selection import select
from ingest.exports import ingest_exports
from store.database import Store
from store.workers import Workers
from store.workspace import Workspace
from tests.curate.builders import add_conversation

POLICY = '[default]\noperator = "surrogate"\n'
SURROGATES = "SELECT * REPLACE (drawn_at::VARCHAR AS drawn_at) FROM surrogates ORDER BY ALL"
MARIA = "maria.gonzales@acme.test"
PLAIN = "My parcel with the lamp has not arrived yet, could you please look where it is?"


@pytest.fixture(autouse=True)
def _one_key(_own_keys: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """Draw the same surrogates in every run of the tests."""
    monkeypatch.setenv("CHATMILL_KEY", "c4" * 32)


def with_policy(workspace: Workspace, text: str = POLICY) -> None:
    (workspace.root / "rules").mkdir(exist_ok=True)
    (workspace.root / "rules/redaction.toml").write_text(text, encoding="utf-8")


def curate(workspace: Workspace, store: Store) -> None:
    with Workers(1) as workers:
        curation = Curation(store, workspace, workers)
        curate_language(curation)
        curate_redaction(curation)


def put(
    store: Store, key: str, *turns: tuple[str, str], name: str = "Maria Gonzales", mail: str | None = MARIA
) -> None:
    given = [(role, text, {"visibility": "public"}) for role, text in turns]
    people = [{"display_name": name, "email": mail}, {"display_name": "Tom Baker", "role": "agent"}]
    add_conversation(store, key, turns=given, participants=people)
    signal = {"conversation_key": [key], "signal": ["language"], "label": ["en"], "run_id": ["r"]}
    store.append("signals", pl.DataFrame(signal))


def redact_only(workspace: Workspace, store: Store) -> None:
    with Workers(1) as workers:
        curate_redaction(Curation(store, workspace, workers))


def put_outcomes(store: Store, *keys: str) -> None:
    row = {"verdict": "keep", "stage": "kept", "code": "kept", "reason": "", "flags": [""], "run_id": "r"}
    store.append("outcomes", pl.DataFrame([{"conversation_key": key, **row} for key in keys]))


def texts(workspace: Workspace, store: Store, *keys: str) -> list[str]:
    wanted = keys or [row[0] for row in store.rows("SELECT conversation_key FROM conversations ORDER BY external_id")]
    return redacted_turns(store, workspace.settings, list(wanted))["text"].to_list()


def quarantined(store: Store) -> list[tuple[str, str]]:
    return store.rows("SELECT stage, code FROM processed WHERE status = 'quarantine'")


@contextmanager
def keyed_workspace(folder: Path, key: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Workspace, Store]]:
    monkeypatch.setenv("CHATMILL_KEY", key * 64)
    workspace = Workspace.create(folder)
    with_policy(workspace)
    with workspace.open() as store:
        yield workspace, store


def files(folder: Path) -> dict[str, Path]:
    """Write the same customer's conversations as JSON lines, as a table, and as a Zendesk export."""
    for name in ("lines", "table", "desk"):
        (folder / name).mkdir(parents=True)
    record: dict[str, Any] = {
        "id": "a1",
        "customer": {"name": "Maria Gonzales", "email": MARIA},
        "turns": [
            {"role": "customer", "text": f"Hello, I am Maria Gonzales. {PLAIN}"},
            {"role": "agent", "text": "Good morning Maria, the parcel is on its way to you."},
        ],
    }
    (folder / "lines/chats.jsonl").write_text(json.dumps(record) + "\n", encoding="utf-8")
    (folder / "table/chats.csv").write_text(
        "conversation_id,timestamp,sender_type,sender_name,sender_email,message\n"
        f"b1,2026-01-27T13:24:43Z,customer,Maria Gonzales,{MARIA},Maria Gonzales again. {PLAIN.replace(',', '')}\n"
        "b1,2026-01-27T13:25:19Z,agent,Service,service@acme.test,Thank you Ms. Gonzales; it arrives tomorrow.\n",
        encoding="utf-8",
    )
    ticket = {
        "id": 1, "url": "https://x.example.com/1", "subject": "Parcel", "raw_subject": "Parcel", "description": PLAIN,
        "status": "open", "priority": None, "requester_id": 10, "submitter_id": 10, "assignee_id": 20, "tags": [],
        "via": {"channel": "web", "source": {"from": {}, "to": {}, "rel": None}}, "custom_fields": [],
        "satisfaction_rating": None, "created_at": "2024-05-03T10:00:00Z", "updated_at": "2024-05-03T12:00:00Z",
        "comments": [
            {"id": 7, "type": "Comment", "author_id": 10, "body": f"{PLAIN} Regards, Maria Gonzales", "public": True,
             "attachments": [], "created_at": "2024-05-03T10:00:00Z"},
        ],
    }  # fmt: skip
    user = {"id": 10, "name": "Maria Gonzales", "email": MARIA, "role": "end-user", "active": True, "locale": "en-US"}
    (folder / "desk/tickets.json").write_text(json.dumps({"tickets": [ticket]}), encoding="utf-8")
    (folder / "desk/users.json").write_text(json.dumps({"users": [user]}), encoding="utf-8")
    return {name: folder / name for name in ("lines", "table", "desk")}


def test_one_customer_is_one_surrogate_over_three_connectors_and_two_imports(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    with_policy(workspace)
    exports = files(tmp_path / "exports")
    ingest_exports(workspace, store, [exports["lines"], exports["table"]])
    curate(workspace, store)
    before = texts(workspace, store)
    ingest_exports(workspace, store, [exports["desk"]])
    curate(workspace, store)
    assert {row[0] for row in store.rows("SELECT connector FROM conversations")} == {"jsonlines", "tables", "zendesk"}
    said = texts(workspace, store)
    assert quarantined(store) == []
    assert set(before) <= set(said)
    first = next(found for text in said if (found := re.search(r"I am (\w+) (\w+)\.", text)))
    assert f"Good morning {first[1]}, the parcel is on its way to you." in said
    assert f"Thank you Ms. {first[2]}; it arrives tomorrow." in said
    assert any(text.startswith(f"{first[1]} {first[2]} again.") for text in said)
    assert any(text.endswith(f"Regards, {first[1]} {first[2]}") for text in said)
    assert "maria" not in plain_text(" ".join(said))
    assert "gonzales" not in plain_text(" ".join(said))


@pytest.mark.parametrize("order", [("lines", "table", "desk"), ("desk", "table", "lines")])
def test_the_order_of_imports_changes_nothing_and_another_key_changes_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, order: tuple[str, ...]
) -> None:
    exports = files(tmp_path / "exports")
    given: list[list[str]] = []
    for name, key, imports in (("one", "a", tuple(exports)), ("two", "a", order), ("three", "b", order)):
        with keyed_workspace(tmp_path / name, key, monkeypatch) as (workspace, store):
            for each in imports:
                ingest_exports(workspace, store, [exports[each]])
                curate(workspace, store)
            given.append(sorted(texts(workspace, store)))
    one, two, three = given
    assert one == two
    assert not set(one) & set(three)


def test_surrogates_are_stored_once_and_a_second_run_draws_nothing(workspace: Workspace, store: Store) -> None:
    with_policy(workspace)
    put(store, "c1", ("customer", "I am Maria Gonzales"))
    redact_only(workspace, store)
    rows = store.rows(SURROGATES)
    runs = store.value("SELECT count(*) FROM runs")
    redact_only(workspace, store)
    assert len(rows) >= 2
    assert store.rows(SURROGATES) == rows
    assert store.value("SELECT count(*) FROM runs") == runs
    assert not [value for row in rows for value in row if "maria" in str(value).casefold()]


def test_a_surrogate_that_was_drawn_stays_when_somebody_of_that_name_comes(workspace: Workspace, store: Store) -> None:
    with_policy(workspace)
    put(store, "c1", ("customer", "I am Maria Gonzales"))
    redact_only(workspace, store)
    (before,) = texts(workspace, store, "c1")
    name = before.removeprefix("I am ")
    put(store, "c2", ("customer", f"I am {name}"), name=name, mail="somebody@acme.test")
    redact_only(workspace, store)
    assert texts(workspace, store, "c1") == [before]
    assert name not in texts(workspace, store, "c2")[0]


def test_no_participants_name_is_drawn_for_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with keyed_workspace(tmp_path / "alone", "a", monkeypatch) as (workspace, store):
        put(store, "c1", ("customer", "I am Maria Gonzales"))
        redact_only(workspace, store)
        (alone,) = texts(workspace, store, "c1")
    name = alone.removeprefix("I am ")
    with keyed_workspace(tmp_path / "together", "a", monkeypatch) as (workspace, store):
        put(store, "c1", ("customer", "I am Maria Gonzales"))
        put(store, "c2", ("customer", "hello there"), name=name.upper(), mail="somebody@acme.test")
        redact_only(workspace, store)
        (together,) = texts(workspace, store, "c1")
    assert together != alone


def test_a_surrogate_that_equals_what_is_known_in_its_conversation_is_a_leak(
    workspace: Workspace, store: Store
) -> None:
    with_policy(workspace)
    put(store, "c1", ("customer", "I am Maria Gonzales"))
    redact_only(workspace, store)
    last = texts(workspace, store, "c1")[0].split()[3]
    put(store, "c2", ("customer", "I am Maria Gonzales"))
    store.append(
        "participants",
        pl.DataFrame([{"conversation_key": "c2", "participant_key": "p9", "role": "agent", "role_source": "explicit",
                       "display_name": f"Rosalind {last}", "is_deleted": False}]),
    )  # fmt: skip
    redact_only(workspace, store)
    assert quarantined(store) == [("leaks", "redaction.leak")]


def test_customers_whom_a_later_import_joins_keep_what_was_drawn_first(workspace: Workspace, store: Store) -> None:
    with_policy(workspace)
    put(store, "c1", ("customer", "I am Maria Gonzales"), mail="zz@acme.test")
    redact_only(workspace, store)
    before = texts(workspace, store, "c1")
    put(store, "c2", ("customer", "I am Maria Gonzales"), mail="aa@acme.test")
    redact_only(workspace, store)
    assert texts(workspace, store, "c2") != before
    put(store, "c3", ("customer", "Maria Gonzales here"), mail="aa@acme.test")
    linking = {"participant_key": "p8", "role": "customer", "role_source": "explicit", "email": "zz@acme.test"}
    store.append("participants", pl.DataFrame([{"conversation_key": "c3", "is_deleted": False, **linking}]))
    redact_only(workspace, store)
    assert texts(workspace, store, "c1") == texts(workspace, store, "c2") == before
    assert texts(workspace, store, "c3") == [f"{before[0].removeprefix('I am ')} here"]


def test_a_decision_on_a_finding_makes_the_leak_check_due_once_and_holds_the_export_back(
    workspace: Workspace, store: Store
) -> None:
    put(store, "c1", ("customer", "hi maria"), name="Ottilie Brandauer", mail=None)
    put(store, "c2", ("customer", "hi maria"), name="Ottilie Brandauer", mail=None)
    redact_only(workspace, store)
    subject = store.value("SELECT finding_id FROM findings WHERE conversation_key = 'c1'")
    decision = {"decision_id": "d1", "subject": "finding", "subject_id": subject, "conversation_key": "c1",
                "verdict": "reject", "note": "", "decided_by": "me"}  # fmt: skip
    long_ago = pl.lit("2001-01-01T00:00:00Z").str.to_datetime(time_zone="UTC")
    store.append("decisions", pl.DataFrame([decision]).with_columns(decided_at=long_ago))
    put_outcomes(store, "c1", "c2")
    assert select(store).kept["conversation_key"].to_list() == ["c2"]
    for _ in range(2):
        redact_only(workspace, store)
    assert select(store).kept["conversation_key"].to_list() == ["c1", "c2"]
    runs = store.rows("SELECT stage, json_extract(counts, '$.conversations')::INT FROM runs ORDER BY started_at")
    assert runs == [("redaction", 2), ("leaks", 2), ("leaks", 1)]


def test_a_customer_without_any_tie_is_one_within_the_conversation(workspace: Workspace, store: Store) -> None:
    with_policy(workspace)
    put(store, "c1", ("customer", "I am Maria Gonzales"), ("agent", "hi maria"), mail=None)
    put(store, "c2", ("customer", "I am Maria Gonzales"), mail=None)
    redact_only(workspace, store)
    name, greeting = texts(workspace, store, "c1")
    assert greeting == f"hi {name.split()[2].lower()}"
    assert texts(workspace, store, "c2") != [name]


def test_json_stays_json_with_numbers_in_it(workspace: Workspace, store: Store) -> None:
    with_policy(workspace)
    given = [("customer", "order 482913 please", {}), ("agent", '{"order": 482913, "n": 1}', {"kind": "tool_call"})]
    add_conversation(store, "c1", turns=given)
    signal = {"conversation_key": ["c1"], "signal": ["language"], "label": ["en"], "run_id": ["r"]}
    store.append("signals", pl.DataFrame(signal))
    redact_only(workspace, store)
    said, call = texts(workspace, store, "c1")
    number = json.loads(call)["order"]
    assert isinstance(number, int)
    assert number != 482913
    assert said == f"order {number} please"
