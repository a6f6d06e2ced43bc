"""Fixtures: real databases, real storage, the real model. A test that takes ``service`` runs on SQLite and on PostgreSQL.

WINGCHECK_TEST_POSTGRESQL names a PostgreSQL in which databases may be created; without a reachable one these tests are
skipped, or, with WINGCHECK_REQUIRE_ALL=1, fail.
"""

import functools
import gc
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from hypothesis import settings as hypothesis_settings
from sqlalchemy import Table, create_engine, make_url, text
from sqlalchemy.exc import OperationalError

from app.core import migrations
from app.core.db import Base, SessionFactory, make_engine, make_session_factory, transaction
from app.core.settings import Settings
from app.main import create_app
from app.predictions import registry
from app.worker import Worker
from ml.inference import versions

POSTGRESQL = os.environ.get("WINGCHECK_TEST_POSTGRESQL", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres")


# How long an example takes is no fact about the code: a busy machine fails no property.
hypothesis_settings.register_profile("without deadline", deadline=None)
hypothesis_settings.load_profile("without deadline")

# Folders and files whose tests take seconds each, begun first: at the end nobody waits for the last long one.
_LONG = ["process", "browser", "ml", "test_schemathesis.py"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Long files before short ones; within a file the order stays."""
    here = Path(__file__).parent

    def rank(item: pytest.Item) -> int:
        parts = item.path.relative_to(here).parts
        return next((place for place, name in enumerate(_LONG) if name in {parts[0], parts[-1]}), len(_LONG))

    items.sort(key=rank)


def pytest_collection_finish() -> None:
    """What is loaded by now stays: the collector of garbage need not look at it again and again."""
    gc.collect()
    gc.freeze()


@pytest.hookimpl(optionalhook=True)  # without xdist nobody asks
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are cores, for much of the time is spent waiting: for processes, pages and heartbeats."""
    return (os.cpu_count() or 1) + 1


@pytest.fixture(scope="session", autouse=True)
def bundled_files_are_hashed_once() -> Iterator[None]:
    """Each service of each test checks the bundled version's files, which no test changes: once in a process is enough."""
    hashed = functools.cache(versions.file_digest)
    with pytest.MonkeyPatch.context() as patch:
        fresh = versions.file_digest
        patch.setattr(
            versions, "file_digest", lambda path: (hashed if versions.PRETRAINED in path.parents else fresh)(path)
        )
        yield


def skip_or_fail(reason: str) -> None:
    """Skip, unless everything is required to run."""
    if os.environ.get("WINGCHECK_REQUIRE_ALL"):
        pytest.fail(reason)
    pytest.skip(reason)


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A migrated SQLite database with the bundled model registered; tests work on copies."""
    path = tmp_path_factory.mktemp("template") / "wingcheck.db"
    _make(f"sqlite:///{path}")
    assert not path.with_name("wingcheck.db-wal").exists()  # every connection is closed, so the one file is everything
    return path


@pytest.fixture(scope="session")
def postgresql_url() -> Iterator[str]:
    """A PostgreSQL database of this test process's own, dropped at the end."""
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT", connect_args={"connect_timeout": 3})
    name = f"wingcheck_test_{uuid.uuid4().hex[:12]}"
    try:
        with server.connect() as connection:
            connection.execute(text(f"CREATE DATABASE {name}"))
            # No test crashes the server: what it says it has written may wait before it reaches the disk.
            connection.execute(text(f"ALTER DATABASE {name} SET synchronous_commit = off"))
    except OperationalError as error:
        skip_or_fail(f"no PostgreSQL at {make_url(POSTGRESQL)!r}: {error.orig}")
    url = make_url(POSTGRESQL).set(database=name).render_as_string(hide_password=False)
    try:
        _make(url)
        yield url
    finally:
        with server.connect() as connection:
            connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))


def _make(url: str) -> None:
    engine = make_engine(url)
    migrations.upgrade(engine)
    engine.dispose()
    register(url)


