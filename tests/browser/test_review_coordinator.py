"""What is set at the desk: rules, shares, acceptance with its preview, suspensions, templates, preferences; figures; records."""

import re
from pathlib import Path

from dwca.read import DwCAReader
from playwright.sync_api import Locator, Page, expect

from app.core.db import reading, transaction
from app.core.roles import Role
from app.review import settings
from app.review.tables import AcceptanceSuspension
from app.taxa.tables import Taxon
from tests.browser.conftest import NewPerson
from tests.browser.review_steps import BROWN, GATEKEEPER, eventually_told, item_on, press, reviewer, send_many
from tests.people import name_organisation
from tests.running import Server

DWC = "http://rs.tdwg.org/dwc/terms/"


def test_acceptance_by_the_computer(new_person: NewPerson, decided_server: Server):
    """The preview stands before the button: how many would have been accepted, the hours, the wrong ones; then on, then off."""
    send_many(decided_server, 3, "Acceptance lawn", GATEKEEPER)
    page = reviewer(new_person, decided_server, Role.COORDINATOR).page
    page.goto("/review/next?place=acceptance")
    item_on(page)
    press(page, "a")
    page.goto("/review")
    desk_pages(page).get_by_role("link", name="Acceptance").click()
    card = page.get_by_role("region", name="Gatekeeper")
    expect(card.get_by_text("No acceptances of this species have been audited yet.")).to_be_visible()
    expect(card.get_by_role("button", name=re.compile("Turn on"))).to_have_count(0)
    card.get_by_label("Acceptable error rate").select_option(label="50%")
    card.get_by_role("button", name="Preview effect").click()
    told = card.get_by_role("status")
    expect(told).to_contain_text(
        re.compile(r"Of \d+ submissions claiming this species since 1 January \d+, \d+ would have been accepted")
    )
    expect(told).to_contain_text(re.compile(r"This saves about [\d.]+ hours of review, at \d+ seconds per decision"))
    expect(told).to_contain_text(re.compile(r"About [\d.]+ of them are expected to be wrong"))
    card.get_by_role("button", name="Turn on with at most 50% wrong").click()
    expect(card.get_by_text("on", exact=True)).to_be_visible()
    suspend(decided_server)
    page.reload()
    expect(card).to_contain_text("3 of 12 audits were wrong, so the true share may be 53.2%")
    card.get_by_label("Reason").fill("The model was retrained.")
    card.get_by_role("button", name="Lift suspension").click()
    card.get_by_text("Earlier suspensions").click()
    expect(card).to_contain_text(re.compile("Lifted by Coordinator .* The model was retrained."))
    card.get_by_role("button", name="Turn off").click()
    expect(card.get_by_text("off", exact=True)).to_be_visible()


def desk_pages(page: Page) -> Locator:
    """The desk's own navigation."""
    return page.get_by_role("navigation", name="Review")


def suspend(server: Server) -> None:
    """As audits would."""
    with transaction(server.sessions) as session:
        taxon = session.query(Taxon).filter_by(scientific_name=GATEKEEPER).one()
        session.add(AcceptanceSuspension(taxon_id=taxon.id, wrong=3, audits=12, upper_bound=0.532, wrong_limit=0.1))


def test_rules_of_the_desk(new_person: NewPerson, decided_server: Server):
    """Out of range is told beside the field; what is saved holds; a species may have a rule of its own."""
    person = reviewer(new_person, decided_server, Role.COORDINATOR)
    person.expects("status of 422")
    page = person.page
    page.goto("/review/settings")
    page.get_by_label("Audit", exact=True).fill("400")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Please enter a percentage from 0 to 100.")).to_be_visible()
    page.get_by_label("Audit", exact=True).fill("7.5")
    page.get_by_label("Reservation").fill("20")
    page.get_by_role("button", name="Save").first.click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    with reading(decided_server.sessions) as session:
        current = settings.current(session)
        assert (current.audit_share, current.lease_minutes) == (0.075, 20)
    page.get_by_label("Another species").select_option(label="gatekeeper")
    page.get_by_label("Rule", exact=True).select_option(label="One expert is enough")
    page.get_by_role("button", name="Add").click()
    own = page.get_by_role("region", name="Species with their own rule")
    own.get_by_label("gatekeeper").select_option(label="default rule")
    own.get_by_role("button", name="Save").click()
    expect(own.get_by_text("None: all species follow the rule above.")).to_be_visible()


