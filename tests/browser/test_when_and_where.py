"""Day and place: from the photo, from the device or typed, and always said which."""

import base64
import re
from datetime import datetime

from playwright.sync_api import Page, expect

from app.core.db import reading
from app.submissions.rules import Source
from tests import factories
from tests.browser.conftest import PHONE, SEND_ANYWAY, NewPerson
from tests.browser.steps import YESTERDAY, choose, drawn, file, see_verdict, send, species, submission
from tests.odd_exif import ODD
from tests.running import Server

_READ = """async (photos) => {
    const script = document.querySelector("script[type=module]").src;
    const { readPhoto } = await import(new URL("exif.js", script));
    const address = document.querySelector("form[data-exif-reader]").dataset.exifReader;
    const read = [];
    for (const photo of photos) {
        const bytes = Uint8Array.from(atob(photo), (letter) => letter.charCodeAt(0));
        read.push(await readPhoto(new File([bytes], "photo.jpg"), address));
    }
    return read;
}"""
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


def test_the_script_reads_odd_exif_as_the_service_does(desktop: Page):
    """One table for both: tests/app/volunteers/test_day_and_place.py sends the same photos."""
    desktop.goto("/")
    photos = [base64.b64encode(odd.photo(seed)).decode() for seed, odd in enumerate(ODD)]
    read, meant = {}, {}
    for odd, said in zip(ODD, desktop.evaluate(_READ, photos), strict=True):
        place = None if said["latitude"] is None else (round(said["latitude"], 6), round(said["longitude"], 6))
        read[odd.name] = said["day"], place
        meant[odd.name] = odd.day.isoformat() if odd.day else None, odd.place
    assert read == meant


def test_what_the_form_shows_is_kept(desktop: Page, server: Server):
    """A spot that was removed and a day that was emptied stay away, also when another photo is added. The page asks once."""
    desktop.remove_locator_handler(desktop.locator(SEND_ANYWAY))
    desktop.goto("/")
    taken = f"{YESTERDAY:%Y:%m:%d} 15:30:00"
    choose(desktop, file("exif.jpg", factories.exif_photo(33, taken=taken)))
    day = desktop.get_by_label("When did you see it?")
    expect(day).to_have_value(YESTERDAY.isoformat())
    desktop.get_by_role("button", name="Remove coordinates").click()
    day.fill("")
    choose(desktop, file("exif-2.jpg", factories.exif_photo(34, taken=taken)))
    expect(desktop.get_by_role("img", name="Your photo 2: exif-2.jpg")).to_be_visible()
    species(desktop, "gatekeeper").check()
    desktop.get_by_role("button", name="Send for a second opinion").click()
    question = desktop.locator("dialog[open]")
    expect(question).to_contain_text("You have not said when and where you saw it.")
    question.get_by_role("button", name="Fill it in").click()
    expect(day).to_be_focused()
    expect(day).to_have_value("")
    send(desktop)
    see_verdict(desktop)
    with reading(server.sessions) as session:
        kept = submission(session, desktop)
        assert (kept.event_date, kept.event_date_source) == (None, Source.MISSING)
        assert (kept.latitude, kept.coordinate_source) == (None, Source.MISSING)


def test_a_page_that_stayed_open_overnight(new_person: NewPerson):
    """Today is the day that it is now, and where the volunteer is: in the morning of New Zealand, it is a day ahead of UTC."""
    page = new_person(timezone_id="Pacific/Auckland").page
    page.clock.install(time=datetime.fromisoformat("2026-07-18T08:00:00+00:00"))
    page.goto("/")
    page.clock.set_fixed_time(datetime.fromisoformat("2026-07-18T21:00:00+00:00"))
    page.get_by_role("button", name="Today").click()
    day = page.get_by_label("When did you see it?")
    expect(day).to_have_value("2026-07-19")
    day.focus()
    expect(day).to_have_attribute("max", "2026-07-19")
    day.fill("2026-07-20")
    species(page, "gatekeeper").check()
    choose(page, drawn(35))
    send(page)
    expect(page.locator("#error-event_date")).to_contain_text("in the future")
    day.fill("2026-07-19")  # mended: nothing is marked any more
    expect(page.locator("#error-event_date")).to_be_hidden()
    expect(page.locator("#summary")).to_be_hidden()


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
