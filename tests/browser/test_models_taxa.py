"""The species list: a file looked at before it is saved, taken back, and one species changed by hand, without script too."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import PHONE, NewPerson
from tests.browser.model_steps import admin
from tests.browser.steps import file
from tests.browser.test_accessibility import check
from tests.running import Server

LIST = b"scientific_name,name_en,name_nl,marks_en\nAglais io,peacock,dagpauwoog,four eye-spots | rust red\n"


def test_a_list_is_looked_at_saved_and_taken_back(new_person: NewPerson, models_server: Server):
    page = admin(new_person, models_server)
    page.goto("/admin/models")
    page.get_by_role("link", name="Species list").click()
    page.get_by_label("File").set_input_files([file("garden.csv", LIST, "text/csv")])
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("This import would add 1 and change 0 species.")).to_be_visible()
    expect(page.get_by_role("main")).to_contain_text("four eye-spots · rust red")
    check(page)
    page.get_by_role("button", name="Save changes").click()
    expect(page.get_by_text("The list was saved.")).to_be_visible()

    page.goto("/admin/taxa?q=pauwoog")
    page.get_by_role("link", name="Aglais io").click()
    check(page)
    page.get_by_role("region", name="Nederlands").get_by_label("Name").fill("pauwoogvlinder")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("The change was undone.")).to_be_visible()
    changes = page.get_by_role("region", name="History")
    expect(changes.get_by_text("undone")).to_have_count(1)
    check(page)
    changes.get_by_role("button", name=re.compile("Undo ?: garden.csv")).click()
    expect(changes.get_by_text("undone")).to_have_count(2)
    page.goto("/admin/taxa?q=pauwoog")
    expect(page.get_by_text("No species found")).to_be_visible()


def test_a_file_that_is_no_list_is_told_without_script(new_person: NewPerson, models_server: Server):
    page = admin(new_person, models_server, "status of 422", **PHONE, java_script_enabled=False)
    page.goto("/admin/taxa")
    page.get_by_label("File").set_input_files([file("notes.txt", b"Dear diary", "text/plain")])
    page.get_by_role("button", name="Preview changes").click()
    expect(page.get_by_text("No species found in this file.")).to_be_visible()
