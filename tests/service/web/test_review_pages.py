"""The screens of review over the real app: who may do what, what is shown to whom, what is said when it is wrong."""

import re
from collections.abc import Callable

import pytest
from starlette.testclient import TestClient

from service.web.server import Server

Sign = Callable[..., TestClient]


@pytest.fixture
def riskiest(service: Server) -> str:
    return service.store.value(
        "SELECT conversation_key FROM review_queue WHERE state = 'open' AND undecided > 1 "
        "ORDER BY risk DESC, conversation_key LIMIT 1"
    )


@pytest.fixture
def original(service: Server, riskiest: str) -> tuple[str, str]:
    """A finding of the riskiest conversation that is redacted, and its text."""
    return service.store.rows(
        "SELECT f.finding_id, substring(t.text, f.start_char + 1, f.end_char - f.start_char) FROM findings AS f "
        "JOIN turns AS t USING (turn_key) WHERE f.conversation_key = ? AND f.score > 0.8 AND f.entity_type <> "
        "'ORGANIZATION' AND f.end_char - f.start_char > 6 ORDER BY f.finding_id LIMIT 1",
        [riskiest],
    )[0]


def test_the_queue_and_a_conversation_are_shown(client: TestClient, riskiest: str) -> None:
    queue = client.get("/review").text
    assert f"/review/{riskiest}" in queue
    item = client.get(f"/review/{riskiest}").text
    assert "Accept the rest and next" in item
    assert "Reserved for you until" in item


def test_originals_are_shown_to_those_who_may_and_each_time_is_written_down(
    client_as: Sign, service: Server, riskiest: str, original: tuple[str, str]
) -> None:
    _, value = original
    seen = client_as("reviewer", reveal=True, name="Rita").get(f"/review/{riskiest}").text
    assert value in seen
    unseen = client_as("reviewer", name="Ron").get(f"/review/{riskiest}").text
    assert value not in unseen
    assert value not in client_as("viewer").get(f"/review/{riskiest}").text
    reveals = service.store.rows("SELECT actor, subject FROM history WHERE action = 'originals.reveal'")
    assert reveals == [("Rita", riskiest)]


def test_what_is_not_checked_shows_no_word_to_those_who_may_not_see_originals(
    client_as: Sign, service: Server, riskiest: str
) -> None:
    service.store.execute("UPDATE processed SET content_hash = '' WHERE conversation_key = ?", [riskiest])
    text = client_as("viewer").get(f"/review/{riskiest}").text
    assert "held back" in text
    assert 'id="chat"' not in text


def test_patterns_and_lists_hide_values_from_those_who_may_not_see_them(
    client: TestClient, client_as: Sign, service: Server
) -> None:
    client.post("/lists/add", data={"value": "Quincunx", "which": "allow"})
    viewer = client_as("viewer")
    assert "Quincunx" in client.get("/lists").text
    assert "Quincunx" not in viewer.get("/lists").text
    value = service.store.value("SELECT pattern FROM patterns WHERE kind = 'value' ORDER BY undecided DESC LIMIT 1")
    assert value in client.get("/patterns?by=value").text
    assert value not in viewer.get("/patterns?by=value").text


def test_only_who_may_decides(client_as: Sign, service: Server, riskiest: str, original: tuple[str, str]) -> None:
    finding, _ = original
    form = {"finding": finding, "verdict": "reject"}
    assert client_as("viewer").post(f"/review/{riskiest}/decide", data=form).status_code == 403
    reviewer = client_as("reviewer", reveal=True)
    assert reviewer.post(f"/review/{riskiest}/everywhere", data=form).status_code == 403
    assert reviewer.post("/lists/add", data={"value": "xyz", "which": "allow"}).status_code == 403
    pattern = service.store.value("SELECT pattern_id FROM patterns LIMIT 1")
    assert reviewer.post(f"/patterns/{pattern}/decide", data={"verdict": "reject"}).status_code == 403
    assert service.store.value("SELECT count(*) FROM decisions") == 0


def test_two_people_at_one_conversation(
    client_as: Sign, service: Server, riskiest: str, original: tuple[str, str]
) -> None:
    finding, _ = original
    ann, ben = (client_as("reviewer", reveal=True, name=name) for name in ("Ann", "Ben"))
    ann.get(f"/review/{riskiest}")
    assert "<strong>Ann</strong> is reviewing" in ben.get(f"/review/{riskiest}").text
    refused = ben.post(f"/review/{riskiest}/decide", data={"finding": finding, "verdict": "accept"})
    assert refused.status_code == 409
    assert "Ann is reviewing" in refused.text
    assert ann.post(f"/review/{riskiest}/decide", data={"finding": finding, "verdict": "reject"}).status_code == 200
    ann.post(f"/review/{riskiest}/return")
    late = ben.post(f"/review/{riskiest}/decide", data={"finding": finding, "verdict": "accept", "seen": ""})
    assert late.status_code == 409
    assert "Ann has decided" in late.text
    next_one = ben.post("/review/next", data={"behind": ""}).headers["location"]
    assert next_one.startswith("/review/")


def test_a_decision_shows_the_next_finding_and_undo_gives_it_back(
    client: TestClient, riskiest: str, original: tuple[str, str]
) -> None:
    finding, _ = original
    client.get(f"/review/{riskiest}")
    answer = client.post(f"/review/{riskiest}/decide", data={"finding": finding, "verdict": "accept"}).text
    at = re.search(r'data-at="(\w+)"', answer)
    assert at is not None
    assert at[1] != finding
    assert 'data-say="Accepted' in answer
    undone = client.post(f"/review/{riskiest}/undo").text
    assert "as they were before" in undone
    assert client.post(f"/review/{riskiest}/undo").status_code == 422


def test_bad_input_is_said_clearly(client: TestClient, riskiest: str, original: tuple[str, str]) -> None:
    finding, _ = original
    for path, form, status in (
        ("/review/nothing", None, 404),
        ("/patterns/nothing", None, 404),
        (f"/review/{riskiest}/decide", {"finding": "forged", "verdict": "accept"}, 404),
        (f"/review/{riskiest}/decide", {"finding": finding, "verdict": "perhaps"}, 422),
        (f"/review/{riskiest}/decide", {"finding": finding}, 422),
        (f"/review/{riskiest}/retype", {"finding": finding, "entity_type": "NOTHING"}, 422),
        (f"/review/{riskiest}/span", {"turn": "t", "start": "0", "end": "9", "entity_type": "PERSON"}, 422),
        (f"/review/{riskiest}/span", {"turn": "t", "start": "x", "end": "9", "entity_type": "PERSON"}, 422),
        ("/decisions/nothing/undo", {}, 404),
        ("/review?after=nothing", None, 400),
    ):
        answer = client.get(path) if form is None else client.post(path, data=form)
        assert answer.status_code == status, (path, form, answer.status_code)
        assert "Traceback" not in answer.text


def test_html_in_what_people_wrote_is_shown_as_text(client: TestClient, service: Server, riskiest: str) -> None:
    service.store.execute(
        "UPDATE turns SET text = text || ' <script>alert(1)</script>' WHERE conversation_key = ?", [riskiest]
    )
    text = client.get(f"/review/{riskiest}").text
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert" in text
