"""The queue of the review desk from ten thousand rows on: pages, counts and "next" per filter, with their query plans."""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, event, make_url, text
from sqlalchemy.orm import Session

from app.core import migrations
from app.core.db import make_engine, make_session_factory, reading, utcnow
from app.review import batches, figures, queue
from app.review.desk import Desk
from app.review.filters import Filter, ListState
from app.review.rules import PhotoQuality, ReviewReason
from benchmarks.review_rows import fill

SIZES = {"sqlite": (10_000, 100_000), "postgresql": (10_000, 100_000, 1_000_000)}
REPEATS, USER = 15, 1
_ONE, _OTHER = "Genus species01", "Genus species05"
SINGLE: dict[str, Filter] = {
    "nothing": Filter(),
    "reason": Filter(reason=ReviewReason.UNCERTAIN),
    "claimed species": Filter(claimed=_OTHER),
    "predicted species": Filter(predicted=_OTHER),
    "one day": Filter(from_date=date(2024, 7, 1), to_date=date(2024, 7, 1)),
    "one week": Filter(from_date=date(2024, 7, 1), to_date=date(2024, 7, 7)),
    "one season": Filter(from_date=date(2024, 1, 1), to_date=date(2024, 12, 31)),
    "a day without any": Filter(from_date=date(2024, 1, 1), to_date=date(2024, 1, 1)),
    "place": Filter(place="village 42"),
    "a place without any": Filter(place="nowhere"),
    "photo quality": Filter(quality=PhotoQuality.DARK),
    "decided": Filter(state=ListState.DECIDED),
    "decided by one reviewer": Filter(state=ListState.DECIDED, reviewer=2),
    "my desk": Filter(state=ListState.MINE),
    "questions": Filter(state=ListState.QUESTIONED),
}
COMBINED: dict[str, Filter] = {
    "look-alike pair": Filter(claimed=_ONE, predicted=_OTHER),
    "reason and species": Filter(reason=ReviewReason.DISAGREE, claimed=_OTHER),
    "reason, species and week": Filter(
        reason=ReviewReason.DISAGREE, claimed=_OTHER, from_date=date(2024, 7, 1), to_date=date(2024, 7, 7)
    ),
    "species, place and quality": Filter(claimed=_OTHER, place="village 42", quality=PhotoQuality.DARK),
    "free text, frequent": Filter(text="village"),
    "free text, rare": Filter(text="number 4242"),
    "free text, nowhere": Filter(text="peacock"),
}


@dataclass(frozen=True)
class Times:
    """Milliseconds: median and 95th percentile by the clock, and the processor's mean, which other work does not lengthen.

    ``work`` is that of this process and of the database's own process for this connection.
    """

    median: float
    p95: float
    work: float

    def __str__(self) -> str:
        return f"{self.median:.1f} ({self.p95:.1f})"


@dataclass
class Row:
    """One filter: a first page, one fifty pages on, and a first page with all counts."""

    name: str
    page: Times
    deep: Times | None
    counted: Times
    plan: list[str] = field(default_factory=list)


@dataclass
class Run:
    """What was measured in one database of one size."""

    dialect: str
    rows: int
    filled: float
    single: list[Row]
    combined: list[Row]
    other: dict[str, Times]


def main(arguments: list[str] | None = None) -> None:
    """Measure, print, and write the figures where ``--write`` says."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=review_queue", description=__doc__)
    parser.add_argument("--postgresql", metavar="URL", help="a server in which databases may be made")
    parser.add_argument("--rows", type=int, help="no more than so many")
    parser.add_argument("--write", type=Path, metavar="FILE", help="docs/benchmarks/review-queue.md, for instance")
    options = parser.parse_args(arguments)
    runs = []
    for dialect in ("sqlite", *(["postgresql"] if options.postgresql else [])):
        for rows in SIZES[dialect]:
            if options.rows and rows > options.rows:
                continue
            with _database(dialect, options.postgresql) as engine:
                runs.append(measure(engine, rows))
            print(*_tables(runs[-1]), sep="\n", flush=True)
    if options.write:
        options.write.write_text("\n".join(_document(runs)) + "\n")


@contextmanager
def _database(dialect: str, server: str | None) -> Iterator[Engine]:
    if dialect == "sqlite":
        with tempfile.TemporaryDirectory() as folder:
            engine = make_engine(f"sqlite:///{folder}/queue.db")
            yield engine
            engine.dispose()
        return
    name = f"wingcheck_queue_{os.getpid()}"
    outside = create_engine(server or "", isolation_level="AUTOCOMMIT")
    with outside.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = make_engine(make_url(server or "").set(database=name).render_as_string(hide_password=False))
    try:
        yield engine
    finally:
        engine.dispose()
        with outside.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
        outside.dispose()


def measure(engine: Engine, rows: int) -> Run:
    """Fill an empty database with so many submissions, and measure every filter."""
    migrations.upgrade(engine)
    begun = time.perf_counter()
    with engine.begin() as connection:
        fill(connection, rows)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE" if engine.dialect.name == "postgresql" else "ANALYZE"))
    filled = time.perf_counter() - begun
    sessions = make_session_factory(engine)
    with reading(sessions) as session:
        backend = _backend(session)
        single = [_row(session, engine, backend, name, wanted) for name, wanted in SINGLE.items()]
        combined = [_row(session, engine, backend, name, wanted) for name, wanted in COMBINED.items()]
        other = {
            "every pair of species": _timed(lambda: batches.pairs(session), backend, 3),
            "figures": _timed(lambda: figures.figures(session, utcnow()), backend, 3),
        }
    desk = Desk(sessions)
    other['"next", unfiltered'] = _timed(lambda: desk.next(USER, Filter()), None)
    other['"next", one species'] = _timed(lambda: desk.next(USER, Filter(claimed=_OTHER)), None)
    return Run(engine.dialect.name, rows, filled, single, combined, other)


def _row(session: Session, engine: Engine, backend: int | None, name: str, wanted: Filter) -> Row:
    cursor = None
    for _ in range(50):
        found = queue.page(session, wanted, USER, cursor)
        if found.next is None:
            break
        cursor = found.next
    else:
        found = queue.page(session, wanted, USER, cursor)
    deep = _timed(lambda: queue.page(session, wanted, USER, cursor), backend) if cursor else None

    def whole() -> None:
        queue.page(session, wanted, USER)
        queue.counts(session, wanted, USER)
        queue.count(session, wanted, USER)

    page = _timed(lambda: queue.page(session, wanted, USER), backend)
    return Row(
        name, page, deep, _timed(whole, backend), _plan(session, engine, lambda: queue.page(session, wanted, USER))
    )


def _timed(action: Callable[[], object], backend: int | None, repeats: int = REPEATS) -> Times:
    """After one call to warm up. ``backend``: process number of PostgreSQL's side of the connection, where it is here."""
    action()
    times = []
    worked = time.process_time() + _worked(backend)
    for _ in range(repeats):
        begun = time.perf_counter()
        action()
        times.append((time.perf_counter() - begun) * 1000)
    worked = (time.process_time() + _worked(backend) - worked) * 1000 / repeats
    times.sort()
    return Times(statistics.median(times), times[round(0.95 * (len(times) - 1))], worked)


