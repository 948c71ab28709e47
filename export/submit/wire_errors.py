"""Turn a provider's HTTP status and error body into errors that say what to do next; no API key stands in one.

Statuses and codes: OpenAI's API specification; `training_not_available` as organisations have met it since 2026-05-07;
"not ready" as jobs.create answers while a file is being processed. Other providers differ in the body alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime

from export.submit.capabilities import Capabilities, others_than
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


@dataclass(frozen=True, slots=True)
class Said:
    """What a provider answered: the status, its error's code and parameter, its own words, and the headers."""

    status: int
    code: str
    param: str
    words: str
    headers: Mapping[str, str]


def problem_of(said: Said, *, endpoint: str, provider: Capabilities) -> SubmitError:
    """Say in our words what went wrong at an endpoint."""
    status, wait = said.status, retry_after(said.headers)
    if status == 401:
        # The provider's own words are left out: they repeat parts of the key.
        return KeyRefused(
            f"{endpoint} does not take the API key (401).",
            hint=f"It may be wrong, expired or revoked. Set {provider.key} to a valid one and run the same command "
            "again: what was uploaded is kept.",
        )
    if status == 403:
        return _forbidden(said, endpoint, provider)
    if status == 402 or (status == 429 and said.code in NO_CREDIT):
        return QuotaExhausted(
            f"The account at {endpoint} has no credit left: {said.words}",
            hint="Add credit or raise the limit in the account's billing settings, then run the same command again.",
        )
    if status == 429:
        return Busy(f"{endpoint} is asked too often (429).", hint=AGAIN, wait=wait, is_unclear=False)
    if status >= 500 or status in (408, 409, 425):
        return Unavailable(f"{endpoint} failed ({status}).", hint=AGAIN, wait=wait)
    return _refused(said, endpoint)


def unreadable(endpoint: str) -> Unavailable:
    """Say that an answer is none of the API's: a proxy's page, or half of one."""
    return Unavailable(f"{endpoint} gave an answer that is none of the fine-tuning API.", hint=AGAIN)


def unreachable(endpoint: str, *, late: bool) -> Unavailable:
    """Say that no answer came."""
    if late:
        return Unavailable(f"{endpoint} did not answer in time.", hint=AGAIN)
    return Unavailable(f"{endpoint} cannot be reached, or the connection broke.", hint=f"Check the network. {AGAIN}")


def shortened(text: object, key: str) -> str:
    """Give a provider's own words in one short line, without the key."""
    words = " ".join(str(text or "no reason was given").split())
    return (words.replace(key, "[key]") if key else words)[:WORDS]


def _forbidden(said: Said, endpoint: str, provider: Capabilities) -> SubmitError:
    if said.code == "training_not_available":
        return TrainingNotAvailable(
            f"{endpoint} takes no fine-tuning jobs from this organisation (403 training_not_available).",
            hint="OpenAI is winding fine-tuning down, and nothing on your side changes that. The dataset is as good as "
            f"before, and three ways are left: another provider (--provider {others_than(provider.name)}, or "
            "submit.base_url in chatmill.toml for who speaks the same API); this machine (--provider local); or the "
            "export alone, in the format of a trainer (chatmill export --format). What was uploaded is kept there "
            "until you delete it.",
        )
    return RequestRefused(
        f"{endpoint} does not allow this (403): {said.words}",
        hint="Give the key's project the permission for files and fine-tuning, or use a key that has it.",
    )


def _refused(said: Said, endpoint: str) -> SubmitError:
    status, words = said.status, said.words
    if said.code in NO_MODEL or (said.param == "model" and status in (400, 404, 422)):
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
