"""What tests of several services share: a second model version, a season and its backups."""

import pytest

from app.core.db import make_engine
from app.core.storage import make_storage
from app.upkeep.backup import back_up
from tests.app.sending import submit
from tests.conftest import copy_of, make_settings, running
from tests.factories import photo
from tests.season import write_season
from tests.versions import make_version, put_into_service


@pytest.fixture(scope="module")
def source(tmp_path_factory, sqlite_template):
    """Settings of a service with a small season and an imported model version."""
    folder = tmp_path_factory.mktemp("source")
    settings = make_settings(folder, database_url=copy_of(sqlite_template, folder))
    with running(settings) as service:
        write_season(service.sessions, make_storage(settings), 20)
        put_into_service(service.sessions, settings, make_version(folder))
    return settings


@pytest.fixture(scope="module")
def backups(tmp_path_factory, source):
    """A backup as a folder and one as a tar file."""
    folder = tmp_path_factory.mktemp("backups")
    for name in ("bag", "b.tar"):
        back_up(source, make_engine(source.database_url), make_storage(source), folder / name)
    return folder


@pytest.fixture
def place(tmp_path):
    return make_settings(tmp_path / "new")


@pytest.fixture
def screened(service):
    """A service with one submission that was screened."""
    token = submit(service, photo(1)).token
    service.work()
    service.token = token
    return service
