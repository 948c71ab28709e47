"""Draw the surrogates that conversations due for the leak check need: before it, by the one writer.

All conversations of a customer are looked at together, so that what is drawn depends neither on the order in which
they were imported nor on the pages they are read in.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field

import polars as pl

from curate.redact.operators.noted import CUSTOMER, DECIDED, DECISIONS, UNCHECKED
from curate.redact.operators.sheets import draw, identities, sheets_of
from curate.redact.operators.surrogates import VERSION, Value
from curate.redact.policy import SURROGATE, Policy
from curate.redact.redact import apply, read_page
from curate.stages import DUE, Curation
from store.database import Store
from store.ledger import run

STAGE = "surrogates"
CONVERSATIONS = 2000  # in memory at once; a customer with more of them comes as a whole
OWNERS = pl.Schema({"conversation_key": pl.String, "identity": pl.String})
NOTES = pl.Schema({"conversation_key": pl.String, "signal": pl.String, "value": pl.Float64, "label": pl.String})

REOPEN_DECIDED = f"DELETE FROM processed WHERE stage = ? AND conversation_key IN ({UNCHECKED})"
REOPEN_MOVED = f"""
DELETE FROM processed WHERE stage = ? AND conversation_key IN (
    SELECT s.conversation_key FROM signals AS s JOIN owners AS o USING (conversation_key)
    WHERE s.signal = '{CUSTOMER}' AND s.label <> o.identity
)
"""


def prepare(curation: Curation, policy: Policy, *, stage: str, version: str) -> pl.DataFrame:
    """Make the leak check due where a person decided or a customer's identity changed, and draw what it will need.

    Gives conversation_key and identity of every conversation; no rows where the policy uses no surrogates.
    """
    store = curation.store
    store.execute(REOPEN_DECIDED, [stage])
    if SURROGATE not in policy.operators:
        return OWNERS.to_frame()
    key = curation.workspace.derive("surrogates")
    owners = identities(store, key).select(OWNERS.names()).sort("identity", "conversation_key")
    with store.scratch(owners=owners):
        store.execute(REOPEN_MOVED, [stage])
    due = store.frame(DUE, [stage, version])
    if due.height:
        concerned = owners.join(due, on="conversation_key", how="semi").select("identity").unique()
        members = owners.join(concerned, on="identity", how="semi", maintain_order="left")
        with run(store, STAGE, inputs={"due": due.height}, versions={STAGE: VERSION}) as this:
            for batch in _batches(members):
                this.count("surrogates", _draw(store, policy, key, batch, curation.settings.workspace.languages[0]))
    return owners


def notes(store: Store, page: pl.DataFrame, owners: pl.DataFrame) -> pl.DataFrame:
    """Give the signals by which `prepare` will know that these conversations have been looked at as they are."""
    with store.scratch(page=page.select("conversation_key")):
        decided = store.frame(f"SELECT * FROM ({DECIDED}) SEMI JOIN page USING (conversation_key)")
    own = owners.join(page.select("conversation_key"), on="conversation_key", how="semi")
    return pl.concat(
        [
            NOTES.to_frame(),
            decided.with_columns(signal=pl.lit(DECISIONS), label=pl.lit(None, pl.String)).select(NOTES.names()),
            own.rename({"identity": "label"})
            .with_columns(signal=pl.lit(CUSTOMER), value=pl.lit(None, pl.Float64))
            .select(NOTES.names()),
        ]
    )


def _batches(members: pl.DataFrame) -> list[pl.DataFrame]:
    """Cut rows sorted by identity so that no identity is cut."""
    first = pl.int_range(pl.len()).min().over("identity") // CONVERSATIONS
    return members.with_columns(batch=first).partition_by("batch", maintain_order=True, include_key=False)


def _draw(store: Store, policy: Policy, key: bytes, members: pl.DataFrame, fallback: str) -> int:
    page = read_page(store, members.select("conversation_key"))
    owner: dict[str, str] = dict(members.select("conversation_key", "identity").iter_rows())
    values: dict[str, list[Value]] = defaultdict(list)
    for name, turns in page.conversations():
        if name in page.findings:
            language = page.languages.get(name, fallback)
            collector = _Collector(policy, language)
            apply(turns, page.findings[name], policy, language=language, operators=collector)
            values[owner[name]] += collector.values
    sheets = sheets_of(store, key, values)
    with store.transaction():
        draw(store, sheets, values, members.filter(pl.col("identity").is_in(list(values))))
    return sum(len(sheet.fresh) for sheet in sheets.values())


@dataclass(slots=True)
class _Collector:
    """Stand in for the operators to learn which values they will be asked for."""

    policy: Policy
    language: str
    values: list[Value] = field(default_factory=list[Value])

    def stand_in(self, entity_type: str, value: str, role: str) -> str:
        """Note a value that gets a surrogate."""
        if self.policy.of(entity_type).operator_for(role) == SURROGATE:
            self.values.append(Value(entity_type, value, self.language))
        return "x"