def _backend(session: Session) -> int | None:
    if session.get_bind().dialect.name != "postgresql":
        return None
    number = session.scalar(text("SELECT pg_backend_pid()"))
    return number if number and Path(f"/proc/{number}/stat").exists() else None


def _worked(process: int | None) -> float:
    """Seconds of processor time that a process has had."""
    if process is None:
        return 0.0
    parts = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(parts[11]) + int(parts[12])) / os.sysconf("SC_CLK_TCK")


def _plan(session: Session, engine: Engine, action: Callable[[], object]) -> list[str]:
    """How the database found the numbers of a page: the plan of the statement that asks for positions."""
    seen: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, parameters: Any, _context: Any, _many: bool) -> None:
        if "ORDER BY review_tasks.position" in statement or "ORDER BY few.position" in statement:
            seen.append((statement, parameters))

    event.listen(engine, "before_cursor_execute", note)
    try:
        action()
    finally:
        event.remove(engine, "before_cursor_execute", note)
    explain = (
        "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF)"
        if engine.dialect.name == "postgresql"
        else "EXPLAIN QUERY PLAN"
    )
    statement, parameters = seen[-1]
    lines = session.connection().exec_driver_sql(f"{explain} {statement}", parameters).all()
    return [str(line[-1]) for line in lines]


def _tables(run: Run) -> list[str]:
    name = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}[run.dialect]
    lines = [f"### {name}, {run.rows:,} submissions", "", f"Filled and analysed in {run.filled:.0f} s.", ""]
    for title, rows in (("one filter", run.single), ("combinations and free text", run.combined)):
        lines += [f"| {title} | page | fifty pages on, or the last | page with all counts | of that, work |"]
        lines += ["|---|---|---|---|---|"]
        lines += [f"| {r.name} | {r.page} | {r.deep or ''} | {r.counted} | {r.counted.work:.1f} |" for r in rows]
        lines.append("")
    lines += ["| other | | work |", "|---|---|---|"]
    lines += [f"| {name} | {times} | {times.work:.1f} |" for name, times in run.other.items()]
    return [*lines, ""]


def _document(runs: list[Run]) -> list[str]:
    lines = [
        "# The review queue",
        "",
        "Written by `python -m benchmarks review_queue --postgresql URL --write docs/benchmarks/review-queue.md` on",
        f"{os.cpu_count()} cores ({platform.machine()}, Python {platform.python_version()}). Milliseconds at the server,",
        f"without the page's HTML: the median, and in brackets the 95th percentile, of {REPEATS}. 60 % of the submissions are",
        f"open, 38 % decided. A page has {queue.PAGE} lines. *With all counts* adds one count for each value of each filter, and",
        "that of the whole filter, each stopping at a thousand. *Work* is processor time of the service and of the database's",
        "process for it: the clock runs on while other programs have the processor, and many had it here (the load was about",
        f"{os.getloadavg()[1]:.0f} on {os.cpu_count()} cores).",
        "",
        "## How it grows: work for a page with all counts, in milliseconds",
        "",
        "| filter | " + " | ".join(f"{run.dialect}, {run.rows:,}" for run in runs) + " |",
        "|---|" + "---|" * len(runs),
    ]
    for number, name in enumerate([*SINGLE, *COMBINED]):
        lines.append(
            f"| {name} | "
            + " | ".join(f"{[*run.single, *run.combined][number].counted.work:.1f}" for run in runs)
            + " |"
        )
    lines += ["", "## Each size", ""]
    for run in runs:
        lines += _tables(run)
    lines += ["## Query plans", ""]
    for dialect in dict.fromkeys(run.dialect for run in runs):
        run = [run for run in runs if run.dialect == dialect][-1]
        lines += [f"### {dialect}, {run.rows:,} submissions", ""]
        for row in [*run.single, *run.combined]:
            lines += [f"**{row.name}**", "", "```", *row.plan, "```", ""]
    return lines
