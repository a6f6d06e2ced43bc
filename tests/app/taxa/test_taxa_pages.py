"""The pages of the species list: a file previewed, saved and undone, and one species edited."""

import re

import pytest

from app.core.roles import Role
from tests.people import signed_in

LIST = b"scientific_name,name_en,name_nl,marks_en\nAglais io,peacock,dagpauwoog,four eye-spots | rust red\n"


@pytest.fixture
def admin(lite):
    return signed_in(lite, Role.ADMIN)


def follow(admin, answer):
    assert answer.status_code == 303
    return answer.headers["location"], admin.get(answer.headers["location"]).text


def test_a_list_is_previewed_saved_and_undone(admin):
    address, page = follow(admin, admin.post("/admin/taxa/import", files={"file": ("C:\\garden.csv", LIST)}))
    for text in (
        "garden.csv",
        "would add 1 and change 0",
        "The file lists one species.",
        "en: four eye-spots · rust red",
    ):
        assert text in page
    assert re.search(r"<dt>Names</dt><dd><ins>en: peacock; nl: dagpauwoog</ins>", page)
    _, page = follow(admin, admin.post(f"{address}/save"))
    assert "The list was saved." in page
    assert "Save changes" not in page
    page = admin.get("/admin/taxa?q=pauwoog").text
    for text in ("Aglais io", "in force", "1 added, 0 changed"):
        assert text in page
    _, page = follow(admin, admin.post(f"{address}/undo"))
    assert "The change was undone." in page
    again = admin.post(f"{address}/undo")
    assert (again.status_code, "Could not undo" in again.text) == (409, True)


def test_a_file_that_is_no_list_is_refused_on_the_page(admin):
    answer = admin.post("/admin/taxa/import", files={"file": ("notes.txt", b"Dear diary")})
    assert (answer.status_code, "No species found in this file." in answer.text) == (422, True)


def test_a_species_is_edited_and_mistakes_are_named(admin):
    [address, *_] = re.findall(r"/admin/taxa/\d+", admin.get("/admin/taxa").text)
    form = {"taxon_rank": "genus", "gbif_key": "7", "name_nl": "bruintje", "marks_nl": "a\n\n b ", "active": "true"}
    wrong = admin.post(address, data=form | {"gbif_key": "seven", "taxon_rank": "kingdom", "name_en": "x" * 201})
    assert wrong.status_code == 422
    for text in ("A GBIF key is a whole number.", "Please choose one.", "at most 200 characters", "bruintje"):
        assert text in wrong.text
    location, page = follow(admin, admin.post(address, data=form))
    assert re.search(r'<option value="genus" selected>genus</option>', page)
    assert "Saved." in page
    change = location.partition("?change=")[2]
    page = admin.get(f"/admin/taxa/changes/{change}").text
    assert re.search(r"<dt>Rank</dt><dd><del>species</del> <ins>genus</ins>", page)
    assert "nl: a · b" in page
