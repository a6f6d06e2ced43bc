"""`wingcheck records …`: counting, and writing files."""

from datetime import date

import pytest
from dwca.read import DwCAReader

from app.accounts.tables import AuditEntry
from app.core.db import reading
from app.organisation.rules import Licence
from app.records import description
from app.records.description import Description
from tests.app.sending import TAXA
from tests.desk import waiting
from tests.people import name_organisation


@pytest.fixture
def season(database):
    description.save(database, name_organisation(database), Description("Count", Licence.CC0))
    waiting(database, 2, day=date(2026, 7, 14))
    waiting(database, day=date(2025, 7, 14))
    return database


def test_counted(wingcheck, season):
    code, out, _ = wingcheck("records", "summary", "--since", "2026-01-01")
    assert code == 0
    assert "2 records of 2 volunteers; 0 without a date." in out
    assert TAXA[0] in out


def test_an_archive_is_written(wingcheck, season, tmp_path):
    path = tmp_path / "records.zip"
    code, out, _ = wingcheck("records", "export", path, "--standing", "undecided", "--until", "2025-12-31")
    assert (code, "records.zip: 1 records." in out) == (0, True)
    with reading(season) as session:
        [entry] = session.query(AuditEntry).filter_by(action="records.downloaded").all()
    assert entry.user_id is None
    with DwCAReader(str(path)) as reader:
        assert len(list(reader)) == 1


def test_a_table_is_written_and_nothing_over_another_file(wingcheck, season, tmp_path):
    path = tmp_path / "records.csv"
    assert wingcheck("records", "export", path, "--standing", "undecided")[0] == 0
    assert len(path.read_text(encoding="utf-8-sig").splitlines()) == 4
    path.write_text("mine")
    code, _, err = wingcheck("records", "export", path)
    assert (code, path.read_text()) == (1, "mine")
    assert "is there already" in err
    assert wingcheck("records", "export", path, "--force")[0] == 0
    assert len(path.read_text(encoding="utf-8-sig").splitlines()) == 1


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("records.txt",), "should end in .zip"),
        (("nowhere/records.csv",), "can't be written"),
        (("records.csv", "--species", "Nemo nescitus"), "no species 'Nemo nescitus' is known here"),
        (("records.csv", "--language", "xx"), "no language 'xx'; there are en, nl"),
        (("records.csv", "--since", "2026-07-02", "--until", "2026-07-01"), "the last day lies before the first"),
    ],
)
def test_what_can_not_be_done_is_said_and_leaves_nothing(wingcheck, season, tmp_path, arguments, says):
    before = set(tmp_path.iterdir())
    code, _, err = wingcheck("records", "export", *arguments)
    assert code == 1
    assert says in err
    assert set(tmp_path.iterdir()) == before
    with reading(season) as session:
        assert session.query(AuditEntry).filter_by(action="records.downloaded").count() == 0


def test_without_a_description_there_is_no_archive(wingcheck, database, tmp_path):
    code, _, err = wingcheck("records", "export", tmp_path / "records.zip")
    assert (code, (tmp_path / "records.zip").exists()) == (1, False)
    assert "title and licence of the records are missing" in err
