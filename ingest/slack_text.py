"""Slack's markup as plain text: mentions and links as people see them, and the text of blocks and attachments.

`<@U12|ann>` becomes @ann, `<https://example.com|our page>` becomes our page (https://example.com), `&amp;` becomes &.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from ingest.loose import as_dict, as_list, as_text

_MARKED = re.compile(r"<(?P<sign>[@#!]?)(?P<what>[^<>|\n]*)(?:\|(?P<label>[^<>\n]*))?>")
_ESCAPES = (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&"))
DEEPEST = 12
LINES = frozenset({"rich_text_section", "rich_text_preformatted", "rich_text_quote", "section", "header", "context"})


def plain_text(text: str, names: Mapping[str, str]) -> str:
    """Resolve mentions, channels and links; `names` gives people and channels by their ids."""

    def shown(found: re.Match[str]) -> str:
        sign, what, label = found["sign"], found["what"], found["label"]
        if sign in ("@", "#"):
            return sign + (label or names.get(what) or what).removeprefix(sign)
        if sign == "!":
            return label or f"@{what.partition('^')[0]}"
        address = what.removeprefix("mailto:").removeprefix("tel:")
        bare = address.removeprefix("https://").removeprefix("http://")
        return address if label in (None, "", address, bare) else f"{label} ({address})"

    text = _MARKED.sub(shown, text)
    for escaped, character in _ESCAPES:
        text = text.replace(escaped, character)
    return text


def said_in(message: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Give what a message says: its text, or where that is empty what its blocks or attachments say."""
    text = as_text(message.get("text"))
    if text:
        return plain_text(text, names)
    blocks = "".join(piece for block in as_list(message.get("blocks")) for piece in _pieces(block)).strip("\n")
    if blocks:
        return plain_text(blocks, names)
    attached = (line for item in as_list(message.get("attachments")) for line in _attached(as_dict(item)))
    return plain_text("\n".join(attached), names)


def _pieces(node: Any, depth: int = 0) -> Iterator[str]:  # noqa: ANN401 - any JSON value
    """Give the texts within a block in reading order, a line for each section; Slack nests lists a few levels deep."""
    for item in node if isinstance(node, list) else [node]:
        found = as_dict(item)
        kind, text = as_text(found.get("type")), found.get("text")
        if kind == "user":
            yield f"<@{as_text(found.get('user_id')) or ''}>"
        elif kind == "channel":
            yield f"<#{as_text(found.get('channel_id')) or ''}>"
        elif kind == "emoji":
            yield f":{as_text(found.get('name')) or ''}:"
        elif kind == "broadcast":
            yield f"@{as_text(found.get('range')) or ''}"
        elif kind == "link":
            yield f"<{as_text(found.get('url')) or ''}|{as_text(text) or ''}>"
        elif isinstance(text, str):
            yield text
        elif found and depth < DEEPEST:
            yield from _pieces([text, *as_list(found.get("fields")), *as_list(found.get("elements"))], depth + 1)
        if kind in LINES:
            yield "\n"


def _attached(attachment: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of what an app attaches; `fallback` is the same in one line for old clients."""
    lines = [line for name in ("pretext", "title", "text") if (line := as_text(attachment.get(name)))]
    fallback = as_text(attachment.get("fallback"))
    yield from lines or ([fallback] if fallback else [])
