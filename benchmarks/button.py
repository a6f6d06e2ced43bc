"""In a browser: from the button that sends a submission to the verdict on the page. Both moments are the page's own."""

import json
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright

from app.submissions.words import HEADLINES
from benchmarks.load import with_number
from benchmarks.review_desk import chromium
from tests.browser.steps import choose, file, preview, see_verdict, send
from tests.running import Server

TIMES, PATIENCE_MS = 5, 120_000
# Runs in every page before its own scripts: notes when the form is sent, and when a page first shows a verdict.
_WATCH = """headlines => {
  addEventListener('submit', () => sessionStorage.setItem('sent', Date.now()), true);
  const look = () => {
    const text = document.querySelector('h1')?.innerText.trim() ?? '';
    if (headlines.some(each => text.startsWith(each))) sessionStorage.setItem('told', Date.now());
    else requestAnimationFrame(look);
  };
  look();
}"""


def seconds_to_verdict(photo: bytes) -> list[float]:
    """Seconds of each of five submissions after one that warms up; each photo is another one."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        server = Server(Path(folder))
        try:
            server.start()
            browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
            times = [_once(browser.new_page(base_url=server.url), photo, number) for number in range(TIMES + 1)]
            browser.close()
        finally:
            server.close()
    return times[1:]


def _once(page: Page, photo: bytes, number: int) -> float:
    page.set_default_timeout(PATIENCE_MS)
    expect.set_options(timeout=PATIENCE_MS)
    page.add_init_script(f"({_WATCH})({json.dumps([str(text) for text in HEADLINES.values()])})")
    page.goto("/")
    choose(page, file("photo.jpg", with_number(photo, number)))
    expect(preview(page)).to_be_visible()
    page.get_by_role("radio").first.check()
    page.wait_for_timeout(1000)  # as somebody does who looks at the photo again
    send(page)
    see_verdict(page)
    page.wait_for_timeout(100)  # the next frame has come
    milliseconds: int = page.evaluate("sessionStorage.getItem('told') - sessionStorage.getItem('sent')")
    page.close()
    return milliseconds / 1000
