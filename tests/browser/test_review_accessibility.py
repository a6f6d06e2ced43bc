"""Every page of the desk against the rules that a machine can check, as in test_accessibility.py."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from app.core.roles import Role
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import Sent, item_on, make_blind, press, reviewer, send_many
from tests.browser.test_accessibility import check
from tests.running import Server

PATHS = ["/review/grid", "/review/templates", "/review/preferences", "/review/settings", "/review/figures"]
PATHS += ["/review/records", "/review/records?since=2026-07-02&until=2026-07-01"]


@pytest.fixture(scope="module")
def sent(decided_server: Server) -> list[Sent]:
    """Something to look at."""
    return send_many(decided_server, 6, "Axe garden")


def opened(key: str, dialog: str) -> Callable[[Page], None]:
    """A sheet over the desk."""

    def act(page: Page) -> None:
        page.keyboard.press(key)
        expect(page.get_by_role("dialog", name=dialog)).to_be_visible()

    return act


def test_pages(new_person: NewPerson, decided_server: Server, sent: list[Sent]):
    """Queue, empty queue, overview, templates, preferences, rules, figures, records, acceptance, nothing left."""
    person = reviewer(new_person, decided_server, Role.COORDINATOR)
    person.expects("status of 422")
    page = person.page
    taxon = "/review/acceptance?taxon=Maniola+jurtina&error=0.5"
    for path in ["/review?place=axe", "/review?place=nowhere", "/review/next?place=nowhere", *PATHS, taxon]:
        page.goto(path)
        check(page)
    assert sent


def test_the_desk(new_person: NewPerson, decided_server: Server, sent: list[Sent]):
    """An item with its sheets, a blind one, a decided one, a grid with exceptions, a batch, what a volunteer reads."""
    page = reviewer(new_person, decided_server).page
    page.goto("/review/next?place=axe")
    first = item_on(page)
    blind = next(one for one in sent if one.id != first)
    make_blind(decided_server, blind)
    check(page)
    for act in (
        opened("q", "Ask the volunteer"),
        opened("c", "A comment with your decision"),
        opened("?", "Keyboard shortcuts"),
    ):
        page.keyboard.press("Escape")
        page.set_viewport_size({"width": 1280, "height": 860})
        act(page)
        check(page)
    page.keyboard.press("Escape")
    decided = item_on(page)
    press(page, "m")
    page.goto(f"/review/{decided}")
    expect(page.get_by_text("Decided: Gatekeeper, correct.")).to_be_visible()
    check(page)
    page.goto(f"/review/{blind.id}")
    check(page)
    page.goto(f"/s/{next(one.token for one in sent if one.id == decided)}")
    expect(page.get_by_role("heading", level=1)).to_have_text("An expert says: gatekeeper")
    check(page)
    page.goto("/review/grid/Maniola_jurtina/Pyronia_tithonus")
    page.get_by_role("checkbox").first.check()
    check(page)
    page.get_by_role("button", name="Gatekeeper").click()
    check(page)
