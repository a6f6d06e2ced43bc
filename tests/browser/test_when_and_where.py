"""Day and place: from the photo, from the device or typed, and always said which."""

import re

from playwright.sync_api import Page, expect

from app.core.db import reading
from app.submissions.rules import Source
from tests import factories
from tests.browser.conftest import PHONE, NewPerson
from tests.browser.steps import YESTERDAY, choose, drawn, file, see_verdict, send, species, submission
from tests.running import Server

FROM_PHOTO = "from the photo"


def test_the_photo_fills_in_day_and_place_and_a_person_corrects_them(desktop: Page, server: Server):
    """EXIF is offered with its source shown; what a person writes over it is theirs."""
    desktop.goto("/")
    choose(desktop, file("exif.jpg", factories.exif_photo(30, taken=f"{YESTERDAY:%Y:%m:%d} 15:30:00")))
    day = desktop.get_by_label("When did you see it?")
    expect(day).to_have_value(YESTERDAY.isoformat())
    expect(day).to_have_accessible_description(FROM_PHOTO)
    spot = desktop.get_by_text(re.compile("Coordinates"))
    expect(spot).to_contain_text("52.37000, 4.90000")
    expect(spot).to_contain_text(FROM_PHOTO)

    earlier = YESTERDAY.replace(day=1)
    day.fill(earlier.isoformat())
    expect(day).not_to_have_accessible_description(FROM_PHOTO)
    species(desktop, "gatekeeper").check()
    send(desktop)
    see_verdict(desktop)
    with reading(server.sessions) as session:
        kept = submission(session, desktop)
        assert (kept.event_date, kept.event_date_source) == (earlier, Source.TYPED)
        assert (kept.latitude, kept.longitude, kept.coordinate_source) == (52.37, 4.9, Source.EXIF)
    told = desktop.get_by_role("region", name="What you told us")
    expect(told).to_contain_text(re.compile("filled in by you.*52.3700, 4.9000.*from the photo", re.S))


def test_typing_over_the_spot_of_the_photo(desktop: Page, server: Server):
    """The exact spot can be typed; it is no longer the photo's."""
    desktop.goto("/")
    choose(desktop, file("exif.jpg", factories.exif_photo(31, taken=f"{YESTERDAY:%Y:%m:%d} 15:30:00")))
    expect(desktop.get_by_label("When did you see it?")).to_have_value(YESTERDAY.isoformat())
    desktop.get_by_text("Enter coordinates").click()
    desktop.get_by_label("Latitude").fill("52,1")
    expect(desktop.get_by_text(re.compile("Coordinates"))).to_contain_text("filled in by you")
    species(desktop, "gatekeeper").check()
    send(desktop)
    see_verdict(desktop)
    with reading(server.sessions) as session:
        kept = submission(session, desktop)
        assert (kept.latitude, kept.longitude, kept.coordinate_source) == (52.1, 4.9, Source.TYPED)
        assert (kept.event_date, kept.event_date_source) == (YESTERDAY, Source.EXIF)


def test_where_i_am_now(new_person: NewPerson, server: Server):
    """A phone that may tell its place fills it in; the page says that the phone did."""
    here = {"latitude": 53.2194, "longitude": 6.5665}
    page = new_person(**PHONE, geolocation=here, permissions=["geolocation"]).page
    page.goto("/")
    choose(page, drawn(32))
    page.get_by_role("button", name="Today").click()
    page.get_by_role("button", name="Use my current location").click()
    spot = page.get_by_text(re.compile("Coordinates"))
    expect(spot).to_contain_text("53.21940, 6.56650")
    expect(spot).to_contain_text("from your phone or computer")
    species(page, "meadow brown").check()
    send(page)
    see_verdict(page)
    with reading(server.sessions) as session:
        kept = submission(session, page)
        assert (kept.latitude, kept.longitude, kept.coordinate_source) == (53.2194, 6.5665, Source.DEVICE)
        assert kept.event_date_source is Source.TYPED


def test_a_device_that_does_not_tell(new_person: NewPerson):
    """Refused permission is no dead end: the page says so, and the place can be described."""
    page = new_person(**PHONE).page
    page.goto("/")
    page.get_by_role("button", name="Use my current location").click()
    expect(page.get_by_role("status").filter(has_text="You can describe the place instead")).to_be_visible()
