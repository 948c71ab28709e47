"""Sign a dataset version off: a checklist, a person's name, and the hashes of every file, kept for good.

A signed version is frozen: no export writes its files again. Rows are append-only; the newest one on a version holds.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from hashlib import file_digest
from typing import Any

import orjson

from export.catalog import Dataset, find_dataset
from export.errors import DamagedDataset, FrozenDataset, NotSigned
from store.database import Store
from store.history import record
from store.progress import Progress, silent
from store.workspace import Workspace

SIGNED, WITHDRAWN = "signed", "withdrawn"
NOTE_LENGTH = 500
READ_ONLY, WRITABLE = 0o444, 0o644
COLUMNS = "dataset_id, verdict, signed_by, strftime(signed_at, '%Y-%m-%d %H:%M'), note, checklist, hashes"
NEWEST = f"""
SELECT {COLUMNS} FROM sign_offs WHERE dataset_id = ? ORDER BY signed_at DESC, sign_off_id LIMIT 1
"""
REVIEWERS = """
SELECT DISTINCT d.decided_by FROM decisions AS d
SEMI JOIN (SELECT conversation_key FROM dataset_items WHERE dataset_id = ?) AS i USING (conversation_key)
ORDER BY d.decided_by
"""
# A list entry may be an act without decisions; a flag changes nothing of what is exported.
DECIDED_SINCE = """
SELECT count(DISTINCT d.decision_id)
FROM (
    SELECT decision_id, decided_at FROM decisions
    UNION ALL SELECT decision_id, decided_at FROM acts WHERE kind NOT IN ('flag', 'unflag')
) AS d, datasets AS s
WHERE s.dataset_id = ? AND d.decided_at > s.created_at
"""
UNDECIDED = "SELECT coalesce(sum(undecided), 0)::BIGINT FROM review_queue"


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the checklist. `state` is ok, look (a person should) or stop (it cannot be signed so)."""

    name: str
    state: str
    said: str
    next: str = ""  # what to do


@dataclass(frozen=True, slots=True)
class SignOff:
    """What a person said of a version."""

    dataset_id: str
    verdict: str
    signed_by: str
    signed_at: str
    note: str
    checklist: tuple[Check, ...]
    hashes: Mapping[str, str]

    @property
    def is_signed(self) -> bool:
        """Say whether it stands."""
        return self.verdict == SIGNED


def checklist(workspace: Workspace, store: Store, dataset: Dataset, *, by: str) -> list[Check]:
    """Check what is quick to check: what the manifest proves, the audit, decisions, and who signs."""
    return [
        _splits(dataset),
        _curated(store, dataset),
        *review_checks(workspace, store),
        _approver(workspace, store, dataset, by),
    ]


def review_checks(workspace: Workspace, store: Store) -> list[Check]:
    """Check what people should have done before anything leaves: decide on findings, read the blind sample."""
    return [_undecided(store), *_audit(workspace, store)]


def checked_files(dataset: Dataset, *, progress: Progress = silent) -> list[Check]:
    """Check what reads every file: that they are what was written, and that a trainer would take them."""
    from export.checkup import check_dataset  # loads the tokenizer

    if damaged := dataset.damage():
        again = "Build it again: the same content gives the same files."
        return [Check("Files", "stop", f"{', '.join(damaged)}: gone, or not what was written.", again)]
    checkup = check_dataset(dataset, progress=progress)
    errors = sum(one.severity == "error" for one in checkup.findings)
    others = len(checkup.findings) - errors
    said = f"{others:,} remarks." if others else "A trainer would take them."
    return [
        Check("Files", "ok", "Every file is what was written."),
        Check("Preflight", "stop", f"{errors:,} errors.", "See them: chatmill preflight, then export again.")
        if errors
        else Check("Preflight", "look" if others else "ok", said),
    ]


