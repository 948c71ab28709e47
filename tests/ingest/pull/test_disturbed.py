"""Whatever an API does on the way, the store is the same in the end as after an undisturbed pull."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from ingest.pull import pulling
from ingest.pull.errors import (
    Busy,
    NotAllowed,
    NotThere,
    OddAnswer,
    PullError,
    PullUnready,
    TokenRefused,
    Unavailable,
    WrongAddress,
)
from ingest.pull.sources import asked
from store.workspace import Workspace
from tests.ingest.pull.conftest import Account
from tests.ingest.pull.server import TOKEN, Call, Fault


def undisturbed(account: Account, workspace: Workspace) -> dict[str, list[tuple[Any, ...]]]:
    account.pull(workspace=workspace)
    server = account.server
    server.log.clear()
    server.calls.clear()
    return account.content(workspace)


def test_failures_and_repeated_pages_on_the_way_change_nothing(account: Account, other_workspace: Workspace) -> None:
    expected = undisturbed(account, other_workspace)
    account.desk.repeats = True
    account.server.by_number = {
        1: Fault("drop"), 3: Fault("status", 500), 5: Fault("half"), 7: Fault("html"), 9: Fault("status", 503),
        12: Fault("drop", times=1), 13: Fault("status", 502), 14: Fault("half"),
    }  # fmt: skip
    account.pull()
    assert account.content() == expected
    assert all(fault.times == 0 for fault in account.server.by_number.values())


def test_a_pull_that_stops_at_any_call_goes_on_where_it_was(account: Account, other_workspace: Workspace) -> None:
    """One pull after the other breaks off a few calls later than the one before it."""
    expected = undisturbed(account, other_workspace)
    stops = 0
    for stops in range(40):
        account.server.broken_from = len(account.server.log) + (8 if account.source == "slack" else 3) + stops % 3
        with suppress(Unavailable):
            account.pull()
            break
    assert 1 < stops < 39
    assert account.content() == expected


def test_the_wait_that_is_asked_for_is_kept(account: Account) -> None:
    account.server.by_path = {
        r"search|tickets$|cursor|history": Fault("status", 429, {"Retry-After": "1"}),
        r"comments|conversations/\d|tickets/\d+/conversations|replies": Fault("status", 429, {"Retry-After": "1"}),
    }
    assert account.pull().conversations == 7
    assert account.server.impatient == 0
    assert sum("asks for fewer calls: waiting 1 s" in text for text in account.told) == 2


def test_a_process_that_is_killed_leaves_nothing_that_matters(
    account: Account, other_workspace: Workspace, tmp_path: Path
) -> None:
    expected = undisturbed(account, other_workspace)
    reached, killed = threading.Event(), threading.Event()

    def stop_at_the_tenth(call: Call) -> None:
        if len(account.server.log) == 10:
            reached.set()
            killed.wait(60)

    account.server.on_call = stop_at_the_tenth
    process = subprocess.Popen(command(account), env=os.environ, cwd=tmp_path, stderr=subprocess.DEVNULL)
    assert reached.wait(120)
    process.send_signal(signal.SIGKILL)
    process.wait()
    killed.set()
    account.server.on_call = lambda call: None
    account.pull()
    assert account.content() == expected


@pytest.mark.parametrize(
    ("fault", "error", "words"),
    [
        (Fault("status", 401, times=99), TokenRefused, "does not accept the token in [A-Z]+_TOKEN"),
        (Fault("status", 403, times=99), NotAllowed, "refuses /api/v2/incremental/tickets/cursor.json to this token"),
        (Fault("status", 404, times=99), NotThere, "has nothing at"),
        (Fault("status", 301, {"Location": "http://127.0.0.1:9/"}, times=99), WrongAddress, "elsewhere"),
        (Fault("status", 418, times=99), OddAnswer, "answers 418"),
        (Fault("status", 429, times=99), Busy, "fewer calls"),
        (Fault("status", 500, times=99), Unavailable, "answered 500 6 times in a row"),
        (Fault("drop", times=99), Unavailable, "cannot be reached, or drops"),
    ],
    ids=lambda value: getattr(value, "kind", None) and f"{value.kind}-{value.status}",
)  # fmt: skip
def test_each_refusal_says_what_to_do(zendesk: Account, fault: Fault, error: type[PullError], words: str) -> None:
    zendesk.server.by_path = {"cursor": fault}
    with pytest.raises(error, match=words) as raised:
        zendesk.pull()
    assert raised.value.hint
    assert "goes on where it was" in raised.value.hint or not isinstance(raised.value, Unavailable)
    assert "SECRET" not in raised.value.message + raised.value.hint
    zendesk.server.by_path = {}
    assert zendesk.pull().conversations == 7


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ({"ok": False, "error": "invalid_auth"}, TokenRefused, "invalid_auth"),
        ({"ok": False, "error": "missing_scope", "needed": "users:read"}, NotAllowed, "missing_scope"),
        ({"ok": False, "error": "channel_not_found"}, NotThere, "channel_not_found"),
        ({"ok": False, "error": "Somebody's <secret> text"}, OddAnswer, "an unknown error"),
    ],
)
def test_slack_s_own_errors_are_understood(
    slack: Account, answer: dict[str, Any], error: type[PullError], words: str
) -> None:
    slack.desk.fault = answer
    with pytest.raises(error, match=words) as raised:
        slack.pull()
    assert "secret" not in raised.value.message
    assert "users:read" in raised.value.hint or error is not NotAllowed


def test_the_token_is_not_sent_to_another_server_that_a_page_names(zendesk: Account) -> None:
    plain = zendesk.desk.answer

    def elsewhere(call: Call) -> Any:
        answer = plain(call)
        if call.path.endswith("comments.json"):
            answer.body["links"] = {"next": "http://localhost:9/api/v2/more"}
        return answer

    zendesk.desk.answer = elsewhere
    with pytest.raises(OddAnswer, match="another server"):
        zendesk.pull()


def test_a_list_that_leads_in_a_circle_ends(zendesk: Account) -> None:
    zendesk.desk.answer = once_more(zendesk.desk.answer, {"after_cursor": "1.1", "end_of_stream": False})
    with pytest.raises(OddAnswer, match="repeats the same page"):
        zendesk.pull()


def test_a_list_that_gives_the_same_page_for_ever_ends(zendesk: Account) -> None:
    numbers = iter(range(1, 1000))
    plain = zendesk.desk.answer

    def the_first_page(call: Call) -> Any:
        if "cursor" not in call.path:
            return plain(call)
        answer = plain(Call(call.method, call.path, {"start_time": "0"}, {}))
        answer.body |= {"after_cursor": f"1.{next(numbers)}", "end_of_stream": False}
        return answer

    zendesk.desk.answer = the_first_page
    with pytest.raises(OddAnswer, match="over and over"):
        zendesk.pull()


def test_what_a_broken_connector_could_not_read_is_kept(zendesk: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    class Broken:
        name, title, version, grouped, mapped = "zendesk", "", 1, True, False

        def read(self, reading: Any) -> Any:
            raise TypeError

    with monkeypatch.context() as patch:
        patch.setattr(pulling, "find", lambda name: Broken())
        with pytest.raises(PullError, match="kept"):
            zendesk.pull()
    assert zendesk.pull().conversations == 7


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("zendesck", {}, "Did you mean zendesk"),
        ("zendesk", {}, "Which zendesk account"),
        ("zendesk", {"account": "a.b/c"}, "no account's name"),
        ("slack", {"account": "acme"}, "the token tells"),
        ("zendesk", {"account": "acme", "channels": ("x",)}, "no channels"),
        ("zendesk", {"url": "http://acme.zendesk.com"}, "over https only"),
        ("zendesk", {"url": "https://me:secret@acme.zendesk.com"}, "more than an address"),
        ("zendesk", {"url": "https://acme.zendesk.com?token=secret"}, "more than an address"),
        ("zendesk", {"url": "acme.zendesk.com"}, "no address"),
    ],
)
def test_what_cannot_be_asked_for(name: str, options: dict[str, Any], words: str) -> None:
    with pytest.raises(PullUnready, match=words) as raised:
        asked(name, **options)
    assert "secret" not in raised.value.message + raised.value.hint


def test_addresses() -> None:
    assert asked("zendesk", account="Acme").address == "https://acme.zendesk.com"
    assert asked("intercom").address == "https://api.intercom.io"
    assert asked("intercom", account="eu").address == "https://api.eu.intercom.io"
    assert asked("freshdesk", url="https://support.acme.com/").address == "https://support.acme.com"
    assert asked("slack").address == "https://slack.com"


@pytest.mark.parametrize("token", ["", "  ", "two words", "line\nbreak", "ümlaut"])
def test_no_token_or_none_that_can_be_one(zendesk: Account, monkeypatch: pytest.MonkeyPatch, token: str) -> None:
    monkeypatch.setenv("ZENDESK_TOKEN", token)
    with pytest.raises(PullUnready, match="ZENDESK_TOKEN") as raised:
        zendesk.pull()
    assert not token.strip() or token not in raised.value.message + raised.value.hint
    assert not zendesk.server.log


def test_a_wrong_token_is_told(account: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(f"{account.source.upper()}_TOKEN", "another")
    with pytest.raises(TokenRefused) as raised:
        account.pull()
    assert TOKEN not in raised.value.message + raised.value.hint


def once_more(answer: Callable[[Call], Any], body: dict[str, Any]) -> Callable[[Call], Any]:
    def changed(call: Call) -> Any:
        found = answer(call)
        if "cursor" in call.path:
            found.body |= body
        return found

    return changed


def command(account: Account) -> list[str]:
    return [
        sys.executable, "-m", "service.main", "pull", account.source, "--url", account.server.url, "-w",
        str(account.workspace.root),
    ]  # fmt: skip
