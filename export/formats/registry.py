"""Every format that `chatmill export --format` writes, by name: the one list behind its help, checks and docs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from export.errors import ExportError
from export.formats import (
    axolotl,
    bedrock,
    fireworks,
    llama_factory,
    mlx_lm,
    openai_chat,
    openai_preference,
    together,
    torchtune,
    trl,
    unsloth,
    vertex,
)
from export.formats.target import Facts, Target, as_is
from store.errors import unknown_name

OPENAI_CHAT = Target(
    name=openai_chat.FORMAT,
    help="Messages with weights, as OpenAI and all who speak its API take them.",
    source="OpenAI's API specification, FineTuneChatRequestInput",
    version=openai_chat.VERSION,
    line=as_is,
    read=as_is,
    minimum=10,
)
TARGETS: Mapping[str, Target] = {
    target.name: target
    for target in (
        OPENAI_CHAT,
        openai_preference.TARGET,
        trl.TARGET,
        trl.PREFERENCE,
        axolotl.TARGET,
        axolotl.PREFERENCE,
        llama_factory.TARGET,
        llama_factory.PREFERENCE,
        unsloth.TARGET,
        torchtune.TARGET,
        torchtune.PREFERENCE,
        mlx_lm.TARGET,
        together.TARGET,
        together.PREFERENCE,
        fireworks.TARGET,
        fireworks.PREFERENCE,
        vertex.TARGET,
        bedrock.TARGET,
    )
}


def find_target(name: str) -> Target:
    """Find a format by its name.

    Raises:
        ExportError: there is none of that name; the nearest are named.
    """
    if name not in TARGETS:
        known = unknown_name("format", name, TARGETS)
        raise ExportError(known, hint="Choose one with --format; chatmill export --formats lists them.")
    return TARGETS[name]


def facts_of(manifest: Mapping[str, Any]) -> Facts:
    """Read what a ready configuration is made of from a manifest."""
    held = {file["split"]: (name, file["lines"]) for name, file in manifest["files"].items() if file["lines"]}
    return Facts(
        dataset=manifest["dataset"],
        files={split: name for split, (name, _) in held.items()},
        lines={split: lines for split, (_, lines) in held.items()},
        longest=manifest["tokens_in_a_line"].get("most", 0),
    )


def bundle_of(manifest: Mapping[str, Any]) -> Mapping[str, str]:
    """Give the text of every file that goes with a dataset's splits, by name: configurations and how to start."""
    return find_target(manifest["format"]).bundle(facts_of(manifest))
