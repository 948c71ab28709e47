"""What older versions stored comes into the closed lists of today."""

import json

import polars as pl

from store.database import Store
from store.migrations import migrate

HEAD = {
    "connector": "x", "account": "", "tags": ["t"], "handled_by": "human", "completeness": "complete", "is_test": False,
    "custom": '{"plan": "gold"}', "source_uri": "f", "place": "p", "content_hash": "h", "batch_id": "b",
}  # fmt: skip
TURN = {
    "conversation_key": "c", "position": 0, "kind": "message", "visibility": "public", "role": "bot", "text": "Hi",
    "is_automated": True, "tz_source": "none", "is_deleted": False, "is_draft": False, "repairs": ["html"],
    "source_redaction": "none", "custom": "{}", "place": "p",
}  # fmt: skip


def _as_before(store: Store) -> None:
    store.execute("ALTER TABLE participants DROP COLUMN role_confidence")
    store.execute("DELETE FROM migrations WHERE name IN ('0060_role_confidence', '0061_meaning_kept')")


def test_roles_get_the_confidence_of_their_source(store: Store) -> None:
    _as_before(store)
    told = [("customer", "explicit"), ("agent", "inferred"), ("agent", "direction"), ("unknown", "users_file")]
    people = [
        {"conversation_key": "c", "participant_key": f"p{n}", "role": role, "role_source": source, "is_deleted": False}
        for n, (role, source) in enumerate(told)
    ]
    store.append("participants", pl.DataFrame(people))
    assert migrate(store) == ["0060_role_confidence", "0061_meaning_kept"]
    rows = store.rows("SELECT role_confidence FROM participants ORDER BY participant_key")
    assert [value for (value,) in rows] == [1.0, 0.5, 0.9, 0.0]


def test_automation_gets_a_name_of_the_list(store: Store) -> None:
    _as_before(store)
    names = ["rule", "bounce", "calendar", "macro", None]
    store.append("turns", pl.DataFrame([TURN | {"turn_key": f"t{n}", "automation": it} for n, it in enumerate(names)]))
    migrate(store)
    rows = store.rows("SELECT automation FROM turns ORDER BY turn_key")
    assert [value for (value,) in rows] == ["workflow", "autoreply", "workflow", "macro", None]


def test_ratings_run_from_0_to_1_and_none_is_lost(store: Store) -> None:
    _as_before(store)
    told = [
        (4.0, "1-5", "good"), (None, "good/bad", "bad"), (1.0, "-103..103", "good"), (0.25, "0-1", None),
        (9.0, None, None), (None, None, None),
    ]  # fmt: skip
    heads = [
        HEAD | {"conversation_key": f"c{n}", "external_id": str(n), "csat_score": score, "csat_scale": scale,
                "csat_label": label}
        for n, (score, scale, label) in enumerate(told)
    ]  # fmt: skip
    store.append("conversations", pl.DataFrame(heads, infer_schema_length=None))
    migrate(store)
    rows = store.rows("SELECT csat_score, custom FROM conversations ORDER BY conversation_key")
    assert [score for score, _ in rows] == [0.75, 0.0, 1.0, 0.25, None, None]
    assert [json.loads(custom).get("csat_original") for _, custom in rows] == [4.0, None, None, None, 9.0, None]
    assert all(json.loads(custom)["plan"] == "gold" for _, custom in rows)
