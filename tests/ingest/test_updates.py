"""The same conversation again: in an overlapping page, a newer dump, another tool's copy. The newest whole one wins."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from curate.pipeline import curate_workspace
from export.dataset import build_dataset
from export.explain import explain_line
from ingest.exports import IngestReport, ingest_exports
from ingest.loading import LOADER_VERSION
from ingest.records import Conversation, Turn
from ingest.rows import to_rows
from store.database import Store
from store.workspace import Workspace

START = datetime(2026, 3, 1, 9, 0, tzinfo=UTC)
LONG = "about the parcel that I ordered in the spring and that has not come to my door since then, sadly"


def ingest(workspace: Workspace, store: Store, path: Path) -> IngestReport:
    return ingest_exports(workspace, store, [path])


def intercom(number: int, parts: int, *, version: int, listed: bool = False) -> dict[str, Any]:
    """A conversation with so many parts, as it is itself, or as a list page has it: without them."""
    user, admin = ({"type": kind, "id": kind, "name": kind} for kind in ("user", "admin"))
    held = [
        {"type": "conversation_part", "id": str(place), "part_type": "comment", "body": f"<p>Part {place} {LONG}</p>",
         "author": (user, admin)[place % 2], "created_at": int((START + timedelta(minutes=place)).timestamp())}
        for place in range(1, parts + 1)
    ]  # fmt: skip
    record = {
        "type": "conversation", "id": str(number), "created_at": int(START.timestamp()),
        "updated_at": int((START + timedelta(days=version)).timestamp()), "state": "open",
        "source": {"type": "conversation", "id": "s", "body": f"<p>Hello {LONG}</p>", "author": user},
        "contacts": {"contacts": []}, "statistics": {"count_conversation_parts": parts},
    }  # fmt: skip
    return record if listed else record | {"conversation_parts": {"conversation_parts": held, "total_count": parts}}


def zendesk(number: int, said: int, *, version: int, status: str = "open") -> dict[str, Any]:
    """A ticket with so many comments, as a full export has it; a deleted one has none."""
    comments = [
        {"id": number * 100 + place, "public": True, "body": f"Comment {place} {LONG}",
         "author_id": (1, 2)[place % 2], "created_at": f"2026-03-01T09:{place:02}:00Z"}
        for place in range(said)
    ]  # fmt: skip
    return {
        "id": number, "subject": f"Ticket {number}", "raw_subject": "x", "description": f"Comment 0 {LONG}",
        "status": status, "requester_id": 1, "submitter_id": 1, "brand_id": 3, "ticket_form_id": 4,
        "via": {"channel": "web"}, "created_at": "2026-03-01T09:00:00Z", "tags": [],
        "updated_at": f"2026-03-{version + 1:02}T09:00:00Z", "comments": comments if status != "deleted" else [],
    }  # fmt: skip


def save(folder: Path, name: str, *records: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def said(store: Store, external_id: str = "1") -> list[str]:
    rows = store.rows(
        "SELECT t.text FROM public_turns AS t JOIN conversations AS c USING (conversation_key) "
        "WHERE c.external_id = ? ORDER BY t.position", [external_id],
    )  # fmt: skip
    return [text.split()[0] + text.split()[1] for (text,) in rows]


@pytest.mark.parametrize("newest_first", [False, True])
def test_a_newer_dump_brings_what_was_said_since(
    workspace: Workspace, store: Store, tmp_path: Path, newest_first: bool
) -> None:
    old = save(tmp_path / "old", "tickets.json", zendesk(1, 2, version=1), zendesk(2, 2, version=1))
    new = save(tmp_path / "new", "tickets.json", zendesk(1, 4, version=5), zendesk(2, 2, version=1))
    for path in (new, old) if newest_first else (old, new):
        ingest(workspace, store, path.parent)
    assert said(store) == ["Comment0", "Comment1", "Comment2", "Comment3"]
    assert store.value("SELECT count(*) FROM conversations") == 2
    assert store.value("SELECT count(*) FROM turns") == 6


def test_overlapping_pages_double_nothing(workspace: Workspace, store: Store, tmp_path: Path) -> None:
    first = {"tickets": [zendesk(1, 2, version=1), zendesk(2, 2, version=2)], "end_of_stream": False}
    second = {"tickets": [zendesk(2, 3, version=3), zendesk(3, 2, version=4)], "end_of_stream": True}
    (tmp_path / "pages").mkdir()
    for number, page in enumerate((first, second, second), start=1):
        (tmp_path / "pages" / f"page{number}.json").write_text(json.dumps(page))
    report = ingest(workspace, store, tmp_path / "pages")
    assert sum(batch.conversations for batch in report.batches) == 3
    assert said(store, "2") == ["Comment0", "Comment1", "Comment2"]
    assert store.value("SELECT count(*) FROM turns") == 7


@pytest.mark.parametrize("whole_first", [False, True])
def test_a_newer_version_that_lacks_something_does_not_replace_a_whole_one(
    workspace: Workspace, store: Store, tmp_path: Path, whole_first: bool
) -> None:
    whole = save(tmp_path / "whole", "one.json", intercom(1, 3, version=1))
    listed = save(tmp_path / "listed", "page.json", intercom(1, 5, version=2, listed=True))
    for path in (whole, listed) if whole_first else (listed, whole):
        ingest(workspace, store, path.parent)
    assert said(store)[1:] == ["Part1", "Part2", "Part3"]
    assert store.value("SELECT completeness FROM conversations") == "complete"
    ingest(workspace, store, save(tmp_path / "newest", "one.json", intercom(1, 5, version=3)).parent)
    assert said(store)[1:] == ["Part1", "Part2", "Part3", "Part4", "Part5"]


@pytest.mark.parametrize("deleted_first", [False, True])
def test_what_was_deleted_at_the_source_does_not_come_back(
    workspace: Workspace, store: Store, tmp_path: Path, deleted_first: bool
) -> None:
    alive = save(tmp_path / "alive", "tickets.json", zendesk(1, 3, version=1))
    deleted = save(tmp_path / "deleted", "tickets.json", zendesk(1, 3, version=2, status="deleted"))
    for path in (deleted, alive) if deleted_first else (alive, deleted):
        ingest(workspace, store, path.parent)
    assert said(store) == []
    assert store.value("SELECT status FROM conversations") == "deleted"


def version(number: int, *, day: int, whole: bool, status: str = "open") -> Conversation:
    turns = tuple(Turn("customer", f"Version {number}") for _ in range(2))
    return Conversation(
        "1", turns, "line 1", status=status, updated_at=(START + timedelta(days=day)).isoformat(),
        completeness="complete" if whole else "truncated_body",
    )  # fmt: skip


VERSIONS = st.lists(
    st.builds(dict, whole=st.booleans(), status=st.sampled_from(["open", "deleted"])), min_size=1, max_size=5
)


@given(kinds=VERSIONS, data=st.data())
def test_which_version_wins_does_not_depend_on_the_order(kinds: list[dict[str, Any]], data: st.DataObject) -> None:
    """Within a chunk; the store's rule is the same, and the tests above hold it to both orders."""
    versions = [version(number, day=number, **kind) for number, kind in enumerate(kinds)]
    shuffled = data.draw(st.permutations(versions))
    one, other = (
        to_rows(given, connector="test", account="", version=LOADER_VERSION).conversations["content_hash"].to_list()
        for given in (versions, shuffled)
    )
    assert one == other


