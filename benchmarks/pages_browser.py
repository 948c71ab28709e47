"""In Debian's Chromium: what the first load costs, and how long a decision takes until the changed page is there."""

import shutil
from collections.abc import Iterator

from playwright.sync_api import CDPSession, Page, sync_playwright

DECISIONS = 40
KILO = 1024
# From the key that is pressed to the first frame that shows the answer.
WATCH = """
() => {
  window.took = new Promise((tell) => {
    let start = 0;
    document.addEventListener("keydown", () => { start = performance.now(); }, {capture: true, once: true});
    document.addEventListener("htmx:afterSettle", () => requestAnimationFrame(() => tell(performance.now() - start)),
                              {once: true});
  });
}
"""


def in_browser(link: str) -> Iterator[tuple[str, float, float, str]]:
    """Sign in by the link, and give each figure with its bound and unit; nothing where there is no browser."""
    chromium = shutil.which("chromium")
    if chromium is None:
        print("browser: left out, Chromium is not installed", flush=True)
        return
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        page = browser.new_context(reduced_motion="reduce").new_page()
        network = _Network(page.context.new_cdp_session(page))
        page.goto(link)
        page.wait_for_load_state("networkidle")
        yield "browser: first load, KB", 60.0, network.bytes / KILO, "KB"
        # Opening the link answers with the address of the home page; that is the signing in, not the page.
        yield "browser: first load, requests", 5.0, float(network.requests - 1), "requests"
        times = sorted(_decisions(page))
        yield "browser: a decision to the changed page", 150.0, times[int(len(times) * 0.95)], "ms"
        browser.close()


class _Network:
    """Count what comes over the wire."""

    def __init__(self, session: CDPSession) -> None:
        self.requests = 0
        self.bytes = 0.0
        session.on("Network.requestWillBeSent", self._asked)
        session.on("Network.loadingFinished", self._came)
        session.send("Network.enable")

    def _asked(self, _: object) -> None:
        self.requests += 1

    def _came(self, event: dict[str, float]) -> None:
        self.bytes += event["encodedDataLength"]


def _decisions(page: Page) -> Iterator[float]:
    """Decide by keyboard, in one conversation after the other."""
    base = page.url.rstrip("/")
    page.goto(f"{base}/review")
    page.locator("tbody a").first.click()
    page.wait_for_selector("#chat")
    for _ in range(DECISIONS):
        while page.locator(".found.open").count() == 0:  # what is held back may have nothing left to decide
            with page.expect_navigation():
                page.keyboard.press("Space")
            page.wait_for_load_state("networkidle")
        page.evaluate(WATCH)
        page.keyboard.press("a")
        yield page.evaluate("() => window.took")
