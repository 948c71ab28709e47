"""Who is one customer: conversations tied by an e-mail, a phone number or an id, directly or through others.

Splits (no customer on two sides) and surrogates (one customer, one stand-in) rest on the same answer.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from store.database import Store

# Phone numbers are compared by their digits; with fewer than seven they are extensions, shared by many.
IDENTITIES = """
WITH customers AS (
    SELECT p.conversation_key, lower(trim(p.email)) AS email, p.external_id, c.connector, c.account,
           regexp_replace(coalesce(p.phone, ''), '[^0-9]', '', 'g') AS digits
    FROM participants AS p JOIN conversations AS c USING (conversation_key)
    WHERE p.role = 'customer'
)
SELECT conversation_key, 'mail:' || email AS tie FROM customers WHERE email <> ''
UNION SELECT conversation_key, 'phone:' || digits FROM customers WHERE length(digits) >= 7
UNION SELECT conversation_key, 'id:' || to_json([connector, account, external_id]) FROM customers
    WHERE external_id <> ''
"""
# Whoever has no tie is a customer by the conversation alone.
ALL_TIES = f"{IDENTITIES} UNION ALL SELECT conversation_key, 'talk:' || conversation_key FROM conversations"
RANKS = ("mail", "phone", "id", "talk")  # an e-mail stays the same from connector to connector, an id does not

Indices = npt.NDArray[np.int64]


def tied_customers(store: Store) -> pl.DataFrame:
    """Give every conversation's ties and the group of its customer: conversation_key, tie, group_id, rank.

    Each conversation has a tie of its own too (`talk:`), so that nobody is left out. `rank` orders a group's ties
    from the one that says most about who it is.
    """
    ties = store.frame(ALL_TIES)
    groups = group(ties["conversation_key"].unique(), ties)
    ranks = {name: place for place, name in enumerate(RANKS)}
    rank = pl.col("tie").str.extract(r"^(\w+):").replace_strict(ranks, return_dtype=pl.Int8)
    return ties.with_columns(rank=rank).join(groups, on="conversation_key")


def group(keys: pl.Series, ties: pl.DataFrame) -> pl.DataFrame:
    """Join conversations that share a tie, directly or through others, and name each group by its smallest key.

    `ties` holds conversation_key and tie, of the conversations in `keys` and of others that link them. Gives
    conversation_key and group_id for those in `keys`, in key order.
    """
    nodes = pl.concat([keys.alias("conversation_key"), ties["conversation_key"]]).unique().sort()
    numbers = pl.DataFrame({"conversation_key": nodes, "node": np.arange(len(nodes), dtype=np.int64)})
    links = ties.join(numbers, on="conversation_key").select("node", first=pl.col("node").min().over("tie"))
    smallest = components(len(nodes), links["node"].to_numpy(), links["first"].to_numpy())
    grouped = numbers.with_columns(group_id=nodes.gather(smallest))
    return grouped.filter(pl.col("conversation_key").is_in(keys.implode())).select("conversation_key", "group_id")


def components(count: int, left: Indices, right: Indices) -> Indices:
    """Give for each of `count` nodes the smallest node it is connected to by the links left[i]-right[i].

    Labels sink along links and paths are halved until nothing moves, as in FastSV (Zhang, Azad, Hu 2020): whole
    arrays at a time, so a million nodes take well under a second.
    """
    label = np.arange(count, dtype=np.int64)
    while True:
        lower = np.minimum(label[left], label[right])
        before = label.copy()
        for ends in (left, right):
            np.minimum.at(label, before[ends], lower)
            np.minimum.at(label, ends, lower)
        while not np.array_equal(label, label[label]):
            label = label[label]
        if np.array_equal(label, before):
            return label
