"""`wingcheck`: the command line of operators."""

import socket
import sys
import tempfile
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.text import Text
from sqlalchemy.exc import OperationalError, ProgrammingError

from app.accounts.commands import say_first_admin, users
from app.contents import Contents
from app.core import logs, migrations, shared_port, supervisor
from app.core.commands import err, out, sessions
from app.core.db import make_engine, transaction
from app.core.errors import InvalidInput, WingcheckError
from app.core.processes import stop_with_parent, uncollected
from app.core.settings import Settings, get_settings
from app.core.shared_port import Share
from app.core.web.i18n import Language
from app.core.web.words import field_message
from app.mail.commands import mail
from app.predictions import inference, registry
from app.predictions.bulk.commands import predict
from app.privacy.commands import retention
from app.records.commands import records
from app.review import questions
from app.taxa.commands import taxa_cli
from app.upkeep.commands import backup, db, health, migrate_database, restore
from app.upkeep.doctor.commands import doctor
from app.versions import promotion
from app.versions.commands import models
from app.versions.runs_commands import retrain, runs
from app.volunteers.commands import volunteer
from ml.cli import app as ml_app
from ml.cli import version_commands

cli = typer.Typer(
    cls=Contents,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Wingcheck: a second opinion for every photo of a garden butterfly count.",
)
cli.command("health")(health)
cli.command("predict")(predict)
cli.command("backup")(backup)
cli.command("restore")(restore)
cli.command("migrate-database")(migrate_database)
cli.command("doctor")(doctor)
cli.command("retrain")(retrain)
cli.add_typer(db, name="db")
cli.add_typer(mail, name="mail")
for _name, _command in version_commands.items():
    models.command(_name)(_command)
cli.add_typer(models, name="models")
cli.add_typer(records, name="records")
cli.add_typer(retention, name="retention")
cli.add_typer(runs, name="runs")
cli.add_typer(taxa_cli, name="taxa")
cli.add_typer(users, name="users")
cli.add_typer(volunteer, name="volunteer")
cli.add_typer(ml_app)

HostOption = Annotated[str | None, typer.Option(help="Address to listen on.")]
PortOption = Annotated[int | None, typer.Option(help="Port to listen on.")]
ProcessesOption = Annotated[int | None, typer.Option(help="Web processes that share the port.", min=1, max=256)]
ModelOption = Annotated[
    Path | None, typer.Option("--model", help="Folder of a model version to import and put into service first.")
]


def main() -> None:
    """Entry point. Errors that a person can understand are one line, not a traceback."""
    stop_with_parent()
    try:
        cli()
    except InvalidInput as error:
        _exit_with(" ".join(field_message(Language("en"), mistake) for mistake in error.errors))
    except (WingcheckError, inference.ModelVersionError, inference.PhotoError) as error:
        _exit_with(str(getattr(error, "detail", None) or error))
    except (OperationalError, ProgrammingError) as error:
        _exit_with(f"the database can't be used ({error.orig}); 'wingcheck db upgrade' makes its tables")


def _exit_with(message: str) -> NoReturn:
    err.print(Text.assemble(("wingcheck:", "bold red"), f" {message}"), soft_wrap=True)
    sys.exit(1)


def _prepare(settings: Settings, model: Path | None) -> None:
    """Upgrade the schema, register the bundled model version, and put ``model`` into service if given."""
    if model is not None:
        inference.try_out(model)
    migrations.upgrade(make_engine(settings.database_url))
    with transaction(sessions()) as session:
        registry.register_bundled(session)
        questions.add_first_templates(session)
        if model is not None:
            promotion.install(session, registry.import_version(session, model, settings), "Named with --model.")


@cli.command()
def run(
    host: HostOption = None, port: PortOption = None, model: ModelOption = None, processes: ProcessesOption = None
) -> None:
    """Start everything: migrate, register the bundled model, start web and worker. Ctrl-C stops it."""
    settings = _settings(host, port, processes)
    _check_data_folder(settings.data_dir)
    sockets = _listen(settings)
    _prepare(settings, model)
    _supervise(settings, sockets, worker=True)


def _settings(host: str | None, port: int | None, processes: int | None) -> Settings:
    given = {"host": host, "port": port, "processes": processes}
    settings = get_settings().model_copy(update={name: value for name, value in given.items() if value is not None})
    logs.configure(settings)
    return settings


def _listen(settings: Settings) -> list[socket.socket]:
    try:
        return shared_port.listen(settings.host, settings.port)
    except OSError as error:
        raise WingcheckError(
            f"can't listen on {settings.host}:{settings.port} ({error.strerror}); choose another with PORT=…"
        ) from error


def _supervise(settings: Settings, sockets: list[socket.socket], *, worker: bool) -> NoReturn:
    supervisor.become(
        supervisor.Plan(
            host=settings.host,
            port=sockets[0].getsockname()[1],
            sockets=[listening.fileno() for listening in sockets],
            seats=shared_port.make_seats(settings.processes),
            processes=settings.processes,
            folder=tempfile.mkdtemp(prefix="wingcheck-"),
            patience=settings.body_seconds,
            worker=worker,
            hung_after=settings.hung_seconds,
        )
    )


def _check_data_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise WingcheckError(
            f"can't write to the data folder {folder.resolve()} ({error.strerror}); "
            "choose another with WINGCHECK_DATA_DIR=…"
        ) from error


@cli.command()
def serve(
    host: HostOption = None,
    port: PortOption = None,
    model: ModelOption = None,
    processes: ProcessesOption = None,
    prepare: Annotated[bool, typer.Option(help="Migrate and register the bundled model first.")] = True,
) -> None:
    """Start only the web server; a worker elsewhere processes submissions."""
    share, settings = Share.given(), _settings(host, port, processes)
    if share is not None:
        _serve(settings.shared_out(share.processes, share.folder), share)
        return
    sockets = _listen(settings) if settings.processes > 1 else []
    if prepare or model is not None:
        _check_data_folder(settings.data_dir)
        _prepare(settings, model)
    if sockets:
        _supervise(settings, sockets, worker=False)
    say_first_admin(settings)
    _serve(settings, None)


def _serve(settings: Settings, share: Share | None) -> None:
    with uncollected():
        from app.core.web import server
        from app.main import create_app

    def announce() -> None:
        if share is not None and share.first:
            _announce(settings)

    server.serve(create_app(settings), settings, share, announce)


def _announce(settings: Settings) -> None:
    shown = "localhost" if settings.host in {"0.0.0.0", "127.0.0.1", "::"} else settings.host  # noqa: S104
    out.print(Text.assemble(("\n  Wingcheck is ready:", "bold"), f" http://{shown}:{settings.port}\n"))
    say_first_admin(settings)


@cli.command()
def worker() -> None:
    """Start a worker for background jobs."""
    with uncollected():
        from app.worker import Worker

    settings = get_settings()
    logs.configure(settings)
    Worker(settings).run()
