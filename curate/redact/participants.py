"""What a conversation's own records say is personal: its participants' names, e-mails, phones, and custom fields."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import polars as pl

from curate.redact.asked import asked_findings
from curate.redact.known import Known, Plain, digits_of, search, searchable, spread
from curate.redact.names import is_common, name_parts
from curate.redact.spans import Finding, in_order
from curate.redact.topics import in_context
from curate.redact.variants import Slips, with_variants
from store.database import Store

SOURCE = "participants"
SHARED = "conversation"
CERTAIN = 0.95
PEOPLE = ("customer", "agent", "third_party", "unknown")
SHORTEST_LOCAL_PART = 4
SHORTEST_PHONE = 7
FROM_SCORE = 0.3  # what is believed at all is believed in the whole conversation
NOBODY: Mapping[str, str] = MappingProxyType({})
NOT_SHARED = frozenset({"URL", "IP_ADDRESS"})

PARTICIPANTS = """
SELECT p.conversation_key, p.role, p.display_name, p.email, p.phone
FROM participants AS p JOIN page USING (conversation_key)
ORDER BY ALL
"""
CUSTOM = """
SELECT c.conversation_key, c.custom FROM conversations AS c JOIN page USING (conversation_key) WHERE c.custom <> '{}'
"""


def known_values(store: Store, page: pl.DataFrame, fields: Sequence[str] = ()) -> dict[str, tuple[Known, ...]]:
    """Give what is known of every conversation of a page, by its key.

    Names that are bots' or words of every conversation ("Support Team") are left out.
    """
    values: dict[str, list[Known]] = defaultdict(list)
    with store.scratch(page=page.select("conversation_key")):
        for key, role, name, email, phone in store.rows(PARTICIPANTS):
            values[key] += _of_participant(role, name, email, phone)
        if fields:
            for key, custom in store.rows(CUSTOM):
                values[key] += _of_custom(custom, fields)
    return {key: spread(with_variants(known)) for key, known in values.items()}


def _of_participant(role: str, name: str | None, email: str | None, phone: str | None) -> Iterator[Known]:
    if name and role in PEOPLE and "@" not in name:
        yield _known(name, "PERSON", "name")
    for address in (email, name if name and "@" in name else None):
        if address:
            yield _known(address, "EMAIL_ADDRESS", "e-mail")
            yield from _of_local_part(address)
    if phone and len(digits_of(phone)) >= SHORTEST_PHONE:
        yield _known(phone, "PHONE_NUMBER", "phone")


def _of_local_part(address: str) -> Iterator[Known]:
    local = address.split("@")[0]
    if len(local) >= SHORTEST_LOCAL_PART and not is_common(local):
        yield _known(local, "USERNAME", "e-mail's local part")


def _of_custom(custom: str, fields: Sequence[str]) -> Iterator[Known]:
    values: Any = json.loads(custom)
    if not isinstance(values, dict):
        return
    for field in fields:
        for value in _leaves(values.get(field)):
            kind = "PERSON" if name_parts(value) and value.replace(" ", "").isalpha() else "CUSTOM"
            yield Known(value, kind, CERTAIN, SOURCE, (("rule", f"custom field {field}"),))


def _leaves(value: Any) -> Iterator[str]:  # noqa: ANN401 - whatever the record held
    match value:
        case dict():
            for inner in value.values():
                yield from _leaves(inner)
        case list():
            for inner in value:
                yield from _leaves(inner)
        case str() | int() | float() if not isinstance(value, bool):
            yield str(value)
        case _:
            return


def _known(value: str, entity_type: str, rule: str) -> Known:
    return Known(value.strip(), entity_type, CERTAIN, SOURCE, (("rule", rule),))


def conversation_findings(
    texts: Mapping[str, str],
    scanned: Mapping[str, Iterable[Finding]],
    known: Sequence[Known],
    *,
    roles: Mapping[str, str] = NOBODY,
    language: str = "en",
) -> dict[str, tuple[Finding, ...]]:
    """Add to each turn's findings what the conversation as a whole tells.

    That is: what a question asked for, what a bare number is after what was spoken of, and every place of what is known
    or was found elsewhere in the conversation. `texts` (in order), `scanned` and `roles` (of what people said) are by
    turn key. A value found again has the score of where it was found, so that one threshold decides for all its places.
    """
    asked = asked_findings(texts, roles, language)
    scanned = in_context(texts, scanned, asked.nothing)
    for turn_key, answered in asked.findings.items():
        scanned.setdefault(turn_key, []).extend(answered)
    shared = spread((*known, *_shared(texts, scanned)))
    slips = Slips.of(shared)
    by_turn: dict[str, tuple[Finding, ...]] = {}
    for turn_key, text in texts.items():
        own = list(scanned.get(turn_key, ()))
        if shared:
            plain = Plain.of(text)
            found = [*search(shared, plain), *(slips.search(plain) if slips else ())]
            own += _surer(found, own)
        by_turn[turn_key] = in_order(own)
    return by_turn


def _surer(found: Iterable[Finding], own: Iterable[Finding]) -> list[Finding]:
    """Give what was found again, but for places that are themselves believed as much."""
    taken: dict[tuple[int, int, str], float] = {}
    for one in own:
        place = (one.start, one.end, one.entity_type)
        taken[place] = max(taken.get(place, 0.0), one.score)
    return [one for one in found if one.score > taken.get((one.start, one.end, one.entity_type), 0.0)]


def _shared(texts: Mapping[str, str], scanned: Mapping[str, Iterable[Finding]]) -> Iterator[Known]:
    for turn_key, findings in scanned.items():
        for one in findings:
            value = texts[turn_key][one.start : one.end]
            if one.score >= FROM_SCORE and one.entity_type not in NOT_SHARED and searchable(value, one.entity_type):
                yield Known(value, one.entity_type, one.score, SHARED, (("rule", f"found by {one.recognizer}"),))