def register(url: str) -> None:
    """Register the bundled model version."""
    engine = make_engine(url)
    with transaction(make_session_factory(engine)) as session:
        registry.register_bundled(session)
    engine.dispose()


@pytest.fixture(params=["sqlite", "postgresql"])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An empty, migrated database with the bundled model in service; once SQLite, once PostgreSQL."""
    if request.param == "sqlite":
        return copy_of(request.getfixturevalue("sqlite_template"), tmp_path)
    url: str = request.getfixturevalue("postgresql_url")
    empty(url)
    return url


def empty(url: str) -> None:
    """Forget everything in a PostgreSQL database but the bundled model.

    Rows are deleted and the few that a fresh database has put back: a TRUNCATE of every table takes forty times as long.
    """
    tables = Base.metadata.sorted_tables
    numbered = [table.name for table in tables if "id" in table.columns]
    engine = make_engine(url)
    with engine.begin() as connection:
        connection.exec_driver_sql(";".join(f"DELETE FROM {table.name}" for table in reversed(tables)))  # noqa: S608
        for table, rows in _of_a_fresh_database().items():
            connection.execute(table.insert(), rows)
        following = (
            f"setval(pg_get_serial_sequence('{name}', 'id'), (SELECT coalesce(max(id), 0) + 1 FROM {name}), false)"  # noqa: S608
            for name in numbered
        )
        connection.execute(text(f"SELECT {', '.join(following)}"))
    engine.dispose()


@functools.cache
def _of_a_fresh_database() -> dict[Table, list[dict[str, Any]]]:
    """The rows of a database that only knows the bundled model, in an order in which they can be written."""
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/fresh.db"
        _make(url)
        engine = make_engine(url)
        with engine.connect() as connection:
            found = {
                table: connection.execute(table.select()).mappings().all() for table in Base.metadata.sorted_tables
            }
        engine.dispose()
    return {table: [dict(row) for row in rows] for table, rows in found.items() if rows}


@pytest.fixture
def settings(tmp_path: Path, database_url: str) -> Settings:
    """Settings with a data folder of their own."""
    return make_settings(tmp_path, database_url=database_url)


def make_settings(folder: Path, **values: object) -> Settings:
    """Settings that ignore this machine's environment file."""
    defaults: dict[str, object] = {
        "data_dir": folder / "data",
        "secret_key": "only-for-tests",
        "allowed_hosts": "testserver",
        "screen_at_once_seconds": 0,  # a test turns the worker by hand
        "submission_wait_seconds": 60,  # many come at once, on a machine that is busy with tests
        **dict.fromkeys(("rate_limit_predict", "rate_limit_submissions", "rate_limit_writes"), ""),
    }
    return Settings(_env_file=None, **(defaults | values))


@dataclass
class Service:
    """A running service: the web application, and the worker that the test turns by hand."""

    settings: Settings
    client: TestClient
    worker: Worker

    @property
    def sessions(self) -> SessionFactory:
        """Sessions on the service's database."""
        return self.worker.sessions

    def work(self) -> int:
        """Run every message that waits in the queue; returns how many."""
        huey, count = self.worker.dispatcher.huey, 0
        while (task := huey.dequeue()) is not None:
            huey.execute(task)
            count += 1
        return count


@contextmanager
def running(settings: Settings) -> Iterator[Service]:
    """Web and worker on these settings."""
    worker = Worker(settings)
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        yield Service(settings, client, worker)
    worker.close()


@pytest.fixture
def service(settings: Settings) -> Iterator[Service]:
    """A running service on an empty database."""
    with running(settings) as found:
        yield found


@pytest.fixture
def lite(tmp_path: Path, sqlite_template: Path) -> Iterator[Service]:
    """A running service on SQLite only, for what does not depend on the database."""
    with running(make_settings(tmp_path, database_url=copy_of(sqlite_template, tmp_path))) as found:
        yield found


def copy_of(template: Path, folder: Path) -> str:
    """The URL of a copy of a database, in ``folder``."""
    shutil.copy(template, folder / "wingcheck.db")
    return f"sqlite:///{folder / 'wingcheck.db'}"
