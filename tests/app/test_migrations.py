"""The migrations make exactly the tables that the models describe, on both databases, and can be taken back."""

import threading

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import create_engine, inspect, make_url, text

from app import migrations
from app.db import Base, make_engine
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
    with engine.begin() as connection:
        command.downgrade(migrations.alembic_config(connection), revision)


def is_current(engine):
    with engine.connect() as connection:
        return migrations.is_current(connection)


def test_an_empty_database_gets_every_table(engine):
    assert not is_current(engine)
    migrations.upgrade(engine)
    assert tables(engine) == set(Base.metadata.tables)
    assert is_current(engine)


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
