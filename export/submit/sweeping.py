"""Try settings one job after the other, and keep the best: by grid, at random, or by successive halving.

Optuna chooses; every choice follows from the plan's seed and from what came of the jobs before. A trial is an ordinary
submission, which comes back to the job that is there: so the same sweep again goes on where it was, at no cost.
"""
# pyright: reportMissingImports=false, reportUnknownParameterType=false

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import orjson

from export.submit import following, jobs
from export.submit.dry_run import DryRun, dry_run
from export.submit.errors import ProviderUnready, SubmitError
from export.submit.following import Opener
from export.submit.jobs import Job
from export.submit.patience import Patience
from export.submit.pricing import price
from export.submit.provider import Provider
from export.submit.submitting import submit
from export.submit.sweep_plan import DATASET, EPOCHS, GRID, HALVING, SweepPlan
from store.database import Store
from store.workspace import Workspace

CENT = 0.01
MEASURES = ("full_valid_loss", "valid_loss", "train_loss")
"""What a trial is judged by: the first that its job has, at the last step."""


@dataclass(frozen=True, slots=True)
class Trial:
    """One job of a sweep: what was tried, what came of it, what it cost by our estimate, and how long it took."""

    settings: Mapping[str, Any]
    job_id: str
    status: str
    measure: str
    value: float | None
    usd: float | None
    minutes: float


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep came to; `stopped` says why it ended early, "" where it did not."""

    sweep_id: str
    trials: tuple[Trial, ...]
    stopped: str

    @property
    def best(self) -> Trial | None:
        """Give the trial with the lowest loss, among those judged by the best measure there is."""
        judged = [one for one in self.trials if one.value is not None]
        first = min((MEASURES.index(one.measure) for one in judged), default=0)
        of_first = [one for one in judged if MEASURES.index(one.measure) == first]
        return min(of_first, key=lambda one: one.value or 0.0, default=None)


class _Spent(Exception):
    """The budget is used up; the words say how."""


@dataclass(slots=True)
class _Sweep:
    workspace: Workspace
    open_store: Opener
    provider: Provider
    plan: SweepPlan
    patience: Patience
    flagged: str
    done: dict[str, Trial]

    def run(self, settings: Mapping[str, Any]) -> Trial:
        """Submit one point and follow it to its end; one that was run before costs nothing."""
        with self.open_store() as store:
            rehearsal = rehearse(self.workspace, store, self.plan, settings)
            at = {"provider": self.provider.name, "endpoint": self.provider.endpoint}
            if not jobs.is_asked_for(store, rehearsal, **at, again=False):
                self._check_budget(rehearsal)
            job = submit(store, self.provider, rehearsal, flagged=self.flagged, patience=self.patience).job
        job = following.follow(self.open_store, self.provider, job.job_id, patience=self.patience)
        with self.open_store() as store:
            trial = _judged(store, job, settings)
            self.done[job.job_id] = trial
            keep(store, Swept(self.plan.sweep_id, tuple(self.done.values()), ""))
        said = "no figures" if trial.value is None else f"{trial.measure} {trial.value:.4f}"
        self.patience.tell(f"Trial {len(self.done)}: {_words(settings)}: {trial.status}, {said}.")
        return trial

    def _check_budget(self, rehearsal: DryRun) -> None:
        plan = self.plan
        minutes = sum(trial.minutes for trial in self.done.values())
        if plan.most_minutes is not None and minutes >= plan.most_minutes:
            raise _Spent(f"{minutes:.1f} of {plan.most_minutes:g} minutes are used")
        if plan.most_usd is None:
            return
        if rehearsal.cost.usd is None:
            raise SubmitError(
                f"The price of {rehearsal.model} at {plan.provider} is not known, so a budget in money cannot be kept.",
                hint="Bound the time instead: --max-minutes.",
            )
        usd = sum(trial.usd or 0.0 for trial in self.done.values()) + rehearsal.cost.usd
        if usd > plan.most_usd + CENT / 2:  # sums of cents are not exact
            raise _Spent(f"the next job would bring the cost to ${usd:,.2f} of ${plan.most_usd:,.2f}")


def sweep(
    workspace: Workspace,
    open_store: Opener,
    provider: Provider,
    plan: SweepPlan,
    *,
    flagged: str = "refuse",
    patience: Patience | None = None,
) -> Swept:
    """Run a sweep to its end, or until its budget is used up; again, it goes on where it was.

    Raises:
        ProviderUnready: Optuna is not installed.
        SubmitError: a job cannot be submitted or followed; the same sweep again goes on.
    """
    this = _Sweep(workspace, open_store, provider, plan, patience or Patience(), flagged, {})
    stopped = ""
    try:
        _choose(plan, this.run)
    except _Spent as spent:
        stopped = str(spent)
    swept = Swept(plan.sweep_id, tuple(this.done.values()), stopped)
    with open_store() as store:
        keep(store, swept)
    return swept


def rehearse(workspace: Workspace, store: Store, plan: SweepPlan, settings: Mapping[str, Any]) -> DryRun:
    """Rehearse one point of a sweep.

    Raises:
        SubmitError: its files would be refused.
    """
    more = {name: value for name, value in settings.items() if name not in (DATASET, EPOCHS)}
    rehearsal = dry_run(
        workspace,
        store,
        settings[DATASET],
        provider=plan.provider,
        model=plan.model,
        epochs=settings[EPOCHS],
        more=more,
    )
    if not rehearsal.is_clean:
        raise SubmitError("Nothing was sent: the files would be refused.", hint="See: chatmill submit --dry-run.")
    return rehearsal


def most_expensive(workspace: Workspace, store: Store, plan: SweepPlan) -> float | None:
    """Bound the price of a sweep: every trial at its dearest, and halving goes through all epochs; None is unknown."""
    dearest = 0.0
    for dataset in plan.choices[DATASET]:
        first = {name: values[0] for name, values in plan.choices.items()} | {DATASET: dataset}
        told = rehearse(workspace, store, plan, first)
        each = [price(plan.provider, told.model, tokens=told.tokens, epochs=n).usd for n in plan.choices[EPOCHS]]
        known = [usd for usd in each if usd is not None]
        if len(known) < len(each):
            return None
        dearest = max(dearest, sum(known) if plan.how == HALVING else max(known))
    return dearest * plan.rounds


def keep(store: Store, swept: Swept) -> None:
    """Keep how a sweep stands; its jobs keep their own figures."""
    document = {"stopped": swept.stopped, "trials": [asdict(trial) for trial in swept.trials]}
    told = orjson.dumps(document, option=orjson.OPT_SORT_KEYS, default=dict).decode()
    with store.transaction():
        store.execute("DELETE FROM evaluations WHERE evaluation_id = ?", [swept.sweep_id])
        store.execute(
            "INSERT INTO evaluations VALUES (?, 'sweep', ?, 'sweep', ?, now())", [swept.sweep_id, swept.sweep_id, told]
        )


def _choose(plan: SweepPlan, run: Callable[[Mapping[str, Any]], Trial]) -> None:
    """Let Optuna ask for points, and tell it what came of them."""
    try:
        import optuna
    except ImportError:
        raise ProviderUnready("Optuna is not installed.", hint="Run: pip install 'chatmill[sweep]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    varied = {name: values for name, values in plan.choices.items() if not (plan.how == HALVING and name == EPOCHS)}
    grid, random = optuna.samplers.GridSampler, optuna.samplers.RandomSampler
    sampler = grid(varied, seed=plan.seed) if plan.how == GRID else random(seed=plan.seed)
    pruner = optuna.pruners.SuccessiveHalvingPruner(min_resource=plan.choices[EPOCHS][0], reduction_factor=plan.factor)

    def objective(asked: optuna.Trial) -> float:
        """Run one trial's jobs; what fails, or is worse than its peers, goes no further."""
        chosen = {name: asked.suggest_categorical(name, values) for name, values in varied.items()}
        value = 0.0
        for epochs in _rungs(plan, chosen):
            trial = run({**chosen, EPOCHS: epochs})
            if trial.value is None:
                raise optuna.TrialPruned
            value = trial.value
            asked.report(value, epochs)
            if asked.should_prune():
                raise optuna.TrialPruned
        return value

    optuna.create_study(sampler=sampler, pruner=pruner).optimize(objective, n_trials=plan.rounds)


