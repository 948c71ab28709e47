"""What a provider refuses is said with what to do next, and the next run goes on from there."""

import logging

import pytest

from export.submit.errors import (
    Busy,
    FileNotReady,
    FileRefused,
    KeyRefused,
    ProviderUnready,
    QuotaExhausted,
    RequestRefused,
    SubmitError,
    TrainingNotAvailable,
    Unavailable,
    UnknownModel,
)
from export.submit.openai_provider import OpenAIProvider
from export.submit.patience import Patience
from export.submit.providers import endpoint_of, open_provider
from export.submit.wire_errors import retry_after
from store.settings import SubmitSettings
from tests.export.submit.conftest import MANY_PARTS, Rig
from tests.export.submit.server import KEY, Fault

ENDED = Fault(status=403, code="training_not_available", message="OpenAI is winding down the fine-tuning platform")
NO_CREDIT = Fault(status=429, code="insufficient_quota", message="You exceeded your current quota")
NOT_ALLOWED = Fault(status=403, code="insufficient_permissions", message="Missing scopes: api.fine_tuning.write")
TOO_LARGE = Fault(status=413, message="too large")
BAD = Fault(status=400, code="invalid_value", message="n_epochs is too high")
MOVED = Fault(status=307, headers=(("location", "http://127.0.0.1:9/elsewhere"),))
NO_MODEL = Fault(status=404, code="model_not_found", message="The model does not exist")
REFUSALS = [
    ("jobs.create", ENDED, TrainingNotAvailable, "base_url"),
    ("jobs.create", NO_CREDIT, QuotaExhausted, "billing"),
    ("jobs.create", NOT_ALLOWED, RequestRefused, "permission"),
    ("jobs.create", BAD, RequestRefused, "--dry-run"),
    ("jobs.create", NO_MODEL, UnknownModel, "--model"),
    ("models.retrieve", NO_MODEL, UnknownModel, "--model"),
    ("files.create", TOO_LARGE, RequestRefused, "smaller"),
    ("files.create", MOVED, RequestRefused, "base_url"),
    ("jobs.list", Fault(status=401, message=f"Incorrect API key provided: {KEY}"), KeyRefused, "OPENAI_API_KEY"),
]


@pytest.mark.parametrize(("call", "fault", "kind", "advice"), REFUSALS, ids=lambda v: getattr(v, "__name__", None))
def test_a_refusal_says_what_to_do_and_the_next_run_goes_on(
    rig: Rig, call: str, fault: Fault, kind: type[SubmitError], advice: str
) -> None:
    rig.server.fail(call, fault)
    with pytest.raises(kind) as refused:
        rig.submit()
    assert advice in refused.value.hint
    assert KEY not in refused.value.message + refused.value.hint
    assert not rig.server.jobs
    assert rig.submit().status == "succeeded"
    rig.check_true_state()
    assert len(rig.server.files) == 2, "a file was sent twice"


def test_a_job_that_was_refused_is_listed_as_refused(rig: Rig) -> None:
    rig.server.fail("jobs.create", ENDED)
    with pytest.raises(TrainingNotAvailable):
        rig.submit()
    assert (rig.job().status, rig.job().provider_job_id) == ("refused", None)


@pytest.mark.parametrize("call", ["files.create", "files.retrieve", "uploads.part", "jobs.create"])
def test_a_key_that_ends_between_any_two_steps_costs_nothing(rig: Rig, call: str) -> None:
    rig.part_bytes = MANY_PARTS if call == "uploads.part" else 1 << 20
    rig.server.key_ends_after = call
    with pytest.raises(KeyRefused):
        rig.submit()
    rig.server.keys, rig.server.key_ends_after = {KEY}, ""
    assert rig.submit().status == "succeeded"
    rig.check_true_state()
    assert len(rig.server.files) == 2
    assert len(rig.server.parts) in (0, 3), "a part was sent twice"


def test_a_file_that_cannot_be_read_makes_no_job(rig: Rig) -> None:
    rig.server.file_end = "error"
    with pytest.raises(FileRefused, match=r"train\.jsonl"):
        rig.submit()
    assert not rig.server.jobs
    rig.server.file_end = "processed"
    assert rig.submit().status == "succeeded"


def test_a_file_that_takes_too_long_is_not_sent_again(rig: Rig) -> None:
    rig.server.file_looks = 10_000
    with pytest.raises(FileNotReady) as late:
        rig.submit()
    assert "again" in late.value.hint
    assert 1800 <= rig.time.now < 1900
    for file in rig.server.files.values():
        file["status"] = "processed"
    rig.server.file_looks = 0
    assert rig.submit().status == "succeeded"
    assert len(rig.server.files) == 2


def test_a_create_that_finds_the_file_unready_is_tried_again(rig: Rig) -> None:
    unready = Fault(status=400, message="File 'file-0' is still being processed and is not ready to be used")
    rig.server.fail("jobs.create", unready, unready)
    assert rig.submit().status == "succeeded"
    rig.check_true_state()


