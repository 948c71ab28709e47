"""What each provider can do, and how it is reached; known without asking it, so that a dry run needs no key.

Sources: OpenAI's API specification 2.3.0 (2026-08-21); Microsoft's and Nebius's fine-tuning guides; the source of the
SDKs together 3.1.1 and fireworks-ai 1.2.30. None of it was tried against the live services; docs/tasks/submit.md says
what is unconfirmed.
"""

from __future__ import annotations

from dataclasses import dataclass

from export.submit.errors import SubmitError
from store.errors import unknown_name

MIB = 1024 * 1024
GIB = 1024 * MIB


@dataclass(frozen=True, slots=True)
class Capabilities:
    """One provider: `endpoint` is its usual address ("" where each customer has one of their own).

    `key` is the environment variable and the keyring's entry that its API key is looked for under. Without `metadata`
    a job is found again by its suffix, its id or its training file. `auto_epochs`: it takes "auto" for the epochs.
    `is_free`: nobody pays for it. `look_every`: seconds between two looks at a job. `model`: what is trained where no
    model is named; "" takes the dataset's.
    """

    name: str
    title: str
    endpoint: str = ""
    key: str = ""
    parts: bool = False
    metadata: bool = False
    pause: bool = False
    resume: bool = False
    checkpoints: bool = False
    moderation: bool = False
    auto_epochs: bool = False
    suffix_most: int = 64
    suffix_dots: bool = True
    least_examples: int = 10
    most_bytes: int = 512 * MIB
    is_free: bool = False
    look_every: float = 10.0
    model: str = ""


KNOWN = {
    one.name: one
    for one in (
        Capabilities(
            "openai",
            "OpenAI, or whoever speaks its API at submit.base_url",
            endpoint="https://api.openai.com/v1",
            key="OPENAI_API_KEY",
            auto_epochs=True,
            parts=True,
            metadata=True,
            pause=True,
            resume=True,
            checkpoints=True,
            moderation=True,
        ),
        Capabilities(
            "azure",
            "Azure OpenAI in Microsoft Foundry",
            key="AZURE_OPENAI_API_KEY",
            auto_epochs=True,
            metadata=True,
            pause=True,
            resume=True,
            checkpoints=True,
            suffix_most=18,
            suffix_dots=False,
        ),
        Capabilities(
            "nebius",
            "Nebius Token Factory",
            endpoint="https://api.tokenfactory.nebius.com/v1",
            key="NEBIUS_API_KEY",
            checkpoints=True,
            least_examples=1,
            most_bytes=5 * GIB,
        ),
        Capabilities(
            "together",
            "Together AI",
            endpoint="https://api.together.xyz/v1",
            key="TOGETHER_API_KEY",
            checkpoints=True,
            suffix_most=40,
            least_examples=1,
            most_bytes=5 * GIB,
        ),
        Capabilities(
            "fireworks",
            "Fireworks AI",
            endpoint="https://api.fireworks.ai/v1",
            key="FIREWORKS_API_KEY",
            resume=True,
            least_examples=3,
            most_bytes=5 * GIB,
        ),
        Capabilities(
            "local",
            "this machine",
            key="CHATMILL_TRAINER_KEY",
            auto_epochs=True,
            parts=True,
            metadata=True,
            pause=True,
            resume=True,
            checkpoints=True,
            least_examples=1,
            most_bytes=8 * GIB,
            is_free=True,
            look_every=2.0,
            model="chatmill-tiny",
        ),
    )
}


def capabilities_of(name: str) -> Capabilities:
    """Say what a provider can do.

    Raises:
        SubmitError: there is no such provider.
    """
    if name not in KNOWN:
        raise SubmitError(unknown_name("provider", name, tuple(KNOWN)), hint="Choose one with --provider.")
    return KNOWN[name]


def others_than(name: str) -> str:
    """Name the providers that are left where one refuses, for a hint."""
    return ", ".join(other for other in KNOWN if other != name)
