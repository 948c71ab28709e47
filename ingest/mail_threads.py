"""Find which mails belong to one thread, and which of the people are the support's, from the fields of all mails.

Both are learnt in a first pass over the mailbox and kept as numbers, so that memory grows by some hundred bytes a mail.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from hashlib import blake2b
from typing import Any

import polars as pl

from ingest.mail_message import MailHead, plain_subject
from ingest.times import parse
from ingest.transcript_blocks import MAILBOXES

LONGEST_PAUSE = 60 * 86_400
"""Seconds within which an answer that names no mail is taken to answer one with its subject and its people."""

MOST_PAIRS = 5

FEWEST_CONTACTS = 3
LEAST_SHARE = 0.2
"""Who corresponds with three parties, and with a fifth of those that the busiest has, answers for the support."""

MOST_CONTACTS = 500

FREE_MAIL = frozenset((
    "gmail", "googlemail", "outlook", "hotmail", "live", "msn", "yahoo", "ymail", "rocketmail", "icloud", "me", "mac",
    "aol", "gmx", "web", "t-online", "freenet", "mail", "inbox", "bk", "list", "yandex", "ya", "rambler", "qq", "163",
    "126", "sina", "foxmail", "naver", "daum", "hanmail", "proton", "protonmail", "pm", "tutanota", "tuta", "zoho",
    "fastmail", "orange", "wanadoo", "free", "laposte", "sfr", "libero", "virgilio", "tiscali", "alice", "bluewin",
    "telenet", "skynet", "ziggo", "kpnmail", "xs4all", "hetnet", "wp", "o2", "onet", "interia", "seznam", "centrum",
    "comcast", "verizon", "att", "sbcglobal", "bellsouth", "cox", "btinternet", "sky", "talktalk", "bigpond",
    "optusnet", "shaw", "rogers", "sympatico", "uol", "bol", "terra", "hushmail", "mailbox", "posteo", "arcor",
))  # fmt: skip
"""Providers whose domain says nothing of who somebody works for, by the name that they registered."""

SECOND_LEVELS = frozenset({"co", "com", "net", "org", "ne", "or"})
"""Where countries have names registered: example.co.uk."""


def party_of(address: str) -> str:
    """Give the company that an address stands for: its domain; the address itself at a provider for everybody."""
    domain = address.rpartition("@")[2]
    *_, name, second, _top = ["", "", *domain.split(".")]
    return address if (name if second in SECOND_LEVELS else second) in FREE_MAIL else domain


PAIR_COLUMNS: dict[str, tuple[str, Any]] = {
    "mail": ("Q", pl.UInt64), "subject": ("Q", pl.UInt64), "author": ("Q", pl.UInt64),
    "author_party": ("Q", pl.UInt64), "to": ("Q", pl.UInt64), "to_party": ("Q", pl.UInt64),
    "at": ("q", pl.Int64), "is_loose": ("b", pl.Int8),
}  # fmt: skip
"""Who wrote to whom about what, in hashes; a loose mail is an answer that names no mail."""


class Threads:
    """Join mails by the ids they name, and answers that name none by their subject and the customer."""

    def __init__(self) -> None:
        self._prints: dict[int, int] = {}
        self._shared: set[int] = set()
        self._edges = (array("Q"), array("Q"))
        self._pairs = {name: array(code) for name, (code, _) in PAIR_COLUMNS.items()}
        self._roots: dict[int, int] = {}

    def learn(self, head: MailHead) -> None:
        """Take in the fields of one mail."""
        own, fingerprint = _number(head.identity), _fingerprint(head)
        if self._prints.setdefault(own, fingerprint) != fingerprint:
            self._shared.add(own)
        for other in (*head.parents, *head.marks):
            self._edges[0].append(own)
            self._edges[1].append(_number(other))
        subject, at = plain_subject(head.subject).casefold(), parse(head.date).at
        if not subject or at is None:
            return
        about, author, party = _number(subject), _number(head.author), _number(party_of(head.author))
        is_loose = head.is_reply and not head.parents
        for other in head.to[:MOST_PAIRS]:
            to = (_number(other), _number(party_of(other)))
            row = (own, about, author, party, *to, int(at.timestamp()), is_loose)
            for column, value in zip(self._pairs.values(), row, strict=True):
                column.append(value)

    def settle(self, support: set[str]) -> None:
        """Join what belongs together, when all mails are known, and which parties are the support's."""
        named = zip(*self._edges, strict=True)
        for one, other in (*named, *self._by_subject(support).iter_rows()):
            if one not in self._shared and other not in self._shared:
                self._join(one, other)

    def is_shared(self, identity: str) -> bool:
        """Tell an id that several different mails carry, which therefore says nothing."""
        return _number(identity) in self._shared

    def thread_of(self, head: MailHead) -> str:
        """Name the thread of a mail, for sorting."""
        own = _number(head.identity)
        return f"{own:016x} {_fingerprint(head):016x}" if own in self._shared else f"{self._root(own):016x}"

    def _by_subject(self, support: set[str]) -> pl.DataFrame:
        """Give each loose mail with the latest one before it of its subject and customer.

        The customer is who is not the support's; where that tells nothing, it must be the same two people.
        """
        ours = pl.lit(pl.Series([_number(who) for who in sorted(support)], dtype=pl.UInt64)).implode()
        is_from_us = pl.col("author").is_in(ours) | pl.col("author_party").is_in(ours)
        is_to_us = pl.col("to").is_in(ours) | pl.col("to_party").is_in(ours)
        both = pl.col("author") ^ pl.col("to")
        other = pl.when(is_from_us & ~is_to_us).then("to").when(is_to_us & ~is_from_us).then("author").otherwise(both)
        columns = [pl.Series(name, self._pairs[name], kind) for name, (_, kind) in PAIR_COLUMNS.items()]
        before = pl.col("mail", "at").shift().over("subject", "other").name.suffix("_before")
        return (
            pl.DataFrame(columns)
            .select("mail", "subject", "at", "is_loose", other=other)
            .unique()
            .sort("subject", "other", "at", "is_loose", "mail")
            .with_columns(before)
            .filter((pl.col("is_loose") == 1) & (pl.col("at") - pl.col("at_before") <= LONGEST_PAUSE))
            .select("mail", "mail_before")
        )

    def _join(self, one: int, other: int) -> None:
        first, second = sorted((self._root(one), self._root(other)))
        self._roots[second] = first

    def _root(self, number: int) -> int:
        root = number
        while (above := self._roots.get(root, root)) != root:
            root = above
        while (above := self._roots.get(number, root)) != root:
            self._roots[number], number = root, above
        return root


