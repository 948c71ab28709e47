"""`chatmill audit`: canaries, and the blind sample for people; their figures go into the store."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from curate.audit.blind import KIND as BLIND
from curate.audit.blind import BlindState, blind_state, draw_blind_sample
from curate.audit.canaries import CanaryResult, run_canaries, sample_turns
from curate.errors import CurateError
from curate.evaluation.recording import record, redaction_version, with_placeholders
from curate.redact.policy import load_policy
from store.database import Store
from store.progress import Progress, silent
from store.workspace import Workspace

CANARIES = "canaries"


@dataclass(frozen=True, slots=True)
class Audit:
    """What an audit found out."""

    canaries: CanaryResult
    blind: BlindState | None

    def figures(self) -> dict[str, Any]:
        """Give everything as one JSON object, in which no text stands."""
        blind = None if self.blind is None else self.blind.figures()
        return {"canaries": self.canaries.figures(), "blind": blind}


def run_audit(
    workspace: Workspace,
    store: Store,
    *,
    sample: int,
    of_each: int,
    blind: int,
    seed: int | None = None,
    workers: int = 1,
    progress: Progress = silent,
) -> Audit:
    """Plant canaries into copies of `sample` turns, `of_each` kind so many, and draw `blind` turns for people.

    The same seed over the same workspace gives the same figures and the same sample, whose ratings are kept.

    Raises:
        CurateError: no conversation with a customer's turn is kept.
    """
    policy = load_policy(workspace.root)
    settings = workspace.settings.redaction
    chosen = workspace.settings.workspace.seed if seed is None else seed
    drawn = sample_turns(store, sample, chosen)
    if not drawn:
        raise CurateError("No kept conversation has a customer's turn to audit.", hint="Run chatmill curate first.")
    canaries = run_canaries(
        drawn,
        of_each=of_each,
        seed=chosen,
        policy=with_placeholders(policy),
        settings=settings,
        workers=workers,
        progress=progress,
    )
    version = redaction_version(workspace, policy)
    record(store, CANARIES, version, {"seed": chosen, **canaries.figures()})
    if blind:
        fallback = workspace.settings.workspace.languages[0]
        strata = draw_blind_sample(store, policy, size=blind, seed=chosen, fallback=fallback, progress=progress)
        record(store, BLIND, version, {"seed": chosen, "strata": [asdict(one) for one in strata]})
    return Audit(canaries, blind_state(store))
