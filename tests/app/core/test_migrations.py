"""The migrations make exactly the tables that the models describe, on both databases, and can be taken back."""

import threading
from datetime import datetime

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import JSON, MetaData, Table, create_engine, func, inspect, make_url, null, select, text
from sqlalchemy.exc import IntegrityError

from app.core import migrations
from app.core.db import Base, make_engine, utcnow
from tests.conftest import POSTGRESQL


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request, tmp_path):
    """A database without any table."""
    if request.param == "sqlite":
        engine = make_engine(f"sqlite:///{tmp_path / 'empty.db'}")
        yield engine
        engine.dispose()
        return
    server_url = request.getfixturevalue("postgresql_url")  # also skips where there is none
    name = f"{make_url(server_url).database}_empty"
    server = create_engine(POSTGRESQL, isolation_level="AUTOCOMMIT")
    with server.connect() as connection:
        connection.execute(text(f"CREATE DATABASE {name}"))
    engine = make_engine(make_url(server_url).set(database=name).render_as_string(hide_password=False))
    yield engine
    engine.dispose()
    with server.connect() as connection:
        connection.execute(text(f"DROP DATABASE {name} WITH (FORCE)"))
    server.dispose()


def tables(engine):
    return set(inspect(engine).get_table_names()) - {"alembic_version"}


def downgrade(engine, revision):
    with migrations.changing(engine) as connection:
        command.downgrade(migrations.alembic_config(connection), revision)


def is_current(engine):
    with engine.connect() as connection:
        return migrations.is_current(connection)


def test_an_empty_database_gets_every_table(engine):
    assert not is_current(engine)
    migrations.upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)
    assert is_current(engine)


def test_the_revisions_are_those_that_alembic_finds():
    scripts = ScriptDirectory.from_config(migrations.alembic_config())
    assert [migrations.newest()] == scripts.get_heads()
    assert all(migrations.is_known(script.revision) for script in scripts.walk_revisions())
    assert not migrations.is_known("9999")


def test_the_models_ask_for_nothing_that_the_migrations_did_not_make(engine):
    migrations.upgrade(engine)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "target_metadata": Base.metadata})
        assert compare_metadata(context, Base.metadata) == []


def test_everything_can_be_taken_back_and_made_again(engine):
    migrations.upgrade(engine)
    downgrade(engine, "base")
    assert tables(engine) == set()
    assert not is_current(engine)
    migrations.upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)


def put(connection, name, **values):
    """A row of the table as it is now; what must not be empty and isn't given gets any value of its type."""
    table = Table(name, MetaData(), autoload_with=connection)
    any_value = {int: 1, float: 0.0, str: "x", bool: False, datetime: utcnow(), object: {}}
    kinds = {column.name: column.type.python_type for column in table.columns if not column.nullable}
    connection.execute(table.insert().values({name: any_value[kind] for name, kind in kinds.items()} | values))


def rows(connection, what):
    return [tuple(row) for row in connection.execute(text(what))]


def test_what_runs_wanted_moves_to_the_runs_and_back_and_no_photo_of_a_snapshot_is_lost(engine):
    migrations.upgrade(engine, "0013")
    with engine.begin() as connection:
        put(connection, "volunteers", id=1)
        put(connection, "submissions", id=1, volunteer_id=1)
        put(connection, "photos", id=1, submission_id=1)
        put(connection, "snapshots", id=1, task="browns", wanted={"codes": ["V1"]})
        put(connection, "snapshot_photos", snapshot_id=1, photo_id=1)
        for number in (1, 2):
            put(connection, "jobs", id=number)
            put(connection, "training_runs", id=number, job_id=number, snapshot_id=1, task="browns")
    migrations.upgrade(engine)
    with engine.connect() as connection:
        runs = Table("training_runs", MetaData(), autoload_with=connection)
        assert connection.scalars(select(runs.c.wanted)).all() == [{"codes": ["V1"]}] * 2
        assert rows(connection, "SELECT snapshot_id, photo_id FROM snapshot_photos") == [(1, 1)]
    downgrade(engine, "0013")
    with engine.connect() as connection:
        snapshots = Table("snapshots", MetaData(), autoload_with=connection)
        assert connection.execute(select(snapshots.c.task, snapshots.c.wanted)).all() == [("browns", {"codes": ["V1"]})]
        assert rows(connection, "SELECT snapshot_id, photo_id FROM snapshot_photos") == [(1, 1)]


