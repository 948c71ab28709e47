"""The keys of what is stored: hashes of (connector, account, external ids), so that the same record is the same row."""

import json
from collections.abc import Callable
from hashlib import blake2b
from typing import Any

import orjson

from ingest.records import Conversation

KEY_BYTES = 16


def key(*parts: str) -> str:
    """Hash parts into 32 hex digits (BLAKE2b, RFC 7693), each with its length, so ("ab", "c") is not ("a", "bc")."""
    joined = "".join([f"{len(part)}:{part}" for part in parts])
    return blake2b(joined.encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES).hexdigest()


def keys_under(first: str) -> Callable[[str], str]:
    """Give what makes `key(first, part)` of a part; the first part is hashed once for many."""
    begun = blake2b(f"{len(first)}:{first}".encode("utf-8", "surrogatepass"), digest_size=KEY_BYTES)

    def key_of(part: str) -> str:
        whole = begun.copy()
        whole.update(f"{len(part)}:{part}".encode("utf-8", "surrogatepass"))
        return whole.hexdigest()

    return key_of


def content_hash(conversation: Conversation, version: int) -> str:
    """Hash what a conversation says, apart from where it stands in which file, and the loader's version."""
    turns = [
        (
            turn.role, turn.text, turn.external_id, turn.author, turn.created_at, turn.kind, turn.visibility,
            turn.body_format, turn.is_automated, turn.automation, turn.edited_at, turn.is_deleted, turn.is_draft,
            turn.source_redaction, turn.language, turn.reply_to, turn.event_type, turn.tool_call_id,
            turn.attachments, turn.custom,
        )
        for turn in conversation.turns
    ]  # fmt: skip
    head = (
        version, conversation.parent_id, conversation.merged_into, conversation.subject, conversation.channel_raw,
        conversation.channel, conversation.status, conversation.status_raw, conversation.priority,
        conversation.language, conversation.created_at, conversation.updated_at, conversation.closed_at,
        conversation.tags, conversation.csat_score, conversation.csat_scale, conversation.csat_label,
        conversation.csat_comment, conversation.completeness, conversation.is_test, conversation.custom,
        conversation.participants, turns,
    )  # fmt: skip
    return blake2b(_bytes(head), digest_size=KEY_BYTES).hexdigest()


def to_json(value: Any) -> str:  # noqa: ANN401 - any JSON value
    """Write a value as canonical JSON, whatever odd things (lone surrogates, huge integers) the source had in it."""
    return _bytes(value).decode("utf-8", "replace")


def _bytes(value: Any) -> bytes:  # noqa: ANN401 - any JSON value
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS | orjson.OPT_NON_STR_KEYS, default=str)
    except (TypeError, ValueError):
        # orjson refuses lone surrogates and integers over 64 bits; the standard library writes both as ASCII.
        return json.dumps(value, sort_keys=True, default=str).encode()
