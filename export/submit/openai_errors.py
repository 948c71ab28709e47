"""Turn what the OpenAI SDK raises into errors that say what to do next; the API key never stands in one.

Statuses and codes: OpenAI's API specification; `training_not_available` as organisations have met it since 2026-05-07;
"not ready" as jobs.create answers while a file is being processed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

import openai

from export.submit.errors import (
    AGAIN,
    Busy,
    FileNotReady,
    KeyRefused,
    NotThere,
    QuotaExhausted,
    RequestRefused,
    SubmitError,
    TrainingNotAvailable,
    Unavailable,
    UnknownModel,
)

WORDS = 300
NO_CREDIT = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})
NO_MODEL = frozenset({"model_not_found", "model_not_available"})


def translate(error: openai.OpenAIError, *, endpoint: str, key: str) -> SubmitError:
    """Say in our words what went wrong at an endpoint."""
    if isinstance(error, openai.APIResponseValidationError):
        return Unavailable(f"{endpoint} gave an answer that is none of the fine-tuning API.", hint=AGAIN)
    if isinstance(error, openai.APIStatusError):
        return _status(error, endpoint, _words(error, key))
    if isinstance(error, openai.APITimeoutError):
        return Unavailable(f"{endpoint} did not answer in time.", hint=AGAIN)
    return Unavailable(f"{endpoint} cannot be reached, or the connection broke.", hint=f"Check the network. {AGAIN}")


def _status(error: openai.APIStatusError, endpoint: str, words: str) -> SubmitError:
    status = error.status_code
    if status == 401:
        # The provider's own words are left out: they repeat parts of the key.
        return KeyRefused(
            f"{endpoint} does not take the API key (401).",
            hint="It may be wrong, expired or revoked. Set OPENAI_API_KEY to a valid one and run the same command "
            "again: what was uploaded is kept.",
        )
    if status == 403:
        return _forbidden(error, endpoint, words)
    if status == 429 and error.code in NO_CREDIT:
        return QuotaExhausted(
            f"The account at {endpoint} has no credit left: {words}",
            hint="Add credit or raise the limit in the account's billing settings, then run the same command again.",
        )
    if status == 429:
        wait = retry_after(error.response.headers)
        return Busy(f"{endpoint} is asked too often (429).", hint=AGAIN, wait=wait, is_unclear=False)
    if status >= 500 or status in (408, 409, 425):
        wait = retry_after(error.response.headers)
        return Unavailable(f"{endpoint} failed ({status}).", hint=AGAIN, wait=wait)
    return _refused(error, endpoint, words)


def _forbidden(error: openai.APIStatusError, endpoint: str, words: str) -> SubmitError:
    if error.code == "training_not_available":
        return TrainingNotAvailable(
            f"{endpoint} takes no fine-tuning jobs from this organisation (403 training_not_available).",
            hint="OpenAI is winding fine-tuning down, and nothing on your side changes that. The dataset is as good as "
            "before: train elsewhere, with submit.base_url in chatmill.toml or --provider. What was uploaded is kept "
            "there until you delete it.",
        )
    return RequestRefused(
        f"{endpoint} does not allow this (403): {words}",
        hint="Give the key's project the permission for files and fine-tuning, or use a key that has it.",
    )


def _refused(error: openai.APIStatusError, endpoint: str, words: str) -> SubmitError:
    status = error.status_code
    if error.code in NO_MODEL or (error.param == "model" and status in (400, 404, 422)):
        return UnknownModel(
            f"{endpoint} does not know the model, or does not tune it: {words}",
            hint="Choose another with --model; `chatmill submit --dry-run` prices the known ones.",
        )
    if status == 404:
        return NotThere(f"{endpoint} has no such thing (404): {words}", hint="Check submit.base_url and the id.")
    if status == 400 and ("not ready" in words or "still being processed" in words):
        return FileNotReady(f"{endpoint} is still processing a file.", hint=AGAIN, is_unclear=False)
    if status == 413:
        return RequestRefused(f"{endpoint} takes no file so large (413).", hint="Export a smaller dataset.")
    if 300 <= status < 400:
        hint = "Set submit.base_url in chatmill.toml to the address it points to; files are not sent on elsewhere."
        return RequestRefused(f"{endpoint} points to another address ({status}).", hint=hint)
    return RequestRefused(
        f"{endpoint} refused the request ({status}): {words}",
        hint="Mend what it names; `chatmill submit --dry-run` checks the files and shows the request.",
    )


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Read how many seconds the provider asks to wait; a date counts from the provider's own, never from our clock."""
    for name, unit in (("retry-after-ms", 1000.0), ("retry-after", 1.0)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        return seconds if math.isfinite(seconds) and seconds >= 0 else None
    try:
        until, now = (parsedate_to_datetime(headers[name]) for name in ("retry-after", "date"))
        return max(0.0, (until - now).total_seconds())
    except (KeyError, ValueError, TypeError):
        return None


def _words(error: openai.APIStatusError, key: str) -> str:
    """Give the provider's own words in one short line, without the key."""
    text = error.body.get("message") if isinstance(error.body, dict) else None
    words = " ".join(str(text or "no reason was given").split())
    return (words.replace(key, "[key]") if key else words)[:WORDS]
