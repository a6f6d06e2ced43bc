"""The season's records on a page: what is shown, what is taken away, and what is refused."""

import csv
import io
import re
import zipfile
from datetime import date

import pytest
from sqlalchemy import update

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.core.roles import Role
from app.records.tables import RecordDescription
from app.review.decisions import Decisions
from app.submissions.tables import Submission
from tests.app.sending import TAXA
from tests.desk import it_is, task_of, waiting
from tests.people import name_organisation, signed_in

PAGE = "/review/records"
ABOUT = {
    "title": "Garden count",
    "licence": "CC-BY-4.0",
}
ALL = "since=&until=&standing=verified&standing=undecided"


@pytest.fixture
def chief(lite):
    return signed_in(lite, Role.COORDINATOR)


@pytest.fixture
def season(lite):
    """Two records of July 2026 and one of 2024; an expert decided on the first."""
    first, _second = waiting(lite.sessions, 2, day=date(2026, 7, 14))
    waiting(lite.sessions, day=date(2024, 7, 14))
    user = signed_in(lite).user
    Decisions(lite.sessions).decide(user.id, first, task_of(lite.sessions, first).revision, it_is(TAXA[1]))
    return lite


def taken(service):
    with reading(service.sessions) as session:
        return [entry.details["file"] for entry in session.query(AuditEntry).filter_by(action="records.downloaded")]


def previews(service):
    with reading(service.sessions) as session:
        return [
            (entry.user_id, entry.details["places"])
            for entry in session.query(AuditEntry).filter_by(action="records.previewed")
        ]


def test_whoever_sees_exact_places_in_the_preview_stands_in_the_log(season, chief):
    with transaction(season.sessions) as session:
        session.execute(update(Submission).values(latitude=52.09, longitude=5.12))
    for precision in ("1km", "none", "exact"):
        assert chief.get(f"{PAGE}?{ALL}&precision={precision}").status_code == 200
    assert previews(season) == [(chief.user.id, "exact")]


def test_where_the_preview_has_no_places_nothing_is_noted(season, chief):
    with transaction(season.sessions) as session:
        session.execute(update(Submission).values(latitude=None, longitude=None))
    chief.get(f"{PAGE}?{ALL}&precision=exact")
    assert previews(season) == []


def test_before_the_first_submission_the_page_says_so(chief):
    html = chief.get(PAGE).text
    assert "No records in this period" in html
    assert "0 records selected." in html
    assert "/review/records/download" not in html


def test_it_begins_with_the_last_season_that_has_any(season, chief):
    html = chief.get(PAGE).text
    assert "<h1>Records of 2026</h1>" in html
    assert "2 submissions from 2 volunteers; 1 accepted." in html
    years = re.findall(r'<a href="/review/records\?([^"]*)"(?: aria-current="page")?>(\d{4}|All years)</a>', html)
    assert [year for _query, year in years] == ["2026", "2024", "All years"]


@pytest.mark.parametrize(
    ("query", "heading", "count"),
    [
        (ALL, "All records", "3 records selected."),
        ("since=2024-01-01&until=2024-12-31&standing=undecided", "Records of 2024", "One record selected."),
        ("since=2026-07-14&until=&standing=verified", "Records since 14 July 2026", "One record selected."),
        ("since=&until=2026-07-13&standing=undecided", "Records until 13 July 2026", "One record selected."),
        (
            "since=2026-07-01&until=2026-07-31&standing=verified",
            "Records from 1 July 2026 to 31 July 2026",
            "One record selected.",
        ),
    ],
)
def test_a_time_is_chosen(season, chief, query, heading, count):
    html = chief.get(f"{PAGE}?{query}").text
    assert f"<h1>{heading}</h1>" in html
    assert count in html


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("since=2026-02-30&standing=verified", "Please enter a valid date."),
        ("since=yesterday&standing=verified", "Please enter a valid date."),
        ("since=2026-07-02&until=2026-07-01&standing=verified", "The end date is before the start date."),
        ("since=&until=", "Please choose at least one."),
        ("standing=verified&precision=1mm", "Please choose one of the answers."),
        (f"since=&standing=verified&species={'x' * 300}", "We don’t know this species."),
    ],
)
def test_what_can_not_be_read_is_said_at_its_field_and_downloads_nothing(season, chief, query, message):
    shown = chief.get(f"{PAGE}?{query}")
    assert shown.status_code == 422
    assert message in shown.text
    refused = chief.get(f"{PAGE}/download?{query}&file=csv", follow_redirects=False)
    assert refused.status_code == 303
    assert message in chief.get(refused.headers["location"]).text
    assert taken(season) == []


def test_what_was_chosen_stays_chosen_while_the_records_are_described(season, chief):
    chosen = "since=&until=&species=&standing=undecided&precision=none"
    saved = chief.post(f"{PAGE}?{chosen}", data=ABOUT, follow_redirects=True)
    assert "Saved." in saved.text
    assert '<option value="none" selected>' in saved.text
    assert "2 records selected." in saved.text


def test_a_species_is_named_where_only_it_is_counted(season, chief):
    html = chief.get(f"{PAGE}?since=&standing=verified&species=Pyronia+tithonus").text
    assert "<h1>All records: gatekeeper</h1>" in html
    assert "One submission from one volunteer; 1 accepted." in html


def test_a_table_is_downloaded_and_that_is_noted(season, chief):
    answer = chief.get(f"{PAGE}/download?{ALL}&file=csv")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="records.csv"'
    found = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"), newline="")))
    assert [row["scientificName"] for row in found] == [TAXA[1], TAXA[0], TAXA[0]]
    assert taken(season) == ["records.csv"]


def test_an_archive_needs_an_owner_first(season, chief):
    asked = f"{PAGE}/download?{ALL}&file=archive"
    refused = chief.get(asked, follow_redirects=True)
    assert "An archive needs these details. Please fill them in first." in refused.text
    assert "An admin has yet to fill in the organisation’s name and e-mail address." in refused.text
    assert taken(season) == []
    assert "Saved." in chief.post(PAGE, data=ABOUT, follow_redirects=True).text
    assert chief.get(asked).status_code == 303
    name_organisation(season.sessions)
    with zipfile.ZipFile(io.BytesIO(chief.get(asked).content)) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["meta.xml", "eml.xml", "occurrence.txt"]
    assert taken(season) == ["records.zip"]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"title": " "}, "Please fill this in."),
        ({"licence": ""}, "Please choose one."),
        ({"licence": "MIT"}, "Please choose one."),
        ({"title": "x" * 201}, "Please use at most 200 characters."),
    ],
)
def test_a_description_with_a_mistake_keeps_what_was_typed_and_saves_nothing(lite, chief, changed, message):
    answer = chief.post(PAGE, data=ABOUT | {"abstract": "In gardens."} | changed)
    assert answer.status_code == 422
    assert message in answer.text
    assert "In gardens." in answer.text
    with reading(lite.sessions) as session:
        assert session.query(RecordDescription).count() == 0


def test_reviewers_have_no_such_page(lite):
    reviewer = signed_in(lite)
    assert reviewer.get(PAGE).status_code == 403
    assert "/review/records" not in reviewer.get("/review").text
