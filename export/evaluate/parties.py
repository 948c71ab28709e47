"""Find the models of a comparison: by name or from a job, at an endpoint that somebody named, with a key for it."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from export.evaluate.asking import Asked
from export.evaluate.comparing import Parties, Wish
from export.evaluate.errors import EvaluateError
from export.submit.capabilities import KNOWN, Capabilities, capabilities_of
from export.submit.errors import ProviderUnready
from export.submit.jobs import Job, find_job
from export.submit.keys import find_key, how_to_set
from export.submit.local_trainer import is_busy, reach_trainer
from export.submit.patience import Patience
from export.submit.providers import HERE, LOOPBACK, endpoint_of
from store.database import Store
from store.settings import SubmitSettings
from store.workspace import Workspace

if TYPE_CHECKING:
    from export.evaluate.chat import Chat

# Fireworks answers chats elsewhere than it trains.
CHAT_ENDPOINTS = {"fireworks": "https://api.fireworks.ai/inference/v1"}
LOCAL_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Named:
    """Which models to compare and where, as it was asked for; an address of its own for the tuned one and the judge."""

    base: str
    tuned: str
    provider: str
    endpoint: str
    tuned_endpoint: str = ""
    judge: str = ""
    judge_endpoint: str = ""


def endpoint_for(settings: SubmitSettings, *, provider: str | None, base_url: str | None) -> tuple[str, str]:
    """Give provider and address for chats: of `base_url`, else those of the provider.

    Raises:
        SubmitError: there is no such provider, or its address is not set.
        ProviderUnready: the questions and the key would travel readable.
    """
    name = provider or settings.provider
    if base_url:
        return name, endpoint_of(replace(settings, provider=name, base_url=base_url), name)
    return name, CHAT_ENDPOINTS.get(name) or endpoint_of(settings, name)


def address_of(job: Job) -> str | None:
    """Give the address at which a job's models answer; None where it is not that of the job."""
    return None if job.endpoint == HERE or job.provider in CHAT_ENDPOINTS else job.endpoint or None


def of_job(store: Store, name: str) -> tuple[Job, str]:
    """Find a job, and the model it became.

    Raises:
        UnknownJob: there is no such job.
        EvaluateError: it became no model (yet).
    """
    job = find_job(store, name)
    tuned = job.result.get("fine_tuned_model")
    if not tuned:
        raise EvaluateError(f"{job.job_id} is {job.status}; it has become no model.", hint="chatmill jobs follow")
    return job, str(tuned)


@contextmanager
def speaking(named: Named, wish: Wish, patience: Patience, workspace: Workspace | None = None) -> Generator[Parties]:
    """Open the connections to the models, and close them after use.

    The trainer of the workspace is started where it is asked for and not running.

    Raises:
        ProviderUnready: OpenAI's SDK or a key is missing, or the trainer could not be started.
    """
    with ExitStack() as stack:
        chats: dict[str, Chat] = {}

        def chat_at(endpoint: str) -> Chat:
            if endpoint not in chats:
                if endpoint == HERE and workspace is not None:
                    chats[endpoint] = stack.enter_context(_local_chat(workspace, patience, wish))
                else:
                    chats[endpoint] = open_chat(named.provider, endpoint, patience, wish)
                    stack.callback(chats[endpoint].close)
            return chats[endpoint]

        base = Asked(named.base, chat_at(named.endpoint))
        tuned = Asked(named.tuned, chat_at(named.tuned_endpoint or named.endpoint))
        judge = Asked(named.judge, chat_at(named.judge_endpoint or named.endpoint)) if named.judge else None
        yield Parties(base, tuned, judge)


def open_chat(provider: str, endpoint: str, patience: Patience, wish: Wish) -> Chat:
    """Make an endpoint ready to be asked; nothing is sent yet.

    Raises:
        ProviderUnready: OpenAI's SDK is not installed, or there is no key.
    """
    known = capabilities_of(provider)
    found = find_key(known.key)
    key = found.value
    if not key and urlsplit(endpoint).hostname in LOOPBACK:
        key = "local"  # a server on this machine may ask for none, but the SDK insists on one
    if not key:
        raise ProviderUnready(
            f"There is no API key for {endpoint}. Looked in {found.place}.", hint=how_to_set(known.key)
        )
    return _chat(endpoint, key, known, patience, wish)


@contextmanager
def _local_chat(workspace: Workspace, patience: Patience, wish: Wish) -> Generator[Chat]:
    """Reach this machine's trainer; it ends after use where it was started here and nothing else goes on in it."""
    trainer = reach_trainer(workspace)
    # A trainer that does not answer has ended: waiting would not bring it back.
    soon = replace(patience, seconds=LOCAL_SECONDS)
    chat = _chat(HERE, trainer.token, KNOWN["local"], soon, wish, address=trainer.url)
    try:
        yield chat
    finally:
        chat.close()
        with suppress(OSError):
            if trainer.process is not None and not is_busy(trainer):
                trainer.process.terminate()
                trainer.process.wait()


def _chat(endpoint: str, key: str, known: Capabilities, patience: Patience, wish: Wish, *, address: str = "") -> Chat:
    try:
        from export.evaluate.chat import Chat
    except ImportError:
        raise ProviderUnready("OpenAI's SDK is not installed.", hint="Run: pip install 'chatmill[openai]'") from None
    return Chat(
        endpoint, key, known, patience, temperature=wish.temperature, max_tokens=wish.max_tokens, address=address
    )
