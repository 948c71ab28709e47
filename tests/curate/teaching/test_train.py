"""Teaching the name model: what people rejected is left alone afterwards, what it knew stays known."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest
from typer.testing import CliRunner

from curate.errors import CurateError
from curate.redact.errors import PolicyError
from curate.redact.name_model.head import head_of
from curate.redact.name_model.recognizer import NameModelRecognizer
from curate.redact.policy import HEAD, detection_version, load_policy
from curate.teaching.training import train_names
from service.main import app
from store.database import Store
from store.settings import RedactionSettings, load
from store.workspace import Workspace
from tests.curate.builders import add_conversations

WRONG = "Viswa"  # a product here, which the packaged model takes for somebody
SAID = (
    "my viswa is broken", "viswa again", "the viswa does not start", "is viswa cheaper than the other one", "viswa",
    "i bought viswa on monday", "viswa keeps blinking", "please repair viswa", "viswa and the charger are missing",
    "how do i reset viswa",
)  # fmt: skip
UNSEEN = ("viswa is down", "viswa is too slow", "viswa was charged twice", "is viswa in stock", "viswa broken again")
OTHERS = (
    "hello, my name is rosa martinez", "hi i am peter jones", "i live in boston", "thanks tom", "the lamp is broken",
    "where is my order", "please send it to 12 high street", "my email is not working", "can i talk to sarah",
)  # fmt: skip
NAMES = ("kumar patel", "maría gómez", "john smith", "aisha khan", "pieter de vries")
NOON = datetime(2026, 5, 1, 12, tzinfo=UTC)


def finding(key: str, text: str, value: str) -> dict[str, object]:
    start = text.lower().index(value.lower())
    return {
        "finding_id": f"f-{key}",
        "conversation_key": key,
        "turn_key": f"{key}-0",
        "start_char": start,
        "end_char": start + len(value),
        "entity_type": "PERSON",
        "score": 0.8,
        "recognizer": "NameModel",
        "why": "{}",
        "run_id": "r",
    }


def decision(key: str, verdict: str, minute: int = 0) -> dict[str, object]:
    return {
        "decision_id": f"d-{key}-{minute}",
        "subject": "finding",
        "subject_id": f"f-{key}",
        "conversation_key": key,
        "verdict": verdict,
        "note": "",
        "decided_by": "tester",
        "decided_at": NOON + timedelta(minutes=minute),
    }


def review(store: Store, said: list[tuple[str, str, str]]) -> None:
    """Store conversations of one turn, each with a finding of a value and what somebody decided on it."""
    add_conversations(store, [(f"c{n}", [("customer", text)], {}) for n, (text, _, _) in enumerate(said)])
    keys = [f"c{n}" for n in range(len(said))]
    language = {"conversation_key": keys, "signal": "language", "label": "en", "run_id": "r"}
    store.append("signals", pl.DataFrame(language))
    found = [finding(key, text, value) for key, (text, value, _) in zip(keys, said, strict=True)]
    store.append("findings", pl.DataFrame(found))
    store.append("decisions", pl.DataFrame([decision(k, what) for k, (_, _, what) in zip(keys, said, strict=True)]))


def reviewed(store: Store) -> None:
    wrong = [(text, WRONG, "reject") for text in SAID * 3]
    right = [(f"{start} {name}", name, "accept") for name in NAMES for start in ("my name is", "this is", "i am")]
    review(store, wrong + right)
    others = [(f"o{n}", [("customer", text)], {}) for n, text in enumerate(OTHERS)]
    add_conversations(store, others)
    keys = [key for key, _, _ in others]
    store.append(
        "signals", pl.DataFrame({"conversation_key": keys, "signal": "language", "label": "en", "run_id": "r"})
    )


def names_in(text: str, head: bytes = b"") -> list[str]:
    found = NameModelRecognizer("en", head_of(head) if head else None).analyze(text, ["PERSON", "ORGANIZATION"])
    return [text[one.start : one.end] for one in found if one.score >= 0.5]


def test_what_people_rejected_is_left_alone_and_what_the_model_knew_stays_known(
    workspace: Workspace, store: Store
) -> None:
    reviewed(store)
    trained = train_names(workspace, store)
    head = (workspace.root / HEAD).read_bytes()
    assert trained.after.left_alone > trained.before.left_alone
    assert trained.after.found == trained.before.found == trained.after.accepted > 0
    before, after = (sum(bool(names_in(text, one)) for text in UNSEEN) for one in (b"", head))
    assert after * 2 <= before > 0
    assert names_in("hello, my name is rosa martinez", head) == ["rosa martinez"]


def test_the_newest_decision_holds(workspace: Workspace, store: Store) -> None:
    reviewed(store)
    keys = [f"c{n}" for n in range(len(SAID) * 3)]
    store.append("decisions", pl.DataFrame([decision(key, "accept", minute=1) for key in keys]))
    trained = train_names(workspace, store)
    assert trained.before.rejected == 0
    assert trained.after.accepted > 0


def test_the_same_decisions_teach_the_same(workspace: Workspace, store: Store) -> None:
    reviewed(store)
    train_names(workspace, store)
    first = (workspace.root / HEAD).read_bytes()
    train_names(workspace, store)
    assert (workspace.root / HEAD).read_bytes() == first


def test_too_few_decisions_teach_nothing(workspace: Workspace, store: Store) -> None:
    review(store, [("my viswa is broken", WRONG, "reject")])
    with pytest.raises(CurateError, match="1 findings of names"):
        train_names(workspace, store)
    assert not (workspace.root / HEAD).exists()


def test_the_workspace_switches_it_on_and_searches_again(workspace: Workspace, store: Store) -> None:
    reviewed(store)
    train_names(workspace, store)
    policy, own, taught = load_policy(workspace.root), RedactionSettings(), RedactionSettings(names="workspace")
    assert policy.spec(("en",), own).head == b""
    assert policy.spec(("en",), taught).head
    versions = {detection_version(policy.spec(("en",), one), one) for one in (own, taught)}
    assert len(versions) == 2


def test_a_workspace_without_a_model_of_its_own_says_how_to_train_one(workspace: Workspace) -> None:
    with pytest.raises(PolicyError, match="no model was trained") as error:
        load_policy(workspace.root).spec(("en",), RedactionSettings(names="workspace"))
    assert "chatmill model train" in error.value.hint


def test_a_model_trained_on_another_packaged_model_is_refused(workspace: Workspace) -> None:
    path: Path = workspace.root / HEAD
    path.parent.mkdir()
    path.write_bytes(b'{"model": "another", "shape": [385, 5]}\n' + bytes(385 * 5 * 4))
    with pytest.raises(PolicyError, match="another version"):
        load_policy(workspace.root).spec(("en",), RedactionSettings(names="workspace"))


def test_the_command_says_what_it_learned(workspace: Workspace) -> None:
    with workspace.open() as store:
        reviewed(store)
    result = CliRunner().invoke(app, ["model", "train", "-w", str(workspace.root), "--json"])
    figures = json.loads(result.stdout)
    assert figures["kept"]
    assert figures["decisions"] == len(SAID) * 3 + len(NAMES) * 3
    assert load(workspace.root / "chatmill.toml").redaction.names == "own"
    for said in (*SAID, *NAMES):
        assert said not in result.output
