"""The list of collections and the form of a new one, as they are met: empty, filled in, wrong, and without script."""

from playwright.sync_api import Page, expect

from app.collecting.tables import Collection
from app.core.db import transaction
from app.core.settings import Settings
from app.core.tables import Job, JobKind, JobStatus
from tests.browser.conftest import PHONE, NewPerson
from tests.browser.model_steps import admin
from tests.browser.test_accessibility import check
from tests.flickr import finished_collection
from tests.running import Server, resume


def choose_species(page: Page) -> None:
    """All there are, on the first page of the form."""
    page.goto("/admin/collections/new")
    for species in page.get_by_role("group", name="Species").get_by_role("checkbox").all():
        species.check()
    page.get_by_role("button", name="Continue").click()


def test_the_list_and_the_form_are_accessible_in_every_state(new_person: NewPerson, models_server: Server):
    page = admin(new_person, models_server, "status of 422")
    page.goto("/admin/collections")
    check(page)
    page.get_by_role("link", name="Collect photos").click()
    check(page)
    choose_species(page)
    expect(page.get_by_label("Gatekeeper")).to_have_value("Pyronia tithonus\ngatekeeper\noranje zandoogje")
    check(page)
    page.get_by_label("Gatekeeper").fill("")
    page.get_by_label("Maximum photos per species").fill("many")
    page.get_by_role("button", name="Start collecting").click()
    summary = page.get_by_role("alert").filter(has_text="Please check the form")
    summary.get_by_role("link", name="Please enter a whole number from 1 to 2000.").click()
    expect(page.get_by_label("Maximum photos per species")).to_be_in_viewport()
    check(page)


def test_the_form_is_filled_in_on_a_phone_without_script(new_person: NewPerson, models_server: Server):
    page = admin(new_person, models_server, "status of 422", **PHONE, java_script_enabled=False)
    choose_species(page)
    page.get_by_label("Maximum photos per species").fill("0")
    page.get_by_role("button", name="Start collecting").click()
    expect(page.get_by_label("Maximum photos per species")).to_have_value("0")
    page.get_by_role("link", name="Other species").click()
    expect(page.get_by_role("group", name="Species")).to_be_visible()
    page.get_by_role("link", name="All collections").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Photos from Flickr")


def test_the_removal_of_a_photographers_photos_is_watched_to_its_outcome(new_person: NewPerson, models_server: Server):
    """Here it ends badly: the worker finds a folder that nothing was ever collected into."""
    number = finished_collection(models_server.sessions, Settings(_env_file=None, data_dir=models_server.data))
    page = admin(new_person, models_server)
    page.goto(f"/admin/collections/{number}/photographers/2@N00")
    worker = models_server.pause_worker()
    page.get_by_role("button", name="Remove this photo").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Removing the photos")
    expect(page.get_by_role("status").first).to_have_text("queued")
    check(page)
    resume(worker)
    expect(page.get_by_role("alert")).to_contain_text("The photos could not be removed", timeout=60_000)
    expect(page.get_by_role("button", name="Remove this photo")).to_be_visible()
    with transaction(models_server.sessions) as session:
        collection = session.get_one(Collection, number)
        session.query(Job).filter_by(kind=JobKind.PHOTOGRAPHER).update({"status": JobStatus.DONE})
        session.delete(collection)
