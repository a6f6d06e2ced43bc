"""A database with two reviewers, once SQLite and once PostgreSQL; no model is asked anything here."""

from dataclasses import dataclass

import pytest

from app.core.db import Base, SessionFactory, make_engine, make_session_factory
from app.review.decisions import Decisions
from app.review.desk import Desk
from tests.conftest import copy_of, empty
from tests.people import make_user


@dataclass
class Review:
    """Two reviewers' desk, and its use cases."""

    sessions: SessionFactory
    anna: int
    ben: int

    @property
    def desk(self) -> Desk:
        return Desk(self.sessions)

    @property
    def decisions(self) -> Decisions:
        return Decisions(self.sessions)


KEPT = {"taxa", "vernacular_names", "taxon_marks", "model_versions"}


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def engine(request, tmp_path_factory):
    """A database for all tests of a file: there are many, and emptying a few tables is quick."""
    if request.param == "sqlite":
        url = copy_of(request.getfixturevalue("sqlite_template"), tmp_path_factory.mktemp("review"))
    else:
        url = request.getfixturevalue("postgresql_url")
        empty(url)
    engine = make_engine(url)
    yield engine
    engine.dispose()


@pytest.fixture
def review(engine):
    with engine.begin() as connection:
        for table in reversed(Base.metadata.sorted_tables):
            if table.name not in KEPT:
                connection.execute(table.delete())
    sessions = make_session_factory(engine)
    return Review(sessions, make_user(sessions, name="Anna").id, make_user(sessions, name="Ben").id)
