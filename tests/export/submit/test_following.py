"""Following ends in the provider's state, whatever the provider says in between."""

from contextlib import contextmanager

import pytest

from export.submit import following
from export.submit.errors import KeyRefused, UnknownJob
from store.database import StoreLocked
from tests.export.submit.conftest import Rig
from tests.export.submit.server import Fault

TUNED = "ft:gpt-4.1-mini-2025-04-14:x::1"


@pytest.mark.parametrize(
    ("script", "status"),
    [
        (("queued", "running", "paused", "paused", "running", "succeeded"), "succeeded"),
        (("validating_files", "failed"), "failed"),
        (("queued", "unheard_of", "running", "succeeded"), "succeeded"),
        (("queued", "running", "expired"), "expired"),
        (("queued", "running", "cancelled"), "cancelled"),
    ],
    ids=lambda value: value[-1] if isinstance(value, tuple) else value,
)
@pytest.mark.parametrize("oldest_first", [False, True])
def test_every_course_ends_in_the_true_state(
    rig: Rig, script: tuple[str, ...], status: str, oldest_first: bool
) -> None:
    rig.server.script = script
    rig.server.oldest_first = oldest_first
    job = rig.submit()
    assert job.status == status
    rig.check_true_state()
    if status == "failed":
        assert job.result["problem"] == "invalid_training_file: Line 3 is no good."
    if status == "succeeded":
        assert (job.result["fine_tuned_model"], job.result["problem"]) == (TUNED, "")
        assert job.result["checkpoints"] == [{"model": "ft:x:ckpt-step-2", "step": 2, "metrics": {"step": 2}}]
    if "paused" in script:
        assert any("resumes it" in told for told in rig.told)


def test_a_job_deleted_at_the_provider_is_said_to_be(rig: Rig) -> None:
    rig.server.script = ("queued", "running", "deleted")
    job = rig.submit()
    assert (job.status, job.is_over) == ("deleted", True)
    assert "deleted" in job.result["problem"]
    assert rig.rows("SELECT count(*) FROM job_events") != [(0,)]


def test_a_job_that_is_missing_for_a_moment_is_not_deleted(rig: Rig) -> None:
    rig.server.fail("jobs.retrieve", Fault(status=404), Fault(status=404))
    assert rig.submit().status == "succeeded"
    rig.check_true_state()


def test_every_field_that_the_provider_tells_is_kept_but_no_secret(rig: Rig) -> None:
    rig.submit(follow=False)
    next(iter(rig.server.jobs.values()))["usage_metrics"] = {"unheard": [1, None]}
    next(iter(rig.server.jobs.values()))["integrations"] = [{"wandb": {"api_key": "w-1"}}]
    kept = rig.follow().result["fields"]
    assert (kept["organization_id"], kept["usage_metrics"]) == ("org-x", {"unheard": [1, None]})
    assert "integrations" not in kept


@pytest.mark.parametrize("plain", [False, True])
def test_the_result_file_becomes_figures(rig: Rig, plain: bool) -> None:
    rig.server.plain_csv = plain
    job = rig.submit()
    figures = rig.rows("SELECT step, name, value FROM metrics ORDER BY step, name")
    assert figures == [
        (1, "train_loss", 2.5),
        (1, "train_mean_token_accuracy", 0.4),
        (1, "valid_loss", 2.6),
        (1, "valid_mean_token_accuracy", 0.39),
        (2, "train_loss", 1.5),
        (2, "train_mean_token_accuracy", 0.6),
    ]
    assert next(iter(job.result["files"].values())).startswith("step,train_loss")


def test_figures_of_events_are_there_while_it_runs(rig: Rig) -> None:
    rig.submit(follow=False)
    rig.server.plans[next(iter(rig.server.plans))] = ["running", "running"]
    with rig.provider() as provider:
        seen = 0

        @contextmanager
        def opener():
            nonlocal seen
            seen += 1
            if seen == 4:
                raise KeyboardInterrupt
            yield rig.store

        with pytest.raises(KeyboardInterrupt):
            following.follow(opener, provider, "latest", patience=rig.patience)
    assert rig.rows("SELECT step, name, value FROM metrics ORDER BY step") == [
        (1, "train_loss", 2.0),
        (2, "train_loss", 1.0),
    ]
    rig.server.plans[next(iter(rig.server.plans))] = ["succeeded"]
    assert rig.follow().status == "succeeded"
    rig.check_true_state()


