"""The calls that not every provider has, as one that has none answers them."""
# ruff: noqa: ARG002 - the arguments are the protocol's

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from export.submit.errors import CannotDo, NotThere
from export.submit.provider import RemoteFile, RemoteJob

IN_ONE_PIECE = "This provider is sent files in one piece."


class Unable:
    """Refuse, or give nothing; a provider overrides what it can do, and its capabilities say so."""

    def start_upload(self, name: str, size: int) -> str:
        """Refuse."""
        raise CannotDo(IN_ONE_PIECE, hint="Export a smaller dataset.")

    def upload_part(self, upload_id: str, data: bytes) -> str:
        """Refuse."""
        raise CannotDo(IN_ONE_PIECE, hint="Export a smaller dataset.")

    def finish_upload(self, upload_id: str, part_ids: list[str]) -> RemoteFile:
        """Refuse."""
        raise CannotDo(IN_ONE_PIECE, hint="Export a smaller dataset.")

    def pause(self, job_id: str) -> RemoteJob:
        """Refuse."""
        raise CannotDo(f"This provider cannot pause {job_id}.", hint="chatmill jobs cancel stops it.")

    def resume(self, job_id: str) -> RemoteJob:
        """Refuse."""
        raise CannotDo(f"This provider cannot resume {job_id}.", hint="chatmill submit --again starts another.")

    def checkpoints(self, job_id: str) -> list[dict[str, Any]]:
        """Give none."""
        return []

    def content(self, file_id: str) -> bytes:
        """Refuse: there are no result files."""
        raise NotThere(f"There is no result file {file_id}.", hint="The figures come with the events.")

    def quote(self, request: Mapping[str, Any]) -> float | None:
        """Give nothing: no price is told before the job is over."""
        return None

    def moderate(self, texts: Sequence[str]) -> list[list[str]] | None:
        """Give nothing: there is no moderation."""
        return None
