"""How long a season's records take to count and to download. The baseline: the bare rows of submissions as CSV."""

import argparse
import csv
import io
import os
import platform
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

from sqlalchemy import select, text

from app.core import migrations
from app.core.db import SessionFactory, make_engine, make_session_factory, reading, transaction
from app.core.storage import make_storage
from app.organisation import details as organisation
from app.organisation.rules import Licence
from app.records import archive, description, summary
from app.records.archive import Download, Form
from app.records.description import Description
from app.records.occurrences import Shape
from app.records.rules import Standing
from app.records.selection import Selection
from app.submissions.tables import Submission
from benchmarks.timing import median_ms, table
from tests.conftest import make_settings, register
from tests.season import new_postgresql, write_season

YEAR = Selection(date(2026, 1, 1), date(2026, 12, 31), standings=frozenset(Standing))
REPEATS = 5


@contextmanager
def season(url: str, count: int) -> Iterator[SessionFactory]:
    """A database with so many submissions of this year."""
    engine = make_engine(url)
    migrations.upgrade(engine)
    register(url)
    sessions = make_session_factory(engine)
    with tempfile.TemporaryDirectory() as folder:
        write_season(sessions, make_storage(make_settings(Path(folder), database_url=url)), count)
    if engine.dialect.name == "postgresql":
        with engine.connect() as connection:
            connection.execute(text("ANALYZE"))
            connection.commit()
    yield sessions
    engine.dispose()


def _bare(sessions: SessionFactory) -> int:
    """The baseline: every column of the table of submissions, row by row, and nothing else."""
    stream = io.StringIO()
    with reading(sessions) as session:
        rows = session.execute(select(*Submission.__table__.columns))
        csv.writer(stream).writerows(rows)
    return len(stream.getvalue())


def _drained(sessions: SessionFactory, form: Form) -> float:
    """Seconds for the whole file."""
    started = time.perf_counter()
    for _piece in archive.pieces(sessions, Download(form, YEAR, Shape(words=True, names=True))):
        pass
    return time.perf_counter() - started


def _rows(name: str, sessions: SessionFactory, count: int) -> list[tuple[str, ...]]:
    def counted() -> None:
        with reading(sessions) as session:
            summary.summary(session, YEAR)
            summary.extent(session, YEAR)

    with reading(sessions) as session:
        user = session.execute(text("SELECT min(id) FROM users")).scalar_one()
    with transaction(sessions) as session:
        organisation.save(session, user, organisation.blank(name="Charity", contact_email="count@example.org"))
    description.save(sessions, user, Description("Count", Licence.CC_BY))
    bare = median_ms(lambda: _bare(sessions), 3) / 1000
    told: list[tuple[str, ...]] = [(name, "count, for the page", f"{median_ms(counted, REPEATS):.0f} ms", "", "")]
    for form in Form:
        seconds = _drained(sessions, form)
        told.append((name, form.value, f"{seconds:.1f} s", f"{count / seconds:,.0f}", f"{seconds / bare:.1f}"))
    return told


def main(arguments: list[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=records", description=__doc__)
    parser.add_argument("--count", type=int, default=50_000, help="submissions")
    parser.add_argument("--postgresql", action="store_true", help="there too, where WINGCHECK_TEST_POSTGRESQL says")
    options = parser.parse_args(arguments)
    rows = [("database", "what", "took", "records/s", "times the bare rows")]
    with tempfile.TemporaryDirectory() as folder, season(f"sqlite:///{folder}/records.db", options.count) as sessions:
        rows += _rows("SQLite", sessions, options.count)
    if options.postgresql:
        with new_postgresql() as url, season(url, options.count) as sessions:
            rows += _rows("PostgreSQL", sessions, options.count)
    print(
        f"\n{options.count:,} submissions; {os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}\n"
    )
    table(rows)
