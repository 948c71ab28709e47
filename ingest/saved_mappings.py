"""Mappings that a workspace keeps by name, so that the same kind of file is asked about once."""

from __future__ import annotations

import re
from pathlib import Path

from ingest.errors import IngestError
from ingest.mapping import Mapping, fits, load, save
from ingest.shape import shape as shape_of_file
from ingest.source import SourceFile
from store.errors import unknown_name
from store.workspace import Workspace

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]*")


def find_mapping(workspace: Workspace, name: str) -> Mapping:
    """Read the mapping of that name in the workspace, or the file of that name.

    Raises:
        IngestError: there is neither, or the file holds no mapping.
    """
    saved = _folder(workspace) / f"{name}.toml"
    if saved.is_file():
        return load(saved)
    if Path(name).is_file():
        return load(Path(name))
    raise IngestError(
        unknown_name("mapping", name, [path.stem for path in saved_mappings(workspace)] or ["none saved yet"]),
        hint="Give a mapping file; chatmill ingest --explain FILE prints one to start from.",
    )


def save_mapping(workspace: Workspace, name: str, mapping: Mapping) -> Path:
    """Keep a mapping in the workspace under a name.

    Raises:
        IngestError: the name is not made of letters, digits, - and _.
    """
    if not NAME.fullmatch(name):
        raise IngestError(f"{name!r} cannot name a mapping.", hint="Use letters, digits, - and _.")
    path = _folder(workspace) / f"{name}.toml"
    save(mapping, path)
    return path


def fitting_mapping(workspace: Workspace, file: SourceFile) -> Mapping | None:
    """Give the saved mapping whose columns the file has; the first by name where several fit."""
    found = fitting(workspace, file)
    return found[1] if found else None


def fitting(workspace: Workspace, file: SourceFile) -> tuple[str, Mapping] | None:
    """Give the saved mapping whose columns the file has, with its name."""
    saved = saved_mappings(workspace)
    shape = shape_of_file(file) if saved else None
    if shape is None:
        return None
    return next(((path.stem, mapping) for path in saved if fits(mapping := load(path), shape.columns)), None)


def _folder(workspace: Workspace) -> Path:
    return workspace.root / "mappings"


def saved_mappings(workspace: Workspace) -> list[Path]:
    """Give the files of the saved mappings, by name."""
    return sorted(_folder(workspace).glob("*.toml"))
