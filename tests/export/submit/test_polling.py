"""One poller follows every job that runs, at the pace that each provider asks for."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import pytest

from export.submit import jobs
from export.submit.errors import Unavailable
from export.submit.patience import Patience
from export.submit.polling import BETWEEN, follow_all
from export.submit.provider import Provider as AnyProvider
from tests.export.submit.conftest import Rig
from tests.export.submit.other_servers import Together
from tests.export.submit.server import MODEL, Fault, Provider, serving

JOBS = 50


def add_jobs(rig: Rig, server: Provider, count: int) -> None:
    """Put running jobs there, at the provider and in the store."""
    for number in range(count):
        remote = f"ftjob-{server.surface}-{number}"
        server.jobs[remote] = {
            "id": remote, "model": MODEL, "status": "queued", "created_at": 1, "finished_at": None,
            "training_file": "f", "error": {}, "metadata": {}, "suffix": "x", "trained_tokens": None,
            "result_files": [],
        }  # fmt: skip
        server.plans[remote], server.events[remote], server.hidden[remote] = ["running", "succeeded"], [], 0
        rig.store.execute(
            "INSERT INTO jobs BY NAME SELECT ? AS job_id, ? AS provider, ? AS endpoint, ? AS provider_job_id, "
            "'ds-test' AS dataset_id, 'm' AS model, 'queued' AS status, '{}' AS request, now() AS created_at",
            [f"job-{server.surface}-{number:03}", server.surface, server.url, remote],
        )


@pytest.fixture
def together() -> Iterator[Together]:
    with serving(Together()) as server:
        yield server


def opened(rig: Rig, *servers: Provider):
    by_url = {server.url: server for server in servers}

    def open_it(name: str, endpoint: str, patience: Patience) -> AnyProvider:
        rig.server = by_url[endpoint]
        return rig.opened(patience=patience)

    return open_it


def test_fifty_jobs_are_followed_to_their_end_by_one_poller(rig: Rig, server: Provider) -> None:
    add_jobs(rig, server, JOBS)
    looks: list[float] = []
    server.on_call = lambda name, done: looks.append(rig.time.now) if (name, done) == ("jobs.retrieve", False) else None
    ended = follow_all(rig.open, opened(rig, server), patience=rig.patience)
    assert len(ended) == JOBS
    assert {job.status for job in ended} == {"succeeded"}
    assert all(after - before >= BETWEEN for before, after in pairwise(looks)), "looks came faster than agreed"
    assert len(looks) == 2 * JOBS
    assert not jobs.list_running(rig.store)


def test_what_one_answer_asks_for_slows_that_provider_alone(rig: Rig, server: Provider, together: Together) -> None:
    for one in (server, together):
        add_jobs(rig, one, 3)
    server.fail("jobs.retrieve", Fault(status=429, headers=(("retry-after", "120"),)))
    when: dict[str, list[float]] = {"openai": [], "together": []}
    for one in (server, together):
        one.on_call = lambda name, done, to=when[one.surface]: (
            to.append(rig.time.now) if (name, done) == ("jobs.retrieve", False) else None
        )
    ended = follow_all(rig.open, opened(rig, server, together), patience=rig.patience)
    assert len(ended) == 6
    refused, after = when["openai"][:2]
    assert after - refused >= 120, "the provider's other jobs were asked about too soon"
    assert max(when["together"]) < 120, "another provider was slowed too"


def test_a_provider_that_stays_away_keeps_nobody_else_from_ending(
    rig: Rig, server: Provider, together: Together
) -> None:
    for one in (server, together):
        add_jobs(rig, one, 2)
    server.fail("jobs.retrieve", *[Fault(status=503)] * 1000)
    with pytest.raises(Unavailable, match="503"):
        follow_all(rig.open, opened(rig, server, together), patience=rig.patience)
    left = {job.provider for job in jobs.list_running(rig.store)}
    assert left == {"openai"}
    server.faults.clear()
    assert len(follow_all(rig.open, opened(rig, server, together), patience=rig.patience)) == 2
