"""Review in a real browser: by keyboard alone, whole patterns, spans after an emoji, lists, two people at once."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from curate.pipeline import curate_workspace
from service.web import credentials
from service.web.people import add_person
from store.workspace import Workspace
from tests.service.web.conftest import Live, Screen, close_screen, new_screen

pytestmark = pytest.mark.browser

SAID = "👩🏽‍🚒🎉 thanks! the mill by the pond is best"
HEBREW = "שלום the mill by the pond"
MISSED = "mill by the pond"


@pytest.fixture
def curated(curated: Workspace) -> Workspace:
    """The curated store with an emoji, and with a line that runs from right to left, in its riskiest conversation."""
    with curated.open() as store:
        key = riskiest(store)
        turns = store.rows("SELECT turn_key FROM public_turns WHERE conversation_key = ? ORDER BY position", [key])
        for (turn,), text in zip(turns, (SAID, HEBREW), strict=False):
            store.execute("UPDATE turns SET text = ? WHERE turn_key = ?", [text, turn])
        store.execute("UPDATE conversations SET content_hash = 'other' WHERE conversation_key = ?", [key])
        curate_workspace(curated, store, workers=1)
        store.execute("UPDATE review_queue SET risk = 900 WHERE conversation_key = ?", [key])
    return curated


def riskiest(store: Any) -> str:
    return store.value(
        "SELECT q.conversation_key FROM review_queue AS q JOIN public_turns AS t USING (conversation_key) "
        "WHERE state = 'open' GROUP BY ALL HAVING count(*) > 2 ORDER BY max(risk) DESC, q.conversation_key LIMIT 1"
    )


@pytest.fixture
def emoji(live: Live, screen: Screen) -> Iterator[Page]:
    """The conversation with the emoji, open."""
    screen.open("/review")
    screen.page.locator("tbody a").first.click()
    expect(screen.page.locator("#chat")).to_contain_text(MISSED)
    said(screen.page).to_contain_text("undecided")
    yield screen.page
    screen.check()


def said(page: Page) -> Any:
    return expect(page.locator("#said"))


def open_one(screen: Screen, place: int = 1) -> Page:
    """Open a conversation of the queue that has several findings."""
    screen.open("/review")
    rows = screen.page.locator("tbody tr").filter(has_not_text="of 1").filter(has_not_text="of 0")
    rows.nth(place).locator("a").click()
    said(screen.page).to_contain_text("undecided")  # the page's keys work from now on
    return screen.page


def test_review_by_keyboard_alone(screen: Screen) -> None:
    screen.open("/review")
    screen.shoot("review_queue")
    page = screen.page
    page.get_by_role("button", name="Start reviewing").press("Enter")
    page.wait_for_url("**/review/*")
    page = open_one(screen)
    screen.check()
    screen.shoot("review")
    total = page.locator("[data-entry]").count()
    assert total > 1
    said(page).to_contain_text("undecided")
    page.keyboard.press("j")
    expect(page.locator("[data-entry]").nth(1)).to_have_attribute("aria-current", "true")
    expect(page.locator("#chat .current")).to_be_focused()
    page.keyboard.press("k")
    expect(page.locator("[data-entry]").nth(0)).to_have_attribute("aria-current", "true")
    page.keyboard.press("a")
    said(page).to_contain_text("Accepted")
    expect(page.locator("[data-entry]").nth(0)).to_contain_text("accepted")
    expect(page.locator("#chat .current, .entry[aria-current]").first).to_be_visible()
    page.keyboard.press("u")
    said(page).to_contain_text("as they were before")
    expect(page.locator("[data-entry]").nth(0)).not_to_contain_text("accepted")
    page.keyboard.press("x")
    said(page).to_contain_text("Rejected")
    page.keyboard.press("o")
    expect(page.locator("#desk")).to_have_class("view-redacted")
    screen.check()
    page.keyboard.press("o")
    expect(page.locator("#desk")).to_have_class("view-both")
    screen.shoot("review_side_by_side")
    screen.check()
    page.keyboard.press("o")
    page.keyboard.press("f")
    said(page).to_contain_text("Flagged")
    page.keyboard.press("f")
    said(page).to_contain_text("taken away")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()
    screen.check()
    page.keyboard.press("a")  # keys rest while a dialog is open
    page.keyboard.press("Escape")
    here = page.url
    page.keyboard.press("Enter")
    page.wait_for_url(lambda url: "/review/" in url and url != here)
    there = page.url
    page.keyboard.press("Space")
    page.wait_for_url(lambda url: "/review/" in url and url != there)
    screen.open("/review?state=done")
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator(".last a").first.click()
    page.wait_for_url(lambda url: url.startswith(here.partition("?")[0]))


def test_the_type_is_changed_by_keyboard(screen: Screen) -> None:
    page = open_one(screen)
    page.keyboard.press("e")
    expect(page.get_by_role("dialog", name="Change its type")).to_be_visible()
    screen.check()
    page.keyboard.press("9")
    page.keyboard.press("Enter")
    said(page).to_contain_text("Changed the type")
    expect(page.locator(".found.fam-custom").first).to_be_attached()


def test_a_span_after_an_emoji_by_mouse(emoji: Page) -> None:
    piece = emoji.locator("#chat .original [data-start]").filter(has_text=MISSED).first
    emoji.evaluate(
        """(piece) => {
            const at = piece.firstChild.data.indexOf("mill by the pond");
            const box = (offset) => {
                const range = document.createRange();
                range.setStart(piece.firstChild, offset); range.setEnd(piece.firstChild, offset + 1);
                const found = range.getBoundingClientRect();
                return {left: found.left, right: found.right, y: (found.top + found.bottom) / 2};
            };
            window.boxes = [box(at), box(at + 15)];
        }""",
        piece.element_handle(),
    )
    first, last = emoji.evaluate("window.boxes")
    emoji.mouse.move(first["left"] + 0.5, first["y"])
    emoji.mouse.down()
    emoji.mouse.move(last["right"] - 0.5, last["y"], steps=4)
    emoji.mouse.up()
    said(emoji).to_contain_text("Press n")
    emoji.get_by_role("button", name="Mark a span").click()
    expect(emoji.locator("#span-chosen")).to_have_text(f"Selected: {MISSED}")
    emoji.keyboard.press("1")
    emoji.keyboard.press("Enter")
    said(emoji).to_contain_text("Marked, in 2 places")
    found = emoji.locator("#chat .original .fam-person").filter(has_text=MISSED)
    expect(found).to_have_count(2)


def test_a_span_after_an_emoji_by_keyboard_and_taken_back(emoji: Page) -> None:
    emoji.keyboard.press("n")
    expect(emoji.get_by_role("dialog", name="Mark a span")).to_be_visible()
    emoji.locator("#span-turn").select_option(index=0)
    emoji.locator("#span-text").focus()
    emoji.keyboard.press("Control+Home")
    before = SAID.index(MISSED)
    graphemes = before - 3  # the firefighter is four code points and one step of the cursor
    for _ in range(graphemes):
        emoji.keyboard.press("ArrowRight")
    for _ in range(len(MISSED)):
        emoji.keyboard.press("Shift+ArrowRight")
    expect(emoji.locator("#span-chosen")).to_have_text(f"Selected: {MISSED}")
    emoji.keyboard.press("1")
    emoji.keyboard.press("Enter")
    said(emoji).to_contain_text("Marked, in 2 places")
    expect(emoji.locator("#chat .original .fam-person").filter(has_text=MISSED)).to_have_count(2)
    emoji.keyboard.press("u")
    said(emoji).to_contain_text("Undone")
    expect(emoji.locator("#chat .original .fam-person").filter(has_text=MISSED)).to_have_count(0)


def test_a_whole_pattern_after_a_sample(screen: Screen) -> None:
    screen.open("/patterns?by=value")
    screen.shoot("patterns")
    page = screen.page
    page.locator("tbody a").first.click()
    page.wait_for_url("**/patterns/*")
    screen.check()
    screen.shoot("pattern")
    undecided = page.locator(".figures div").filter(has_text="undecided").locator("dd")
    before = undecided.inner_text()
    assert before != "0"
    page.get_by_role("button", name="Reject all").click()
    said(page).to_contain_text("Rejected")
    expect(undecided).to_have_text("0")
    screen.check()
    page.get_by_role("button", name="Undo").click()
    said(page).to_contain_text("undecided again")
    expect(undecided).to_have_text(before)


def test_the_same_text_everywhere(screen: Screen) -> None:
    page = open_one(screen, 0)
    page.keyboard.press("s")
    expect(page.get_by_role("dialog", name="One decision for many")).to_be_visible()
    screen.check()
    page.locator('#ask [data-verdict="accept"]').click()
    said(page).to_contain_text("accepted. Undo takes all of it back")


def test_a_list_is_previewed_and_only_what_it_touches_runs_again(screen: Screen, live: Live) -> None:
    page = open_one(screen, 0)
    page.get_by_role("button", name="Never redact this").click()
    expect(page.locator("#ask")).to_contain_text("Only these conversations run again")
    screen.check()
    screen.shoot("review_never")
    page.locator("#ask input[value=batch]").check()
    expect(page.locator("#ask input[value=batch]")).to_be_checked()
    page.get_by_role("button", name="Never redact it").click()
    said(page).to_contain_text("run again in the background")
    screen.open("/lists")
    expect(page.locator("tbody tr")).to_have_count(1)
    screen.shoot("lists")
    screen.open("/lists?which=deny")
    page.get_by_label("Value").fill(MISSED)
    page.get_by_role("button", name="See the effect").click()
    expect(page.locator("#list-effect")).to_contain_text("It stands in 2 places of 1 conversation")
    page.get_by_role("button", name="Always redact it").click()
    page.goto(screen.url + "/")
    expect(page.get_by_text("Nothing runs").or_(page.locator(".tasks"))).to_be_visible()
    wait_for_tasks(page, screen.url)
    page.goto("about:blank")  # the page asks for its tasks now and then
    live.stop()
    with live.workspace.open() as store:
        rows = "SELECT json_extract(counts, '$.conversations')::INTEGER FROM runs WHERE stage = 'redaction' AND "
        counts = [count for (count,) in store.rows(rows + "status = 'done' ORDER BY started_at")]
        whole = store.value("SELECT count(*) FROM conversations")
    assert counts[0] == whole
    assert counts[-1] == 1


def wait_for_tasks(page: Page, url: str) -> None:
    for _ in range(120):
        tasks = page.request.get(url + "/api/v1/tasks").json()["tasks"]
        if all(task["status"] not in ("waiting", "running") for task in tasks):
            assert [task["status"] for task in tasks] == ["done"] * len(tasks)
            return
        page.wait_for_timeout(500)
    raise AssertionError("the background does not end")


def test_two_reviewers_at_once(chromium: Browser, curated: Workspace, serve: Callable[..., Live]) -> None:
    with curated.open() as store:
        secrets = [
            credentials.issue(
                store, add_person(store, name, role="reviewer", may_reveal=True), kind="link", name="test",
                lasts=credentials.LINK_LASTS,
            )[1]
            for name in ("Ann", "Ben")
        ]  # fmt: skip
    live = serve(curated)
    ann, ben = (new_screen(chromium, live) for _ in secrets)
    for screen, secret in zip((ann, ben), secrets, strict=True):
        screen.page.goto(f"{live.url}/enter?key={secret}")
    open_one(ann)
    address = ann.page.url
    ben.page.goto(address)
    expect(ben.page.locator("#held")).to_contain_text("Ann is reviewing this conversation")
    ben.check()
    ann.page.keyboard.press("x")
    said(ann.page).to_contain_text("Rejected")
    ann.page.get_by_role("button", name="Return to the queue").click()
    ann.page.wait_for_url("**/review")
    ben.page.reload()
    expect(ben.page.locator(".detail, .entry").filter(has_text="rejected").first).to_be_attached()
    ben.page.locator("[data-entry]").first.click()
    ben.page.keyboard.press("a")
    said(ben.page).to_contain_text("Accepted")
    ann.page.goto(address)
    expect(ann.page.locator("#held")).to_contain_text("Ben is reviewing")
    for screen in (ann, ben):
        close_screen(screen)
