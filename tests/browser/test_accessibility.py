"""Every page in every state against the rules of WCAG 2.2 AA that a machine can check: phone, tablet, desktop; light, dark.

Nor may a page ever be wider than the screen, down to 320 pixels. What a machine can't check, the stories in the other
files do: keyboard, focus, announcements, names.
"""

import re
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from app.core import jobs
from app.core.db import transaction
from app.core.tables import Job
from tests import factories
from tests.browser.conftest import NewPerson
from tests.browser.steps import choose, drawn, file, post, preview, screened, seen_in, send
from tests.running import Server, resume

RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}
# Contrast goes with the colours, layout with the width: each is looked at, and not each with each.
SCREENS: list[tuple[int, Literal["light", "dark"]]] = [(1280, "light"), (820, "dark"), (390, "light")]
NARROWEST = 320

Arrange = Callable[[Page, Server], Any]


@pytest.fixture
def page(new_person: NewPerson, decided_server: Server) -> Page:
    """A visitor of the service that never doubts, so that every verdict can be had."""
    person = new_person(at=decided_server.url)
    person.expects("status of 404", "status of 422")
    return person.page


_REACHING_OVER = """(width) => [...document.querySelectorAll("body *")]
    .filter((each) => each.getBoundingClientRect().right > width)
    .slice(0, 8)
    .map((each) => each.cloneNode(false).outerHTML + each.textContent.trim().slice(0, 40))"""


def check(page: Page) -> None:
    """The page as it stands: no violation on any screen in its colours, and never wider than the narrowest."""
    found = []
    for width, scheme in SCREENS:
        page.set_viewport_size({"width": width, "height": 900})
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        result = Axe().run(page, options=RULES)
        if result.violations_count:
            found.append(f"{width} pixels, {scheme}: {result.generate_report()}")
    page.set_viewport_size({"width": NARROWEST, "height": 700})
    wide = page.evaluate("() => document.documentElement.scrollWidth")
    if wide > NARROWEST:
        reaching = page.evaluate(_REACHING_OVER, NARROWEST)
        found.append(f"{wide} pixels wide on a screen of {NARROWEST}: {reaching}")
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    "path", ["/", "/species", "/about", "/privacy", "/mine", "/nowhere", "/s/nothing-at-this-address"]
)
def test_plain_pages(page: Page, path: str):
    """Pages as they are first seen: no submission yet, a link that leads nowhere."""
    page.goto(path)
    check(page)


def test_the_form_filled_in_and_wrong(page: Page):
    """With photos and a square, with everything unfolded, and with mistakes."""
    page.goto("/")
    choose(page, drawn(100), file("notes.jpg", b"Dear diary"))
    expect(preview(page)).to_be_visible()
    expect(page.get_by_text("This browser can’t show this type of photo").filter(visible=True)).to_have_count(1)
    page.get_by_role("application").first.press("Enter")
    for more in page.get_by_role("main").locator("summary").all():
        more.click()
    page.get_by_label("Latitude").fill("95")
    page.get_by_label("Longitude").fill("5")
    send(page)
    expect(page.get_by_role("group", name="Nearly there. Please check what is marked below.")).to_be_focused()
    check(page)


def test_the_menu_on_a_phone(page: Page):
    """The menu of a small screen, open."""
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto("/")
    page.get_by_role("button", name="Menu").click()
    expect(page.get_by_role("navigation", name="Main")).to_be_visible()
    assert Axe().run(page, options=RULES).violations_count == 0


def open_verdict(page: Page, server: Server, seed: int, *, claim: int | str) -> str:
    """The page of a new submission: claim 0 is what the computer sees, 1 what it does not, or any other claim."""
    name = seen_in(server, factories.photo(seed))[claim] if isinstance(claim, int) else claim
    token = post(server, seed, name)
    assert screened(server, token)["verdict"]
    page.goto(f"/s/{token}")
    page.get_by_text("History").click()
    return token


@pytest.mark.parametrize(
    ("claim", "headline"),
    [
        (0, "It looks like you are right"),
        (1, "The computer sees something else"),
        ("other", "The computer sees something else"),
        ("unknown", re.compile("The computer thinks: ")),
    ],
)
def test_verdicts(page: Page, decided_server: Server, claim: int | str, headline: str | re.Pattern[str]):
    """What the computer can say, with the second look where it disagrees."""
    open_verdict(page, decided_server, 101, claim=claim)
    expect(page.get_by_role("heading", level=1)).to_have_text(headline)
    check(page)


def test_out_of_scope(new_person: NewPerson, server: Server):
    """The bundled model does not take a wall for a butterfly."""
    page = new_person().page
    wall = factories.encode(factories.wall())
    token = server.client.post("/api/v1/submissions", files={"file": ("wall.jpg", wall)}, data={"claim": "other"})
    page.goto("/s/" + token.raise_for_status().json()["token"])
    expect(page.get_by_role("heading", level=1)).to_have_text("The computer can’t check this photo")
    check(page)


def test_withdrawing(page: Page, decided_server: Server):
    """The question before and the page after."""
    open_verdict(page, decided_server, 102, claim="unknown")
    page.get_by_role("link", name="Withdraw this submission").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Withdraw this submission?")
    check(page)
    page.get_by_role("button", name="Yes, delete my photos").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You withdrew this submission")
    check(page)


def test_my_submissions(page: Page, decided_server: Server):
    """A list with something in it, and an e-mail address that is none."""
    for seed, answer in ((103, "gatekeeper"), (104, "I don’t know")):
        page.goto("/")
        choose(page, drawn(seed))
        page.get_by_role("radio", name=re.compile(answer, re.I)).check()
        send(page)
        expect(page).to_have_url(re.compile("/s/"))
    page.goto("/mine")
    expect(page.locator("li.card")).to_have_count(2)
    page.get_by_label("Your e-mail address").evaluate("(input) => { input.type = 'text'; }")
    page.get_by_label("Your e-mail address").fill("nobody")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Please enter a valid e-mail address.")).to_be_visible()
    check(page)


@pytest.fixture
def worker(decided_server: Server) -> Iterator[int]:
    """The worker's process number. It stands still: nobody looks at what is sent meanwhile."""
    worker = decided_server.pause_worker()
    yield worker
    resume(worker)


def test_the_verdict_comes_by_itself_and_is_announced(page: Page, decided_server: Server, worker: int):
    """Whoever listens to the page hears the verdict when it comes."""
    page.goto("/s/" + post(decided_server, 106, "unknown"))
    expect(page.get_by_role("heading", level=1)).to_have_text("We are looking at your photo")
    resume(worker)
    expect(page.get_by_role("heading", level=1)).to_contain_text("The computer thinks: meadow brown")
    expect(page.get_by_role("status").filter(has_text="The computer thinks: meadow brown")).to_be_attached()


@pytest.mark.usefixtures("worker")
def test_waiting_and_given_up(page: Page, decided_server: Server):
    """While the second opinion is on its way, and when there will be none."""
    token = post(decided_server, 105, "unknown")
    page.goto(f"/s/{token}")
    expect(page.get_by_role("heading", level=1)).to_have_text("We are looking at your photo")
    check(page)
    with transaction(decided_server.sessions) as session:
        waiting = session.query(Job).filter_by(kind="screening").order_by(Job.id.desc()).first()
        assert waiting is not None
        assert jobs.claim(session, waiting.id, "a worker of this test")
        jobs.fail(session, waiting.id, "the photo can't be read back", final=True)
    expect(page.get_by_role("heading", level=1)).to_contain_text("There is no second opinion yet")
    check(page)
