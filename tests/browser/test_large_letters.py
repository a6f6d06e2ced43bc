"""Whoever sets larger letters in the browser (24 or 32 pixels) can read every page on a phone, and use its menu."""

import re

from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import sign_in
from tests.browser.steps import post, screened, seen_in
from tests.people import make_user
from tests.running import Server

SIZES, WIDTHS = (16, 24, 32), (390, 320)
WORDS_THAT_FIT = 5  # letters in a line: less, and words break letter by letter
_TOO_NARROW = """(letters) => [...document.querySelectorAll("main p, main li, main h1, main h2, main label, main button")]
    .filter((each) => each.checkVisibility() && each.textContent.trim().length > 12 && !each.closest(".visually-hidden"))
    .filter((each) => { const box = each.getBoundingClientRect();
        return box.width > 1 && box.width < letters * 0.5 * parseFloat(getComputedStyle(each).fontSize); })
    .map((each) => `${each.tagName} ${each.textContent.trim().slice(0, 40)}`)"""


def problems(page: Page, path: str) -> list[str]:
    """Where a page is wider than the screen, or its lines hold no word, at any size."""
    page.goto(path)
    session = page.context.new_cdp_session(page)
    found = []
    for size in SIZES:
        session.send("Page.setFontSizes", {"fontSizes": {"standard": size, "fixed": size}})
        for width in WIDTHS:
            page.set_viewport_size({"width": width, "height": 844})
            letters, wide, screen = page.evaluate(
                """() => [parseFloat(getComputedStyle(document.documentElement).fontSize),
                    document.documentElement.scrollWidth, document.documentElement.clientWidth]"""
            )
            assert letters == size
            if wide > screen:
                found.append(f"{path}: {wide} pixels on {width}, letters of {size}")
            found += [
                f"{path}, letters of {size} on {width}: {text}" for text in page.evaluate(_TOO_NARROW, WORDS_THAT_FIT)
            ]
    session.detach()
    return found


def test_every_page_fits(new_person: NewPerson, decided_server: Server):
    """All pages of volunteers, the door and the list of the desk, in both languages."""
    likely, other = seen_in(decided_server, factories.photo(140))
    tokens = [post(decided_server, 140, claim) for claim in (likely, other, "unknown")]
    for token in tokens:
        screened(decided_server, token)
    pages = ["/", "/species", "/about", "/mine", "/nowhere", "/sign-in", *(f"/s/{token}" for token in tokens)]
    pages += [f"/s/{tokens[0]}/correct", f"/s/{tokens[0]}/withdraw"]
    user = make_user(decided_server.sessions)
    found = []
    for locale in ("en-GB", "nl-NL"):
        person = new_person(at=decided_server.url, locale=locale)
        person.expects("status of 404")
        for path in pages:
            found += problems(person.page, path)
        if locale == "en-GB":
            sign_in(person.page, user)
            found += problems(person.page, "/review")
    assert found == []


def test_the_menu_with_the_largest_letters(new_person: NewPerson, server: Server):
    """It can be tapped, and its last entry reached."""
    page = new_person(viewport={"width": 390, "height": 700}, has_touch=True).page
    page.goto("/")
    page.context.new_cdp_session(page).send("Page.setFontSizes", {"fontSizes": {"standard": 32, "fixed": 32}})
    page.get_by_role("button", name="Menu").tap()
    page.get_by_role("link", name="Nederlands").tap()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile("Welke vlinder"))
