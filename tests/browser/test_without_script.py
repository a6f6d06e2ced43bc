"""Everything without JavaScript: old phones, strict settings, a script that did not arrive."""

import re

import pytest
from playwright.sync_api import Page, expect

from app.core.db import reading
from app.submissions.rules import Source
from tests import factories
from tests.browser.conftest import PHONE, NewPerson, Person
from tests.browser.steps import YESTERDAY, drawn, file, see_verdict, seen_in, send, sent_by_same, species, submission
from tests.running import Server


@pytest.fixture
def person(new_person: NewPerson) -> Person:
    """A phone without JavaScript."""
    found = new_person(**PHONE, java_script_enabled=False)
    found.expects("status of 422", "status of 404")
    return found


def test_from_mistakes_to_verdict_to_withdrawal(person: Person, server: Server):
    """The browser says what is missing, the service what it can't open, with everything kept but the photos. Then the
    verdict comes, and in the end it is withdrawn.
    """
    page = person.page
    page.goto("/")
    page.get_by_label("Where did you see it?").fill("On the dyke")
    send(page)
    expect(page.get_by_label("Choose photos")).to_be_focused()
    page.get_by_label("Choose photos").set_input_files([file("notes.jpg", b"Dear diary"), drawn(80)])
    send(page)
    expect(species(page, "meadow brown")).to_be_focused()
    species(page, "gatekeeper").check()
    send(page)
    summary = page.get_by_role("group", name="Nearly there. Please check what is marked below.")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link", name="Your photo")).to_have_count(2)  # one to leave out, one to choose again
    expect(summary).to_contain_text("the browser does not keep them: butterfly-80.jpg")
    expect(page.locator("#error-file")).to_contain_text("notes.jpg: We can’t open this file.")
    expect(page.locator("#error-file")).not_to_contain_text("butterfly-80.jpg")
    expect(page.get_by_label("Choose photos")).to_have_accessible_description(re.compile("notes.jpg"))
    expect(page.get_by_label("Where did you see it?")).to_have_value("On the dyke")
    expect(species(page, "gatekeeper")).to_be_checked()

    page.get_by_label("Choose photos").set_input_files(
        [file("exif.jpg", factories.exif_photo(80, taken=f"{YESTERDAY:%Y:%m:%d} 15:30:00"))]
    )
    send(page)
    see_verdict(page)
    expect(page.get_by_role("region", name="What you told us")).to_contain_text("On the dyke")
    with reading(server.sessions) as session:
        kept = submission(session, page)
        assert (kept.event_date, kept.event_date_source) == (YESTERDAY, Source.EXIF)
    address = page.url
    expect(page.get_by_role("textbox", name="Save this page")).to_have_value(address)
    picture = page.get_by_role("img", name="Your photo: exif.jpg").get_attribute("src")
    assert picture is not None

    page.get_by_role("link", name="Withdraw this submission").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Withdraw this submission?")
    page.get_by_role("link", name="No, keep it").click()
    expect(page).to_have_url(address)
    page.get_by_role("link", name="Withdraw this submission").click()
    page.get_by_role("button", name="Yes, delete my photos").click()
    expect(page).to_have_url(address)
    expect(page.get_by_role("heading", level=1)).to_have_text("You withdrew this submission")
    assert page.request.get(picture).status == 404


def test_a_double_click_is_one_submission(person: Person, server: Server):
    """The form is sent twice, and the service notices."""
    page = person.page
    page.goto("/")
    page.get_by_label("Choose photos").set_input_files([drawn(81)])
    species(page, "meadow brown").check()
    page.get_by_role("button", name="Send for a second opinion").dblclick()
    see_verdict(page)
    assert sent_by_same(server, page) == 1


def test_a_second_look(new_person: NewPerson, decided_server: Server):
    """The second look is a plain form."""
    page: Page = new_person(at=decided_server.url, **PHONE, java_script_enabled=False).page
    _, claimed = seen_in(decided_server, factories.photo(82))
    page.goto("/")
    page.get_by_label("Choose photos").set_input_files([drawn(82)])
    species(page, claimed).check()
    send(page)
    assert see_verdict(page) == "The computer sees something else"
    page.get_by_role("button", name=re.compile("I still think ")).click()
    page.get_by_text("History").click()
    expect(page.get_by_text("You took a second look and kept your answer")).to_be_visible()
