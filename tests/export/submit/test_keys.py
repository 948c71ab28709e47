"""A key comes from the environment or the keyring alone, and it is said where it was looked for."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from export.submit.capabilities import KNOWN
from export.submit.errors import ProviderUnready, SubmitError
from export.submit.keys import find_key
from export.submit.patience import Patience
from export.submit.providers import endpoint_of, open_provider
from store.settings import SubmitSettings

keyring = pytest.importorskip("keyring", reason="the library keyring is not installed")

HIDDEN = "sk-in-the-keyring"


class Ring(keyring.backend.KeyringBackend):
    """A keyring that holds one key."""

    priority = 1

    def get_password(self, service: str, username: str) -> str | None:
        return HIDDEN if (service, username) == ("chatmill", "TOGETHER_API_KEY") else None

    def set_password(self, service: str, username: str, password: str) -> None:
        raise AssertionError("chatmill stores no keys")


class Locked(Ring):
    def get_password(self, service: str, username: str) -> str | None:
        raise keyring.errors.KeyringLocked


@pytest.fixture(autouse=True)
def ring(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    for known in KNOWN.values():
        monkeypatch.delenv(known.key, raising=False)
    before = keyring.get_keyring()
    keyring.set_keyring(Ring())
    yield
    keyring.set_keyring(before)


def test_the_environment_comes_before_the_keyring(monkeypatch: pytest.MonkeyPatch) -> None:
    found = find_key("TOGETHER_API_KEY")
    assert (found.value, "keyring" in found.place) == (HIDDEN, True)
    assert HIDDEN not in repr(found)
    monkeypatch.setenv("TOGETHER_API_KEY", "sk-in-the-environment")
    assert find_key("TOGETHER_API_KEY").value == "sk-in-the-environment"


def test_where_a_key_came_from_is_told_without_it() -> None:
    told: list[str] = []
    patience = Patience(tell=told.append)
    open_provider("together", "https://api.together.xyz/v1", patience).close()
    assert any("keyring entry chatmill TOGETHER_API_KEY" in line for line in told)
    assert HIDDEN not in " ".join(told)


@pytest.mark.parametrize("name", ["openai", "azure", "nebius", "fireworks"])
def test_where_a_missing_key_was_looked_for_is_said(name: str) -> None:
    with pytest.raises(ProviderUnready) as missing:
        open_provider(name, "https://example.com/v1/accounts/acme", Patience())
    assert f"the environment variable {KNOWN[name].key}" in missing.value.message
    assert f"keyring set chatmill {KNOWN[name].key}" in missing.value.hint


def test_a_keyring_that_cannot_be_opened_is_said() -> None:
    keyring.set_keyring(Locked())
    assert "could not be opened" in find_key("TOGETHER_API_KEY").place


def test_every_provider_has_its_address() -> None:
    azure = SubmitSettings(provider="azure", base_url="https://acme.openai.azure.com/openai/v1/")
    assert endpoint_of(azure) == "https://acme.openai.azure.com/openai/v1"
    assert endpoint_of(azure, "together") == "https://api.together.xyz/v1", "another provider's address was taken"
    fireworks = SubmitSettings(provider="fireworks", account="acme")
    assert endpoint_of(fireworks) == "https://api.fireworks.ai/v1/accounts/acme"
    for settings in (SubmitSettings(provider="azure"), SubmitSettings(provider="fireworks")):
        with pytest.raises(ProviderUnready, match="none is set"):
            endpoint_of(settings)
    with pytest.raises(SubmitError, match="Did you mean together"):
        endpoint_of(SubmitSettings(), "togther")