LOOKED = ("square_origin", "searched", "others", "looks_like", "square_changes")


def test_predictions_of_before_looked_at_what_was_drawn_and_the_newest_stays_on_the_way_back(engine):
    migrations.upgrade(engine, "0015")
    with engine.begin() as connection:
        put(connection, "volunteers", id=1)
        put(connection, "submissions", id=1, volunteer_id=1)
        put(connection, "model_versions", id=1)
        put(connection, "snapshots", id=1)
        put(connection, "claims", id=1, submission_id=1)
        put(connection, "verdicts", id=1, submission_id=1, claim_id=1, model_version_id=1)
        # A photo without a square has the value null where the application wrote it.
        for number, square in ((1, [0.1, 0.2, 0.5, 0.25]), (2, JSON.NULL), (3, null())):
            put(connection, "photos", id=number, submission_id=1, position=number, token=str(number), square=square)
            put(connection, "predictions", id=number, photo_id=number, model_version_id=1)
            put(connection, "candidate_predictions", photo_id=number, model_version_id=1)
            put(connection, "snapshot_photos", snapshot_id=1, photo_id=number)
    migrations.upgrade(engine)
    with engine.begin() as connection:
        for name in ("predictions", "candidate_predictions", "snapshot_photos"):
            table = Table(name, MetaData(), autoload_with=connection)
            squares = connection.scalars(select(table.c.square).order_by(table.c.photo_id)).all()
            assert squares == [[0.1, 0.2, 0.5, 0.25], None, None], name
            assert connection.scalar(select(func.count()).where(table.c.square.is_(None))) == 2, name
            if name != "snapshot_photos":
                looked = [table.c[column] for column in LOOKED]
                assert [tuple(row) for row in connection.execute(select(*looked).order_by(table.c.photo_id))] == [
                    ("given", False, [], [], 0),
                    ("middle", False, [], [], 0),
                    ("middle", False, [], [], 0),
                ]
        assert rows(connection, "SELECT square_changes FROM photos") == [(0,)] * 3
        assert rows(connection, "SELECT square_changes FROM verdicts") == [(0,)]
        # The square of the first one is moved.
        put(connection, "verdicts", id=2, submission_id=1, claim_id=1, model_version_id=1, square_changes=1)
        put(connection, "predictions", id=4, photo_id=1, model_version_id=1, square_changes=1)
        put(connection, "candidate_predictions", photo_id=1, model_version_id=1, square_changes=1, in_scope=0.5)
    downgrade(engine, "0015")
    with engine.connect() as connection:
        assert rows(connection, "SELECT id FROM predictions ORDER BY id") == [(2,), (3,), (4,)]
        assert rows(connection, "SELECT id FROM verdicts") == [(2,)]
        kept = "SELECT photo_id, in_scope FROM candidate_predictions ORDER BY photo_id"
        assert rows(connection, kept) == [(1, 0.5), (2, 0.0), (3, 0.0)]


SCOPES = {  # of four keys: before, after, and on the way back
    1: (["predict"], ["predict"], ["predict"]),
    2: (["admin", "predict", "review:read"], ["models", "predict", "records"], ["admin", "predict", "review:read"]),
    3: (["review:read", "review:write"], ["records"], ["review:read"]),
    4: (["review:write"], [], []),
}


