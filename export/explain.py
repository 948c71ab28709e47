"""Tell every step of an exported line back to the record it came from.

Turns are told in redacted form; original values are read only when asked for, and the history then says who asked.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Any

import orjson
import polars as pl

from curate.redact.operators import PageOperators
from curate.redact.policy import load_policy
from curate.redact.redact import Applied, read_page
from export.catalog import Dataset, find_dataset
from export.errors import DamagedDataset, UnknownDataset
from export.persona import Voice, read_people, speak
from store.database import Store
from store.history import record
from store.workspace import Workspace

ITEM = """
SELECT conversation_key, content_hash, group_id, tokens, sha256, turn_key, coalesce(cut_turns, 0) AS cut_turns,
       coalesce(repairs, []) AS repairs, other_key, pair_source FROM dataset_items
WHERE dataset_id = ? AND split = ? AND line = ?
"""
# Of a line made from a version that was superseded since: where that version stood.
SOURCE = """
SELECT c.connector, c.account, c.external_id, coalesce(v.source_uri, c.source_uri) AS source_uri,
       coalesce(v.place, c.place) AS place, c.content_hash, b.batch_id, b.connector_version, b.file_sha256,
       b.started_at::VARCHAR AS ingested_at
FROM conversations AS c
LEFT JOIN versions AS v
    ON v.conversation_key = c.conversation_key AND v.content_hash = ? AND v.content_hash <> c.content_hash
LEFT JOIN batches AS b ON b.batch_id = coalesce(v.batch_id, c.batch_id)
WHERE c.conversation_key = ? ORDER BY v.superseded_at DESC LIMIT 1
"""
TURNS = """
SELECT turn_key, position, kind, role, visibility, is_deleted OR is_draft AS is_withheld, place, repairs FROM turns
WHERE conversation_key = ? ORDER BY position
"""
# The newest decision on a finding holds.
FINDINGS = """
SELECT f.turn_key, f.start_char, f.end_char, f.entity_type, f.score, f.recognizer, f.why, d.verdict, d.decided_by,
       substring(t.text, f.start_char + 1, f.end_char - f.start_char) AS original
FROM findings AS f JOIN turns AS t USING (turn_key)
LEFT JOIN (
    SELECT subject_id, arg_max(verdict, decided_at) AS verdict, arg_max(decided_by, decided_at) AS decided_by
    FROM decisions WHERE subject = 'finding' AND conversation_key = ? GROUP BY subject_id
) AS d ON d.subject_id = f.finding_id
WHERE f.conversation_key = ? ORDER BY f.turn_key, f.start_char, f.end_char DESC, f.entity_type
"""
# The answer that lost in a preference pair, which may be of another conversation.
OTHER = """
SELECT t.conversation_key, c.connector, c.external_id, c.source_uri, c.place AS conversation_place, t.place, t.position
FROM turns AS t JOIN conversations AS c USING (conversation_key) WHERE t.turn_key = ?
"""
STAGES = """
SELECT p.stage, p.version, p.status, p.content_hash = ? AS is_current, p.run_id, r.finished_at::VARCHAR AS at
FROM processed AS p LEFT JOIN runs AS r USING (run_id) WHERE p.conversation_key = ? ORDER BY r.started_at, p.stage
"""
CLUSTER = """
SELECT own.cluster, own.kind, own.keeper, own.similarity, count(*) AS members
FROM duplicates AS own JOIN duplicates AS other USING (cluster) WHERE own.conversation_key = ? GROUP BY ALL
"""
OUTCOME = "SELECT verdict, stage, code, reason, flags FROM outcomes WHERE conversation_key = ?"
DECISIONS = """
SELECT subject, subject_id, verdict, note, decided_by, decided_at::VARCHAR AS decided_at FROM decisions
WHERE conversation_key = ? ORDER BY decided_at
"""
JOBS = """
SELECT job_id, provider, model, status, created_at::VARCHAR AS created_at FROM jobs
WHERE dataset_id = ? ORDER BY created_at, job_id
"""

SIGNATURES = """
SELECT verdict, signed_by, strftime(signed_at, '%Y-%m-%d %H:%M') AS signed_at, note FROM sign_offs
WHERE dataset_id = ? ORDER BY sign_offs.signed_at, sign_off_id
"""

USES = {
    "": "",
    "cut": ", not in this line",
    "answer": ", the answer of this line",
    "other": ", the answer that lost in this line",
    "after": ", after the answer of this line",
}

Facts = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of personal data found in a turn; `placeholder` None where the policy or a decision left it in.

    `original` is read only on demand.
    """

    placeholder: str | None
    start_char: int
    end_char: int
    entity_type: str
    score: float
    recognizer: str
    why: Any
    decision: str | None
    decided_by: str | None
    original: str | None