def sign(
    workspace: Workspace, store: Store, name: str, *, note: str = "", by: str, progress: Progress = silent
) -> SignOff:
    """Sign a version: every check is made, and nothing may stand against it; its files become read-only.

    Raises:
        UnknownDataset: there is no such version.
        NotSigned: it is signed already, the note is too long, or a check says stop.
    """
    dataset = find_dataset(workspace, store, name)
    if (last := sign_off_of(store, dataset.dataset_id)) and last.is_signed:
        raise NotSigned(f"{last.signed_by} signed {dataset.dataset_id} on {last.signed_at} already.", hint="Submit it.")
    if len(note) > NOTE_LENGTH:
        raise NotSigned(f"The note has {len(note)} characters; {NOTE_LENGTH} are kept.", hint="Shorten it.")
    checks = [*checked_files(dataset, progress=progress), *checklist(workspace, store, dataset, by=by)]
    if stops := [one for one in checks if one.state == "stop"]:
        said = " ".join(f"{one.name}: {one.said}" for one in stops)
        raise NotSigned(f"{dataset.dataset_id} cannot be signed. {said}", hint=" ".join(one.next for one in stops))
    hashes = hashes_of(dataset)
    _add(store, dataset.dataset_id, SIGNED, by=by, note=note.strip(), checks=checks, hashes=hashes)
    for path in dataset.folder.iterdir():
        path.chmod(READ_ONLY)
    return _found(store, dataset.dataset_id)


def withdraw(workspace: Workspace, store: Store, name: str, *, note: str, by: str) -> SignOff:
    """Take a signature back; the files may be written again.

    Raises:
        UnknownDataset: there is no such version.
        NotSigned: nobody signed it, or the note does not say why.
    """
    dataset = find_dataset(workspace, store, name)
    last = sign_off_of(store, dataset.dataset_id)
    if last is None or not last.is_signed:
        raise NotSigned(f"Nobody has signed {dataset.dataset_id}.", hint="There is nothing to withdraw.")
    if not note.strip() or len(note) > NOTE_LENGTH:
        raise NotSigned(f"Say why in 1 to {NOTE_LENGTH} characters.", hint="The history keeps it.")
    _add(store, dataset.dataset_id, WITHDRAWN, by=by, note=note.strip(), checks=(), hashes={})
    for path in dataset.folder.iterdir():
        path.chmod(WRITABLE)
    return _found(store, dataset.dataset_id)


def sign_off_of(store: Store, dataset_id: str) -> SignOff | None:
    """Give what was said of a version last; None where nobody did."""
    rows = store.rows(NEWEST, [dataset_id])
    return _sign_off(rows[0]) if rows else None


def sign_offs(store: Store, dataset_id: str) -> list[SignOff]:
    """Give everything that was said of a version, the oldest first."""
    rows = store.rows(
        f"SELECT {COLUMNS} FROM sign_offs WHERE dataset_id = ? ORDER BY signed_at, sign_off_id", [dataset_id]
    )
    return [_sign_off(row) for row in rows]


def check_signed(workspace: Workspace, store: Store, name: str) -> None:
    """Refuse what is to leave without a signature, where the settings ask for one; and what changed since it was given.

    Raises:
        NotSigned: nobody signed it, and sign_off.required is set.
        DamagedDataset: a file is not what was signed.
    """
    dataset = find_dataset(workspace, store, name)
    last = sign_off_of(store, dataset.dataset_id)
    if last is None or not last.is_signed:
        if workspace.settings.sign_off.required:
            raise NotSigned(
                f"Nobody has signed {dataset.dataset_id}, and sign_off.required is set.",
                hint=f"Sign it: chatmill sign-off {dataset.dataset_id}, or on the page Sign-off.",
            )
        return
    now = hashes_of(dataset)
    changed = sorted(file for file, digest in last.hashes.items() if now.get(file) != digest)
    if changed:
        raise DamagedDataset(
            f"{', '.join(changed)} of {dataset.dataset_id} changed since {last.signed_by} signed it.",
            hint="Bring the files back from a backup, or withdraw the signature and export again.",
        )


def check_unfrozen(store: Store, dataset_id: str) -> None:
    """Refuse to write a signed version's files again.

    Raises:
        FrozenDataset: it is signed.
    """
    last = sign_off_of(store, dataset_id)
    if last and last.is_signed:
        raise FrozenDataset(
            f"{last.signed_by} signed {dataset_id} on {last.signed_at}, and its files were changed since; they are not "
            "written again.",
            hint="Bring the files back from a backup, or withdraw the signature first.",
        )


def is_frozen(store: Store, dataset_id: str) -> bool:
    """Say whether a version is signed, so that nothing of it may be written again."""
    last = sign_off_of(store, dataset_id)
    return last is not None and last.is_signed


def hashes_of(dataset: Dataset) -> dict[str, str]:
    """Give the SHA-256 of every file of a version, by name."""
    hashes: dict[str, str] = {}
    for path in sorted(dataset.folder.iterdir()):
        with path.open("rb") as file:
            hashes[path.name] = file_digest(file, "sha256").hexdigest()
    return hashes


