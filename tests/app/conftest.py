"""What tests of commands and pages share, and versions with a finder."""

import sys

import pytest

from app import cli
from app.core.db import make_engine, make_session_factory
from app.core.settings import get_settings
from tests.app.sending import row, submit
from tests.conftest import copy_of
from tests.finding import RINGLET, UNNAMED, use_finder
from tests.versions import make_version, put_into_service


@pytest.fixture
def wingcheck(tmp_path, monkeypatch, capfd):
    """Run a command in an empty data folder; gives exit code, output and errors."""
    monkeypatch.setenv("WINGCHECK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)
    get_settings.cache_clear()

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["wingcheck", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as leaving:
            return leaving.code or 0, *capfd.readouterr()
        return 0, *capfd.readouterr()

    yield run
    get_settings.cache_clear()


@pytest.fixture
def finder(monkeypatch):
    """Versions that are loaded from now on find drawn butterflies, and have names for what they call out of scope."""
    use_finder(monkeypatch, RINGLET, UNNAMED)


@pytest.fixture
def database(tmp_path, sqlite_template):
    """A migrated database with the bundled model, where the commands look for it."""
    (tmp_path / "data").mkdir()
    return make_session_factory(make_engine(copy_of(sqlite_template, tmp_path / "data")))


@pytest.fixture
def serve(lite, tmp_path):
    """Put the bundled network into service under another policy."""

    def put(version="99.0.0", **policy):
        put_into_service(lite.sessions, lite.settings, make_version(tmp_path, version, **policy))
        for classifiers in (lite.worker.classifiers, lite.client.app.state.classifiers):
            classifiers._checked = 0.0

    return put


@pytest.fixture
def screened(lite):
    """Send a submission and let the worker look at it."""

    def send(*pictures, **values):
        token = submit(lite, *pictures, **values).token
        lite.work()
        return row(lite, token)

    return send


@pytest.fixture
def another(tmp_path):
    """The folder of a version 2.0.0 of the bundled model."""
    return make_version(tmp_path, "2.0.0")
