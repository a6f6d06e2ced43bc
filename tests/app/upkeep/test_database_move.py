"""Moving between SQLite and PostgreSQL: every row the same, or none there."""

import subprocess
import sys

import pytest
from sqlalchemy import select, text

from app.core import migrations
from app.core.db import make_engine, make_session_factory, reading, transaction, utcnow
from app.core.errors import Conflict, NotFound, WingcheckError
from app.core.storage import make_storage
from app.submissions.tables import Submission, Volunteer
from app.upkeep import copying as tables
from app.upkeep.copying import move
from tests.conftest import copy_of, make_settings, register
from tests.running import environment
from tests.season import assert_same_rows, new_postgresql, write_season


@pytest.fixture
def postgresql():
    with new_postgresql() as url:
        yield url


@pytest.fixture
def sqlite(tmp_path, sqlite_template):
    """The URL of a small season in SQLite."""
    url = copy_of(sqlite_template, tmp_path)
    write_season(make_session_factory(make_engine(url)), make_storage(make_settings(tmp_path)), 25)
    return url


def rows_in(url):
    engine = make_engine(url)
    with engine.connect() as connection:
        revision = migrations.current(connection)
        if revision is None:
            return 0
        return sum(tables.digest(connection, table).rows for table in tables.tables_at(revision))


def test_there_and_back_again(sqlite, postgresql, tmp_path):
    moved = move(sqlite, postgresql)
    assert moved["submissions"].rows == 25
    assert assert_same_rows(make_engine(sqlite), make_engine(postgresql)) == sum(d.rows for d in moved.values())
    back = f"sqlite:///{tmp_path / 'back.db'}"
    assert move(postgresql, back) == moved
    assert_same_rows(make_engine(sqlite), make_engine(back))


def test_the_next_row_gets_the_next_number(sqlite, postgresql):
    move(sqlite, postgresql)
    with transaction(make_session_factory(make_engine(postgresql))) as session:
        volunteer = Volunteer(key="next")
        session.add(volunteer)
        session.flush()
        assert volunteer.id == len(list(session.scalars(select(Volunteer))))
    register(postgresql)  # as the next start does


def test_no_value_and_the_value_null_stay_apart(sqlite, postgresql):
    with make_engine(sqlite).begin() as connection:
        connection.execute(text("UPDATE photos SET square = NULL WHERE id = 1"))
        connection.execute(text("UPDATE photos SET square = 'null' WHERE id = 2"))
    move(sqlite, postgresql)
    with make_engine(postgresql).connect() as connection:
        found = connection.execute(text("SELECT square::text FROM photos ORDER BY id LIMIT 2")).scalars().all()
    assert found == [None, "null"]


def test_text_keys_are_compared_in_one_order(sqlite, postgresql):
    """PostgreSQL sorts text by the rules of a language, SQLite by bytes."""
    ends = utcnow().isoformat(" ")[:26]
    with make_engine(sqlite).begin() as connection:
        for key in ("b", "B", "a", "Z", "é", "_", "10", "9", "🦋"):
            connection.execute(text("INSERT INTO rate_limit_windows VALUES (:k, 1, :e)"), {"k": key, "e": ends})
    assert move(sqlite, postgresql)["rate_limit_windows"].rows == 9


def test_a_target_with_rows_is_refused(sqlite, postgresql):
    move(sqlite, postgresql)
    with pytest.raises(Conflict, match="not empty"):
        move(sqlite, postgresql)
    assert_same_rows(make_engine(sqlite), make_engine(postgresql))


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("place", "x" * 301, "too long"),
        ("note", "a zero\0 byte", "NUL"),
    ],
)
def test_a_row_that_the_target_refuses_is_named_and_nothing_is_moved(sqlite, postgresql, column, value, said):
    with make_engine(sqlite).begin() as connection:
        connection.execute(text(f"UPDATE submissions SET {column} = :v WHERE id = 13"), {"v": value})  # noqa: S608
    with pytest.raises(WingcheckError, match=f"submissions with id 13: .*{said}"):
        move(sqlite, postgresql)
    assert rows_in(postgresql) == 0


def test_rows_that_come_back_changed_are_noticed(sqlite, postgresql, monkeypatch):
    real = tables.digest
    monkeypatch.setattr(
        tables,
        "digest",
        lambda c, table: tables.TableDigest(25, "another") if table.name == "claims" else real(c, table),
    )
    with pytest.raises(WingcheckError, match="claims came back changed"):
        move(sqlite, postgresql)
    monkeypatch.setattr(tables, "digest", real)
    assert rows_in(postgresql) == 0


def test_what_is_written_meanwhile_stays_behind_as_a_whole(sqlite, postgresql, monkeypatch):
    real = tables.lines
    sessions = make_session_factory(make_engine(sqlite))
    interruptions: list[str] = []

    def interrupted(connection, table):
        yield from real(connection, table)
        if table.name == "volunteers" and not interruptions:
            interruptions.append(table.name)
            with transaction(sessions) as session:
                volunteer = Volunteer(key="late")
                session.add(Submission(token="late", volunteer=volunteer, idempotency_key="k", content_digest="d"))

    monkeypatch.setattr(tables, "lines", interrupted)
    assert move(sqlite, postgresql)["submissions"].rows == 25


def test_the_same_database_twice_is_refused(sqlite):
    with pytest.raises(Conflict, match="same database"):
        move(sqlite, sqlite)


def test_a_source_that_is_not_there_is_not_made(tmp_path, postgresql):
    with pytest.raises(NotFound, match=r"no database at .*none\.db"):
        move(f"sqlite:///{tmp_path / 'none.db'}", postgresql)
    assert not (tmp_path / "none.db").exists()


def test_a_source_without_tables_is_said(tmp_path, postgresql):
    with make_engine(f"sqlite:///{tmp_path / 'empty.db'}").begin() as connection:
        connection.execute(text("CREATE TABLE others (id INTEGER)"))
    with pytest.raises(WingcheckError, match="no tables"):
        move(f"sqlite:///{tmp_path / 'empty.db'}", postgresql)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("mysql://root@localhost/x", "mysql is no database of Wingcheck"),
        ("postgresql://root:a-password@127.0.0.1:1/none", "can't be used"),
        ("nonsense", "no database URL"),
    ],
)
def test_targets_that_are_none_are_said_in_one_line(sqlite, tmp_path, target, said):
    found = subprocess.run(
        [sys.executable, "-m", "app", "migrate-database", sqlite, target],
        env=environment(tmp_path / "data"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 1
    assert said in found.stderr
    assert "Traceback" not in found.stderr
    assert "a-password" not in found.stderr + found.stdout


def test_the_command_says_what_to_do_next(sqlite, postgresql, tmp_path):
    found = subprocess.run(
        [sys.executable, "-m", "app", "migrate-database", sqlite, postgresql],
        env=environment(tmp_path / "data"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    assert "WINGCHECK_DATABASE_URL" in found.stdout
    with reading(make_session_factory(make_engine(postgresql))) as session:
        assert len(list(session.scalars(select(Submission)))) == 25
