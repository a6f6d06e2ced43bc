"""Moving every row to another database, SQLite to PostgreSQL or back, in one transaction."""

from functools import partial
from pathlib import Path

from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.core.db import make_engine
from app.core.errors import Conflict, NotFound, WingcheckError
from app.upkeep.backup import snapshot
from app.upkeep.copying import TableDigest, Tell, fill, lines, revision_of, silent


def move(source_url: str, target_url: str, tell: Tell = silent) -> dict[str, TableDigest]:
    """Copy all rows of one database into another one, which must be empty, and compare them there.

    Returns rows and digest per table; the source stays as it is. Stop the service first: what it writes meanwhile stays
    behind. Raises NotFound for a source that is not there, Conflict for a target that is not empty, WingcheckError for
    a row that the target refuses; then no row was written.
    """
    _check_urls(source_url, target_url)
    source, target = make_engine(source_url), make_engine(target_url)
    try:
        with snapshot(source) as connection:
            revision = revision_of(connection)
            return fill(target, revision, partial(lines, connection), tell)
    finally:
        source.dispose()
        target.dispose()


def _check_urls(source_url: str, target_url: str) -> None:
    source, target = _parsed(source_url), _parsed(target_url)
    for url in (source, target):
        if url.get_backend_name() not in {"sqlite", "postgresql"}:
            raise WingcheckError(
                f"{url.get_backend_name()} is no database of Wingcheck; there are sqlite and postgresql"
            )
    if source == target:
        raise Conflict("source and target are the same database")
    if source.get_backend_name() == "sqlite" and not Path(source.database or "").is_file():
        raise NotFound(f"there is no database at {source.database}")


def _parsed(url: str) -> URL:
    try:
        return make_url(url)
    except ArgumentError as error:  # its text may hold a password, so it is not repeated
        raise WingcheckError("that is no database URL; they look like postgresql://user@host/name") from error
