"""The queue: every filter by a click or a field, kept by name; and one at a time without any script."""

import re

from playwright.sync_api import Locator, Page, expect

from app.core.db import transaction
from app.review.rules import PhotoQuality
from app.review.tables import ReviewTask
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import (
    BROWN,
    GATEKEEPER,
    decided,
    eventually_told,
    item_on,
    press,
    reviewer,
    send_many,
    told,
)
from tests.running import Server


def narrow(page: Page, group: str, choice: str) -> None:
    """Click one value of one filter, beside the list."""
    page.get_by_role("region", name=group).get_by_role("link", name=re.compile(choice)).click()
    expect(page.get_by_role("region", name=group).get_by_role("link", name=re.compile(choice))).to_have_attribute(
        "aria-current", "true"
    )


def rows(page: Page) -> Locator:
    """The lines of the list."""
    return page.get_by_role("list", name="Submissions").get_by_role("listitem")


def test_every_filter(new_person: NewPerson, decided_server: Server):
    """Reason, claim, prediction, quality, period, place, words and reviewer; each is in the address, and counts what is left."""
    brown = send_many(decided_server, 2, "Filter hill", BROWN)
    unknown = send_many(decided_server, 1, "Filter hill", "unknown")
    with transaction(decided_server.sessions) as session:
        session.get_one(ReviewTask, brown[0].id).quality = PhotoQuality.BLURRED
    page = reviewer(new_person, decided_server).page
    page.goto("/review?place=filter+hill")
    expect(rows(page)).to_have_count(3)
    narrow(page, "Reason", "The computer sees something else")
    expect(rows(page)).to_have_count(2)
    assert "reason=disagree" in page.url
    narrow(page, "Claimed as", "meadow brown")
    narrow(page, "The computer sees", "gatekeeper")
    narrow(page, "Photo", "blurred")
    expect(rows(page)).to_have_count(1)
    page.get_by_role("region", name="Photo").get_by_role("link", name="blurred").click()
    expect(rows(page)).to_have_count(2)

    page.goto("/review")
    page.get_by_label("Claimed species").select_option(label="no species")
    page.get_by_label("Seen from").fill("2020-01-01")
    page.get_by_label("Place", exact=True).fill("Filter hill")
    page.get_by_role("button", name="Show").click()
    expect(page.get_by_role("heading", name="No submissions found")).to_be_visible()  # nobody said when
    page.get_by_role("link", name="Show all waiting").click()
    page.get_by_label("Place", exact=True).fill("filter")
    page.get_by_label("Search in note, place or claim").fill("hill")
    page.get_by_label("Claimed species").select_option(label="no species")
    page.get_by_role("button", name="Show").click()
    expect(rows(page)).to_have_count(1)

    page.get_by_label("Name", exact=True).fill("Unknown on the hill")
    page.get_by_role("button", name="Save filter").click()
    page.goto("/review")
    page.get_by_role("link", name="Unknown on the hill").click()
    expect(rows(page)).to_have_count(1)
    saved = page.get_by_role("region", name="Saved filters")
    saved.locator("summary").click()
    saved.get_by_label("Name").fill("The hill")
    saved.get_by_role("button", name="Rename").click()
    expect(saved.get_by_role("link", name="The hill")).to_be_visible()

    page.get_by_role("link", name="Start reviewing").click()
    assert item_on(page) == unknown[0].id
    page.keyboard.press("u")
    expect(page.get_by_role("heading", level=1)).to_have_text("No more matches")
    page.goto("/review?place=filter")
    page.get_by_role("navigation", name="Filter submissions").get_by_role("link", name="Decided").click()
    me = page.get_by_role("link", name="Your account:").inner_text().split(":")[-1].strip()
    narrow(page, "Last identified by", rf"^{me} \d")
    expect(page.get_by_text("Unable to tell").first).to_be_visible()
    saved.locator("summary").click()
    saved.get_by_role("button", name="Remove").click()
    expect(page.get_by_role("region", name="Saved filters")).to_have_count(0)


