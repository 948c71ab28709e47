"""What moderation flags is named, and is not sent unless somebody says so; each text is judged once."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import pytest

from export.submit.dry_run import SentFile
from export.submit.errors import Flagged, SubmitError
from export.submit.moderation import WordJudge, judge_for, moderate
from tests.export.submit.conftest import Rig, add_dataset
from tests.export.submit.other_servers import Together
from tests.export.submit.server import serving

RUDE = {
    "messages": [
        {"role": "user", "content": "Where is my parcel?"},
        {"role": "assistant", "content": "You are all idiots."},
    ]
}
LINE = json.dumps(RUDE).encode() + b"\n"
MESSAGES = 2 * 37  # of the two files that are sent


class Counting:
    """A judge that says how often it was asked."""

    def __init__(self, judge: WordJudge) -> None:
        self.name, self.judge, self.asked = judge.name, judge, 0

    def __call__(self, texts: Sequence[str]) -> list[list[str]]:
        self.asked += len(texts)
        return self.judge(texts)


def sent(path: Path, *bodies: object) -> SentFile:
    path.write_bytes(b"".join(json.dumps(body).encode() + b"\n" for body in bodies))
    return SentFile(path.name, path, path.stat().st_size, "0" * 64, len(bodies), 0)


@pytest.fixture
def rude(rig: Rig) -> Rig:
    add_dataset(rig.workspace, rig.store, name="ds-rude", extra=LINE)
    return rig


def test_flagged_lines_are_named_and_nothing_is_sent(rude: Rig) -> None:
    with pytest.raises(Flagged, match=r"train\.jsonl line 33 message 2: toxicity") as refused:
        rude.submit()
    assert "--flagged" in refused.value.hint
    assert "idiots" not in refused.value.message + refused.value.hint
    assert not rude.server.files
    assert rude.submit(flagged="send").status == "succeeded"
    rude.check_true_state()
    (said,) = rude.rows("SELECT after FROM history WHERE action = 'job.moderate' ORDER BY happened_at DESC LIMIT 1")
    after = json.loads(str(said[0]))
    assert (after["messages"], after["flagged"], after["choice"]) == (MESSAGES, 1, "send")


def test_the_endpoint_is_asked_where_there_is_one(rude: Rig) -> None:
    rude.server.moderates = True
    with pytest.raises(Flagged, match="harassment"):
        rude.submit()
    asked = rude.server.calls["moderations.create"]
    with pytest.raises(Flagged):
        rude.submit()
    assert rude.server.calls["moderations.create"] == asked + 1, "texts were asked about again"


def test_other_providers_lines_are_shown_to_nobody_else(rude: Rig) -> None:
    with serving(Together(moderates=True)) as server:
        rude.server = server
        with rude.provider() as provider:
            assert isinstance(judge_for(provider, rude.workspace.root), WordJudge)


def test_left_out_conversations_stay_out_of_the_next_export(rude: Rig) -> None:
    for key, line in (("c1", 33), ("c2", 32)):
        rude.store.execute(
            "INSERT INTO dataset_items (dataset_id, conversation_key, content_hash, split, line, group_id) "
            "VALUES ('ds-rude', ?, 'h', 'train', ?, 'g')",
            [key, line],
        )
        rude.store.execute("INSERT INTO outcomes VALUES (?, 'keep', 'kept', 'kept', 'Nothing.', [], 'r1')", [key])
    with pytest.raises(Flagged, match="Nothing was sent") as refused:
        rude.submit(flagged="leave-out")
    assert "1 conversations were set aside" in refused.value.hint
    assert "chatmill export" in refused.value.hint
    (decision,) = rude.rows("SELECT conversation_key, verdict, note FROM decisions")
    assert decision == ("c1", "drop", "Flagged by moderation before submission: toxicity")


def test_every_message_of_every_kind_of_line_is_judged_once(rig: Rig, tmp_path: Path) -> None:
    parts = {"messages": [{"role": "user", "content": [{"type": "text", "text": "You are all idiots."}]}]}
    pair = {"input": parts, "preferred_output": RUDE["messages"][:1], "non_preferred_output": RUDE["messages"][1:]}
    calls = {"messages": [{"role": "assistant", "tool_calls": []}, {"role": "user", "content": "You are all idiots."}]}
    files = [sent(tmp_path / "train.jsonl", RUDE, parts, pair, calls)]
    judge = Counting(WordJudge.of(rig.workspace.root))
    found = moderate(rig.store, files, judge)
    assert [(flag.line, flag.message) for flag in found.flags] == [(1, 2), (2, 1), (3, 1), (3, 3), (4, 2)]
    assert {flag.categories for flag in found.flags} == {("toxicity",)}
    assert judge.asked == 2, "equal texts were judged twice"
    assert moderate(rig.store, files, judge).flags == found.flags
    assert judge.asked == 2, "what was judged before was judged again"


def test_other_words_judge_anew(rig: Rig, tmp_path: Path) -> None:
    files = [sent(tmp_path / "train.jsonl", RUDE)]
    first = WordJudge.of(rig.workspace.root)
    assert moderate(rig.store, files, first).flags
    own = rig.workspace.root / "rules" / "deny"
    own.mkdir(parents=True, exist_ok=True)
    (own / "toxicity.txt").write_text("nincompoop\n", encoding="utf-8")
    second = WordJudge.of(rig.workspace.root)
    assert second.name != first.name
    assert not moderate(rig.store, files, second).flags


def test_an_unknown_choice_is_said(rig: Rig) -> None:
    with pytest.raises(SubmitError, match="Did you mean"):
        rig.submit(flagged="leave_out")
