"""The customers' sheets in the store: who has which identity, and their surrogates, read by all and drawn by one.

An identity is the HMAC of one of the customer's ties (curate.customers). The tie that says most is taken; once
surrogates were drawn under another one of the customer's ties, that one stays.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

import polars as pl

from curate.customers import tied_customers
from curate.redact.known import plain_text
from curate.redact.operators.noted import CUSTOMER
from curate.redact.operators.streams import keyed
from curate.redact.operators.surrogates import Sheet, Value, forms, full_name
from store.database import Store

ROUNDS = 20
SURROGATES = pl.Schema(
    {"identity": pl.String, "entity_type": pl.String, "value_hmac": pl.String, "surrogate": pl.String}
)

DRAWN = "SELECT identity, min(drawn_at) AS drawn_at FROM surrogates GROUP BY identity"
ROWS = """
SELECT identity, entity_type, value_hmac, surrogate FROM surrogates SEMI JOIN asked USING (identity)
ORDER BY ALL
"""
OWN = """
SELECT s.conversation_key, s.label FROM signals AS s SEMI JOIN wanted USING (conversation_key) WHERE s.signal = ?
"""
# What is known of the customers' conversations: their people, and whatever was found in them.
KNOWN = """
SELECT a.identity, unnest([p.display_name, p.email, p.phone]) AS value
FROM participants AS p JOIN asked AS a USING (conversation_key)
UNION
SELECT a.identity, substring(t.text, f.start_char + 1, f.end_char - f.start_char)
FROM findings AS f JOIN asked AS a USING (conversation_key) JOIN turns AS t USING (turn_key)
"""
ELSEWHERE = """
SELECT DISTINCT d.identity, d.word FROM drawn AS d JOIN participants AS p
  ON lower(strip_accents(trim(p.display_name))) = d.form
UNION SELECT d.identity, d.word FROM drawn AS d JOIN participants AS p ON lower(trim(p.email)) = d.form
UNION SELECT d.identity, d.word FROM drawn AS d JOIN participants AS p
  ON right(regexp_replace(coalesce(p.phone, ''), '[^0-9]', '', 'g'), 10) = d.form
"""
PROBES = pl.Schema({"identity": pl.String, "form": pl.String, "word": pl.String})
# Customers whom a later import joins: what was drawn for one and is not drawn for the other is theirs in common.
JOIN_SHEETS = """
INSERT INTO surrogates
SELECT m.identity, old.entity_type, old.value_hmac, old.surrogate, old.drawn_at
FROM surrogates AS old JOIN joined AS m ON m.other = old.identity
ANTI JOIN surrogates AS own
  ON own.identity = m.identity AND own.entity_type = old.entity_type
  AND (own.value_hmac = old.value_hmac OR own.surrogate = old.surrogate)
QUALIFY row_number() OVER (PARTITION BY m.identity, old.entity_type, old.value_hmac ORDER BY old.drawn_at, m.other) = 1
  AND row_number() OVER (PARTITION BY m.identity, old.entity_type, old.surrogate ORDER BY old.drawn_at, m.other) = 1
