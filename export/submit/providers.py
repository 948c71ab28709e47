"""Find a provider by its name, and give it what it needs: an address from the settings, a key from the environment."""

from __future__ import annotations

import os
from urllib.parse import urlsplit

from export.submit.errors import ProviderUnready, SubmitError
from export.submit.patience import Patience
from export.submit.provider import Provider
from store.errors import unknown_name
from store.settings import SubmitSettings

PROVIDERS = ("openai",)
OPENAI = "https://api.openai.com/v1"
KEY = "OPENAI_API_KEY"
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_provider(name: str) -> str:
    """Give the name back if there is such a provider.

    Raises:
        SubmitError: there is none.
    """
    if name not in PROVIDERS:
        raise SubmitError(unknown_name("provider", name, PROVIDERS), hint="Choose one with --provider.")
    return name


def endpoint_of(settings: SubmitSettings) -> str:
    """Give the address that the settings name, without a slash at its end.

    Raises:
        ProviderUnready: files and key would travel readable, or the address itself holds a password.
    """
    endpoint = (settings.base_url or OPENAI).rstrip("/")
    parts = urlsplit(endpoint)
    if parts.username or parts.password:
        raise ProviderUnready("submit.base_url holds a user or password.", hint=f"Put the key into {KEY} instead.")
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ProviderUnready(
            f"submit.base_url is {endpoint!r}; the dataset and the key only travel over https, or to this machine.",
            hint="Set it to an address like https://host/v1, or leave it empty for OpenAI.",
        )
    return endpoint


def open_provider(name: str, endpoint: str, patience: Patience) -> Provider:
    """Make a provider ready to be spoken to; nothing is sent yet.

    Raises:
        SubmitError: there is no such provider, its SDK is not installed, or there is no key.
    """
    check_provider(name)
    key = os.environ.get(KEY, "").strip()
    if not key and urlsplit(endpoint).hostname in LOOPBACK:
        key = "local"  # a server on this machine may ask for none, but the SDK insists on one
    if not key:
        raise ProviderUnready(
            f"There is no API key for {endpoint}.",
            hint=f"Set the environment variable {KEY}; chatmill neither stores nor shows it.",
        )
    try:
        from export.submit.openai_provider import OpenAIProvider
    except ImportError:
        raise ProviderUnready("OpenAI's SDK is not installed.", hint="Run: pip install 'chatmill[openai]'") from None
    return OpenAIProvider(endpoint, key, patience)
