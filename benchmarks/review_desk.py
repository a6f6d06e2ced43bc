"""One at a time in a browser: from a key to the next photo painted. Phone-sized pictures, decided at an even pace.

Server, worker and browser share the machine. The page itself measures: from the moment of the key to the frame in which the
next photo stands, fetched and decoded ahead.
"""

import argparse
import os
import platform
import re
import shutil
import statistics
import tempfile
from pathlib import Path

from playwright.sync_api import Page, expect, sync_playwright
from sqlalchemy import func, select

from app.core.db import reading
from app.core.roles import Role
from app.review.tables import ReviewTask
from benchmarks.pictures import jpeg
from benchmarks.timing import table
from tests.people import PASSWORD, make_user
from tests.running import Server, eventually

WANTED_MS = 100
_MEASURED = "performance.getEntriesByName('key-to-photo').map(one => one.duration)"
_READY = "article.desk[data-ready]"


def main(arguments: list[str]) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=review_desk", description=__doc__)
    parser.add_argument("--items", type=int, default=24, help="how many are decided (default: 24)")
    parser.add_argument("--pause", type=float, default=1.0, help="seconds between two decisions (default: 1.0)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), WINGCHECK_RATE_LIMIT_SUBMISSIONS="")
        try:
            server.start()
            _send(server, options.items + 1)
            times = _decide(server, options.items, options.pause)
        finally:
            server.close()
    quick = sum(time < WANTED_MS for time in times)
    print(f"{os.cpu_count()} cores, {platform.machine()}; {len(times)} decisions, {options.pause:g} s apart\n")
    rows: list[tuple[str, ...]] = [
        ("from the key to the next photo", "ms"),
        ("median", f"{statistics.median(times):.0f}"),
        ("95 of 100 within", f"{statistics.quantiles(times, n=20)[-1]:.0f}"),
        ("slowest", f"{max(times):.0f}"),
        (f"under {WANTED_MS} ms", f"{quick} of {len(times)}"),
    ]
    table(rows)


def _send(server: Server, many: int) -> None:
    for seed in range(many):
        photo = {"file": (f"{seed}.jpg", jpeg(4000, 3000, seed), "image/jpeg")}
        server.client.post("/api/v1/submissions", files=photo, data={"claim": "Maniola jurtina"}).raise_for_status()

    def all_there() -> bool:
        with reading(server.sessions) as session:
            return session.scalar(select(func.count()).select_from(ReviewTask)) == many

    eventually(all_there, "everything is on the desk", 300)


def chromium() -> str | None:
    """Path of the installed browser."""
    return next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)


def _decide(server: Server, many: int, pause: float) -> list[float]:
    user = make_user(server.sessions, Role.REVIEWER)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium(), args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(base_url=server.url, viewport={"width": 1280, "height": 860})
        page.goto("/sign-in?next=/review/next")
        page.get_by_label("E-mail address").fill(user.email)
        page.get_by_label("Password").first.fill(PASSWORD)
        page.get_by_role("button", name="Sign in").click()
        expect(page).to_have_url(re.compile(r"/review/\d+"))
        for _ in range(many):
            _decide_one(page, pause)
        times: list[float] = page.evaluate(_MEASURED)
        browser.close()
    return times


def _decide_one(page: Page, pause: float) -> None:
    page.wait_for_timeout(pause * 1000)
    before = page.locator(_READY).get_attribute("data-item")
    page.keyboard.press("u")
    expect(page.locator(f'{_READY}:not([data-item="{before}"])')).to_have_count(1, timeout=30_000)