@pytest.mark.parametrize("fault", [Fault(status=503), Fault("drop")])
def test_patience_ends_and_nothing_is_lost(rig: Rig, fault: Fault) -> None:
    rig.server.fail("jobs.create", *[fault] * 500)
    with pytest.raises(Unavailable) as down:
        rig.submit()
    assert "no second job" in down.value.hint
    assert 500 < rig.time.now < 1000
    assert any("Trying again in" in told for told in rig.told)
    rig.server.faults.clear()
    assert rig.submit().status == "succeeded"
    rig.check_true_state()


def test_who_asks_for_a_day_is_not_waited_for(rig: Rig) -> None:
    rig.server.fail("jobs.list", Fault(status=429, headers=(("retry-after", "86400"),)))
    with pytest.raises(Busy):
        rig.submit()
    assert rig.time.now < 600


def test_who_always_says_at_once_is_not_asked_for_ever(rig: Rig) -> None:
    rig.server.fail("jobs.list", *[Fault(status=429, headers=(("retry-after", "0"),))] * 2000)
    with pytest.raises(Busy):
        rig.submit()
    assert 500 < rig.server.calls["jobs.list"] < 700


def test_again_makes_one_more_once_the_last_is_over(rig: Rig) -> None:
    first = rig.submit()
    second = rig.submit(again=True, follow=False)
    assert rig.submit(again=True, follow=False).job_id == second.job_id, "the running one was not joined"
    assert rig.submit(again=True).status == "succeeded"
    assert second.job_id != first.job_id
    assert len(rig.server.jobs) == 2
    assert len(rig.server.files) == 2, "the same files were sent twice"
    assert rig.submit().job_id == second.job_id


def test_another_workspace_finds_the_job_that_is_there(rig: Rig) -> None:
    rig.submit()
    for table in ("jobs", "uploads"):
        rig.store.execute(f"DELETE FROM {table}")
    assert rig.submit().status == "succeeded"
    assert (len(rig.server.jobs), len(rig.server.files)) == (1, 2)


def test_files_that_the_provider_lost_are_sent_again(rig: Rig) -> None:
    rig.server.fail("jobs.create", ENDED)
    with pytest.raises(TrainingNotAvailable):
        rig.submit()
    rig.server.files.clear()
    assert rig.submit().status == "succeeded"
    rig.check_true_state()


def test_an_upload_that_ran_out_begins_anew(rig: Rig) -> None:
    rig.part_bytes = MANY_PARTS
    rig.server.key_ends_after = "uploads.part"
    with pytest.raises(KeyRefused):
        rig.submit()
    rig.server.keys, rig.server.key_ends_after = {KEY}, ""
    for upload in rig.server.uploads.values():
        upload["status"] = "expired"
    assert rig.submit().status == "succeeded"
    rig.check_true_state()
    sent = {file["bytes"] for file in rig.server.files.values()}
    assert sent == {file.bytes for file in rig.rehearsal().files}


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "3"}, 3.0),
        ({"retry-after-ms": "1500", "retry-after": "9"}, 1.5),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:20 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 20.0),
        ({"retry-after": "Sat, 21 Nov 2026 09:00:00 GMT", "date": "Sat, 21 Nov 2026 10:00:00 GMT"}, 0.0),
        ({"retry-after": "Sat, 21 Nov 2026 10:00:20 GMT"}, None),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "-5"}, None),
        ({"retry-after": "nan"}, None),
        ({}, None),
    ],
)
def test_waiting_counts_by_the_providers_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after(headers) == seconds


@pytest.mark.parametrize("url", ["http://example.com/v1", "ftp://example.com", "https://me:secret@example.com/v1"])
def test_files_and_key_travel_safely_or_not_at_all(url: str) -> None:
    with pytest.raises(ProviderUnready) as unsafe:
        endpoint_of(SubmitSettings(base_url=url))
    assert "secret" not in unsafe.value.message + unsafe.value.hint


def test_addresses_are_told_apart_without_their_last_slash() -> None:
    assert endpoint_of(SubmitSettings()) == "https://api.openai.com/v1"
    assert endpoint_of(SubmitSettings(base_url="http://localhost:8000/v1/")) == "http://localhost:8000/v1"


def test_without_a_key_it_says_where_to_put_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    with pytest.raises(ProviderUnready, match="no API key") as missing:
        open_provider("openai", "https://api.openai.com/v1", Patience())
    assert "OPENAI_API_KEY" in missing.value.hint
    with pytest.raises(SubmitError, match="Did you mean openai"):
        open_provider("opnai", "https://api.openai.com/v1", Patience())


def test_the_sdk_logs_nothing(rig: Rig, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    OpenAIProvider(rig.server.url, KEY, rig.patience).close()
    rig.submit()
    assert not {record.name for record in caplog.records if record.name.startswith(("openai", "http"))}
    assert KEY not in caplog.text
