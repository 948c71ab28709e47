"""A gold set of what people decided: the conversations without anything undecided, and what is found in them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

import polars as pl

from curate.evaluation.errors import GoldError
from curate.evaluation.gold import Answer, GoldLine, Span
from curate.language.stage import own_languages
from curate.redact.policy import Policy
from curate.redact.scanning import Scanner
from curate.redact.stage import Searched, search_page
from curate.review.reading import ACCEPT
from curate.stages import Curation

PAGE = 500

REVIEWED = "SELECT conversation_key FROM review_queue WHERE state = 'done' ORDER BY conversation_key"
ACCEPTED = f"""
SELECT DISTINCT f.turn_key, f.start_char, f.end_char, f.entity_type
FROM findings AS f SEMI JOIN page USING (conversation_key)
JOIN (
    SELECT subject_id, arg_max(verdict, (decided_at, decision_id)) AS verdict
    FROM decisions SEMI JOIN page USING (conversation_key) WHERE subject = 'finding' GROUP BY subject_id
) AS d ON d.subject_id = f.finding_id
WHERE d.verdict = '{ACCEPT}' ORDER BY ALL
"""


def decided_pairs(curation: Curation, policy: Policy) -> Iterator[tuple[GoldLine, Answer]]:
    """Give every turn of the reviewed conversations with what people accepted in it, and with what is found in it.

    Raises:
        GoldError: no conversation is reviewed to its end.
    """
    store = curation.store
    if not store.value(f"SELECT count(*) FROM ({REVIEWED})"):
        raise GoldError(
            "In no conversation has everything been decided on yet.",
            hint="Review some to their end first: chatmill serve, Review redactions.",
        )
    settings = curation.settings
    scanner = Scanner(policy.spec(own_languages(settings), settings.redaction), curation.workers)
    number = 0
    for page in store.pages(REVIEWED, size=PAGE):
        accepted = _accepted(curation, page)
        for one in search_page(curation, scanner, page):
            for turn_key, text in one.texts.items():
                number += 1
                spans = tuple(accepted.get(turn_key, ()))
                role = one.roles.get(turn_key, "customer")
                yield GoldLine(number, text, spans, one.language, role), _answer(one, turn_key, role, policy)


def _accepted(curation: Curation, page: pl.DataFrame) -> dict[str, list[Span]]:
    found: dict[str, list[Span]] = defaultdict(list)
    with curation.store.scratch(page=page):
        for turn_key, start, end, entity_type in curation.store.rows(ACCEPTED):
            found[turn_key].append(Span(start, end, entity_type))
    return dict(found)


def _answer(one: Searched, turn_key: str, role: str, policy: Policy) -> Answer:
    if one.failure:
        return Answer((), set_aside=True)
    due = (
        finding
        for finding in one.found.get(turn_key, ())
        if policy.applies(finding.entity_type, finding.score, one.language, role)
    )
    return Answer(tuple(Span(finding.start, finding.end, finding.entity_type) for finding in due))
