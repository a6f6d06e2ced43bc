"""The desk's pages for whoever sends them something else than they ask for, and the words that they share."""

import pytest

from app.core.db import reading
from app.core.roles import Role
from app.core.web.i18n import Language
from app.review import acceptance, settings
from app.review.rules import Rule
from app.review.words import Words
from app.taxa import names as taxa
from tests import factories
from tests.conftest import Service
from tests.people import Browser, signed_in


@pytest.fixture
def desk(lite: Service) -> Browser:
    """A reviewer with one submission to decide: number 1."""
    photo = {"file": ("drawn.jpg", factories.photo(1))}
    lite.client.post("/api/v1/submissions", files=photo, data={"claim": "Maniola jurtina"}).raise_for_status()
    lite.work()
    return signed_in(lite)


REFUSED: list[tuple[str, dict[str, str], int]] = [
    ("/review/1/decide", {"revision": "1", "decision": "everything"}, 422),
    ("/review/1/decide", {"revision": "1", "decision": "taxon:Nothing known"}, 422),
    ("/review/1/decide", {"revision": "1", "decision": "taxon:Maniola jurtina", "status_code": "X9"}, 422),
    ("/review/1/decide", {"revision": "1", "decision": "taxon:Maniola jurtina", "status_code": "R4"}, 409),
    ("/review/1/decide", {"revision": "99", "decision": "unable"}, 409),
    ("/review/1/decide", {"revision": "one", "decision": "unable"}, 400),
    ("/review/99/decide", {"revision": "1", "decision": "unable"}, 404),
    ("/review/1/ask", {"revision": "1", "body": "  "}, 422),
    ("/review/1/ask", {"revision": "1", "template": "77"}, 422),
    ("/review/1/comment", {"remark": ""}, 422),
    ("/review/1/undo", {"identification": "99"}, 404),
    ("/review/99/skip", {}, 404),
    ("/review/1/skip", {"filter": "reason=nonsense"}, 422),
    ("/review/grid/Maniola_jurtina/none", {"item": "1:x", "decision": "unable"}, 422),
    ("/review/grid/Maniola_jurtina/none", {"item": "1:1", "decision": "nothing"}, 422),
    ("/review/batches/99/undo", {}, 404),
    ("/review/filters", {"name": "", "filter": "place=x"}, 422),
    ("/review/filters/99", {"name": "x"}, 404),
    ("/review/templates", {"body": ""}, 422),
    ("/review/templates/99", {"body": "What?"}, 404),
    ("/review/acceptance", {"taxon": "Maniola jurtina", "on": "yes", "error": "0.05"}, 403),
]


def test_refusals(desk: Browser):
    """Refused with the right status, and told as a problem to whoever asks for JSON."""
    found = [(path, form, desk.post(path, data=form).status_code) for path, form, _ in REFUSED]
    assert found == REFUSED
    answer = desk.post("/review/1/decide", data=REFUSED[0][1], headers={"Accept": "application/json"})
    assert answer.headers["content-type"] == "application/problem+json"


ADDRESSES = [
    ("/review?reason=nonsense", 422),
    ("/review?after=nonsense", 422),
    ("/review?nonsense=1", 200),
    ("/review/99", 404),
    ("/review/one", 400),
    ("/review/ahead?have=x,,99999999999&n=-4", 200),
    ("/review/next?place=nowhere", 200),
    ("/review/batches/99", 404),
    ("/review/grid/Nothing_known/none", 200),
]


def test_addresses(desk: Browser):
    """What nobody links to."""
    assert [(path, desk.get(path).status_code) for path, _ in ADDRESSES] == ADDRESSES


def test_the_same_answer_twice(desk: Browser):
    """A form sent twice is one answer; another answer from the old page is refused with what happened."""
    form = {"revision": "1", "decision": "taxon:Maniola jurtina", "status_code": "V2"}
    first, second = (desk.post("/review/1/decide", data=form, headers={"Accept": "application/json"}) for _ in range(2))
    assert first.status_code == second.status_code == 200
    assert first.json()["identification_id"] == second.json()["identification_id"]
    other = desk.post("/review/1/decide", data=form | {"decision": "unable"}, headers={"Accept": "application/json"})
    assert other.status_code == 409
    assert "decided: meadow brown, considered correct" in other.json()["detail"]


