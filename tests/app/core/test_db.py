"""The database underneath: zones are kept, foreign keys hold, writers take turns, readers do not wait."""

import threading
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, StatementError

from app.core.db import make_engine, make_session_factory, reading, transaction
from app.core.tables import Job, JobKind
from app.submissions.tables import Volunteer
from app.taxa.tables import VernacularName


@pytest.fixture
def sessions(database_url):
    engine = make_engine(database_url)
    yield make_session_factory(engine)
    engine.dispose()


def test_a_moment_comes_back_as_the_same_moment_in_utc(sessions):
    amsterdam = datetime(2026, 7, 1, 14, 0, tzinfo=timezone(timedelta(hours=2)))
    with transaction(sessions) as session:
        session.add(Volunteer(key="k", created_at=amsterdam))
    with reading(sessions) as session:
        [found] = session.query(Volunteer).all()
    assert found.created_at == amsterdam
    assert found.created_at.tzinfo == UTC


def test_a_moment_without_a_zone_never_enters(sessions):
    with pytest.raises(StatementError, match="without a time zone"), transaction(sessions) as session:
        session.add(Volunteer(key="k", created_at=datetime(2026, 7, 1)))


def test_a_row_can_not_point_at_nothing(sessions):
    with pytest.raises(IntegrityError), transaction(sessions) as session:
        session.add(VernacularName(taxon_id=4711, language="en", name="nothing"))


def test_an_error_undoes_the_whole_transaction(sessions):
    with pytest.raises(IntegrityError), transaction(sessions) as session:
        session.add_all([Volunteer(key="first"), VernacularName(taxon_id=4711, language="en", name="nothing")])
    with reading(sessions) as session:
        assert session.query(Volunteer).count() == 0


def test_sqlite_is_set_up_for_several_processes(tmp_path):
    with make_engine(f"sqlite:///{tmp_path / 'a.db'}").connect() as connection:
        found = [connection.execute(text(f"PRAGMA {name}")).scalar() for name in ("journal_mode", "foreign_keys")]
    assert found == ["wal", 1]


def test_many_writers_at_once_all_succeed(sessions):
    def write(number):
        with transaction(sessions) as session:
            before = session.query(Job).count()
            session.add(Job(kind=JobKind.SCREENING, subject_id=before))

    threads = [threading.Thread(target=write, args=(n,)) for n in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    with reading(sessions) as session:
        assert session.query(Job).count() == 12


def test_a_reader_does_not_wait_for_a_writer(sessions):
    with transaction(sessions) as writing:
        writing.add(Volunteer(key="k"))
        writing.flush()
        with reading(sessions) as session:
            assert session.query(Volunteer).count() == 0


def test_a_postgresql_url_without_a_driver_gets_ours():
    assert make_engine("postgresql://localhost/a").url.drivername == "postgresql+psycopg"


def test_only_its_owner_can_read_a_new_database(tmp_path):
    url = f"sqlite:///{tmp_path / 'new' / 'w.db'}"
    with make_engine(url).begin() as connection:
        connection.exec_driver_sql("CREATE TABLE t (x)")
    files = list((tmp_path / "new").iterdir())
    assert files
    assert {file.stat().st_mode & 0o077 for file in files} == {0}
