"""What tests of commands share, and versions with a finder."""

import sys

import pytest

from app import cli
from app.db import make_engine, make_session_factory
from app.settings import get_settings
from tests.conftest import copy_of
from tests.finding import RINGLET, UNNAMED, use_finder


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
