"""Where the computer sees something else, the volunteer looks once more: keep the answer or change it, both are kept."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests import factories
from tests.browser.conftest import NewPerson
from tests.browser.steps import choose, drawn, screened, see_verdict, seen_in, send, species, token
from tests.running import Server

KEPT = "You took a second look and kept your answer"
CHANGED = "You took a second look and changed your answer"
COMMON_NAMES = {"Maniola jurtina": "meadow brown", "Pyronia tithonus": "gatekeeper"}


def claim_the_other(page: Page, server: Server, seed: int) -> tuple[str, str]:
    """Send a drawn photo as the species that the computer finds less likely; its own choice, and that claim."""
    seen, claimed = seen_in(server, factories.photo(seed))
    page.goto("/")
    choose(page, drawn(seed))
    species(page, claimed).check()
    send(page)
    assert see_verdict(page) == "The computer sees something else"
    return seen, claimed


@pytest.fixture
def volunteer(new_person: NewPerson, decided_server: Server) -> Page:
    """A volunteer of the service whose policy never doubts."""
    return new_person(at=decided_server.url).page


def test_keep_the_answer(volunteer: Page, decided_server: Server):
    """The marks of both species stand beside the photo; whoever stays with the answer is asked no more."""
    seen, claimed = claim_the_other(volunteer, decided_server, 70)
    look = volunteer.get_by_role("region", name="Would you look again?")
    expect(look.get_by_role("img", name="Your photo, close up")).to_be_visible()
    for name in (seen, claimed):
        expect(look.get_by_role("img", name=f"Drawing: {COMMON_NAMES[name]}")).to_be_visible()
        expect(look.get_by_role("heading", name=name)).to_be_visible()
    expect(look.get_by_role("list")).to_have_count(2)
    look.get_by_role("button", name=f"I still think {COMMON_NAMES[claimed]}").click()

    see_verdict(volunteer)
    expect(look).to_have_count(0)
    volunteer.get_by_text("History").click()
    expect(volunteer.get_by_text(KEPT)).to_be_visible()
    found = screened(decided_server, token(volunteer))
    assert (found["claimed"], found["first_claim"], found["status"]) == (claimed, None, "flagged")


def test_change_the_answer(volunteer: Page, decided_server: Server):
    """Whoever changes the answer sees both, and so does everyone else; the new one is weighed anew."""
    seen, claimed = claim_the_other(volunteer, decided_server, 71)
    look = volunteer.get_by_role("region", name="Would you look again?")
    look.get_by_role("button", name=f"I now think {COMMON_NAMES[seen]}").click()

    expect(look).to_have_count(0)
    assert see_verdict(volunteer) == "It looks like you are right"
    told = volunteer.get_by_role("region", name="What you told us")
    expect(told).to_contain_text(
        re.compile(f"{COMMON_NAMES[seen]}.*At first you said: {COMMON_NAMES[claimed]}", re.S | re.I)
    )
    volunteer.get_by_text("History").click()
    expect(volunteer.get_by_text(CHANGED)).to_be_visible()
    found = screened(decided_server, token(volunteer))
    assert (found["claimed"], found["first_claim"]) == (seen, COMMON_NAMES[claimed])
