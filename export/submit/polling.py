"""Follow every job that runs with one poller: one look after the other, at the pace that each provider asks for."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field, replace

from export.submit import following, jobs
from export.submit.errors import Unavailable
from export.submit.following import LOOK_EVERY, Opener
from export.submit.jobs import Job
from export.submit.patience import LONGEST_PAUSE, SHORTEST_PAUSE, Patience
from export.submit.provider import Provider
from store.database import StoreLocked

Open = Callable[[str, str, Patience], Provider]
"""Opens a provider by its name and endpoint."""

BETWEEN = 1.0
"""Seconds between two looks at jobs of one provider: a look is two to four calls, so 240 calls a minute at most."""


@dataclass(slots=True)
class _Pace:
    """One provider at one endpoint: nothing is asked of it before `until`; `since` is when its trouble began."""

    provider: Provider
    until: float = 0.0
    failures: int = 0
    since: float = 0.0
    given_up: Unavailable | None = None


@dataclass(slots=True)
class _Poller:
    """What the poller remembers between two looks, by the patience's clock."""

    open_store: Opener
    open_provider: Open
    patience: Patience
    opened: ExitStack
    paces: dict[tuple[str, str], _Pace] = field(default_factory=dict[tuple[str, str], _Pace])
    due: dict[str, float] = field(default_factory=dict[str, float])

    def pace(self, job: Job) -> _Pace:
        """Give the pace of a job's provider, which is opened once."""
        key = (job.provider, job.endpoint)
        if key not in self.paces:
            # It does not wait by itself: while one provider asks for a pause, the others are looked at.
            once = replace(self.patience, seconds=0.0)
            self.paces[key] = _Pace(self.opened.enter_context(closing(self.open_provider(*key, once))))
        return self.paces[key]

    def when(self, job: Job) -> float:
        """Say when a job may be looked at next."""
        return max(self.pace(job).until, self.due.get(job.job_id, 0.0))

    def running(self) -> list[Job]:
        """Give the jobs that are worth another look, the one that waited longest first."""
        while True:
            try:
                with self.open_store() as store:
                    found = jobs.list_running(store)
            except StoreLocked as error:
                self.patience.tell(error.message)
                self.patience.sleep(LOOK_EVERY)
                continue
            found = [job for job in found if self.pace(job).given_up is None]
            return sorted(found, key=lambda job: self.due.get(job.job_id, 0.0))


def follow_all(open_store: Opener, open_provider: Open, *, patience: Patience | None = None) -> list[Job]:
    """Follow all jobs that run until all are over, those that are started meanwhile too; give those that ended.

    What one provider asks for (Retry-After) slows the looks at all of its jobs, and at nobody else's. One that cannot
    be asked for as long as the patience allows is left alone; its jobs go on without us.

    Raises:
        Unavailable: a provider was left alone; the jobs of all others are over.
        SubmitError: a provider could not be opened, or refuses the key.
    """
    ended: list[Job] = []
    with ExitStack() as opened:
        poller = _Poller(open_store, open_provider, patience or Patience(), opened)
        while running := poller.running():
            next_one = min(running, key=poller.when)
            poller.patience.sleep(max(poller.when(next_one) - poller.patience.clock(), 0.0))
            now = _look(poller, next_one, poller.pace(next_one))
            ended += [now] if now.is_over else []
        given_up = [pace.given_up for pace in poller.paces.values() if pace.given_up]
    if given_up:
        raise given_up[0]
    return ended


def _look(poller: _Poller, job: Job, pace: _Pace) -> Job:
    """Look at a job once, and note when its provider and it may be asked again."""
    clock, tell = poller.patience.clock, poller.patience.tell
    try:
        own = replace(poller.patience, seconds=0.0, tell=lambda words: tell(f"{job.job_id}: {words}"))
        now = following.look(poller.open_store, pace.provider, job.job_id, patience=own)
    except Unavailable as error:
        _slow_down(poller, pace, error)
        return job
    except StoreLocked as error:
        tell(f"{error.message} What was seen is asked for again.")
        now = job
    pace.failures, pace.until = 0, clock() + BETWEEN
    poller.due[job.job_id] = clock() + LOOK_EVERY
    return now


def _slow_down(poller: _Poller, pace: _Pace, error: Unavailable) -> None:
    """Wait as long as a provider asks for, or longer each time; give it up where that takes too long."""
    now = poller.patience.clock()
    pace.failures += 1
    pace.since = now if pace.failures == 1 else pace.since
    growing = min(2.0 ** min(pace.failures - 1, 5), LONGEST_PAUSE)
    pause = growing if error.wait is None else max(error.wait, SHORTEST_PAUSE)
    pace.until = now + pause
    if pace.until - pace.since > poller.patience.seconds:
        pace.given_up = error
    poller.patience.tell(
        f"{error.message} " + ("Its jobs are left alone." if pace.given_up else f"Its jobs wait for {pause:.0f} s.")
    )
