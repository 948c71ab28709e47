"""What the trainer refuses, in the shape of OpenAI's errors."""

from __future__ import annotations

from typing import Any

from service.errors import ServiceError


class CannotTrain(ServiceError):
    """Say that the trainer cannot be started as asked."""

    code = "SRV-300"


class Refused(ServiceError):
    """Say that a request cannot be met: an HTTP status, and the fields of OpenAI's error object."""

    code = "SRV-310"

    def __init__(
        self, status: int, message: str, *, param: str | None = None, reason: str | None = None, wait: int | None = None
    ) -> None:
        super().__init__(message)
        self.status, self.param, self.reason, self.wait = status, param, reason, wait

    def body(self) -> dict[str, Any]:
        """Give the error as it goes over the wire."""
        kind = "server_error" if self.status >= 500 else "invalid_request_error"
        return {"error": {"message": self.message, "type": kind, "param": self.param, "code": self.reason}}


def not_there(kind: str, name: str) -> Refused:
    """Refuse what names something that is not here."""
    return Refused(404, f"No such {kind}: {name[:200]}", reason="not_found")
