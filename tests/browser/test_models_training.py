"""A new version from the photos that it learns from to its service and back: collected, looked through, trained on, watched,
compared, refused, put there with a reason.
"""

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import PHONE, NewPerson
from tests.browser.model_steps import REASON, admin, answered_by, collect, decided, press
from tests.browser.test_accessibility import check
from tests.flickr import BROWNS, add_photos
from tests.ml.collection.flickr_server import FlickrServer
from tests.running import Server, eventually, resume

MINUTES = 60_000


def start_run(page: Page, epochs: int) -> None:
    """From the list of runs to the page of a new one, past what it would learn."""
    page.goto("/admin/runs")
    page.get_by_role("link", name="Train a new version").click()
    page.get_by_label("Epochs").fill(str(epochs))
    page.get_by_role("button", name="Show training plan").click()
    expect(page.get_by_role("region", name="Training plan")).to_contain_text("files")
    page.get_by_role("button", name="Start training").click()
    expect(page.get_by_role("heading", level=1)).to_have_text(re.compile(r"Run \d+"))


def look_through(page: Page) -> None:
    """Twelve photos, by keyboard alone: eight are right, one shows another species, three are of no use; two are taken back."""
    page.get_by_role("link", name="Review photos").click()
    expect(page.locator("html.js [data-photo]")).to_have_count(12)
    doubted = page.locator("[data-photo]").first
    press(page, "ArrowRight w")  # the first arrow only goes to the first photo
    expect(doubted).to_have_attribute("data-decision", "wrong")
    expect(page.locator("[data-photo]").nth(1).get_by_role("link").first).to_be_focused()
    press(page, "n l d r h u Enter")  # the fifth is right, and taken back; then it is large
    expect(page.get_by_role("dialog", name="Enlarge the photo")).to_contain_text("Photographer")
    press(page, "r Escape")
    expect(decided(page, "right")).to_have_count(1)
    expect(page.locator("[data-photo]").nth(5).get_by_role("link").first).to_be_focused()
    name_another(page)
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    press(page, "Shift+R")
    expect(decided(page, "right")).to_have_count(8)
    all_sent(page)
    page.get_by_role("button", name="Undo", exact=True).filter(visible=True).last.click()
    expect(page.locator('[data-count="undecided"]')).to_have_text("7")
    press(page, "Shift+R")
    all_sent(page)
    expect(page.locator('[data-count="right"]')).to_have_text("8")
    page.goto(page.url)
    expect(page.get_by_role("heading", name="Everything here is decided")).to_be_visible()


def all_sent(page: Page) -> None:
    """Decisions travel behind the page; wait until none is on its way."""
    sent = "() => !Object.keys(localStorage).some((name) => name.startsWith('wingcheck-outbox'))"
    eventually(lambda: page.evaluate(sent), "every decision has arrived")


def name_another(page: Page) -> None:
    """The photo at hand shows another species, of which a few letters do; taken back, and said again with one click."""
    press(page, "s")
    question = page.get_by_role("dialog", name="Which species does it show?")
    [other] = question.get_by_role("button").filter(has_not_text="Cancel", visible=True).all_inner_texts()
    check(page)
    page.keyboard.type(other[:4])
    expect(question.get_by_role("option")).to_have_count(1)
    press(page, "Enter")
    expect(decided(page, "other_species")).to_contain_text(other)
    press(page, "u")
    expect(decided(page, "other_species")).to_have_count(0)
    press(page, "s")
    question.get_by_role("button", name=other).click()
    expect(page.locator('[data-count="other_species"]')).to_have_text("1")


