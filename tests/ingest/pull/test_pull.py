"""Pulling: everything once, only what is new the next time, and the same as a saved export of the same account."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ingest.exports import ingest_exports
from ingest.pull import slack as slack_source
from ingest.pull.errors import OddAnswer, OtherAccount, PullUnready
from store.workspace import Workspace
from tests.ingest.pull.conftest import Account
from tests.ingest.pull.desks import START, SlackDesk


def said(account: Account, workspace: Workspace | None = None) -> dict[str, list[tuple[str, str]]]:
    with (workspace or account.workspace).open() as store:
        rows = store.rows(
            "SELECT c.external_id, t.role, t.text FROM public_turns t JOIN conversations c USING (conversation_key) "
            "ORDER BY c.external_id, t.position"
        )
    found: dict[str, list[tuple[str, str]]] = {}
    for identity, role, text in rows:
        found.setdefault(identity, []).append((role, text))
    return found


def fetched(account: Account) -> int:
    """How many conversations were asked for one by one so far."""
    return sum(
        count for path, count in account.server.calls.items()
        if path.endswith(("N/comments.json", "tickets/N/conversations", "/conversations/N", "conversations.replies"))
    )  # fmt: skip


def test_every_conversation_comes_with_all_that_was_said(account: Account) -> None:
    report = account.pull()
    assert (report.conversations, report.rejects, report.gone) == (7, 0, 0)
    assert sorted(said(account).values()) == sorted(case.said for case in account.desk.cases.values())
    assert account.server.tokens.keys() == {account.server.tokens.most_common(1)[0][0]}


def test_it_is_read_as_a_saved_export_of_the_account_is(
    account: Account, other_workspace: Workspace, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    account.desk.save(saved)
    account.pull()
    with other_workspace.open() as store:
        ingest_exports(other_workspace, store, [saved])
    assert said(account) == said(account, other_workspace)
    with account.workspace.open() as store:
        people = store.rows("SELECT DISTINCT external_id, role, display_name FROM participants ORDER BY ALL")
    with other_workspace.open() as store:
        assert people == store.rows("SELECT DISTINCT external_id, role, display_name FROM participants ORDER BY ALL")


def test_a_second_pull_asks_for_nothing_that_is_there(account: Account) -> None:
    account.pull()
    before, asked = account.content(), fetched(account)
    report = account.pull()
    assert (report.conversations, report.turns) == (0, 0)
    assert fetched(account) == asked
    assert account.content() == before


def test_a_second_pull_takes_what_changed_and_what_is_new(account: Account) -> None:
    account.pull()
    asked = fetched(account)
    account.desk.fill(8)
    account.desk.say(3, "It broke again")
    report = account.pull()
    assert report.conversations == 2
    assert sorted(said(account).values()) == sorted(case.said for case in account.desk.cases.values())
    if account.source == "slack":
        assert fetched(account) == asked + 2  # one thread, in pages of two
    else:
        assert fetched(account) - asked in (2, 3, 4)  # two conversations, some in several pages


def test_a_pull_into_a_store_that_holds_a_saved_export_takes_only_what_that_lacks(
    account: Account, tmp_path: Path
) -> None:
    saved = tmp_path / "saved"
    saved.mkdir()
    account.desk.save(saved)
    with account.workspace.open() as store:
        ingest_exports(account.workspace, store, [saved])
    account.desk.say(2, "One more thing")
    report = account.pull()
    assert report.conversations == 1
    assert sorted(said(account).values()) == sorted(case.said for case in account.desk.cases.values())


def test_since_leaves_older_ones_out_and_an_earlier_since_brings_them(account: Account) -> None:
    since = START + timedelta(days=5, hours=-2)
    account.pull(since=since)
    assert len(said(account)) == 3
    account.pull(since=START)
    assert len(said(account)) == 7


def test_what_changes_while_it_is_listed_is_not_lost(account: Account) -> None:
    def change_the_first() -> None:
        account.desk.on_listed = None
        account.desk.say(1, "Is anybody there?", at=datetime(2026, 6, 1, tzinfo=UTC))

    account.desk.on_listed = change_the_first
    account.pull()
    account.pull()
    assert sorted(said(account).values()) == sorted(case.said for case in account.desk.cases.values())


def test_what_is_deleted_before_it_is_fetched_is_a_reject(account: Account) -> None:
    account.desk.cases[3].is_gone = True
    report = account.pull()
    assert (report.conversations, report.gone) == (6, 1)
    with account.workspace.open() as store:
        assert store.rows("SELECT code FROM rejects") == [("unreadable",)]
        assert store.value("SELECT count(*) FROM pulled") == 0


def test_nothing_waits_behind_a_pull_and_the_history_names_it(account: Account) -> None:
    account.pull()
    with account.workspace.open() as store:
        assert store.value("SELECT count(*) FROM pulled") == 0
        assert store.value("SELECT count(*) FROM pulls") == 1
        assert store.value("SELECT count(*) FROM history WHERE action = 'pull'") == 1
        assert store.rows("SELECT DISTINCT status FROM runs") == [("done",)]


def test_many_changes_in_one_second_all_come(account: Account) -> None:
    for case in account.desk.cases.values():
        case.changed = START + timedelta(days=30)
    account.pull()
    assert len(said(account)) == 7


def test_intercom_s_list_must_be_in_order_or_changes_would_be_missed(intercom: Account) -> None:
    intercom.desk.is_sorted = False
    with pytest.raises(OddAnswer, match="sort"):
        intercom.pull()


def test_freshdesk_without_the_right_to_list_agents_goes_on_without_their_names(freshdesk: Account) -> None:
    freshdesk.desk.lists_agents = False
    assert freshdesk.pull().conversations == 7
    assert any("Agents stay without their names" in text for text in freshdesk.told)


def test_zendesk_deleted_tickets_are_not_asked_for(zendesk: Account) -> None:
    plain = zendesk.desk.ticket
    zendesk.desk.ticket = lambda case: plain(case) | ({"status": "deleted"} if case.number == 2 else {})
    report = zendesk.pull()
    assert not any(call.path == "/api/v2/tickets/2/comments.json" for call in zendesk.server.log)
    assert report.conversations + report.rejects == 7


def test_zendesk_with_an_oauth_token(zendesk: Account, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ZENDESK_EMAIL")
    assert zendesk.pull().conversations == 7


def test_a_second_account_is_kept_out(zendesk: Account, intercom: Account) -> None:
    zendesk.pull()
    with zendesk.workspace.open() as store:
        store.execute("UPDATE pulls SET account = 'another.zendesk.com'")
    with pytest.raises(OtherAccount, match="another"):
        zendesk.pull()
    assert intercom.pull().conversations == 7


def test_slack_takes_the_channels_it_is_told(slack: Account) -> None:
    slack.desk = slack.server.desk = SlackDesk(channels=("support", "sales"), url=slack.server.url)
    slack.desk.fill(7)
    slack.pull(channels=("sales",))
    assert {identity.partition("/")[0] for identity in said(slack)} == {"sales"}
    with pytest.raises(PullUnready, match="Did you mean"):
        slack.pull(channels=("salse",))
    slack.pull()
    assert len(said(slack)) == 7


def test_slack_without_the_scope_for_private_channels_takes_the_public_ones(slack: Account) -> None:
    slack.desk.has_private = False
    assert slack.pull().conversations == 7
    assert any("Private channels are left out" in text for text in slack.told)


def test_slack_talk_is_not_cut_where_since_falls(slack: Account) -> None:
    slack.desk.cases[2].said += [("agent", "Is it there now?"), ("customer", "Yes it is")]
    slack.desk.cases[2].changed = slack.desk.cases[2].created + timedelta(hours=4)
    slack.pull(since=slack.desk.cases[2].created + timedelta(hours=2))
    assert slack.desk.cases[2].said in said(slack).values()
    assert len(said(slack)) == 6


def test_slack_talk_that_goes_on_is_cut_as_in_one_pull(
    slack: Account, other_workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However often it is pulled, a channel's talk is cut where its pauses are."""
    monkeypatch.setattr(slack_source, "LOOK_BACK", timedelta(days=3))
    for day in range(9, 30, 4):
        slack.desk.fill(day)
        slack.desk.cases[day - 1].said += [("customer", f"and one more of day {day}")] * (day % 3)
        slack.pull()
    slack.pull(workspace=other_workspace)
    assert slack.content() == slack.content(other_workspace)
    asked = [float(call.query.get("oldest", 0)) for call in slack.server.log if call.path.endswith("history")]
    assert max(asked) > START.timestamp()  # the later pulls did not start at the beginning
