"""Whatever fails, wherever: exactly one job is made, and following it ends in the provider's state."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.export.submit.conftest import MANY_PARTS, Rig
from tests.export.submit.server import CALLS, Fault

AFTER = [Fault(kind, after=True) for kind in ("error", "drop", "html", "half")]
BEFORE = [Fault(kind) for kind in ("error", "drop")]
BUSY = Fault(status=429, message="slow down", headers=(("retry-after", "7"),))
FAULTS = [*BEFORE, *AFTER, BUSY]


def name(fault: Fault) -> str:
    return f"{fault.kind}-{fault.status if fault.kind == 'error' else ''}-{'after' if fault.after else 'before'}"


def test_nothing_fails(rig: Rig) -> None:
    job = rig.submit()
    rig.check_true_state()
    assert (job.status, job.result["fine_tuned_model"], job.result["trained_tokens"]) == (
        "succeeded",
        "ft:gpt-4.1-mini-2025-04-14:x::1",
        4321,
    )


@pytest.mark.parametrize("fault", FAULTS, ids=name)
@pytest.mark.parametrize("call", CALLS)
def test_every_call_fails_before_and_after_its_effect(rig: Rig, call: str, fault: Fault) -> None:
    if call.startswith("uploads."):
        rig.part_bytes = MANY_PARTS
    rig.server.fail(call, *[fault] * 3)
    job = rig.submit()
    assert job.status == "succeeded"
    rig.check_true_state()
    met = 3 - len(rig.server.faults[call])
    assert met, "the fault was never met"
    assert len({file["filename"] for file in rig.server.files.values()}) == len(rig.server.files), "a file came twice"
    if fault is BUSY:
        assert rig.time.slept.count(7.0) == met


@pytest.mark.parametrize("keeps_metadata", [True, False])
@pytest.mark.parametrize("fault", AFTER[:2], ids=name)
def test_a_listing_that_lags_behind_makes_no_second_job(rig: Rig, fault: Fault, keeps_metadata: bool) -> None:
    rig.server.list_lag = 2
    rig.server.keeps_metadata = keeps_metadata
    rig.server.fail("jobs.create", fault)
    rig.submit()
    rig.check_true_state()


@pytest.mark.parametrize("change", [{"filters": False}, {"repeats_pages": True}, {"page_size": 1}])
def test_other_jobs_and_odd_listings_mislead_nobody(rig: Rig, change: dict[str, Any]) -> None:
    for number in range(5):
        other = {"id": f"other-{number}", "object": "fine_tuning.job", "metadata": {"submission_key": f"{number}"}}
        rig.server.jobs[other["id"]] = other
        rig.server.hidden[other["id"]] = 0
    for key, value in change.items():
        setattr(rig.server, key, value)
    rig.server.fail("jobs.create", Fault(after=True))
    rig.submit()
    assert len(rig.server.jobs) == 6
    assert rig.job().status == "succeeded"


plans = st.lists(st.tuples(st.sampled_from(CALLS), st.sampled_from(FAULTS)), max_size=12)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(plan=plans, in_parts=st.booleans(), lag=st.integers(0, 2), oldest_first=st.booleans())
def test_any_plan_of_faults_ends_with_one_job(
    rig: Rig, plan: list[tuple[str, Fault]], in_parts: bool, lag: int, oldest_first: bool
) -> None:
    forget(rig, list_lag=lag, oldest_first=oldest_first)
    rig.part_bytes = MANY_PARTS if in_parts else 1 << 20
    for call, fault in plan:
        rig.server.fail(call, fault)
    assert rig.submit().status == "succeeded"
    rig.check_true_state()


def forget(rig: Rig, **behaviour: Any) -> None:
    """Begin anew, in the store and at the provider."""
    for table in ("jobs", "job_events", "metrics", "uploads"):
        rig.store.execute(f"DELETE FROM {table}")
    rig.server.reset(**behaviour)


class Killed(BaseException):
    """What a kill is to Python code: nothing may catch it."""


class Killing:
    """A provider that is killed before or after its n-th call, the effect standing in the second case."""

    def __init__(self, provider: Any, at: int, *, after: bool) -> None:
        self._provider, self._left, self._after = provider, at, after
        self.name, self.endpoint, self.part_bytes = provider.name, provider.endpoint, provider.part_bytes
        self.capabilities = provider.capabilities

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def call(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            result = getattr(self._provider, name)(*arguments)
            result = list(result) if hasattr(result, "__next__") else result
            if self._left == 0:
                raise Killed
            return result

        return call


@pytest.mark.parametrize(
    ("part_bytes", "after", "again"),
    [(1 << 20, False, False), (1 << 20, True, True), (MANY_PARTS, False, True), (MANY_PARTS, True, False)],
)
def test_a_kill_between_any_two_steps_is_made_good(rig: Rig, part_bytes: int, after: bool, again: bool) -> None:
    rig.part_bytes = part_bytes
    files = sorted(file.bytes for file in rig.rehearsal().files)
    with rig.provider() as provider:
        for kill_at in range(1, 100):
            forget(rig, script=("queued", "running", "succeeded"), file_looks=1, page_size=50, list_lag=2)
            try:
                rig.submit(provider=Killing(provider, kill_at, after=after), again=again)
            except Killed:
                assert rig.submit(provider=provider, again=again).status == "succeeded"
                rig.check_true_state()
                assert sorted(file["bytes"] for file in rig.server.files.values()) == files
            else:
                break
    assert 15 < kill_at < 99, "it ended too early, or never"