def test_collected_trained_watched_compared_overruled_and_gone_back_from(
    new_person: NewPerson, models_server: Server, flickr: FlickrServer
):
    for first, name in zip((101, 201), BROWNS, strict=True):
        add_photos(flickr, first, 6, name)
    page = admin(new_person, models_server)
    collect(page, 6)
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    look_through(page)
    page.get_by_role("link", name="To the collection").click()
    page.get_by_role("button", name="Use 9 photos for training").click()
    expect(page.get_by_text("9 photos are used for training")).to_be_visible()
    page.goto("/admin/models")
    before = page.locator(".serving h2").inner_text().rsplit(" ", 1)[1]
    start_run(page, 3)
    expect(page.get_by_text("Base data: Photos from Flickr, collection")).to_be_visible()
    expect(page.get_by_text("Epoch 3 of 3")).to_be_visible(timeout=3 * MINUTES)
    expect(page.get_by_role("img", name=re.compile("^Accuracy per epoch"))).to_be_visible()
    expect(page.get_by_role("region", name="Latest output")).to_contain_text("train")
    made = page.get_by_role("heading", name=re.compile("^Result: "))
    expect(made).to_be_visible(timeout=3 * MINUTES)
    number = made.inner_text().rsplit(" ", 1)[1]
    expect(page.get_by_text(re.compile("On the same .* photos"))).to_be_visible()
    check(page)

    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("region", name="Photos with different answers")).to_be_visible()
    check(page)
    page.go_back()
    page.get_by_role("link", name="Put into service…").click()
    expect(page.get_by_text("It does not pass all checks")).to_be_visible()
    page.get_by_role("textbox", name="Reason for overriding the checks").fill(REASON)
    page.get_by_role("button", name="Put into service despite failed checks").click()
    expect(page.locator(".serving")).to_contain_text(REASON)
    answered_by(models_server, number)
    page.get_by_role("button", name=re.compile(f"^Roll back to {before}")).click()
    page.get_by_role("dialog").get_by_role("button", name="Roll back").click()
    answered_by(models_server, before)
    remove_a_photographer(page)


def remove_a_photographer(page: Page) -> None:
    """Somebody whose photo a version learnt from asks that it goes; before it does, it is told what can't be taken back."""
    page.goto("/admin/collections")
    page.get_by_role("link", name=re.compile("Gatekeeper, meadow brown$")).first.click()
    page.get_by_role("link", name="Correct").click()
    owner = page.locator(".card__credit a", has_text="Photographer").first.inner_text()
    page.go_back()
    page.get_by_role("link", name="Find a photographer").click()
    page.get_by_label("Name or Flickr address").fill(owner)
    page.get_by_role("button", name="Search").click()
    page.get_by_role("link", name=f"Remove photos… ({owner})").click()
    made = page.get_by_role("region", name="How they have been used")
    expect(made).to_contain_text("One is in the training data set")
    expect(made).to_contain_text("was trained on one of them. That version does not change")
    check(page)
    page.set_viewport_size({"width": 1280, "height": 900})
    page.get_by_role("button", name="Remove this photo").click()
    expect(page.get_by_text("One photo removed.")).to_be_visible()
    expect(page.get_by_text("8 photos are used for training")).to_be_visible()
    expect(page.get_by_role("region", name="Photos left out, and why")).to_contain_text(
        "removed at the owner’s request"
    )
    page.goto("/admin/log")
    expect(page.locator(".log").get_by_role("listitem").first).to_contain_text(
        "removed all collected photos of a photographer"
    )


@pytest.fixture
def still_worker(models_server: Server) -> Iterator[None]:
    """Nobody takes up a run meanwhile."""
    worker = models_server.pause_worker()
    yield
    resume(worker)


@pytest.mark.usefixtures("still_worker")
def test_a_run_that_waits_is_cancelled_without_script(new_person: NewPerson, models_server: Server):
    page = admin(new_person, models_server, **PHONE, java_script_enabled=False)
    start_run(page, 5)
    expect(page.get_by_text("Next in line.")).to_be_visible()
    page.get_by_role("button", name="Cancel run").click()
    expect(page.locator(".tag--cancelled")).to_be_visible()
    expect(page.get_by_role("button", name=re.compile("^Try again"))).to_be_visible()
