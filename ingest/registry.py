"""The connectors there are, by name."""

from __future__ import annotations

from functools import cache
from importlib import import_module

from ingest.connector import Connector
from ingest.errors import UnknownConnector
from store.errors import unknown_name

MODULES = (
    "amazon_connect",
    "chat",
    "crisp",
    "discord",
    "discourse",
    "drift",
    "freshchat",
    "freshdesk",
    "front",
    "genesys",
    "gorgias",
    "help_scout",
    "hubspot",
    "intercom",
    "jsonlines",
    "livechat",
    "llm_traces",
    "mail",
    "olark",
    "salesforce",
    "slack",
    "subtitles",
    "tables",
    "tawkto",
    "teams",
    "telegram",
    "transcripts",
    "twilio",
    "vcon",
    "whatsapp",
    "zendesk",
    "zendesk_chat",
)
"""Modules of ingest.connectors, each with one CONNECTOR; imported by name, so that none is loaded before it is used."""


@cache
def available() -> tuple[Connector, ...]:
    """Give every connector, in the order of their names."""
    connectors = [import_module(f"ingest.connectors.{module}").CONNECTOR for module in MODULES]
    return tuple(sorted(connectors, key=lambda connector: connector.name))


def find(name: str) -> Connector:
    """Give the connector of that name.

    Raises:
        UnknownConnector: there is none; the message lists those there are.
    """
    for connector in available():
        if connector.name == name:
            return connector
    known = [connector.name for connector in available()]
    raise UnknownConnector(
        unknown_name("connector", name, known), hint="Leave --connector out to have the files recognised."
    )
