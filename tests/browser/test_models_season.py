"""A season goes round: volunteers send, an expert decides, a version learns from that and is measured by it, an alert is seen."""

import re
from collections.abc import Iterator
from datetime import timedelta

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import update

from app.core.db import transaction, utcnow
from app.submissions.tables import PredictionRecord
from ml.datasets.synthetic import write_drawn_folder
from tests.browser.conftest import NewPerson
from tests.browser.model_steps import admin
from tests.browser.review_steps import Sent, item_on, reviewer, send_many
from tests.browser.test_accessibility import check
from tests.running import Server, eventually
from tests.webhook import Webhook

MINUTES = 60_000


@pytest.fixture(scope="module")
def webhook() -> Iterator[Webhook]:
    with Webhook().running() as found:
        yield found


@pytest.fixture(scope="module")
def season_server(tmp_path_factory: pytest.TempPathFactory, webhook: Webhook) -> Iterator[Server]:
    """A service where every second volunteer's photos measure, and two photos make a week."""
    folder = tmp_path_factory.mktemp("season")
    drawn = write_drawn_folder(folder / "drawn", per_label=16, outsiders=16)
    settings = {
        "TRAINING_ROOT": str(drawn),
        "RETRAIN_CONFIG": "tiny",
        "RETRAIN_TEST_SHARE": "0.5",
        "WATCH_LEAST_PHOTOS": "2",
        "WATCH_WEBHOOK_URL": webhook.url,
        "JOB_LOST_SECONDS": "6",
    }
    server = Server(folder, **{f"WINGCHECK_{name}": value for name, value in settings.items()})
    try:
        yield server.start()
    finally:
        server.close()


def send_as_volunteers(server: Server, many: int) -> list[Sent]:
    """One photo each, of so many volunteers: a volunteer is known by a cookie."""
    sent = []
    for _ in range(many):
        server.client.cookies.clear()
        sent += send_many(server, 1, "Season lane")
    return sent


def decide_all(page: Page, many: int) -> None:
    """Every claim is right, by one key each."""
    page.goto("/review/next")
    for left in range(many, 0, -1):
        here = item_on(page)
        page.keyboard.press("a")
        if left > 1:
            expect(page.locator(f'article.desk[data-ready]:not([data-item="{here}"])')).to_have_count(1)
    expect(page.get_by_role("heading", name="All done")).to_be_visible()


def test_what_experts_decided_teaches_one_version_and_measures_all(new_person: NewPerson, season_server: Server):
    server = season_server
    send_as_volunteers(server, 4)
    decide_all(reviewer(new_person, server).page, 4)

    page = admin(new_person, server)
    page.goto("/admin/runs")
    page.get_by_role("link", name="Train a new version").click()
    page.get_by_label("Epochs").fill("2")
    page.get_by_role("button", name="Show training plan").click()
    learnt = page.get_by_role("region", name="Expert-verified photos")
    expect(learnt.get_by_role("row")).to_have_count(3)  # a head, what teaches and what measures
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", name=re.compile("^Result: "))).to_be_visible(timeout=3 * MINUTES)
    for purpose in ("training", "evaluation only"):
        row = learnt.get_by_role("row").filter(has=page.get_by_role("cell", name=purpose, exact=True))
        expect(row.get_by_role("cell").filter(has_text="2")).to_have_count(2)  # of two photos two are new
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_text(re.compile("2 photos"))).to_be_visible()

    page.goto("/admin/runs/new")
    page.get_by_label("Epochs").fill("2")
    page.get_by_role("button", name="Show training plan").click()
    expect(page.get_by_text("No new training data")).to_be_visible()


def test_a_week_past_a_limit_is_told_and_seen(new_person: NewPerson, season_server: Server, webhook: Webhook):
    send_as_volunteers(season_server, 3)
    with transaction(season_server.sessions) as session:
        session.execute(update(PredictionRecord).values(created_at=utcnow() - timedelta(days=8)))
    eventually(lambda: webhook.taken, "the webhook is told")
    assert {alert["figure"] for alert in webhook.taken[0]["alerts"]} == {"in_scope"}

    page = admin(new_person, season_server)
    page.goto("/admin/watch")
    alarm = page.locator(".notice--alert")
    expect(alarm).to_contain_text("Sent to the webhook on")
    expect(page.get_by_role("row", name=re.compile("over the limit"))).to_have_count(1)
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    alarm.get_by_role("button", name=re.compile("^Dismiss")).click()
    expect(alarm).to_have_count(0)
    page.get_by_text("One dismissed alert").click()
    expect(page.get_by_role("listitem").filter(has_text="Sent to the webhook on")).to_contain_text("Admin")