"""


def identities(store: Store, key: bytes) -> pl.DataFrame:
    """Give every conversation's customer: conversation_key, identity.

    Sheets of customers who turn out to be one are joined in the store: the one drawn first stays as it is.
    """
    ties = tied_customers(store)
    names = ties["tie"].unique().sort()
    marks = pl.DataFrame({"tie": names, "mark": [keyed(key, "identity", name).hex()[:32] for name in names]})
    ranked = (
        ties.join(marks, on="tie")
        .join(store.frame(DRAWN).rename({"identity": "mark"}), on="mark", how="left")
        .sort("drawn_at", "rank", "tie", nulls_last=True)
    )
    chosen = ranked.group_by("group_id", maintain_order=True).agg(identity=pl.col("mark").first())
    others = ranked.filter(pl.col("drawn_at").is_not_null()).join(chosen, on="group_id")
    joined = others.filter(pl.col("mark") != pl.col("identity")).select("identity", other="mark").unique()
    if joined.height:
        with store.scratch(joined=joined):
            store.execute(JOIN_SHEETS)
    return ties.select("conversation_key", "group_id").unique().join(chosen, on="group_id").drop("group_id")


def read_sheets(
    store: Store, key: bytes, keys: Iterable[str], owners: Mapping[str, str] | None = None
) -> dict[str, Sheet]:
    """Give the sheet of every conversation's customer, by the conversation's key; one's conversations share it.

    `owners` are the identities by conversation, where they are known before the leak check has noted them.
    """
    wanted = pl.DataFrame({"conversation_key": list(keys)}, schema={"conversation_key": pl.String})
    with store.scratch(wanted=wanted):
        own: dict[str, str] = dict(store.rows(OWN, [CUSTOMER])) | dict(owners or {})
    named = {name: own.get(name) or keyed(key, "identity", f"talk:{name}").hex()[:32] for name in wanted.to_series()}
    sheets = sheets_of(store, key, set(named.values()))
    return {name: sheets[identity] for name, identity in named.items()}


def sheets_of(store: Store, key: bytes, names: Iterable[str]) -> dict[str, Sheet]:
    """Read customers' sheets by identity; one that has none yet is empty."""
    sheets = {name: Sheet(key, name) for name in names}
    with store.scratch(asked=pl.DataFrame({"identity": list(sheets)}, schema={"identity": pl.String})):
        for identity, family, value, surrogate in store.rows(ROWS):
            sheets[identity].rows[family, value] = surrogate
    return sheets


def draw(store: Store, sheets: dict[str, Sheet], values: dict[str, list[Value]], members: pl.DataFrame) -> None:
    """Draw and store the surrogates that sheets lack for these values, by identity.

    `members` (conversation_key, identity) are all the conversations of these customers: what is known in them is not
    drawn, and neither is the full name, the e-mail or the phone of any participant of the workspace.
    """
    with store.scratch(asked=members.select("conversation_key", "identity")):
        for identity, value in store.rows(KNOWN):
            if value:
                sheets[identity].avoid.update(forms(value))
    due = set(values)
    for _ in range(ROUNDS):
        for identity in sorted(due):
            sheet = sheets[identity]
            for mark in sheet.fresh:
                del sheet.rows[mark]
            sheet.fresh.clear()
            sheet.add(values[identity])
        probes = [probe for identity in sorted(due) for probe in _probes(sheets[identity], values[identity])]
        due = _clashing(store, sheets, probes)
        if not due:
            break
    _store(store, sheets)


def _probes(sheet: Sheet, values: list[Value]) -> Iterator[tuple[str, str, str]]:
    """Give what was drawn just now in the form in which participants have it, with what a redraw must avoid."""
    for (family, _), drawn in sheet.fresh.items():
        if family == "EMAIL":
            yield sheet.identity, drawn, "".join(filter(str.isalnum, drawn))
        elif family == "PHONE":
            yield sheet.identity, drawn[-10:], drawn
    for value in values:
        full = full_name(value, sheet)
        fresh = [mark for mark in full.marks if mark in sheet.fresh] if full else []
        if full and fresh:
            yield sheet.identity, full.plain, plain_text(sheet.fresh[fresh[-1]])


def _clashing(store: Store, sheets: dict[str, Sheet], probes: list[tuple[str, str, str]]) -> set[str]:
    """Make the sheets avoid what some participant of the workspace has, and give their identities."""
    clashing: set[str] = set()
    with store.scratch(drawn=pl.DataFrame(probes, schema=PROBES, orient="row")):
        for identity, word in store.rows(ELSEWHERE):
            sheets[identity].avoid.add(word)
            clashing.add(identity)
    return clashing


def _store(store: Store, sheets: dict[str, Sheet]) -> None:
    rows: dict[str, list[tuple[str, ...]]] = defaultdict(list)
    for identity in sorted(sheets):
        fresh = sheets[identity].fresh
        rows[identity] += [(identity, *mark, fresh[mark]) for mark in sorted(fresh)]
    drawn = pl.DataFrame([row for each in rows.values() for row in each], schema=SURROGATES, orient="row")
    with store.scratch(drawn=drawn):
        store.execute("INSERT INTO surrogates BY NAME SELECT *, now() AS drawn_at FROM drawn")
