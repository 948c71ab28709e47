"""The context of the whole conversation: what a bare number is, told by what was last spoken of.

A number of its own is an ID_NUMBER to the recognizers. Where the same turn or an earlier one speaks of an order, it is
an order's, and is believed more; after a question for an amount it is nobody's.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from curate.redact.known import plain_text
from curate.redact.spans import Finding

BARE = "ID_NUMBER"
REMEMBERED = 50_000
RAISED = 0.2
MOST = 0.8
TURNS_BACK = 8  # a topic holds for so many turns
NOBODYS = 0.6  # below this score a bare number goes once something else was asked for
WORDS = {
    "ORDER_ID": "orders?|ordered|bestell\\w*|auftrag\\w*|pedidos?|ordine|commande|encomenda|bestelling",
    "INVOICE_ID": "invoices?|receipts?|rechnung\\w*|facturas?|fattura|facture|fatura|factuur",
    "TRACKING_ID": "tracking|shipment|consignment|waybill|sendung\\w*|seguimiento|spedizione|suivi|rastreio|zending",
    "BOOKING_ID": (
        "bookings?|reservations?|confirmation|pnr|itinerary|buchung\\w*|umbuchen|reservas?|flights?|hotels?|flug|zimmer"
        "|vols?|vuelo|volo|prenotazione|boeking"
    ),
    "TICKET_ID": "tickets? (?:number|id|no)|case (?:number|id|no)|incident|vorgangs?nummer",
    "POLICY_ID": "policy|policies|polic[ey]n?nummer|poliza|polizza|apolice|polis",
    "CLAIM_ID": "claims?|schaden\\w*|siniestro|sinistro|sinistre",
    "ACCOUNT_NUMBER": "accounts?|acct|konto\\w*|cuenta|conto|compte|conta|rekening",
    "CARD_NUMBER": "(?:credit|debit) ?cards?|kreditkarte\\w*|tarjeta|carta di credito|carte bancaire|cartao",
    "SERIAL_NUMBER": "serial|seriennummer|numero de serie|serienummer",
    "CUSTOMER_ID": "(?:customer|member|membership|client|patient|employee) (?:id|number|no)|kundennummer|klantnummer",
    "US_SSN": "ssn|social security",
}
SPOKEN_OF = re.compile(r"(?<!\w)(?:" + "|".join(f"(?P<{kind}>{words})" for kind, words in WORDS.items()) + r")(?!\w)")


@functools.lru_cache(REMEMBERED)
def last_topic(text: str) -> str:
    """Give the last kind of number that a text speaks of, or nothing."""
    kind = ""
    for found in SPOKEN_OF.finditer(plain_text(text)):
        kind = str(found.lastgroup)
    return kind


def in_context(
    texts: Mapping[str, str], scanned: Mapping[str, Iterable[Finding]], nothing: frozenset[str]
) -> dict[str, list[Finding]]:
    """Give each turn's findings with bare numbers called by what they are; `texts` are in order."""
    settled = {turn_key: list(findings) for turn_key, findings in scanned.items()}
    order = list(texts)
    for at, turn_key in enumerate(order):
        findings = settled.get(turn_key, [])
        if any(one.entity_type == BARE for one in findings):
            earlier = _earlier(texts, order[max(0, at - TURNS_BACK) : at])
            settled[turn_key] = [
                _called(one, texts[turn_key], earlier)
                for one in findings
                if not (one.entity_type == BARE and one.score < NOBODYS and turn_key in nothing)
            ]
    return settled


def _earlier(texts: Mapping[str, str], keys: list[str]) -> str:
    return next((topic for key in reversed(keys) if (topic := last_topic(texts[key]))), "")


def _called(one: Finding, text: str, earlier: str) -> Finding:
    topic = last_topic(text[: one.start]) or earlier
    if one.entity_type != BARE or not topic:
        return one
    score = min(max(one.score, MOST), round(one.score + RAISED, 4))
    return replace(one, entity_type=topic, score=score, why={**one.why, "spoken of": topic})
