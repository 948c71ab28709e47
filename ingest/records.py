"""What connectors give: conversations with their turns and participants, or rejects.

Everything is as the source has it; cleaning, keys and timestamps are the loader's work, so that every connector is
treated alike.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Any, Literal

Role = Literal["customer", "agent", "bot", "system", "third_party", "unknown"]
TurnRole = Literal["customer", "agent", "bot", "system"]
RoleSource = Literal["explicit", "users_file", "direction", "mapping", "inferred"]
Automation = Literal["macro", "trigger", "autoreply", "welcome", "bot", "ai", "workflow"]
Completeness = Literal["complete", "truncated_head", "truncated_body", "events_only"]
CsatLabel = Literal["good", "neutral", "bad"]
Kind = Literal["message", "note", "event", "form", "call", "rating", "tools", "tool_call", "tool_result"]
Visibility = Literal["public", "internal", "unknown"]
BodyFormat = Literal["text", "html", "mail", "html_mail", "json"]
RejectCode = Literal[
    "bad_json",  # a line or record that is not JSON
    "bad_record",  # JSON, but not the shape the connector reads
    "bad_row",  # a table row that does not fit its header
    "no_turns",  # a conversation without anything said
    "no_identity",  # a turn that belongs to no conversation
    "orphan",  # a turn whose conversation is nowhere in the export
    "truncated",  # the file ends in the middle of a record
    "too_large",  # a record over the limit
    "encoding",  # bytes that are no text in the file's encoding
    "bomb",  # an archive that unpacks to far more than it holds
    "unreadable",  # a file or archive member that cannot be opened
    "unexplained",  # a file no connector recognises
    "connector_failed",  # a fault of the connector's own, which ended the reading of a file
]

CONFIDENCE: dict[RoleSource, float] = {
    "explicit": 1.0, "users_file": 1.0, "mapping": 1.0, "direction": 0.9, "inferred": 0.5,
}  # fmt: skip
"""How sure a role is by where it comes from, from 0 to 1, where a connector knows no better. By convention, not
measured: who writes to the support address is nearly always a customer; what is inferred may as well be wrong."""

REJECT_REASONS: dict[str, str] = {
    "bad_json": "It is not valid JSON.",
    "bad_record": "It has another shape than its connector reads.",
    "bad_row": "The row does not fit its header.",
    "no_turns": "Nothing is said in it.",
    "no_identity": "It does not say which conversation it belongs to.",
    "orphan": "Its conversation is not in the export.",
    "truncated": "The file ends in the middle of it.",
    "too_large": "It is larger than a record may be.",
    "encoding": "Its bytes are no text in the file's encoding.",
    "bomb": "Unpacked, it would be far larger than it looks.",
    "unreadable": "It could not be opened or read to its end.",
    "unexplained": "No connector recognises it.",
    "connector_failed": "chatmill failed on it; the fault is its own.",
}
"""What each code means, in words for a support lead."""


@dataclass(slots=True, unsafe_hash=True)
class Participant:
    """One person, bot or system in a conversation; `external_id` is what `Turn.author` refers to.

    Like turns, participants and conversations are not frozen, for speed, and nobody changes one that is made.

    `role_confidence` runs from 0 to 1; None stands for what `role_source` is worth, an unknown role for 0.
    """

    external_id: str | None
    role: Role
    role_source: RoleSource = "explicit"
    display_name: str | None = None
    email: str | None = None
    phone: str | None = None
    is_deleted: bool = False
    role_confidence: float | None = None

    @property
    def confidence(self) -> float:
        """How sure the role is, from 0 to 1."""
        if self.role_confidence is not None:
            return self.role_confidence
        return 0.0 if self.role == "unknown" else CONFIDENCE[self.role_source]


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that came with a turn; its bytes are never read."""

    file_name: str | None = None
    media_type: str | None = None
    bytes: int | None = None
    url: str | None = None
    is_inline: bool = False
    is_omitted: bool = False


@dataclass(slots=True, unsafe_hash=True)
class Turn:
    """One utterance, note or event, with its text as the source gives it; nobody changes one that is made.

    It is not frozen, because a frozen one takes four times as long to make, and exports have millions of them.

    `created_at` may be an ISO string, any spelling `ingest.times.parse` knows, or epoch seconds, milli- or
    microseconds as a number. `text` is read as `body_format` says: "text", "html", "mail" (plain text that may carry a
    quoted thread and a signature), "html_mail", or "json" (tool arguments: kept as they are).
    """

    role: TurnRole
    text: str
    external_id: str | None = None
    author: str | None = None
    created_at: str | float | None = None
    kind: Kind = "message"
    visibility: Visibility = "public"
    body_format: BodyFormat = "text"
    is_automated: bool = False
    automation: Automation | None = None
    edited_at: str | float | None = None
    is_deleted: bool = False
    is_draft: bool = False
    source_redaction: Literal["none", "partial", "full"] = "none"
    language: str | None = None
    reply_to: str | None = None
    event_type: str | None = None
    tool_call_id: str | None = None
    place: str = ""
    attachments: tuple[Attachment, ...] = ()
    custom: Mapping[str, Any] = field(default_factory=dict[str, Any])


_TURN_VALUES = attrgetter(*Turn.__dataclass_fields__)


def changed(turn: Turn, **values: Any) -> Turn:  # noqa: ANN401 - whatever its fields hold
    """Give a turn that differs in these fields, as `dataclasses.replace` does, in a third of the time."""
    other = Turn(*_TURN_VALUES(turn))
    for name, value in values.items():
        setattr(other, name, value)
    return other


@dataclass(slots=True, unsafe_hash=True)
class Conversation:
    """One support thread. Turns stand in reading order; `external_id` None means: known by its content alone.

    `csat_score` runs from 0 to 1, whatever the tool's own scale: `ingest.ratings` makes it, with `csat_scale` (that
    scale) and `csat_label`, and keeps the value as it was for `custom`.
    """

    external_id: str | None
    turns: tuple[Turn, ...]
    place: str
    participants: tuple[Participant, ...] = ()
    source_uri: str = ""
    parent_id: str | None = None
    merged_into: str | None = None
    subject: str | None = None
    channel: str | None = None
    channel_raw: str | None = None
    status: str | None = None
    status_raw: str | None = None
    priority: str | None = None
    language: str | None = None
    created_at: str | float | None = None
    updated_at: str | float | None = None
    closed_at: str | float | None = None
    tags: tuple[str, ...] = ()
    csat_score: float | None = None
    csat_scale: str | None = None
    csat_label: CsatLabel | None = None
    csat_comment: str | None = None
    completeness: Completeness = "complete"
    is_test: bool = False
    custom: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Reject:
    """A record that could not become a conversation: where it stands, why, and what it holds.

    `detail` names fields and positions, never values; `raw` goes into the encrypted store only.
    """

    place: str
    code: RejectCode
    detail: str
    raw: str = ""
    source_uri: str = ""


Record = Conversation | Reject