def _rungs(plan: SweepPlan, chosen: Mapping[str, Any]) -> Iterator[int]:
    """Give the epochs of a trial's jobs: with halving from the fewest to the most, else the one that was chosen."""
    if plan.how == HALVING:
        yield from plan.choices[EPOCHS]
    else:
        yield chosen[EPOCHS]


def _judged(store: Store, job: Job, settings: Mapping[str, Any]) -> Trial:
    figures = jobs.metrics_of(store, job)
    measure = next((name for name in MEASURES if figures.get(name)), "")
    value = figures[measure][-1][1] if measure and job.status == "succeeded" else None
    estimate = job.request["estimate"]
    took = ((job.finished_at or job.created_at) - job.created_at).total_seconds() / 60
    usd = estimate.get("quoted_usd", estimate["usd"])
    return Trial(dict(settings), job.job_id, job.status, measure, value, usd, max(took, 0.0))


def _words(settings: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in settings.items())


def rows_of(swept: Swept) -> tuple[tuple[str, ...], list[tuple[Any, ...]]]:
    """Give the trials as a table's columns and rows, the best first; `#` marks columns of numbers."""
    names = list(swept.trials[0].settings) if swept.trials else []
    ordered = sorted(swept.trials, key=lambda one: (one.value is None, one.value or 0.0))
    rows = [
        (*(one.settings[name] for name in names), one.job_id, one.status, one.measure, one.value, one.usd)
        for one in ordered
    ]
    return (*names, "job", "status", "judged by", "loss#", "USD#"), rows


def as_json(swept: Swept) -> dict[str, Any]:
    """Give a sweep as plain JSON values."""
    best = swept.best
    return {
        "sweep": swept.sweep_id,
        "stopped": swept.stopped,
        "best": best.job_id if best else None,
        "trials": [asdict(trial) for trial in swept.trials],
    }