@dataclass(frozen=True, slots=True)
class TurnStep:
    """One turn of the source: `text` is as exported, None where the turn is not public.

    `use` says what became of it in the line: cut (too old for it), answer (what a line of one answer ends with), after
    (said later than that answer), or nothing where it is simply part of the line or not public.
    """

    position: int
    kind: str
    role: str
    visibility: str
    place: str
    repairs: tuple[str, ...]
    text: str | None
    use: str
    spans: tuple[Span, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything known about one exported line, from the dataset back to the source record."""

    dataset: str
    folder: str
    file: str
    split: str
    line: int
    sha256: str
    is_verified: bool
    is_current: bool  # the conversation in the store is still the one that was exported
    tokens: int
    cut_turns: int  # the oldest turns that are not in the line, for the context's length or the model's limit
    repairs: tuple[str, ...]  # special_token: control marks were broken up
    group_id: str
    conversation_key: str
    source: Facts
    turns: tuple[TurnStep, ...]
    stages: tuple[Facts, ...]
    cluster: Facts | None
    outcome: Facts | None
    decisions: tuple[Facts, ...]
    signatures: tuple[Facts, ...]  # who signed the dataset off, or took that back
    jobs: tuple[Facts, ...]
    message: Facts  # the line itself, parsed
    pair: Facts | None = None  # of a preference pair: where the answer that lost stands, and why it did


def explain_line(
    workspace: Workspace,
    store: Store,
    dataset: str,
    line: int,
    *,
    split: str = "train",
    reveal: bool = False,
) -> Explanation:
    """Follow a line of a split's file, counted from 1, back to its source.

    `reveal` also reads the original values that redaction replaced, and records in the history that it did.

    Raises:
        UnknownDataset: no such dataset, split or line.
        DamagedDataset: the split's file is gone.
    """
    found = find_dataset(workspace, store, dataset)
    path = found.path(split)
    item = _item(store, found, split, line)
    key, digest = item["conversation_key"], item["sha256"]
    raw = _line(found, path.name, line)
    if reveal:
        record(store, "explain.reveal", subject=key, after={"dataset": found.dataset_id, "split": split, "line": line})
    source = _facts(store, SOURCE, item["content_hash"], key)[0]
    return Explanation(
        dataset=found.dataset_id,
        folder=str(found.folder),
        file=path.name,
        split=split,
        line=line,
        sha256=digest,
        is_verified=sha256(raw).hexdigest() == digest,
        is_current=source["content_hash"] == item["content_hash"],
        tokens=item["tokens"],
        cut_turns=item["cut_turns"],
        repairs=tuple(item["repairs"]),
        group_id=item["group_id"],
        conversation_key=key,
        source=source,
        turns=tuple(_turns(workspace, store, item, reveal=reveal)),
        stages=_facts(store, STAGES, item["content_hash"], key),
        cluster=next(iter(_facts(store, CLUSTER, key)), None),
        outcome=next(iter(_facts(store, OUTCOME, key)), None),
        decisions=_facts(store, DECISIONS, key),
        signatures=_facts(store, SIGNATURES, found.dataset_id),
        jobs=_facts(store, JOBS, found.dataset_id),
        message=orjson.loads(raw) if sha256(raw).hexdigest() == digest else {},
        pair=_pair(store, item),
    )


def as_json(explanation: Explanation) -> dict[str, Any]:
    """Give an explanation as plain JSON values."""
    return asdict(explanation)


def as_text(explanation: Explanation) -> str:
    """Tell an explanation in lines for a terminal."""
    return "\n".join(_told(explanation))


def _item(store: Store, found: Dataset, split: str, line: int) -> Facts:
    rows = _facts(store, ITEM, found.dataset_id, split, line)
    if not rows:
        count = next(file["lines"] for file in found.files.values() if file["split"] == split)
        raise UnknownDataset(
            f"{found.path(split).name} of {found.dataset_id} has no line {line}.", hint=f"It has lines 1 to {count}."
        )
    return rows[0]


def _line(found: Dataset, name: str, number: int) -> bytes:
    try:
        with (found.folder / name).open("rb") as file:
            for at, raw in enumerate(file, start=1):
                if at == number:
                    return raw.rstrip(b"\n")
    except FileNotFoundError:
        hint = "Write it again: chatmill export; the same content gives the same files."
        raise DamagedDataset(f"{name} of {found.dataset_id} is gone from {found.folder}.", hint=hint) from None
    return b""


def _facts(store: Store, sql: str, *params: Any) -> tuple[Facts, ...]:  # noqa: ANN401 - SQL values
    return tuple(store.frame(sql, list(params)).to_dicts())


def _pair(store: Store, item: Facts) -> Facts | None:
    found = _facts(store, OTHER, item["other_key"]) if item["other_key"] else ()
    return {"source": item["pair_source"], **found[0]} if found else None


def _turns(workspace: Workspace, store: Store, item: Facts, *, reveal: bool) -> Iterator[TurnStep]:
    key = item["conversation_key"]
    texts, applied = _redacted(workspace, store, key)
    spans: dict[str, list[Span]] = {}
    for row in store.frame(FINDINGS, [key, key]).iter_rows(named=True):
        placeholder = _placeholder(row, applied.get(row["turn_key"], ()))
        spans.setdefault(row["turn_key"], []).append(_span(row, placeholder, reveal=reveal))
    rows = store.frame(TURNS, [key]).to_dicts()
    uses = _uses([row for row in rows if texts.get(row["turn_key"], "").strip() and row["kind"] != "tools"], item)
    for row in rows:
        yield TurnStep(
            position=row["position"],
            kind=row["kind"],
            role=row["role"],
            visibility="withheld" if row["is_withheld"] else row["visibility"],
            place=row["place"],
            repairs=tuple(row["repairs"]),
            text=texts.get(row["turn_key"]),
            use=uses.get(row["turn_key"], ""),
            spans=tuple(spans.get(row["turn_key"], ())),
        )


def _uses(said: Sequence[Facts], item: Facts) -> dict[str, str]:
    """Say of the turns that were said which ones a line leaves out, and which is its answer."""
    keys = [row["turn_key"] for row in said]
    uses = dict.fromkeys(keys[: item["cut_turns"]], "cut")
    if item["turn_key"] in keys:
        uses[item["turn_key"]] = "answer"
        uses |= dict.fromkeys(keys[keys.index(item["turn_key"]) + 1 :], "after")
    if item["other_key"]:
        uses[item["other_key"]] = "other"
    return uses


def _redacted(workspace: Workspace, store: Store, key: str) -> tuple[dict[str, str], dict[str, tuple[Applied, ...]]]:
    """Redact one conversation as the export did: its public turns' texts, and the spans applied to them."""
    wanted = pl.DataFrame({"conversation_key": [key]})
    page = read_page(store, wanted)
    turns = next((turns for _, turns in page.conversations()), [])
    language = page.languages.get(key, workspace.settings.workspace.languages[0])
    policy = load_policy(workspace.root)
    operators = PageOperators(store, policy, [key]).of(key, language)
    findings, persona = page.findings.get(key, {}), workspace.settings.export.persona
    voice = Voice.of(persona, turns, findings, read_people(store, wanted).get(key, ())) if persona else None
    done = speak(turns, findings, policy, language=language, operators=operators, voice=voice)
    names = [turn.turn_key for turn in turns]
    return dict(zip(names, done.texts, strict=True)), dict(zip(names, done.spans, strict=True))


def _placeholder(row: Facts, applied: Sequence[Applied]) -> str | None:
    """Find what stands where a finding was: what it became itself, else what the stronger one over it became."""
    over = [one for one in applied if one.start < row["end_char"] and row["start_char"] < one.end]
    own = [one for one in over if (one.entity_type, one.recognizer) == (row["entity_type"], row["recognizer"])]
    return next((one.placeholder for one in own or over), None)


def _span(row: Facts, placeholder: str | None, *, reveal: bool) -> Span:
    return Span(
        placeholder=placeholder,
        start_char=row["start_char"],
        end_char=row["end_char"],
        entity_type=row["entity_type"],
        score=row["score"],
        recognizer=row["recognizer"],
        why=orjson.loads(row["why"]),
        decision=row["verdict"],
        decided_by=row["decided_by"],
        original=row["original"] if reveal else None,
    )


def _told(one: Explanation) -> Iterator[str]:
    verified = "as it was written" if one.is_verified else "CHANGED since it was written"
    yield f"{one.dataset}  {one.file} line {one.line}: {one.tokens} tokens, {verified}"
    yield f"  sha256 {one.sha256}"
    yield f"  group {one.group_id} (customers and clusters that stay together)"
    if one.cut_turns:
        yield f"  the {one.cut_turns} oldest turns are not in it: the context's length or the model's limit"
    if one.repairs:
        yield f"  repaired: {', '.join(one.repairs)}"
    yield from _told_source(one)
    if one.pair:
        pair = one.pair
        why = "a draft that was rewritten" if pair["source"] == "draft" else "rated badly, to nearly the same question"
        yield f"  the answer that lost: {why}; {pair['connector']} {pair['external_id']}, {pair['source_uri']}"
        yield f"    {pair['conversation_place']}, {pair['place']}, turn {pair['position']}"
    yield "turns"
    for turn in one.turns:
        yield from _told_turn(turn)
    yield "curation"
    for stage in one.stages:
        yield f"  {stage['stage']}: {stage['status']}, version {stage['version']}, run {stage['run_id']}"
    if one.cluster:
        told = one.cluster
        yield f"  {told['kind']} duplicates: cluster {told['cluster']} of {told['members']}, keeper {told['keeper']}"
    if one.outcome:
        flags = ", ".join(one.outcome["flags"]) or "none"
        yield f"  outcome: {one.outcome['verdict']}, {one.outcome['reason']} ({one.outcome['code']}); flags: {flags}"
    yield from _told_rest(one)


def _told_source(one: Explanation) -> Iterator[str]:
    source = one.source
    current = "" if one.is_current else "; it has CHANGED since"
    yield f"conversation {one.conversation_key}{current}"
    yield f"  {source['connector']} {source['external_id']}, {source['source_uri']}, {source['place']}"
    yield f"  batch {source['batch_id']} of {source['ingested_at']}, file sha256 {source['file_sha256']}"


def _told_turn(turn: TurnStep) -> Iterator[str]:
    said = turn.text if turn.text is not None else f"({turn.visibility}, not exported)"
    repairs = f", repaired: {', '.join(turn.repairs)}" if turn.repairs else ""
    yield f"  {turn.position} {turn.role} {turn.kind} ({turn.place}{repairs}){USES[turn.use]}"
    yield from (f"      {line}" for line in said.splitlines())
    yield from (f"      - {_told_span(span)}" for span in turn.spans)


def _told_span(span: Span) -> str:
    became = span.placeholder or "(left in)"
    original = f" = {span.original!r}" if span.original is not None else ""
    why = ", ".join(f"{name} {value}" for name, value in _pairs(span.why))
    decision = f", {span.decision} by {span.decided_by}" if span.decision else ""
    place = f"{span.entity_type} at {span.start_char}-{span.end_char}"
    return f"{became} {place}{original}: {span.recognizer} {span.score:.2f} ({why}){decision}"


def _pairs(why: Any) -> Sequence[tuple[str, Any]]:  # noqa: ANN401 - JSON a recognizer wrote
    return list(why.items()) if isinstance(why, dict) else [("", why)]


def _told_rest(one: Explanation) -> Iterator[str]:
    for row in one.decisions:
        note = f": {row['note']}" if row["note"] else ""
        yield f"  decision: {row['verdict']} on {row['subject']} by {row['decided_by']} at {row['decided_at']}{note}"
    for row in one.signatures:
        yield f"  dataset {row['verdict']} by {row['signed_by']} at {row['signed_at']}"
    for job in one.jobs:
        yield f"  job {job['job_id']}: {job['provider']} {job['model']}, {job['status']}"
    if not one.jobs:
        yield "  no fine-tuning job has used this dataset"