def test_pages_of_the_queue(new_person: NewPerson, decided_server: Server):
    """Further and back."""
    send_many(decided_server, 32, "Long lane", size=80)
    page = reviewer(new_person, decided_server).page
    page.goto("/review?place=long+lane")
    expect(rows(page)).to_have_count(30)
    page.get_by_role("link", name="Next page").click()
    expect(page.get_by_role("link", name="Next page")).to_have_count(0)
    expect(rows(page)).to_have_count(2)
    page.get_by_role("link", name="Previous page").click()
    expect(page.get_by_role("link", name="Next page")).to_be_visible()


def test_without_script(new_person: NewPerson, decided_server: Server):
    """Decide, undo, pick another taxon by its name, comment, ask with a template, skip: plain forms."""
    items = send_many(decided_server, 4, "Scriptless wood")
    person = reviewer(new_person, decided_server, java_script_enabled=False)
    person.expects("status of 422")
    page = person.page
    page.goto("/review/templates")
    page.get_by_role("region", name="New template").get_by_label("Question").fill("Was it on a bramble?")
    page.get_by_role("button", name="Save template").click()
    page.goto("/review/next?place=scriptless")
    first = number(page)
    page.get_by_role("button", name="Claim is right").click()
    assert told(decided_server, first) == [("taxon", BROWN, "V1")]
    page.get_by_role("button", name="Undo: Meadow brown, correct").click()
    assert number(page) == first

    page.get_by_label("Another taxon").fill("no such thing")
    page.get_by_role("button", name="Save this taxon").click()
    expect(page.get_by_role("status").filter(has_text="We don’t know this species.")).to_be_visible()
    page.get_by_label("Another taxon").fill("gatekeeper")
    page.get_by_label("Plausible").check()
    page.get_by_role("button", name="Comment").click()
    page.get_by_label("Comment", exact=True).fill("Seen from below")
    page.get_by_role("button", name="Back to the photo").click()
    page.get_by_role("button", name="Save this taxon").click()
    assert told(decided_server, first)[-1] == ("taxon", GATEKEEPER, "C3")

    second = number(page)
    page.get_by_role("button", name="Ask", exact=True).click()
    page.get_by_label("Was it on a bramble?").check()
    page.get_by_role("button", name="Send the question").click()
    assert told(decided_server, second) == [("question", None, "D")]
    third = number(page)
    page.get_by_role("button", name="Skip").click()
    assert number(page) not in {first, second, third}
    page.get_by_role("button", name="No butterfly or unusable").click()
    page.get_by_role("button", name="Unable to tell").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("No more matches")
    assert decided(decided_server, items) == 3


def number(page: Page) -> int:
    """The number of the item on the desk."""
    found = re.search(r"/review/(\d+)", page.url)
    assert found is not None, page.url
    return int(found[1])


def test_a_stale_page(new_person: NewPerson, decided_server: Server):
    """Two pages with the same item: the later decision is refused, and the page says what happened meanwhile."""
    item, other = send_many(decided_server, 2, "Stale pond")
    one = reviewer(new_person, decided_server)
    page, second = one.page, one.context.new_page()
    one.expects("status of 409")
    page.goto(f"/review/{item.id}?place=stale")
    item_on(page)
    second.goto(f"/review/{item.id}")
    item_on(second)
    second.keyboard.press("u")
    eventually_told(decided_server, item.id, ("unable", None, "R4"))
    next_one = press(page, "a")
    assert next_one == other.id
    warning = page.get_by_role("alert").filter(has_text="was not saved")
    expect(warning).to_contain_text(re.compile("Reviewer .* decided that it can’t be identified"))
    warning.get_by_role("button", name="View").click()
    expect(page.get_by_text("Decided: Unable to tell.")).to_be_visible()
    assert told(decided_server, item.id) == [("unable", None, "R4")]