class Sides:
    """Tell the support's people from others: those who correspond with many parties, or those that a mapping names."""

    def __init__(self, told: dict[str, str]) -> None:
        self._told = {name.lower().removeprefix("@"): role for name, role in told.items()}
        self._contacts: dict[str, set[int]] = defaultdict(set)
        self._colleagues: dict[str, set[int]] = defaultdict(set)
        self._within: Counter[str] = Counter()
        self._owners: Counter[str] = Counter()
        self._mailboxes: set[str] = set()
        self._inner: set[str] = set()
        self.support: set[str] = set()

    def learn(self, head: MailHead) -> None:
        """Take in who wrote to whom; machines and copies say nothing."""
        self._owners.update(head.owners[:1])
        self._mailboxes.update(who for who in (head.author, *head.to) if who.partition("@")[0] in MAILBOXES)
        if head.automation:
            return
        mine = party_of(head.author)
        for other in head.to[:MOST_PAIRS]:
            theirs = party_of(other)
            if theirs == mine:
                self._within[mine] += 1
                _note(self._colleagues[head.author], other)
                _note(self._colleagues[other], head.author)
            else:
                self._within[mine] -= 1
                self._within[theirs] -= 1
                _note(self._contacts[mine], theirs)
                _note(self._contacts[theirs], mine)

    def settle(self) -> None:
        """Decide, when all mails are known.

        Where people of one company mostly write to each other (the helpdesk of a university), its addresses count one
        by one. What few mails leave open, the mailbox's owner decides, or else a name like support@.
        """
        self._inner = {party for party, balance in self._within.items() if balance > 0}
        counts = {party: len(others) for party, others in self._contacts.items() if party not in self._inner}
        counts |= {
            address: len(others) for address, others in self._colleagues.items() if party_of(address) in self._inner
        }
        most = max(counts.values(), default=0)
        busiest = {who for who, count in counts.items() if count >= max(FEWEST_CONTACTS, most * LEAST_SHARE)}
        top = {who for who, count in counts.items() if count == most}
        if not busiest and most > 1 and len(top) == 1:
            busiest = top
        owners = {self._who(self._owners.most_common(1)[0][0])} if self._owners else set[str]()
        self.support = busiest or owners or {self._who(address) for address in self._mailboxes}

    def __bool__(self) -> bool:
        """Tell whether anybody is known to be the support's."""
        return bool(self.support) or "agent" in self._told.values() or "bot" in self._told.values()

    def role_of(self, address: str) -> tuple[str, bool]:
        """Give the role of an address, and whether the mapping told it."""
        told = self._told.get(address) or self._told.get(address.rpartition("@")[2])
        if told:
            return told, True
        return ("agent" if self._who(address) in self.support else "customer"), False

    def _who(self, address: str) -> str:
        party = party_of(address)
        return address if party in self._inner else party


def _note(seen: set[int], other: str) -> None:
    if len(seen) < MOST_CONTACTS:
        seen.add(_number(other))


def _fingerprint(head: MailHead) -> int:
    return _number(f"{head.author} {head.date}")


def _number(text: str) -> int:
    return int.from_bytes(blake2b(text.encode("utf-8", "replace"), digest_size=8).digest())
