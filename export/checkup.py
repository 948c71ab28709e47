"""Look at training files for a model, ours or somebody else's, and repair one on request."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from export.catalog import Dataset
from export.errors import ExportError
from export.formats.registry import OPENAI_CHAT, find_target
from export.models import DEFAULT_MODEL
from export.preflight import PreflightFinding, preflight_files
from export.repair import Repaired, repair_file
from store.progress import Progress, silent


@dataclass(frozen=True, slots=True)
class Checkup:
    """What preflight says of files, every finding of it; after a repair, what it says of the repaired file."""

    model: str
    files: tuple[Path, ...]
    findings: tuple[PreflightFinding, ...]
    repaired: Repaired | None = None
    left: tuple[PreflightFinding, ...] = ()

    @property
    def is_clean(self) -> bool:
        """Say whether a trainer would take the files, or the repaired one."""
        return not any(one.severity == "error" for one in (self.left if self.repaired else self.findings))


def check_files(
    paths: Sequence[Path],
    *,
    model: str | None = None,
    format: str = OPENAI_CHAT.name,  # noqa: A002 - the word of the command line
    repair: Path | None = None,
    progress: Progress = silent,
) -> Checkup:
    """Check files that belong together, the one to train on first; `repair` writes a mended copy of the only one.

    Raises:
        ExportError: a file is not there, several are to be repaired, there is something under the new name, the format
            is unknown, or none that repairs are known for.
    """
    target = find_target(format)
    if repair is not None and target is not OPENAI_CHAT:
        raise ExportError(
            f"Only {OPENAI_CHAT.name} files can be repaired.", hint="Leave --repair out, or export the dataset anew."
        )
    for path in paths:
        if not path.is_file():
            raise ExportError(f"There is no file {path}.", hint="Name a JSON lines file, or a dataset: latest.")
    if repair is not None and len(paths) > 1:
        raise ExportError("One file can be repaired at a time.", hint="Name one file with --repair.")
    name = model or DEFAULT_MODEL
    with progress.task("preflight") as task:
        findings = preflight_files({str(path): path for path in paths}, name, most=None, task=task, target=target)
    if repair is None:
        return Checkup(name, tuple(paths), tuple(findings))
    with progress.task("repair") as task:
        repaired = repair_file(paths[0], repair, name, task=task)
    left = preflight_files({str(repair): repair}, name, most=None)
    return Checkup(name, tuple(paths), tuple(findings), repaired, tuple(left))


def check_dataset(dataset: Dataset, *, model: str | None = None, progress: Progress = silent) -> Checkup:
    """Check all split files of a dataset version.

    Raises:
        DamagedDataset: a file is gone or was changed.
    """
    dataset.verify()
    name = model or str(dataset.manifest["model"])
    paths = {file: dataset.folder / file for file in dataset.files}
    with progress.task("preflight") as task:
        target = find_target(dataset.manifest["format"])
        findings = preflight_files(paths, name, most=None, task=task, target=target)
    return Checkup(name, tuple(paths.values()), tuple(findings))


def as_json(checkup: Checkup) -> Mapping[str, Any]:
    """Give a checkup as plain JSON values."""
    repaired = checkup.repaired
    return {
        "model": checkup.model,
        "is_clean": checkup.is_clean,
        "files": [str(path) for path in checkup.files],
        "findings": _findings(checkup.findings),
        "repaired": asdict(repaired) | {"findings": _findings(checkup.left)} if repaired else None,
    }


def _findings(findings: Sequence[PreflightFinding]) -> list[dict[str, Any]]:
    return [{**asdict(one), "severity": one.severity} for one in findings]