def test_a_blind_item_tells_nothing(lite: Service, desk: Browser):
    """Neither the page nor its pieces name claim or prediction before the answer."""
    desk.post("/review/preferences", data={"blind": "yes"})
    for path in ("/review/1", "/review/1/item", "/review/ahead?have=0", "/review"):
        text = desk.get(path).text
        assert "Claim is right" not in text
        assert "attention.png" not in text
        assert "Meadow brown; " not in text
    answer = desk.post(
        "/review/1/decide", data={"revision": "1", "decision": "unable"}, headers={"Accept": "application/json"}
    )
    assert "The claim was meadow brown" in answer.json()["more"]


@pytest.mark.parametrize(("number", "text"), [(0, "0"), (1000, "1000"), (1001, "1000+")])
def test_counts_stop(number: int, text: str):
    """At a thousand."""
    assert Words.capped(number) == text


def test_finding_taxa(lite: Service):
    """By a part of any name; what begins with it comes first; a typed name leads to its taxon."""
    with reading(lite.sessions) as session:
        words = Words(Language("nl"), taxa.all_by_name(session))
    assert [found["scientific_name"] for found in words.matching("zand", 5)] == ["Maniola jurtina", "Pyronia tithonus"]
    assert words.matching("pyr", 5) == [{"scientific_name": "Pyronia tithonus", "name": "oranje zandoogje"}]
    assert words.matching("", 5) == []
    assert words.find(" Meadow  Brown") == "Maniola jurtina"
    assert words.find("peacock") == "peacock"


@pytest.mark.parametrize("language", ["en", "nl"])
def test_every_page_in_every_language(desk: Browser, lite: Service, language: str):
    """Nothing is left out of a sentence in any of them."""
    coordinator = signed_in(lite, Role.COORDINATOR)
    pages = [
        "",
        "?state=mine",
        "?state=questioned",
        "?state=decided",
        "/1",
        "/grid",
        "/figures",
        "/templates",
        "/preferences",
    ]
    more = ["/settings", "/acceptance?taxon=Maniola+jurtina&error=0.05", "/next?place=nowhere"]
    headers = {"Accept-Language": language}
    found = [(path, coordinator.get(f"/review{path}", headers=headers).status_code) for path in [*pages, *more]]
    assert found == [(path, 200) for path, _ in found]
    assert "%(" not in "".join(coordinator.get(f"/review{path}", headers=headers).text for path in pages)


def test_a_coordinator_turns_acceptance_on_and_gives_a_species_a_rule_of_its_own(lite: Service):
    """And neither for a species that nobody knows."""
    chief, species = signed_in(lite, Role.COORDINATOR), "Maniola jurtina"
    assert chief.post("/review/acceptance", data={"taxon": species, "on": "yes", "error": "0.02"}).status_code == 303
    assert chief.post("/review/acceptance", data={"taxon": "Nemo", "on": "yes", "error": "0.02"}).status_code == 404
    assert chief.post("/review/acceptance/lift", data={"taxon": species}).status_code == 404
    for rule, kept in (("two_agree", [Rule.TWO_AGREE]), ("", [])):
        assert chief.post("/review/settings/rules", data={"taxon": species, "rule": rule}).status_code == 303
        with reading(lite.sessions) as session:
            assert [found for _, found in settings.rules_by_taxon(session)] == kept
    with reading(lite.sessions) as session:
        [standing] = acceptance.statuses_of(session, taxa.by_names(session, [species]), 0.05)
    assert (standing.accepts, standing.wanted) == (True, 0.02)


def test_rules_and_templates_say_when_they_were_changed(lite: Service):
    """Who changed them stands in the log."""
    chief = signed_in(lite, Role.COORDINATOR)
    assert "These are the defaults" in chief.get("/review/settings").text
    rules = {"rule": "one", "audit_share": "5", "blind_share": "0", "wrong_limit": "10"}
    saved = chief.post("/review/settings", data=rules | {"lease_minutes": "20", "minimum_audits": "0"})
    assert saved.status_code == 303
    chief.post("/review/templates", data={"body": "Did you see its underside?", "language": "en", "taxon": ""})
    for page in ("/review/settings", "/review/templates"):
        assert "Last changed: <time" in chief.get(page).text
