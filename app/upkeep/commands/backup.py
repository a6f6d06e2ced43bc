"""`wingcheck backup`, `restore` and `migrate-database`."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import make_url

from app.core.commands import err, out
from app.core.db import make_engine
from app.core.errors import WingcheckError
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.upkeep import backup as backups
from app.upkeep import database_move
from app.upkeep import restore as restoring
from app.upkeep.copying import Tell


@contextmanager
def progress() -> Iterator[Tell]:
    """A bar on a terminal, nothing elsewhere; what the disk or the bucket refuses becomes a sentence."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        known: dict[str, TaskID] = {}

        def tell(what: str, done: int, total: int) -> None:
            stage = what.partition(" ")[0]
            if stage not in known:
                known[stage] = bars.add_task(what, total=total)
            bars.update(known[stage], description=what, completed=done, total=total)

        try:
            yield tell
        except OSError as error:
            raise WingcheckError(f"{error.strerror or error}; nothing was kept") from error


def backup(
    target: Annotated[Path, typer.Argument(help="Target: a name ending in .tar, or a new folder.")],
    with_secret_key: Annotated[
        bool, typer.Option(help="Include the key that signs cookies, if it is in the data folder.")
    ] = True,
) -> None:
    """Back up database, photos and imported models to a file or folder, while the service runs."""
    settings = get_settings()
    engine, storage = make_engine(settings.database_url), make_storage(settings)
    with progress() as tell:
        about = backups.back_up(settings, engine, storage, target, secrets=with_secret_key, tell=tell)
    _say(f"Backed up to {target}:", about)


def restore(
    source: Annotated[Path, typer.Argument(help="The file or folder that `wingcheck backup` wrote.")],
    into: Annotated[
        Path | None,
        typer.Option(help="Another data folder for SQLite and photos; default: from the settings."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Only check that the backup is complete.")] = False,
) -> None:
    """Restore a backup, of SQLite or PostgreSQL, into an empty database and photo storage."""
    if check:
        with progress() as tell:
            about = restoring.verify(source, tell)
        _say(f"{source} is whole:", about)
        return
    settings = get_settings()
    if into is not None:
        settings = type(settings)(data_dir=into, database_url="", queue_url="", s3_bucket="")
    with progress() as tell:
        about = restoring.restore(
            settings, make_engine(settings.database_url), make_storage(settings), source, tell=tell
        )
    _say(f"Restored into {make_url(settings.database_url)!r}:", about)


def _say(what: str, about: backups.About) -> None:
    submissions = about.tables["submissions"].rows if "submissions" in about.tables else 0
    out.print(
        f"{what} {submissions:,} submissions, {about.rows:,} rows in all, {about.photo_files:,} photo files, "
        f"{len(about.models)} imported models, of {about.created_at[:16].replace('T', ' ')} UTC."
    )
    for name in about.missing[:20]:
        err.print(f"Was missing when the backup was made: {name}")
    if len(about.missing) > 20:
        err.print(f"… and {len(about.missing) - 20} more.")


def migrate_database(
    source: Annotated[str, typer.Argument(metavar="FROM", help="SQLAlchemy URL of the database to copy.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="SQLAlchemy URL of an empty database.")],
) -> None:
    """Copy every row to another database: from SQLite to PostgreSQL, or back. Stop the service first."""
    with progress() as tell:
        moved = database_move.move(source, target, tell)
    rows = sum(digest.rows for digest in moved.values())
    out.print(f"{rows:,} rows in {len(moved)} tables are the same in {make_url(target)!r}.")
    out.print("Now set WINGCHECK_DATABASE_URL to it and start the service.")
