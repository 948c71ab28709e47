"""What a provider refuses before anything is sent to it: its own limits, beside the checks of export/preflight.py."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol

from export.preflight import MAX_FILE_BYTES, MIN_EXAMPLES, PreflightFinding
from export.submit.capabilities import MIB, Capabilities
from export.submit.errors import SubmitError

HYPERPARAMETER = re.compile(r"(\w+)(?:\s*=\s*|\s+)(\S+)")
WORDS: dict[str, bool] = {"true": True, "false": False}


class Sent(Protocol):
    """A file that would be sent."""

    @property
    def name(self) -> str: ...  # noqa: D102 - as SentFile has them
    @property
    def path(self) -> Path: ...  # noqa: D102
    @property
    def bytes(self) -> int: ...  # noqa: D102
    @property
    def lines(self) -> int: ...  # noqa: D102


def limits(provider: Capabilities, files: Sequence[Sent], suffix: str | None) -> Iterator[PreflightFinding]:
    """Check files and suffix against a provider's limits where they are not OpenAI's, which the preflight checks.

    The first file is the one to train on.
    """
    for file in files:
        if file.bytes > provider.most_bytes != MAX_FILE_BYTES:
            most = provider.most_bytes // MIB
            fix = "Export a smaller dataset, or choose another provider."
            message = f"{provider.title} takes files of {most:,} MiB at most."
            yield PreflightFinding(0, "file.provider_size", message, fix, file.name)
    if files and files[0].lines < provider.least_examples != MIN_EXAMPLES:
        message = f"{provider.title} wants {provider.least_examples} examples at least."
        yield PreflightFinding(0, "file.provider_examples", message, "Export more conversations.", files[0].name)
    if suffix and (len(suffix) > provider.suffix_most or ("." in suffix and not provider.suffix_dots)):
        dots = "" if provider.suffix_dots else ", without dots"
        message = f"{provider.title} takes suffixes of {provider.suffix_most} characters at most{dots}."
        yield PreflightFinding(0, "job.provider_suffix", message, "Set submit.suffix in chatmill.toml.", "")


def hyperparameters(told: Sequence[str]) -> dict[str, Any]:
    """Read submit.hyperparameters: a name and a value each, as in "batch_size 8" or "lora true".

    Raises:
        SubmitError: one of them is no name with a value.
    """
    found: dict[str, Any] = {}
    for line in told:
        match = HYPERPARAMETER.fullmatch(line.strip())
        if match is None:
            raise SubmitError(
                f"submit.hyperparameters holds {line!r}, which is no name and value.",
                hint='Write them as "batch_size 8" or "learning_rate 1e-5", by the names that the provider uses.',
            )
        found[match[1]] = value_of(match[2])
    return found


def value_of(text: str) -> str | int | float | bool:
    """Read a value by its looks: true or false, a number, or a word."""
    if text in WORDS:
        return WORDS[text]
    for read in (int, float):
        try:
            return read(text)
        except ValueError:
            continue
    return text
