"""Commands of operators: health, backup, restore, migrate-database, db."""

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn
from sqlalchemy import make_url

from app.core import beats, migrations
from app.core.commands import err, out, sessions
from app.core.db import make_engine, reading, transaction
from app.core.errors import WingcheckError
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.predictions import registry
from app.review import questions
from app.upkeep import backup as backups
from app.upkeep import copying
from app.upkeep import restore as restoring

db = typer.Typer(no_args_is_help=True, help="The database and its schema.")
_SHOWN_MISSING = 20


# --- wingcheck health ---------------------------------------------------------------------------------------------------


def health(
    ready: Annotated[bool, typer.Option("--ready", help="Check that it is ready, not only that it answers.")] = False,
    worker: Annotated[bool, typer.Option("--worker", help="Check this machine's worker instead.")] = False,
) -> None:
    """Check the health of this machine's web server, or of its worker; the exit code is the result."""
    if worker:
        _check_worker()
        return
    path = "readyz" if ready else "healthz"
    url = f"http://127.0.0.1:{get_settings().port}/{path}"
    try:
        with urllib.request.build_opener(urllib.request.ProxyHandler({})).open(url, timeout=4) as answer:
            out.print(f"{answer.status} {path}")
    except urllib.error.HTTPError as error:
        raise WingcheckError(f"{path} answers {error.code}") from error
    except OSError as error:
        raise WingcheckError(f"no web server answers at {url}") from error


def _check_worker() -> None:
    with reading(sessions()) as session:
        if not beats.moves(session, socket.gethostname()):
            raise WingcheckError(
                f"no worker of {socket.gethostname()} has responded for {beats.SILENT_AFTER.seconds} seconds"
            )
    out.print("the worker responds")


# --- wingcheck backup, restore, migrate-database --------------------------------------------------------------------------


@contextmanager
def _progress() -> Iterator[copying.Tell]:
    """A progress bar on a terminal, nothing elsewhere; an OSError becomes a sentence."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bars:
        tasks: dict[str, TaskID] = {}

        def tell(step: str, done: int, total: int) -> None:
            stage = step.partition(" ")[0]
            if stage not in tasks:
                tasks[stage] = bars.add_task(step, total=total)
            bars.update(tasks[stage], description=step, completed=done, total=total)

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
    with _progress() as tell:
        about = backups.back_up(settings, engine, storage, target, secrets=with_secret_key, tell=tell)
    _print_about(f"Backed up to {target}:", about)


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
        with _progress() as tell:
            about = restoring.verify(source, tell)
        _print_about(f"{source} is whole:", about)
        return
    settings = get_settings()
    if into is not None:
        settings = type(settings)(data_dir=into, database_url="", queue_url="", s3_bucket="")
    engine, storage = make_engine(settings.database_url), make_storage(settings)
    with _progress() as tell:
        restored = restoring.restore(settings, engine, storage, source, tell=tell)
    _print_about(f"Restored into {make_url(settings.database_url)!r}:", restored.about)
    _print_deletions(restored)


def _print_deletions(restored: restoring.Restored) -> None:
    out.print(f"{restored.repeated:,} deletions that people had asked for after this backup were repeated.")
    if restored.newest_deletion is None:
        err.print(
            "No journal of deletions was here, so whatever was deleted after this backup is back. If you still have the "
            "journal (the folder deletions/ of the old data folder), copy it into the new one and run "
            "'wingcheck doctor --repair'.",
            soft_wrap=True,
        )
    else:
        out.print(f"The journal of deletions here goes up to {restored.newest_deletion:%Y-%m-%d %H:%M} UTC.")


def _print_about(heading: str, about: backups.About) -> None:
    submissions = about.tables["submissions"].rows if "submissions" in about.tables else 0
    out.print(
        f"{heading} {submissions:,} submissions, {about.rows:,} rows in all, {about.photo_files:,} photo files, "
        f"{len(about.models)} imported models, of {about.created_at[:16].replace('T', ' ')} UTC."
    )
    for name in about.missing[:_SHOWN_MISSING]:
        err.print(f"Was missing when the backup was made: {name}")
    if len(about.missing) > _SHOWN_MISSING:
        err.print(f"… and {len(about.missing) - _SHOWN_MISSING} more.")


def migrate_database(
    source: Annotated[str, typer.Argument(metavar="FROM", help="SQLAlchemy URL of the database to copy.")],
    target: Annotated[str, typer.Argument(metavar="TO", help="SQLAlchemy URL of an empty database.")],
) -> None:
    """Copy every row to another database: from SQLite to PostgreSQL, or back. Stop the service first."""
    with _progress() as tell:
        moved = copying.move(source, target, tell)
    rows = sum(digest.rows for digest in moved.values())
    out.print(f"{rows:,} rows in {len(moved)} tables are the same in {make_url(target)!r}.")
    out.print("Now set WINGCHECK_DATABASE_URL to it and start the service.")


# --- wingcheck db -------------------------------------------------------------------------------------------------------


@db.command("upgrade")
def db_upgrade(
    bundled: Annotated[bool, typer.Option("--bundled", help="Also register the model that is bundled.")] = False,
) -> None:
    """Bring the database to the newest schema."""
    migrations.upgrade(make_engine(get_settings().database_url))
    out.print("The database has the newest schema.")
    if bundled:
        with transaction(sessions()) as session:
            registry.register_bundled(session)
            questions.add_first_templates(session)
        out.print("The bundled model version is registered.")
