"""Ten thousand submissions, backed up, restored and moved, and every row of every table compared."""

import time

import pytest

from app.core.db import make_engine, make_session_factory
from app.core.storage import make_storage
from app.upkeep.backup import back_up
from app.upkeep.copying import move
from app.upkeep.restore import restore
from tests.conftest import copy_of, make_settings
from tests.season import assert_same_rows, new_postgresql, write_season

COUNT = 10_000


@pytest.fixture(scope="module")
def season(tmp_path_factory, sqlite_template):
    """Settings of a service on SQLite with ten thousand submissions."""
    folder = tmp_path_factory.mktemp("season")
    settings = make_settings(folder, database_url=copy_of(sqlite_template, folder))
    write_season(make_session_factory(make_engine(settings.database_url)), make_storage(settings), COUNT, pictures=40)
    return settings


def test_a_season_is_restored_as_it_was(season, tmp_path, record_property):
    start = time.monotonic()
    about = back_up(season, make_engine(season.database_url), make_storage(season), tmp_path / "season.tar")
    backed_up = time.monotonic()
    place = make_settings(tmp_path / "new")
    restore(place, make_engine(place.database_url), make_storage(place), tmp_path / "season.tar")
    record_property("seconds", (backed_up - start, time.monotonic() - backed_up))
    assert about.tables["submissions"].rows == COUNT
    assert assert_same_rows(make_engine(season.database_url), make_engine(place.database_url)) == about.rows
    old, new = make_storage(season), make_storage(place)
    assert {key: new.get(key) for key in new.keys()} == {key: old.get(key) for key in old.keys()}


def test_a_season_moves_to_postgresql_and_a_backup_of_that_is_the_same(season, tmp_path):
    with new_postgresql() as url:
        moved = move(season.database_url, url)
        assert moved["submissions"].rows == COUNT
        assert assert_same_rows(make_engine(season.database_url), make_engine(url)) == sum(
            digest.rows for digest in moved.values()
        )
        place = make_settings(season.data_dir.parent, database_url=url)
        about = back_up(place, make_engine(url), make_storage(place), tmp_path / "season")
        assert about.tables == moved
