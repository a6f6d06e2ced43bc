"""The season's records for programs."""

from datetime import UTC, date, datetime, timedelta

import pytest

from app.core.db import transaction
from app.core.roles import Role, Scope
from app.records.api import OccurrenceOut
from app.records.occurrences import TERMS
from app.review.decisions import Decisions
from app.submissions.tables import StatusLog, Submission
from app.volunteers.withdrawal import take_back
from tests.app.sending import TAXA
from tests.desk import it_is, waiting
from tests.people import make_user, with_key

API = "/api/v1/review/records"
UNDECIDED = {"standing": "undecided"}


@pytest.fixture
def program(lite):
    return with_key(lite, Role.COORDINATOR, Scope.RECORDS)


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


# --- what has changed ------------------------------------------------------------------------------------------------

SENT = datetime(2026, 7, 14, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def season(lite):
    """Four records, sent an hour after each other; the first was changed ten hours after it was sent, the last withdrawn."""
    numbers = waiting(lite.sessions, 4)
    with transaction(lite.sessions) as session:
        for hours, number in enumerate(numbers):
            row = session.get_one(Submission, number)
            row.created_at = SENT + hours * HOUR
            session.add(log_row(row, "received", row.created_at))
        session.add(log_row(session.get_one(Submission, numbers[0]), "claim_changed", SENT + 10 * HOUR))
        take_back(session, session.get_one(Submission, numbers[3]))
    return numbers


def log_row(submission, event, at):
    return StatusLog(
        submission_id=submission.id,
        event=event,
        actor="volunteer",
        to_status=submission.status,
        verification_status=submission.verification_status,
        created_at=at,
    )


def changed(program, since, **more):
    found = program.get(API, params=UNDECIDED | {"changed_since": since} | more)
    assert found.status_code == 200, found.text
    return found.json()


@pytest.mark.parametrize(
    ("since", "modified"),
    [
        (SENT, ["22", "13", "14"]),
        (SENT + HOUR, ["22", "13", "14"]),  # at that very moment, or later
        (SENT + HOUR + timedelta(microseconds=1), ["22", "14"]),
        (SENT + 3 * HOUR, ["22"]),
        (SENT + 10 * HOUR, ["22"]),
        (SENT + 11 * HOUR, []),
    ],
)
@pytest.mark.usefixtures("season")
def test_what_has_changed_since_a_moment_is_told_in_the_order_in_which_it_was_sent(program, since, modified):
    records = changed(program, since.isoformat())["records"]
    assert [record["modified"] for record in records] == [f"2026-07-14T{hour}:00:00Z" for hour in modified]


@pytest.mark.usefixtures("season")
def test_any_time_zone_will_do(program):
    assert len(changed(program, "2026-07-14T23:30:00+02:00")["records"]) == 1
    assert len(changed(program, "2026-07-15T00:30:00+02:00")["records"]) == 0


@pytest.mark.usefixtures("season")
def test_what_has_changed_has_pages_too(program):
    since = SENT.isoformat()
    first = changed(program, since, limit=2)
    second = changed(program, since, limit=2, after=first["next"])
    assert [len(page["records"]) for page in (first, second)] == [2, 1]
    assert second["next"] is None
    assert len({record["occurrenceID"] for page in (first, second) for record in page["records"]}) == 3


@pytest.mark.usefixtures("season")
def test_the_last_change_that_was_told_is_a_moment_to_go_on_from(program):
    last = max(record["modified"] for record in changed(program, SENT.isoformat())["records"])
    assert [record["modified"] for record in changed(program, last)["records"]] == [last]


@pytest.mark.usefixtures("season")
def test_an_old_record_that_is_decided_now_is_told_with_its_new_status(lite, program, season):
    reviewer = make_user(lite.sessions)
    Decisions(lite.sessions).decide(reviewer.id, season[1], 1, it_is(TAXA[1]))
    since = (SENT + 11 * HOUR).isoformat()
    assert changed(program, since)["records"] == []  # it is not undecided any more
    [record] = changed(program, since, standing=["verified", "undecided"])["records"]
    assert (record["scientificName"], record["identificationVerificationStatus"]) == (TAXA[1], "Accepted - correct")


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("species=Nemo nescitus", 404),
        ("since=0", 400),
        ("standing=right", 400),
        ("precision=1mm", 400),
        ("limit=1001", 400),
        ("after=-1", 400),
        ("changed_since=0", 400),
        ("changed_since=2026-07-14", 400),
        ("changed_since=2026-07-14T12:00:00", 400),
        ("changed_since=0001-01-01T00:00:00%2B14:00", 400),
    ],
)
def test_what_can_not_be_read_is_refused(program, query, status):
    assert program.get(f"{API}?{query}").status_code == status
