"""Read what the OpenAI API answers, leniently: unknown statuses, missing fields and `"error": {}` are all real.

Sources: OpenAI's API specification 2.3.0, and what Azure, Nebius and the guides show beside it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Protocol

from export.submit.errors import Unavailable
from export.submit.provider import SUBMISSION_KEY, RemoteEvent, RemoteFile, RemoteJob, has_key, kept_fields


class Answer(Protocol):
    """What the SDK gives: an object that can be read as plain values."""

    def to_dict(self) -> dict[str, Any]:
        """Give the answer as it came."""
        ...


def body(answer: Answer) -> dict[str, Any]:
    """Give an answer's fields.

    Raises:
        Unavailable: it is no answer of this API (a page of a proxy, or half of one).
    """
    given = answer.to_dict() if hasattr(answer, "to_dict") else None
    if not isinstance(given, dict) or not isinstance(given.get("id"), str):
        raise Unavailable(
            "The provider's answer is none of the fine-tuning API.",
            hint="See whether submit.base_url in chatmill.toml is right, and whether a proxy stands between.",
        )
    return given


def read_file(answer: Mapping[str, Any]) -> RemoteFile:
    """Read a file object."""
    return RemoteFile(answer["id"], str(answer.get("status") or ""), one_line(answer.get("status_details")))


def read_job(answer: Mapping[str, Any], *, key: str = "") -> RemoteJob:
    """Read a job object; one that was given the submission key in its suffix counts as having it in its metadata."""
    tokens = answer.get("trained_tokens")
    metadata = {str(name): str(value) for name, value in (answer.get("metadata") or {}).items()}
    if key and not metadata and has_key(answer.get("suffix") or answer.get("user_provided_suffix"), key):
        metadata = {SUBMISSION_KEY: key}
    return RemoteJob(
        fields=kept_fields(answer),
        job_id=answer["id"],
        status=str(answer.get("status") or "unknown"),
        model=str(answer.get("model") or ""),
        training_file=str(answer.get("training_file") or ""),
        metadata=metadata,
        fine_tuned_model=answer.get("fine_tuned_model") or None,
        trained_tokens=tokens if isinstance(tokens, int) else None,
        finished_at=_time(answer.get("finished_at")),
        result_files=tuple(one if isinstance(one, str) else one["id"] for one in answer.get("result_files") or ()),
        problem=_problem(answer.get("error")),
    )


def read_event(answer: Mapping[str, Any]) -> RemoteEvent:
    """Read an event, whatever its type; one without a time gets the earliest there is."""
    data = answer.get("data")
    return RemoteEvent(
        event_id=str(answer["id"]),
        happened_at=_time(answer.get("created_at")) or datetime.fromtimestamp(0, UTC),
        level=str(answer.get("level") or "info"),
        message=one_line(answer.get("message")),
        data=data if isinstance(data, dict) else {},
    )


def _problem(error: object) -> str:
    """Word a job's error; healthy jobs carry an empty one."""
    if not isinstance(error, dict):
        return ""
    return ": ".join(one_line(error[key]) for key in ("code", "message") if error.get(key))


def _time(stamp: object) -> datetime | None:
    """Read seconds since 1970; 0 and what is no time stand for none."""
    if isinstance(stamp, bool) or not isinstance(stamp, int | float) or stamp <= 0:
        return None
    try:
        return datetime.fromtimestamp(stamp, UTC)
    except (OverflowError, ValueError, OSError):
        return None


def one_line(text: object) -> str:
    """Give a provider's words in one line of at most 500 characters."""
    return " ".join(str(text or "").split())[:500]