@given(kinds=VERSIONS, data=st.data())
@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_store_keeps_the_version_that_one_export_of_all_would(
    workspace: Workspace, store: Store, tmp_path_factory: pytest.TempPathFactory, kinds: list[dict[str, Any]],
    data: st.DataObject,
) -> None:  # fmt: skip
    """Zendesk tickets, a file a version, in any order: what is stored is what the rule says of all of them."""
    store.execute("DELETE FROM conversations")
    store.execute("DELETE FROM turns")
    store.execute("DELETE FROM batches")
    order = data.draw(st.permutations(range(len(kinds))))
    for number in order:
        record = zendesk(1, 1 + number, version=number, status=kinds[number]["status"])
        if not kinds[number]["whole"]:
            record["comments"] = []  # the description alone is left
        ingest(workspace, store, save(tmp_path_factory.mktemp("version"), "tickets.json", record))
    whole = [n for n, kind in enumerate(kinds) if kind["whole"] or kind["status"] == "deleted"]
    winner = max(whole or range(len(kinds)))
    assert store.value(
        "SELECT date_diff('day', TIMESTAMPTZ '2026-03-01 09:00:00Z', updated_at) FROM conversations"
    ) == (winner)


def test_where_the_versions_before_it_stood_is_kept_without_their_words(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    paths = [save(tmp_path / f"{n}", "tickets.json", zendesk(1, n + 1, version=n)) for n in (1, 2, 3)]
    for path in paths:
        ingest(workspace, store, path.parent)
    kept = store.rows("SELECT source_uri, superseded_by FROM versions ORDER BY superseded_at")
    assert [uri for uri, _ in kept] == [str(path) for path in paths[:2]]
    assert kept[-1][1] == store.value("SELECT batch_id FROM conversations")
    assert store.value("SELECT count(*) FROM batches") == 3


@pytest.fixture
def curated(workspace: Workspace, store: Store, tmp_path: Path) -> Path:
    """Six conversations, each about something of its own, curated."""
    things = ["a lamp", "an invoice", "a password", "some coffee", "the address", "one refund"]
    chats = [chat(str(n), thing, version=1) for n, thing in enumerate(things)]
    path = save(tmp_path / "first", "chats.jsonl", *chats)
    ingest(workspace, store, path)
    curate_workspace(workspace, store, workers=1)
    return path


def chat(ident: str, thing: str, *, version: int, last: str = "Thank you, that was all I wanted") -> dict[str, Any]:
    words = " ".join(f"{thing.split()[-1]}{n}" for n in range(12))
    return {
        "id": ident, "updated_at": f"2026-03-{version:02}T09:00:00Z",
        "turns": [
            {"role": "customer", "text": f"Hello, I am Ottilie Brandauer and I wrote to you about {thing}: {words}."},
            {"role": "agent", "text": f"We looked into {thing} and it is settled now, you will see it tomorrow."},
            {"role": "customer", "text": last},
            {"role": "agent", "text": f"You are welcome, write to us again about {thing} whenever you like."},
        ],
    }  # fmt: skip


def test_only_the_changed_conversation_is_curated_again(
    workspace: Workspace, store: Store, tmp_path: Path, curated: Path
) -> None:
    before = store.rows("SELECT stage, conversation_key, run_id FROM processed ORDER BY ALL")
    changed = chat("3", "some coffee", version=9, last="Please write to tancredi.bellomo@example.com instead")
    ingest(workspace, store, save(tmp_path / "second", "chats.jsonl", changed, chat("1", "an invoice", version=1)))
    curate_workspace(workspace, store, workers=1)
    key = store.value("SELECT conversation_key FROM conversations WHERE external_id = '3'")
    after = store.rows("SELECT stage, conversation_key, run_id FROM processed ORDER BY ALL")
    assert [row for row in after if row[1] != key] == [row for row in before if row[1] != key]
    assert not {row for row in after if row[1] == key} & set(before)
    found = store.rows(
        "SELECT DISTINCT f.entity_type FROM findings f JOIN turns t USING (turn_key) WHERE f.conversation_key = ? "
        "AND t.position = 2", [key],
    )  # fmt: skip
    assert ("EMAIL_ADDRESS",) in found
    assert store.value("SELECT count(*) FROM findings ANTI JOIN turns USING (turn_key)") == 0


def test_a_changed_conversation_waits_for_curation_and_an_old_line_is_still_explained(
    workspace: Workspace, store: Store, tmp_path: Path, curated: Path
) -> None:
    dataset = build_dataset(workspace, store)
    lines = {
        store.value("SELECT external_id FROM conversations WHERE conversation_key = ?", [key]): (split, line)
        for key, split, line in store.rows("SELECT conversation_key, split, line FROM dataset_items WHERE line > 0")
    }
    ident, (split, line) = next(iter(lines.items()))
    thing = ["a lamp", "an invoice", "a password", "some coffee", "the address", "one refund"][int(ident)]
    newer = save(tmp_path / "second", "chats.jsonl", chat(ident, thing, version=9, last="My mail is new@example.com"))
    ingest(workspace, store, newer)
    again = build_dataset(workspace, store)
    written = b"".join(path.read_bytes() for path in again.folder.glob("*.jsonl"))
    assert b"new@example.com" not in written
    explained = explain_line(workspace, store, dataset.dataset_id, line, split=split)
    assert not explained.is_current
    assert explained.source["source_uri"] == str(curated)
    curate_workspace(workspace, store, workers=1)
    explained = explain_line(workspace, store, build_dataset(workspace, store).dataset_id, line, split=split)
    assert explained.is_current


def test_another_tool_s_copy_of_a_thread_is_a_duplicate_of_the_fullest(
    workspace: Workspace, store: Store, tmp_path: Path
) -> None:
    """An older, much shorter copy in another format; its likeness alone (under .5) would let it pass."""
    texts = [f"{LONG} {word}" for word in ("lamp", "invoice", "coffee", "address", "refund", "login")]
    whole = [
        {"role": ("customer", "agent")[n % 2], "text": f"{n} {text} {n}", "timestamp": f"2026-03-01T09:{n:02}:00Z"}
        for n, text in enumerate(texts)
    ]
    ingest(workspace, store, save(tmp_path / "a", "whole.jsonl", {"id": "whole", "turns": whole}))
    ticket = zendesk(7, 0, version=1) | {
        "comments": [
            {"id": n, "public": True, "body": turn["text"], "author_id": n % 2 + 1, "created_at": turn["timestamp"]}
            for n, turn in enumerate(whole[:2])
        ]
    }
    ingest(workspace, store, save(tmp_path / "b", "tickets.json", ticket))
    assert store.value("SELECT count(DISTINCT connector) FROM conversations") == 2
    curate_workspace(workspace, store, workers=1)
    rows = store.rows("""
        SELECT c.external_id, k.external_id FROM duplicates AS d JOIN conversations AS c USING (conversation_key)
        JOIN conversations AS k ON k.conversation_key = d.keeper ORDER BY 1
    """)
    assert rows == [("7", "whole"), ("whole", "whole")]
    assert store.value(
        "SELECT stage FROM outcomes JOIN conversations USING (conversation_key) WHERE external_id = '7'"
    ) == ("duplicates")