def as_json(done: SignOff) -> dict[str, Any]:
    """Give a sign-off as plain JSON values."""
    return asdict(done)


def _splits(dataset: Dataset) -> Check:
    shared = sum(count for pairs in dataset.manifest["overlap"].values() for count in pairs.values())
    if shared:
        return Check("Splits", "stop", f"{shared:,} customers or clusters stand in two splits.", "Export again.")
    return Check("Splits", "ok", "No customer and no near-duplicate cluster stands in two splits.")


def _curated(store: Store, dataset: Dataset) -> Check:
    stale, since = dataset.manifest["changed_since_curated"], store.value(DECIDED_SINCE, [dataset.dataset_id])
    said = [
        f"{stale:,} conversations changed since they were curated." if stale else "",
        f"{since:,} decisions were made after it was built." if since else "",
    ]
    if stale or since:
        return Check(
            "Up to date", "look", " ".join(one for one in said if one), "Curate and build again to take them in."
        )
    return Check("Up to date", "ok", "Nothing was decided since it was built.")


def _undecided(store: Store) -> Check:
    waiting = store.value(UNDECIDED)
    if waiting:
        said = f"{waiting:,} findings are undecided; redaction replaces them as found."
        return Check("Review", "look", said, "Review redactions, the riskiest first.")
    return Check("Review", "ok", "No finding waits for a decision.")


def _audit(workspace: Workspace, store: Store) -> Iterator[Check]:
    from curate.audit.reading import newest_sample, reading_of
    from curate.evaluation.recording import redaction_version
    from curate.redact.policy import load_policy

    sample, reading = newest_sample(store), reading_of(store)
    if sample is None or reading is None:
        yield Check("Recall audit", "look", "No blind sample was drawn.", "Draw one on the page Recall audit.")
        return
    if sample.version != redaction_version(workspace, load_policy(workspace.root)):
        said = f"The sample of {sample.drawn_at} was drawn under other redaction rules."
        yield Check("Recall audit", "look", said, "Draw and read a new one.")
        return
    left = len(sample.drawn) - len(sample.rated)
    said = f"{left:,} of {len(sample.drawn):,} turns are not read yet. {reading.sentence}" if left else reading.sentence
    yield Check("Recall audit", "look" if left else "ok", said, "Read the rest." if left else "")


def _approver(workspace: Workspace, store: Store, dataset: Dataset, by: str) -> Check:
    people = [name for (name,) in store.rows(REVIEWERS, [dataset.dataset_id])]
    told = f"Decisions in it are by {', '.join(people)}." if people else "Nobody decided anything in it."
    if by not in people:
        return Check("Approver", "ok", f"{told} {by} is another person." if people else told)
    if workspace.settings.sign_off.another_person:
        said = f"{by} decided on conversations in it, and sign_off.another_person is set."
        return Check("Approver", "stop", said, "Ask somebody else to sign.")
    return Check("Approver", "look", f"{told} A second pair of eyes sees more.")


def _add(
    store: Store,
    dataset_id: str,
    verdict: str,
    *,
    by: str,
    note: str,
    checks: Sequence[Check],
    hashes: Mapping[str, str],
) -> None:
    told = [asdict(one) for one in checks]
    with store.transaction():
        before = sign_off_of(store, dataset_id)
        store.execute(
            "INSERT INTO sign_offs VALUES (?, ?, ?, ?, now(), ?, ?, ?)",
            [secrets.token_hex(16), dataset_id, verdict, by, note, orjson.dumps(told).decode(),
             orjson.dumps(dict(hashes)).decode()],
        )  # fmt: skip
        record(
            store,
            f"dataset.{verdict}",
            subject=dataset_id,
            before=None if before is None else {"verdict": before.verdict, "by": before.signed_by},
            after={"note": note, "files": dict(hashes)},
            by=by,
        )


def _found(store: Store, dataset_id: str) -> SignOff:
    found = sign_off_of(store, dataset_id)
    assert found is not None
    return found


def _sign_off(row: tuple[Any, ...]) -> SignOff:
    dataset_id, verdict, signed_by, signed_at, note, checks, hashes = row
    checked = tuple(Check(**one) for one in orjson.loads(checks))
    return SignOff(dataset_id, verdict, signed_by, signed_at, note, checked, orjson.loads(hashes))
