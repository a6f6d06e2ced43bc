"""The season's records for programs."""

from datetime import date

import pytest

from app.domain.accounts import Role, Scope
from app.services.records.occurrences import TERMS
from app.web.api.review.records import OccurrenceOut
from tests.app.sending import TAXA
from tests.desk import waiting
from tests.people import with_key

API = "/api/v1/review/records"
UNDECIDED = {"standing": "undecided"}


@pytest.fixture
def program(lite):
    return with_key(lite, Role.COORDINATOR, Scope.REVIEW_READ)


def test_records_are_turned_over_page_by_page(lite, program):
    waiting(lite.sessions, 3, day=date(2026, 7, 14))
    first = program.get(API, params=UNDECIDED | {"limit": 2}).json()
    second = program.get(API, params=UNDECIDED | {"limit": 2, "after": first["next"]}).json()
    assert (len(first["records"]), len(second["records"]), second["next"]) == (2, 1, None)
    record = second["records"][0]
    assert (record["scientificName"], record["eventDate"], record["individualCount"]) == (TAXA[0], "2026-07-14", 1)
    assert (record["decimalLatitude"], record["coordinateUncertaintyInMeters"]) == (None, None)
    assert len({one["occurrenceID"] for one in first["records"] + second["records"]}) == 3


def test_a_time_that_ends_before_it_begins_has_no_records(lite, program):
    waiting(lite.sessions)
    assert program.get(API, params=UNDECIDED | {"since": "2026-07-02", "until": "2026-07-01"}).json()["records"] == []


def test_every_term_is_told():
    assert tuple(OccurrenceOut.model_fields) == TERMS


def test_unasked_only_what_was_accepted_is_told(lite, program):
    waiting(lite.sessions)
    assert program.get(API).json() == {"records": [], "next": None}


def test_names_are_those_of_the_language(lite, program):
    waiting(lite.sessions)
    record = program.get(API, params=UNDECIDED, headers={"Accept-Language": "nl"}).json()["records"][0]
    assert record["vernacularName"] == "bruin zandoogje"


def test_the_summary_counts_every_standing(lite, program):
    waiting(lite.sessions, 2, day=date(2026, 7, 14))
    waiting(lite.sessions, claimed=None)
    found = program.get(f"{API}/summary").json()
    assert {name: found[name] for name in ("records", "volunteers", "undated", "unplaced")} == {
        "records": 3,
        "volunteers": 3,
        "undated": 1,
        "unplaced": 3,
    }
    assert [(one["taxon"] and one["taxon"]["scientific_name"], one["standings"]) for one in found["species"]] == [
        (TAXA[0], {"undecided": {"records": 2, "individuals": 2}}),
        (None, {"undecided": {"records": 1, "individuals": 1}}),
    ]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("species=Nemo nescitus", 404),
        ("since=0", 400),
        ("standing=right", 400),
        ("precision=1mm", 400),
        ("limit=1001", 400),
        ("after=-1", 400),
    ],
)
def test_what_can_not_be_read_is_refused(program, query, status):
    assert program.get(f"{API}?{query}").status_code == status
