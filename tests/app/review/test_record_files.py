"""Records as files, read back by readers that others wrote."""

import csv
import io
from datetime import date
from xml.etree import ElementTree

import pytest
from dwca.read import DwCAReader
from sqlalchemy import update

from app.accounts.tables import AuditEntry
from app.core.db import reading, transaction
from app.organisation.rules import Licence
from app.records import archive, description
from app.records.archive import Download, Form, NotDescribed
from app.records.description import Description
from app.records.occurrences import TERMS, Shape
from app.records.rules import Standing
from app.records.selection import Selection
from app.submissions.tables import ClaimRecord, Submission
from tests.app.sending import TAXA
from tests.desk import it_is, task_of, waiting
from tests.people import name_organisation

SEASON = Selection(date(2026, 1, 1), date(2026, 12, 31), standings=frozenset(Standing))
DWC = "http://rs.tdwg.org/dwc/terms/"
EML = "{https://eml.ecoinformatics.org/eml-2.2.0}eml"
ABOUT = Description("Count & tell", Licence.CC_BY, "One.\n\nTwo.")
PUBLISHER = "Charity <of> “moths”"
NASTY = [
    '=HYPERLINK("http://x")',
    "+1",
    "-1+2",
    "@SUM(A1)",
    "\t=1+1",
    "＝1",
    "x; =1;y",
    "tab\there",
    "two\r\nlines",
    'a "quoted" word',
    "Ωmega 🦋, x;y",
]


@pytest.fixture
def described(review):
    name_organisation(review.sessions, PUBLISHER)
    description.save(review.sessions, review.anna, ABOUT)
    return review


def written(review, form, wanted=SEASON, **shape):
    return b"".join(archive.pieces(review.sessions, Download(form, wanted, Shape(**shape))))


def rows(review, **shape):
    text = written(review, Form.CSV, **shape).decode("utf-8-sig")
    return list(csv.DictReader(io.StringIO(text, newline="")))


def nasty(review):
    """Records whose volunteers wrote what spreadsheets and parsers stumble over, one for each text."""
    numbers = waiting(review.sessions, len(NASTY), claimed=None, day=date(2026, 7, 14))
    with transaction(review.sessions) as session:
        for number, text in zip(numbers, NASTY, strict=True):
            session.execute(update(ClaimRecord).where(ClaimRecord.submission_id == number).values(verbatim=text))
            session.execute(
                update(Submission).where(Submission.id == number).values(place=text, longitude=-4.5, latitude=52)
            )
    return numbers


@pytest.fixture
def opened(described, tmp_path):
    """An archive of three records of species and one of none, opened by GBIF's readers' rules."""
    numbers = waiting(described.sessions, 3, day=date(2026, 7, 14), place='"Left" of the\tdoor')
    waiting(described.sessions, claimed=None, day=date(2026, 7, 14))
    for number in numbers[:2]:
        described.decisions.decide(described.anna, number, task_of(described.sessions, number).revision, it_is(TAXA[0]))
    path = tmp_path / "records.zip"
    path.write_bytes(written(described, Form.ARCHIVE, words=True, names=True))
    with DwCAReader(str(path)) as reader:
        yield reader


def test_an_archive_is_read_by_a_reader_of_archives(opened):
    assert opened.descriptor.core.type == f"{DWC}Occurrence"
    found = [row.data for row in opened]
    assert [row[f"{DWC}scientificName"] for row in found] == [TAXA[0]] * 3
    assert [row[f"{DWC}identifiedBy"] for row in found] == ["Anna", "Anna", ""]
    assert {row[f"{DWC}locality"] for row in found} == {'"Left" of the door'}
    assert {row["http://purl.org/dc/terms/license"] for row in found} == {
        "https://creativecommons.org/licenses/by/4.0/legalcode"
    }
    assert [row.id for row in opened] == [row[f"{DWC}occurrenceID"] for row in found]
    assert len(found[0]) == len(TERMS)


def test_an_archive_says_whose_it_is(opened):
    assert opened.metadata.tag == EML
    dataset = opened.metadata.find("dataset")
    assert dataset.findtext("title") == ABOUT.title
    assert dataset.findtext("creator/organizationName") == PUBLISHER
    assert dataset.findtext("contact/electronicMailAddress") == "count@example.org"
    assert [one.text for one in dataset.findall("abstract/para")] == ["One.", "Two."]
    assert dataset.find("intellectualRights/para/ulink").get("url").endswith("/by/4.0/legalcode")
    assert dataset.findtext("coverage/temporalCoverage/rangeOfDates/beginDate/calendarDate") == "2026-01-01"
    # The schema wants them in this order.
    order = ["title", "creator", "metadataProvider", "pubDate", "language", "abstract", "intellectualRights"]
    assert [element.tag for element in dataset] == [*order, "coverage", "contact"]


