"""What tests of processes share."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import copy_of, empty
from tests.parts import Site


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def site(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    """A place for web servers and workers to run and die on; once on SQLite, once on PostgreSQL (the queue as well)."""
    folder: Path = tmp_path_factory.mktemp("site")
    if request.param == "sqlite":
        url = copy_of(request.getfixturevalue("sqlite_template"), folder)
    else:
        url = request.getfixturevalue("postgresql_url")
        empty(url)
    site = Site(folder, url)
    try:
        yield site
    finally:
        site.close()
