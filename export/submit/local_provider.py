"""The provider `local`: this machine's own trainer, spoken to as OpenAI is, and started where it is not running."""

from __future__ import annotations

from export.submit.capabilities import KNOWN
from export.submit.local_trainer import LocalTrainer, reach_trainer, release
from export.submit.openai_provider import OpenAIProvider
from export.submit.patience import Patience
from export.submit.providers import HERE
from store.workspace import Workspace


class LocalProvider(OpenAIProvider):
    """Speak to the workspace's trainer."""

    def __init__(self, workspace: Workspace, patience: Patience, *, bases: tuple[str, ...] = ()) -> None:
        """Reach the trainer; `bases` are models of the hub that it may fetch.

        Raises:
            TrainingUnready: the libraries that train are missing.
            ProviderUnready: it could not be started.
        """
        self._trainer: LocalTrainer = reach_trainer(workspace, bases=bases)
        super().__init__(self._trainer.url, self._trainer.token, patience, capabilities=KNOWN["local"])
        self.endpoint = HERE

    def close(self) -> None:
        """Let go of the trainer, and end it where we started it and it has nothing left to do."""
        super().close()
        release(self._trainer)
