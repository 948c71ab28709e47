"""The files of a data card: README.md with its charts, and card.html, which holds everything in itself."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from export.card import card
from export.card_parts import PAGE, markdown, page, pictures

README = "README.md"


def card_files(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Give the text of every file of a dataset's card, by name."""
    told = card(manifest)
    return {README: markdown(told), PAGE: page(told), **dict(pictures(told))}


def write_card(folder: Path, manifest: Mapping[str, Any]) -> None:
    """Write a dataset's card into its folder, each file whole or not at all."""
    for name, text in card_files(manifest).items():
        partial = folder / f"{name}.partial"
        partial.write_text(text, encoding="utf-8")
        partial.replace(folder / name)
