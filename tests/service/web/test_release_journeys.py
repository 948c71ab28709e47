"""In a real browser: restore, move a threshold, read the audit by keyboard, build, sign off, submit; and the roles."""

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import Browser, expect

from service.web import credentials
from service.web.people import add_person
from store.workspace import Workspace
from tests.export.submit.server import KEY, Provider, serving
from tests.service.web.conftest import Live, Screen, close_screen, new_screen

pytestmark = pytest.mark.browser

SLOW = 240_000  # milliseconds for work in the background


def done(screen: Screen) -> None:
    """Wait until the work in the background is over and the page has loaded itself anew."""
    expect(screen.page.locator("#working")).to_have_count(0, timeout=SLOW)


def press(screen: Screen, name: str) -> None:
    """Press a button that sends a form, and wait for the work that it starts."""
    with screen.page.expect_navigation():
        screen.page.get_by_role("button", name=name).click()
    done(screen)


def test_a_dropped_conversation_is_restored(screen: Screen) -> None:
    page = screen.page
    screen.open("/outcomes")
    screen.shoot("outcomes")
    page.get_by_role("link", name=re.compile("All answers together|rated it bad")).first.click()
    screen.check()
    screen.shoot("outcomes_list")
    page.get_by_role("row").nth(1).get_by_role("link").click()
    screen.check()
    screen.shoot("outcome")
    page.get_by_label("Why").fill("A good answer in few words.")
    press(screen, "Restore")
    expect(page.locator("h2 .badge")).to_have_text("kept")
    expect(page.get_by_text("A person decided to keep it.")).to_be_visible()
    screen.check()
    page.get_by_label("Why").fill("The rule is right.")
    press(screen, "Withdraw")
    expect(page.locator("h2 .badge")).to_have_text("dropped")
    screen.open("/outcomes/duplicates")
    screen.shoot("duplicates")


def test_a_threshold_is_moved_with_its_effect_counted_first(screen: Screen) -> None:
    page = screen.page
    screen.open("/rules")
    screen.shoot("rules")
    page.get_by_role("textbox", name="A chat").fill("customer: Where is my parcel?\nagent: No idea.")
    page.get_by_role("button", name="Try").click()
    expect(page.get_by_text("It would be dropped.")).to_be_visible()
    screen.check()
    page.get_by_role("link", name="Q003").first.click()
    least = page.get_by_label("At least")
    least.focus()
    page.keyboard.press("Control+a")
    page.keyboard.type("40")
    expect(page.locator("#effect")).to_contain_text("It would match")
    told = page.locator("#effect dd").first.inner_text()
    assert int(told) > 0
    screen.check()
    screen.shoot("rule")
    with page.expect_navigation():
        page.keyboard.press("Enter")
    done(screen)
    expect(page.get_by_text("In its pack it is: drop, at least 5.")).to_be_visible()
    screen.open("/rules/lists/profanity")
    screen.shoot("rules_list")


def test_the_sample_is_read_by_keyboard_alone(screen: Screen) -> None:
    page = screen.page
    screen.open("/audit")
    page.get_by_label("Turns to read").select_option("50")
    press(screen, "Draw it")
    screen.check()
    page.get_by_role("link", name="Start reading").click()
    expect(page.locator("#blind")).to_be_focused()
    screen.check()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Shift+ArrowRight")
    words = page.locator("#blind .taken").all_inner_texts()
    page.keyboard.press("Enter")
    expect(page.locator("#marks li")).to_contain_text(words[0])
    screen.check()
    screen.shoot("audit_read")
    page.keyboard.press("Control+Enter")
    expect(page.get_by_text("Kept. In the turn before")).to_be_visible()
    for _ in range(3):
        with page.expect_navigation():
            page.keyboard.press("Control+Enter")
    screen.open("/audit")
    expect(page.get_by_text("1 miss in 4 turns")).to_be_visible()
    screen.shoot("audit")


def test_a_dataset_is_built_signed_off_and_rehearsed(screen: Screen) -> None:
    page = screen.page
    screen.open("/datasets")
    press(screen, "Preview")
    expect(page.get_by_role("heading", name="What it would hold")).to_be_visible()
    screen.check()
    press(screen, "Build a version")
    screen.shoot("datasets")
    page.get_by_role("link", name=re.compile("^ds-")).click()
    screen.check()
    screen.shoot("dataset")
    page.get_by_role("link", name="Sign off").last.click()
    screen.check()
    screen.shoot("sign_off")
    page.get_by_label("Note").fill("Read the sample and the card.")
    press(screen, "Sign as")
    expect(page.get_by_text("It is frozen")).to_be_visible()
    screen.check()
    screen.open("/jobs")
    press(screen, "Dry run")
    expect(page.get_by_text("Nothing was sent.")).to_be_visible()
    expect(page.get_by_role("button", name="Submit")).to_be_visible()
    screen.check()
    screen.shoot("jobs")


def test_a_job_is_submitted_followed_and_over(
    chromium: Browser, curated: Workspace, serve: Callable[..., Live], monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(Provider()) as provider:
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        settings = curated.root / "chatmill.toml"
        settings.write_text(f'{settings.read_text()}\n[submit]\nbase_url = "{provider.url}"\n')
        live = serve()
        screen = new_screen(chromium, live)
        page = screen.page
        page.on("dialog", lambda dialog: dialog.accept())
        page.goto(live.link)
        screen.open("/datasets")
        press(screen, "Build a version")
        screen.open("/jobs")
        press(screen, "Dry run")
        page.get_by_label("I agree").check()
        press(screen, "Submit")
        expect(page.get_by_text("Nothing was sent: moderation")).to_be_visible(timeout=SLOW)
        assert not provider.jobs
        screen.open("/jobs")
        page.get_by_label("I agree").check()
        page.get_by_label("Lines that moderation flags").select_option("send")
        press(screen, "Submit")
        page.get_by_role("link", name=re.compile("^job-")).click()
        expect(page.locator("#stands .badge")).to_have_text("succeeded", timeout=SLOW)
        expect(page.get_by_role("img", name="Loss by step")).to_be_visible()
        screen.check()
        screen.shoot("job")
        assert len(provider.jobs) == 1
        close_screen(screen)


def test_a_viewer_sees_everything_and_changes_nothing(
    chromium: Browser, curated: Workspace, serve: Callable[..., Live]
) -> None:
    with curated.open() as store:
        viewer = add_person(store, "Vera Viewer", role="viewer", may_reveal=False)
        _, secret = credentials.issue(store, viewer, kind="link", name="test")
    live = serve(curated)
    screen = new_screen(chromium, live)
    screen.page.goto(f"{live.url}/enter?key={secret}")
    for path in ("/outcomes", "/rules", "/rules/Q003", "/audit", "/datasets", "/sign-off", "/jobs"):
        screen.open(path)
        buttons = screen.page.locator("main").get_by_role("button").all_inner_texts()
        assert [one for one in buttons if one != "Try"] == [], path
    close_screen(screen)
