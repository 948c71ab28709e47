"""The report in a real browser: it renders without scripts and asks nothing of anywhere."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CHROMIUM = shutil.which("chromium")
SCREENSHOT = os.environ.get("CHATMILL_SCREENSHOT")

pytestmark = pytest.mark.browser


@pytest.fixture
def page_file(sample_logs: Path, tmp_path: Path) -> Path:
    root = tmp_path / "my-team"
    command = [sys.executable, "-m", "service.main", "run", str(sample_logs), "-w", str(root), "--json"]
    environment = os.environ | {"CHATMILL_KEY": "5a" * 32}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    return Path(json.loads(done.stdout)["report"])


@pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
def test_the_report_renders_and_asks_nothing_of_anywhere(page_file: Path) -> None:
    sync_api = pytest.importorskip("playwright.sync_api")
    requests: list[str] = []
    complaints: list[str] = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1100, "height": 900})
        page.on("request", lambda request: requests.append(request.url))
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(page_file.as_uri())
        headings = page.locator("h2").all_inner_texts()
        bars = page.locator("svg.chart rect.kept").count()
        too_wide = page.evaluate("document.documentElement.scrollWidth > document.documentElement.clientWidth")
        marks = page.locator("mark").count()
        if SCREENSHOT:
            page.screenshot(path=SCREENSHOT)
        browser.close()
    assert requests == [page_file.as_uri()]
    assert complaints == []
    assert {"From export to dataset", "Redactions", "Languages", "Duplicates", "Rejects"} <= set(headings)
    assert bars > 10
    assert marks > 5
    assert not too_wide