def test_keys_keep_the_scopes_that_are_left_and_one_without_any_stays(engine):
    def expect(column):
        with engine.connect() as connection:
            keys = Table("api_keys", MetaData(), autoload_with=connection)
            found = {row.id: row.scopes for row in connection.execute(select(keys.c.id, keys.c.scopes))}
        assert found == {number: scopes[column] for number, scopes in SCOPES.items()}

    migrations.upgrade(engine, "0016")
    with engine.begin() as connection:
        put(connection, "users", id=1)
        for number, (before, *_) in SCOPES.items():
            put(connection, "api_keys", id=number, user_id=1, key_hash=str(number), scopes=before)
    migrations.upgrade(engine)
    expect(1)
    downgrade(engine, "0016")
    expect(2)


def test_a_migration_that_would_leave_rows_that_point_nowhere_changes_nothing(tmp_path):
    engine = make_engine(f"sqlite:///{tmp_path / 'some.db'}")
    migrations.upgrade(engine)
    with engine.begin() as connection:
        put(connection, "volunteers", id=1)
        put(connection, "submissions", id=1, volunteer_id=1)
    with pytest.raises(RuntimeError, match="point nowhere"), migrations.changing(engine) as connection:
        connection.execute(text("DELETE FROM volunteers"))
    with engine.begin() as connection:
        assert rows(connection, "SELECT id FROM volunteers") == [(1,)]
        with pytest.raises(IntegrityError):  # outside, foreign keys are enforced as ever
            connection.execute(text("DELETE FROM volunteers"))
    engine.dispose()


def test_upgrading_again_changes_nothing(engine):
    migrations.upgrade(engine)
    migrations.upgrade(engine)
    assert is_current(engine)


def test_two_processes_that_upgrade_at_once_take_turns(engine):
    errors = []

    def upgrade():
        try:
            migrations.upgrade(make_engine(engine.url.render_as_string(hide_password=False)))
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=upgrade) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert errors == []
    assert is_current(engine)


def test_every_constraint_has_a_name_so_that_it_can_be_changed(engine):
    migrations.upgrade(engine)
    found = inspect(engine)
    for table in tables(engine):
        named = [
            *found.get_foreign_keys(table),
            *found.get_unique_constraints(table),
            *found.get_check_constraints(table),
        ]
        assert all(constraint["name"] for constraint in named)


def test_what_was_withdrawn_before_keeps_no_words(engine):
    migrations.upgrade(engine, "0020")
    with engine.begin() as connection:
        tables = MetaData()
        tables.reflect(connection)
        now = utcnow()
        volunteers, submissions, claims = (tables.tables[name] for name in ("volunteers", "submissions", "claims"))
        connection.execute(volunteers.insert(), {"id": 1, "key": "k", "language": "en", "created_at": now})
        for number, status in enumerate(("withdrawn", "received"), 1):
            connection.execute(
                submissions.insert(),
                {
                    **{"id": number, "token": f"t{number}", "volunteer_id": 1, "idempotency_key": f"mine-{number}"},
                    **{"content_digest": "digest", "status": status, "verification_status": "pending"},
                    **{"individual_count": 3, "event_date": now.date(), "event_date_source": "typed", "place": ""},
                    **{"coordinate_source": "missing", "note": "", "created_at": now},
                },
            )
            words = {"submission_id": number, "kind": "other", "verbatim": "my words", "informed": False}
            connection.execute(claims.insert(), words | {"created_at": now})
    migrations.upgrade(engine)
    with engine.connect() as connection:
        kept = "SELECT s.idempotency_key, s.content_digest, s.individual_count, s.event_date_source, c.verbatim"
        rows = connection.execute(
            text(f"{kept} FROM submissions s JOIN claims c ON c.submission_id = s.id ORDER BY s.id")
        )
        assert rows.all() == [("deleted-1", "", 1, "missing", ""), ("mine-2", "digest", 3, "typed", "my words")]