def test_records_that_nobody_described_make_no_archive(review):
    waiting(review.sessions)
    with pytest.raises(NotDescribed):
        written(review, Form.ARCHIVE)
    assert rows(review)[0]["rightsHolder"] == ""


def test_an_archive_of_nothing_is_one_too(described, tmp_path):
    path = tmp_path / "none.zip"
    path.write_bytes(written(described, Form.ARCHIVE))
    with DwCAReader(str(path)) as reader:
        assert list(reader) == []


def test_a_table_has_the_columns_of_the_archive_and_all_records(described):
    waiting(described.sessions, 2, day=date(2026, 7, 14))
    waiting(described.sessions, claimed=None, day=date(2026, 7, 14))
    found = rows(described)
    assert [tuple(row) for row in found] == [TERMS] * 3
    assert [row["scientificName"] for row in found] == [TAXA[0], TAXA[0], ""]


def test_a_spreadsheet_calculates_nothing_that_a_volunteer_wrote(review):
    nasty(review)
    found = rows(review, words=True)
    for column in ("locality", "verbatimIdentification"):
        texts = [row[column] for row in found]
        assert texts[:7] == [*(f"'{text}" for text in NASTY[:4]), "' =1+1", "'＝1", "x, =1;y"]
        assert texts[7:] == ["tab here", "two lines", 'a "quoted" word', "Ωmega 🦋, x;y"]
    assert {row["decimalLongitude"] for row in found} == {"-4.50"}  # a number stays one


def test_what_was_written_stays_in_its_field_of_an_archive(described, tmp_path):
    numbers = nasty(described)
    for number in numbers:
        described.decisions.decide(described.anna, number, task_of(described.sessions, number).revision, it_is(TAXA[0]))
    path = tmp_path / "nasty.zip"
    path.write_bytes(written(described, Form.ARCHIVE, words=True))
    with DwCAReader(str(path)) as reader:
        texts = [row.data[f"{DWC}verbatimIdentification"] for row in reader]
    assert texts == [*NASTY[:4], " =1+1", *NASTY[5:7], "tab here", "two lines", 'a "quoted" word', "Ωmega 🦋, x;y"]


def test_control_characters_break_no_metadata(review, tmp_path):
    name_organisation(review.sessions, "C \x85 D")
    description.save(review.sessions, review.anna, Description("A\x0bB\uffff", Licence.CC0))
    path = tmp_path / "odd.zip"
    path.write_bytes(written(review, Form.ARCHIVE))
    with DwCAReader(str(path)) as reader:
        assert reader.metadata.findtext("dataset/title") == "A B "
        assert ElementTree.tostring(reader.metadata)


@pytest.mark.parametrize(
    ("since", "until", "name"),
    [
        (None, None, "records.csv"),
        (date(2026, 7, 1), None, "records-since-2026-07-01.csv"),
        (None, date(2026, 7, 1), "records-until-2026-07-01.csv"),
        (date(2026, 7, 1), date(2026, 7, 2), "records-2026-07-01-2026-07-02.csv"),
    ],
)
def test_a_file_is_called_by_its_time(since, until, name):
    assert Download(Form.CSV, Selection(since, until), Shape()).filename == name


def test_a_download_that_is_left_holds_nothing_open(described):
    waiting(described.sessions, 3)
    pieces = archive.pieces(described.sessions, Download(Form.ARCHIVE, SEASON, Shape()))
    next(pieces)
    pieces.close()  # type: ignore[attr-defined]
    waiting(described.sessions)  # SQLite would refuse it while anybody reads in a transaction of its own


def test_taking_a_file_is_noted_before_its_first_byte(described):
    waiting(described.sessions)
    archive.take(described.sessions, described.anna, Download(Form.CSV, SEASON, Shape(words=True)))
    with reading(described.sessions) as session:
        [entry] = session.query(AuditEntry).filter_by(action="records.downloaded").all()
    assert (entry.details["since"], entry.details["until"]) == ("2026-01-01", "2026-12-31")
    assert (entry.user_id, entry.details["file"]) == (described.anna, "records-2026-01-01-2026-12-31.csv")
    assert (entry.details["places"], entry.details["with"]) == ("1km", ["typed words"])
