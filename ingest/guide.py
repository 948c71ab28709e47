"""What a connector's module says of its format, taken apart: how to get the export, what is read, what is not.

The convention: after the first line a connector's docstring holds passages that begin with "To get it:" or "To get
them:", "Not read:" and "Unconfirmed:" (or "Unconfirmed, as ...:"; it says "nothing" where all was seen in real files
or in the vendor's own documentation). A passage ends with its paragraph, or where the next one begins; all else says
what is read.
"""

from __future__ import annotations

import inspect
import re
from dataclasses import dataclass

from ingest.connector import Connector

MARKS = re.compile(r"(To get (?:it|them):|Not read:|Unconfirmed(?:, [^:.]*)?:)")
SOURCE = re.compile(r"(?:^|(?<=\.) )`formats\.md`[^`]*$")
"""Where the facts come from, at the end of a paragraph: a page that is not part of the project."""

PASSAGES = ("To get", "Not read", "Unconfirmed")


@dataclass(frozen=True, slots=True)
class Guide:
    """What a user needs to know before bringing an export; passages that are missing are empty."""

    summary: str
    export: str
    read: str
    not_read: str
    unconfirmed: str


def guide_of(connector: Connector) -> Guide:
    """Take a connector's docstring apart."""
    return parted(inspect.getdoc(inspect.getmodule(connector)) or "")


def parted(text: str) -> Guide:
    """Sort the passages of a docstring, each written on one line."""
    summary, *paragraphs = [" ".join(paragraph.split()) for paragraph in re.split(r"\n\s*\n", text)]
    found: dict[str, list[str]] = {name: [] for name in ("", *PASSAGES)}
    for paragraph in paragraphs:
        first, *rest = MARKS.split(SOURCE.sub("", paragraph))
        found[""].append(first)
        for mark, passage in zip(rest[::2], rest[1::2], strict=True):
            name = next(name for name in PASSAGES if mark.startswith(name))
            found[name].append(mark.partition(", ")[2] + passage)
    said = {name: " ".join(filter(None, map(str.strip, passages))) for name, passages in found.items()}
    return Guide(summary, said["To get"], said[""], said["Not read"], said["Unconfirmed"])
