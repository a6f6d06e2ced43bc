"""The species, about, the choice of language."""

import pytest

from app.core.web.i18n import COOKIE
from ml.inference import read_version
from tests.versions import BUNDLED

INFO = read_version(BUNDLED)
PAGES = ["/", "/mine", "/species", "/about"]


@pytest.mark.parametrize("path", PAGES)
def test_every_page_comes_in_both_languages(lite, path):
    english = lite.client.get(path, headers={"Accept-Language": "en"})
    dutch = lite.client.get(path, headers={"Accept-Language": "nl"})
    assert english.status_code == dutch.status_code == 200
    assert '<html lang="en"' in english.text
    assert '<html lang="nl"' in dutch.text
    assert "My submissions" in english.text
    assert "My submissions" not in dutch.text
    assert "Accept-Language" in dutch.headers["vary"]


@pytest.mark.parametrize("language", ["en", "nl"])
def test_the_species_are_those_of_the_model_with_their_marks(lite, language):
    html = lite.client.get("/species", headers={"Accept-Language": language}).text.lower()
    for label in INFO.labels:
        assert label.scientific_name.lower() in html
        assert label.vernacular_names[language].lower() in html
        assert html.count("<li>") >= sum(len(each.marks[language]) for each in INFO.labels)


def test_about_says_which_version_answers(lite):
    html = lite.client.get("/about").text
    assert f"{INFO.name}, version {INFO.version}" in html


def test_a_chosen_language_outranks_the_browser_and_stays(lite):
    answer = lite.client.get("/language/nl?next=/about", follow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/about")
    assert lite.client.cookies[COOKIE] == "nl"
    assert '<html lang="nl"' in lite.client.get("/", headers={"Accept-Language": "en"}).text


@pytest.mark.parametrize("code", ["fr", "xx", "en-GB", "../nl"])
def test_a_language_that_we_do_not_have_is_not_found(lite, code):
    assert lite.client.get(f"/language/{code}", follow_redirects=False).status_code == 404


@pytest.mark.parametrize("cookie", ["fr", "", "x" * 500, "../../etc"])
def test_a_strange_language_cookie_is_ignored(lite, cookie):
    assert '<html lang="en"' in lite.client.get("/", headers={"Cookie": f"{COOKIE}={cookie}"}).text


@pytest.mark.parametrize(
    "next_",
    [
        "https://evil.example/",
        "//evil.example/",
        "/\\evil.example",
        "\\\\evil.example",
        "javascript:alert(1)",
        "evil.example",
        "/\tevil",
        "/%0d%0aSet-Cookie: a=b",
        "/ok\r\nSet-Cookie: a=b",
        "/\t/evil.example",
        "",
    ],
)
def test_the_choice_of_language_never_leads_away(lite, next_):
    answer = lite.client.get("/language/nl", params={"next": next_}, follow_redirects=False)
    assert answer.status_code == 303
    location = answer.headers["location"]
    assert location.startswith("/")
    assert not location.startswith(("//", "/\\", "/\t"))
    assert "a=b" not in answer.headers.get("set-cookie", "")


@pytest.mark.parametrize("path", ["/nothing", "/s/", "/language/"])
def test_a_page_that_is_not_there_helps_on_in_the_right_language(lite, path):
    answer = lite.client.get(path, headers={"Accept-Language": "nl"})
    assert answer.status_code == 404
    assert '<html lang="nl"' in answer.text


def test_a_program_gets_the_same_as_a_problem(lite):
    answer = lite.client.get("/nothing", headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == 404