def test_templates_and_questions(new_person: NewPerson, decided_server: Server):
    """Written, changed, sent with two keys, removed."""
    send_many(decided_server, 2, "Template thicket")
    page = reviewer(new_person, decided_server).page
    page.goto("/review/templates")
    new = page.get_by_role("region", name="New template")
    new.get_by_label("Species").select_option(label="meadow brown")
    new.get_by_label("Question").fill("Could you see the underside?")
    new.get_by_role("button", name="Save template").click()
    card = page.get_by_role("listitem").filter(has_text="Could you see the underside")
    expect(card).to_contain_text("Meadow brown, English")
    card.get_by_text("Change or remove").click()
    card.get_by_label("Question").fill("Could you see the underside of the wing?")
    card.get_by_role("button", name="Save").click()

    page.goto("/review/next?place=template")
    asked = item_on(page)
    page.keyboard.press("q")
    page.keyboard.press("1")
    expect(page.get_by_label("Your question")).to_have_value("Could you see the underside of the wing?")
    press(page, "Control+Enter")
    eventually_told(decided_server, asked, ("question", None, "D"))
    page.goto("/review?state=questioned&place=template")
    expect(page.locator(f'a[href^="/review/{asked}?"]')).to_be_visible()
    page.goto("/review/templates")
    card.get_by_text("Change or remove").click()
    card.get_by_role("button", name="Remove").click()
    expect(card).to_have_count(0)


def test_my_desk_and_the_figures(new_person: NewPerson, decided_server: Server):
    """Blind by choice, and what was done today."""
    send_many(decided_server, 2, "Figure field", BROWN)
    page = reviewer(new_person, decided_server).page
    page.goto("/review/preferences")
    page.get_by_label("Blind review").check()
    page.get_by_label("Brightness of photos").select_option(label="a little brighter")
    page.get_by_role("button", name="Save").click()
    page.goto("/review/next?place=figure")
    item_on(page)
    expect(page.get_by_text("Blind review: you see the claim")).to_be_visible()
    expect(page.locator("[data-viewer]")).to_have_attribute("data-brightness", "1.2")
    press(page, "1")
    page.goto("/review")
    desk_pages(page).get_by_role("link", name="Figures").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Review figures")
    mine = page.get_by_role("row").filter(has_text=re.compile("^Reviewer"))
    expect(mine.first).to_be_visible()
    for title in ("Waiting", "Species", "Agreement between reviewers"):
        expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


def test_records_are_taken_away(new_person: NewPerson, decided_server: Server, tmp_path: Path):
    """Counted, chosen, described, and downloaded as an archive that a reader of archives reads."""
    send_many(decided_server, 2, "Archive acre", BROWN)
    page = reviewer(new_person, decided_server, Role.COORDINATOR).page
    page.goto("/review/next?place=archive")
    decided = item_on(page)
    press(page, "m")
    eventually_told(decided_server, decided, ("taxon", GATEKEEPER, "V1"))
    page.goto("/review")
    desk_pages(page).get_by_role("link", name="Records").click()
    row = page.get_by_role("region", name="Species by status").get_by_role("row").filter(has_text="Gatekeeper")
    expect(row.get_by_role("cell").first).to_have_text(re.compile("^[1-9]"))

    name_organisation(decided_server.sessions)
    page.get_by_role("link", name="Set up Darwin Core archive").click()
    own = page.get_by_role("region", name="Publisher of the records")
    own.get_by_label("Title").fill("Garden count")
    own.get_by_label("Licence").select_option("CC-BY-4.0")
    own.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()

    page.get_by_label("Species", exact=True).select_option(label="gatekeeper")
    page.get_by_label("the volunteer’s own words").check()
    page.get_by_role("button", name="Show selection").click()
    page.get_by_text("Preview").click()
    expect(page.get_by_role("region", name="First records")).to_contain_text(GATEKEEPER)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download Darwin Core archive").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with DwCAReader(str(path)) as reader:
        found = [row.data for row in reader]
    assert {row[f"{DWC}scientificName"] for row in found} == {GATEKEEPER}
    assert "Archive acre" in {row[f"{DWC}locality"] for row in found}
