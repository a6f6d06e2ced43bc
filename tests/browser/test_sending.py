"""The main job in a browser: a photo, a species, a verdict, and a record that stays."""

import re
from pathlib import Path

from playwright.sync_api import expect

from app.core.db import reading
from tests.browser.conftest import PHONE, NewPerson
from tests.browser.steps import choose, drawn, preview, see_verdict, send, species, submission
from tests.running import Server


def test_from_photo_to_verdict_on_a_phone_and_it_stays(new_person: NewPerson, tmp_path: Path):
    """A volunteer sends a photo, gets a verdict, and finds it again: after a reload and after a restart of the service."""
    server = Server(tmp_path)
    try:
        server.start()
        page = new_person(at=server.url, **PHONE).page
        page.goto("/")
        expect(page.get_by_role("heading", level=1)).to_have_text("Which butterfly did you see?")
        choose(page, drawn(1))
        expect(preview(page)).to_be_visible()
        species(page, "gatekeeper").check()
        page.get_by_role("button", name="One more").click()
        page.get_by_label("Where did you see it?").fill("Under the brambles")
        send(page)
        headline = see_verdict(page)
        address = page.url

        page.reload()
        expect(page.get_by_role("heading", level=1)).to_contain_text(headline)
        assert server.stop() == 0
        server.start()
        page.goto(address)
        expect(page.get_by_role("heading", level=1)).to_contain_text(headline)
        expect(page.get_by_role("img", name="Your photo: butterfly-1.jpg")).to_be_visible()
        told = page.get_by_role("region", name="What you told us")
        expect(told).to_contain_text(re.compile("gatekeeper.*2.*Under the brambles", re.S | re.I))

        page.get_by_role("main").get_by_role("link", name="My submissions").click()
        expect(page.locator("li.card")).to_have_count(1)
        page.get_by_role("link", name=re.compile("Gatekeeper")).click()
        expect(page).to_have_url(address)
        with reading(server.sessions) as session:
            kept = submission(session, page)
            assert kept.claim.taxon is not None
            assert (kept.claim.taxon.scientific_name, kept.individual_count) == ("Pyronia tithonus", 2)
            assert kept.verdict is not None
    finally:
        server.close()
