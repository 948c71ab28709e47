"""Find a provider by its name, and give it what it needs: an address from the settings, a key from the environment."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from export.submit.capabilities import KNOWN, Capabilities, capabilities_of
from export.submit.errors import ProviderUnready
from export.submit.keys import find_key, how_to_set
from export.submit.patience import Patience
from export.submit.provider import Provider
from store.settings import SubmitSettings
from store.workspace import Workspace

PROVIDERS = tuple(KNOWN)
HERE = "this machine"
"""The endpoint of jobs that are trained here: the trainer's port is another at every start."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


def check_provider(name: str) -> str:
    """Give the name back if there is such a provider.

    Raises:
        SubmitError: there is none.
    """
    return capabilities_of(name).name


def endpoint_of(settings: SubmitSettings, name: str | None = None) -> str:
    """Give the address of a provider, without a slash at its end; submit.base_url is that of submit.provider alone.

    Raises:
        SubmitError: there is no such provider.
        ProviderUnready: files and key would travel readable, the address itself holds a password, or part is missing.
    """
    name = name or settings.provider
    known = capabilities_of(name)
    own = settings.base_url if name == settings.provider else ""
    if name == "local" and not own:
        return HERE
    endpoint = (own or known.endpoint).rstrip("/")
    if not endpoint:
        raise ProviderUnready(
            f"{known.title} has an address for each customer, and none is set.",
            hint=f'Set provider = "{name}" and base_url under [submit] in chatmill.toml, '
            "for Azure like https://RESOURCE.openai.azure.com/openai/v1.",
        )
    _check_address(endpoint, known)
    return _with_account(endpoint, settings) if name == "fireworks" else endpoint


def open_provider(
    name: str, endpoint: str, patience: Patience, *, workspace: Workspace | None = None, model: str = ""
) -> Provider:
    """Make a provider ready to be spoken to; nothing is sent yet.

    The trainer of a workspace is started where it is not running; a `model` of the hub is one that it may fetch.

    Raises:
        SubmitError: there is no such provider, its SDK is not installed, or there is no key.
    """
    known = capabilities_of(name)
    if endpoint == HERE and workspace is not None:
        return _open_local(workspace, patience, model)
    key = _key(known, endpoint, patience)
    try:
        if name == "together":
            from export.submit.together_provider import TogetherProvider

            return TogetherProvider(endpoint, key, patience)
        if name == "fireworks":
            from export.submit.fireworks_provider import FireworksProvider

            return FireworksProvider(endpoint, key, patience)
        from export.submit.openai_provider import OpenAIProvider
    except ImportError:
        raise ProviderUnready("OpenAI's SDK is not installed.", hint="Run: pip install 'chatmill[openai]'") from None
    return OpenAIProvider(endpoint, key, patience, capabilities=known)


def _open_local(workspace: Workspace, patience: Patience, model: str) -> Provider:
    try:
        from export.submit.local_provider import LocalProvider
    except ImportError:
        raise ProviderUnready("OpenAI's SDK is not installed.", hint="Run: pip install 'chatmill[train]'") from None
    named = (model,) if model.count("/") == 1 and not Path(model).exists() else ()
    return LocalProvider(workspace, patience, bases=named)


def _key(known: Capabilities, endpoint: str, patience: Patience) -> str:
    found = find_key(known.key)
    if found.value:
        patience.tell(f"The API key comes from {found.place}.")
        return found.value
    if urlsplit(endpoint).hostname in LOOPBACK:
        return "local"  # a server on this machine may ask for none, but the SDK insists on one
    raise ProviderUnready(f"There is no API key for {endpoint}. Looked in {found.place}.", hint=how_to_set(known.key))


def _check_address(endpoint: str, known: Capabilities) -> None:
    parts = urlsplit(endpoint)
    if parts.username or parts.password:
        raise ProviderUnready(
            "submit.base_url holds a user or password.", hint=f"Put the key into {known.key} instead."
        )
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in LOOPBACK):
        raise ProviderUnready(
            f"submit.base_url is {endpoint!r}; the dataset and the key only travel over https, or to this machine.",
            hint="Set it to an address like https://host/v1, or leave it empty for the provider's own.",
        )


def _with_account(endpoint: str, settings: SubmitSettings) -> str:
    """Put the account into the address, where Fireworks has it."""
    if "/accounts/" in endpoint:
        return endpoint
    if not settings.account:
        raise ProviderUnready(
            "Fireworks has the account's name in its address, and none is set.",
            hint='Set account = "NAME" under [submit] in chatmill.toml; the dashboard shows it.',
        )
    return f"{endpoint}/accounts/{settings.account}"
