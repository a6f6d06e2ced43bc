"""Restoring in tests, and what an empty place is."""

from app.core import migrations
from app.core.db import make_engine
from app.core.storage import make_storage
from app.upkeep import copying as tables
from app.upkeep.restore import restore


def into(place, source):
    restore(place, make_engine(place.database_url), make_storage(place), source)


def assert_empty(place):
    """No row and no file; the folder and an empty database may be there."""
    engine = make_engine(place.database_url)
    with engine.connect() as connection:
        revision = migrations.current(connection)
        if revision is not None:
            tables.check_empty(connection, tables.tables_at(revision))
    left = [path for path in place.data_dir.rglob("*") if path.is_file() and not path.name.startswith("wingcheck.db")]
    assert left == []
