"""A Flickr of one's own, and the means to collect from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from ml.collection.flickr import FlickrAccess
from ml.collection.manifest import Manifest
from ml.collection.reporting import Reporter, Summary
from ml.collection.request import Manners, request_from
from ml.collection.run import collect
from tests.ml.collection.flickr_server import KEY, SECRET, FlickrServer

Collect = Callable[..., Summary]


@pytest.fixture
def flickr() -> Iterator[FlickrServer]:
    with FlickrServer().running() as server:
        yield server


@pytest.fixture
def access(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> FlickrAccess:
    monkeypatch.chdir(tmp_path)  # no .env of this machine
    return FlickrAccess(key=SecretStr(KEY), secret=SecretStr(SECRET), contact="counts@example.org")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "collected"


def manners(server: FlickrServer, **values: Any) -> Manners:
    """Quick enough for tests; everything else as in earnest."""
    quick = {"api_url": server.api_url, "rate": 1000.0, "backoff": 0.01, "timeout": 5.0, "attempts": 3}
    return Manners(**(quick | values))


@pytest.fixture
def run(flickr: FlickrServer, access: FlickrAccess, folder: Path) -> Collect:
    """Collect with small pictures of the drawn meadow browns, other values as given."""

    def go(
        *, update: bool = False, how: Manners | None = None, reporter: Reporter | None = None, **values: Any
    ) -> Summary:
        request = request_from({"keywords": ["meadow brown=Maniola jurtina"], "size": "small-240"} | values)
        return collect(request, folder, access=access, manners=how or manners(flickr), reporter=reporter, update=update)

    return go


def rows(folder: Path) -> dict[str, dict[str, Any]]:
    """The manifest's photos by id."""
    manifest = Manifest(folder)
    try:
        return {row["id"]: dict(row) for row in manifest.rows()}
    finally:
        manifest.close()
