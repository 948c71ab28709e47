"""Read what the OpenAI SDK raises; what it means stands in wire_errors.py."""

from __future__ import annotations

import openai

from export.submit.capabilities import Capabilities
from export.submit.errors import SubmitError
from export.submit.wire_errors import Said, problem_of, shortened, unreachable, unreadable


def translate(error: openai.OpenAIError, *, endpoint: str, key: str, provider: Capabilities) -> SubmitError:
    """Say in our words what went wrong at an endpoint."""
    if isinstance(error, openai.APIResponseValidationError):
        return unreadable(endpoint)
    if isinstance(error, openai.APIStatusError):
        message = error.body.get("message") if isinstance(error.body, dict) else None
        said = Said(
            error.status_code,
            str(error.code or ""),
            str(error.param or ""),
            shortened(message, key),
            error.response.headers,
        )
        return problem_of(said, endpoint=endpoint, provider=provider)
    return unreachable(endpoint, late=isinstance(error, openai.APITimeoutError))