def test_a_result_file_that_is_gone_is_told_of(rig: Rig) -> None:
    rig.server.fail("files.content", Fault(status=404, message="No such file"))
    assert rig.submit().status == "succeeded"
    assert any("result file" in told for told in rig.told)


def test_another_command_may_hold_the_store_in_between(rig: Rig) -> None:
    rig.submit(follow=False)
    opened = 0

    @contextmanager
    def opener():
        nonlocal opened
        opened += 1
        if opened in (3, 4, 7):
            raise StoreLocked("The store is open in process 7.")
        yield rig.store

    with rig.provider() as provider:
        assert following.follow(opener, provider, "latest", patience=rig.patience).status == "succeeded"
    rig.check_true_state()


def test_a_key_that_ends_while_following_leaves_the_job_to_be_followed(rig: Rig) -> None:
    rig.server.key_ends_after = "jobs.events"
    with pytest.raises(KeyRefused, match="401") as refused:
        rig.submit()
    assert "OPENAI_API_KEY" in refused.value.hint
    rig.server.keys, rig.server.key_ends_after = {"sk-test-3f9c1d7e5b"}, ""
    assert rig.submit().status == "succeeded"
    rig.check_true_state()


def test_a_job_that_is_over_is_asked_about_no_more(rig: Rig) -> None:
    rig.submit()
    before = rig.server.calls.copy()
    assert rig.follow().status == "succeeded"
    assert rig.submit().status == "succeeded"
    assert rig.server.calls == before


@pytest.mark.parametrize("fault", [None, Fault(), Fault(after=True), Fault("drop", after=True), Fault("html")])
def test_cancelling_ends_in_the_true_state(rig: Rig, fault: Fault | None) -> None:
    rig.submit(follow=False)
    if fault:
        rig.server.fail("jobs.cancel", fault)
    assert rig.cancel().status == "cancelled"
    rig.check_true_state()
    (row,) = rig.rows("SELECT action, subject, before FROM history WHERE action = 'job.cancel'")
    assert row == ("job.cancel", rig.job().job_id, '{"status":"validating_files"}')


def test_cancelling_what_is_over_tells_what_it_came_to(rig: Rig) -> None:
    rig.submit(follow=False)
    (remote,) = rig.server.jobs
    rig.server.plans[remote] = []
    rig.server._advance(rig.server.jobs[remote], "succeeded")
    assert rig.cancel().status == "succeeded"
    rig.check_true_state()


def test_cancelling_what_was_never_answered_finds_it_first(rig: Rig) -> None:
    rig.server.fail("jobs.create", *[Fault("drop", after=True)])
    rig.server.list_lag = 1
    rig.server.on_call = lambda name, done: rig.server.keys.clear() if (name, done) == ("jobs.create", True) else None
    with pytest.raises(KeyRefused):
        rig.submit()
    rig.server.keys.add("sk-test-3f9c1d7e5b")
    assert rig.job().provider_job_id is None
    assert rig.cancel().status == "cancelled"
    rig.check_true_state()


def test_a_job_cancelled_before_it_was_made_can_be_made_after_all(rig: Rig) -> None:
    rig.server.key_ends_after = "files.create"
    with pytest.raises(KeyRefused):
        rig.submit()
    with pytest.raises(UnknownJob, match="has not been made"):
        rig.follow()
    rig.server.keys, rig.server.key_ends_after = {"sk-test-3f9c1d7e5b"}, ""
    assert rig.cancel().status == "cancelled"
    assert not rig.server.jobs
    assert rig.submit().status == "succeeded"
    rig.check_true_state()
