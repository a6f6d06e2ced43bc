"""After sending: the address to come back to, withdrawing, the other language, and doing it all from the keyboard."""

import re

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import NewPerson
from tests.browser.steps import SEND, VERDICT, choose, drawn, post, preview, see_verdict, send, species
from tests.running import Server


def test_copy_the_address_and_withdraw(new_person: NewPerson):
    """The copied address opens the page elsewhere; after withdrawing neither page nor photos show anything."""
    person = new_person(permissions=["clipboard-read", "clipboard-write"])
    page = person.page
    page.goto("/")
    choose(page, drawn(90))
    species(page, "meadow brown").check()
    page.get_by_label("Where did you see it?").fill("A secret garden")
    send(page)
    see_verdict(page)
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_text("The address was copied.")).to_be_visible()
    address = page.evaluate("() => navigator.clipboard.readText()")
    assert address == page.url

    somebody = new_person()
    somebody.page.goto(address)
    photo = somebody.page.get_by_role("img", name="Your photo: butterfly-90.jpg")
    expect(photo).to_be_visible()
    pictures = [photo.get_attribute("src") or "", (photo.get_attribute("src") or "").replace("display", "thumb")]
    assert [page.request.get(picture).status for picture in pictures] == [200, 200]
    page.get_by_role("link", name="Withdraw this submission").click()
    expect(page.get_by_text("This can’t be undone.")).to_be_visible()
    page.get_by_role("button", name="Yes, delete my photos").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("You withdrew this submission")
    expect(page.get_by_role("link", name="Withdraw this submission")).to_have_count(0)
    assert [page.request.get(picture).status for picture in pictures] == [404, 404]
    somebody.page.reload()
    expect(somebody.page.get_by_role("heading", level=1)).to_have_text("You withdrew this submission")
    expect(somebody.page.get_by_role("main")).not_to_contain_text("A secret garden")
    page.goto("/mine")
    expect(page.locator("li.card")).to_contain_text("Withdrawn")


def go_to(page: Page, target: Locator, key: str = "Tab") -> None:
    """Press the key until the target has the focus."""
    for _ in range(60):
        if target.count() and target.evaluate("(element) => element === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{key} never reaches {target}")


def test_from_photo_to_verdict_by_keyboard(desktop: Page):
    """Tab, arrows, Space and Enter are enough, and the focus can be seen everywhere on the way."""
    desktop.on("filechooser", lambda _: None)  # the browser's own dialogue stays shut from now on
    desktop.goto("/")
    desktop.keyboard.press("Tab")
    skip = desktop.get_by_role("link", name="Skip to main content")
    expect(skip).to_be_focused()
    expect(skip).to_be_in_viewport()
    desktop.keyboard.press("Enter")
    expect(desktop.get_by_role("main")).to_be_focused()

    go_to(desktop, desktop.get_by_label("Choose photos"))
    with desktop.expect_file_chooser() as chooser:
        desktop.keyboard.press("Enter")
    chooser.value.set_files([drawn(91)])
    expect(preview(desktop)).to_be_visible()
    editor = desktop.get_by_role("application")
    go_to(desktop, editor, "Shift+Tab")
    desktop.keyboard.press("Enter")
    expect(desktop.get_by_role("button", name="Clear the square")).to_be_visible()

    first = species(desktop, "meadow brown")
    go_to(desktop, first)
    desktop.keyboard.press("Space")
    expect(first).to_be_checked()
    desktop.keyboard.press("ArrowDown")
    expect(species(desktop, "gatekeeper")).to_be_checked()
    go_to(desktop, desktop.get_by_label("How many did you see?"))
    desktop.keyboard.press("ArrowUp")
    go_to(desktop, desktop.get_by_label("Where did you see it?"))
    desktop.keyboard.type("By the gate")
    go_to(desktop, desktop.get_by_role("button", name=SEND))
    desktop.keyboard.press("Enter")
    see_verdict(desktop)
    told = desktop.get_by_role("region", name="What you told us")
    expect(told).to_contain_text(re.compile("gatekeeper.*2.*By the gate", re.S | re.I))


DUTCH = {
    "/": "Welke vlinder heb je gezien?",
    "/species": "Zo houd je ze uit elkaar",
    "/mine": "Mijn inzendingen",
}


@pytest.mark.parametrize("path", DUTCH)
def test_the_language_changes_and_the_page_stays(desktop: Page, path: str):
    """The choice stays where it was made, holds for other pages, and goes back."""
    desktop.goto(path)
    english = desktop.get_by_role("heading", level=1).inner_text()
    desktop.get_by_role("link", name="Nederlands").click()
    expect(desktop.locator("html")).to_have_attribute("lang", "nl")
    assert desktop.url.endswith(path)
    expect(desktop.get_by_role("heading", level=1)).not_to_have_text(english)
    desktop.goto("/about")
    expect(desktop.locator("html")).to_have_attribute("lang", "nl")
    desktop.get_by_role("link", name="English").click()
    expect(desktop.locator("html")).to_have_attribute("lang", "en")
    assert desktop.url.endswith("/about")


def test_a_dutch_browser_gets_dutch(new_person: NewPerson, server: Server):
    """Without a choice the browser's language decides; the verdict speaks it too."""
    page = new_person(locale="nl-NL").page
    page.goto("/s/" + post(server, 92, "Pyronia tithonus"))
    headline = page.get_by_role("heading", level=1)
    expect(page.locator("html")).to_have_attribute("lang", "nl")
    expect(page.get_by_text("oranje zandoogje").first).to_be_visible()
    expect(headline).not_to_have_text(VERDICT)
