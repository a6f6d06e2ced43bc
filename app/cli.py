"""`wingcheck`: everything an operator does, in one command line."""

import json
import socket
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.text import Text
from sqlalchemy.exc import OperationalError, ProgrammingError

from app import logs, migrations
from app.commands.backup import backup, migrate_database, restore
from app.commands.contents import Contents
from app.commands.database import db
from app.commands.doctor import doctor
from app.commands.health import health
from app.commands.models import models
from app.commands.predict import predict
from app.commands.records import records
from app.commands.retention import retention
from app.commands.runs import retrain, runs
from app.commands.shared import err, out, sessions
from app.commands.taxa import taxa_cli
from app.commands.users import say_first_admin, users
from app.commands.volunteer import volunteer
from app.db import make_engine, transaction
from app.domain.errors import InvalidInput, WingcheckError
from app.imports import uncollected
from app.processes import Child, stop_with_parent
from app.services import inference, promotion, registry
from app.services.review import first_templates
from app.settings import Settings, get_settings
from app.supervisor import Supervisor
from app.web.i18n import Language
from app.web.wording import field_message
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

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="Folder of a model version to import and put into service first.")
]


def main() -> None:
    """Entry point: errors that a person can understand are one line, never a traceback."""
    stop_with_parent()
    try:
        cli()
    except InvalidInput as error:
        _say_and_leave(" ".join(field_message(Language("en"), each) for each in error.errors))
    except (WingcheckError, inference.ModelVersionError, inference.PhotoError) as error:
        _say_and_leave(str(getattr(error, "detail", None) or error))
    except (OperationalError, ProgrammingError) as error:
        _say_and_leave(f"the database can't be used ({error.orig}); 'wingcheck db upgrade' makes its tables")


def _say_and_leave(message: str) -> NoReturn:
    err.print(Text.assemble(("wingcheck:", "bold red"), f" {message}"), soft_wrap=True)
    sys.exit(1)


def _prepare(settings: Settings, model: Path | None) -> None:
    """Newest schema, bundled model version, and a given one in service."""
    _check_data_folder(settings.data_dir)
    migrations.upgrade(make_engine(settings.database_url))
    with transaction(sessions()) as session:
        registry.register_bundled(session)
        first_templates.put_there(session)
        if model is not None:
            promotion.install(session, registry.import_version(session, model, settings), "Named with --model.")


@cli.command()
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    model: ModelOption = None,
) -> None:
    """Start everything: migrate, register the bundled model, web and worker. Ctrl-C stops it."""
    settings = get_settings()
    host, port = host or settings.host, settings.port if port is None else port
    logs.configure(settings)
    _check_port(host, port)
    _prepare(settings, model)
    supervisor = Supervisor(host, port)
    raise typer.Exit(supervisor.watch(lambda: _announce(supervisor.web, settings, host, port)))


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WingcheckError(
                f"can't listen on {host}:{port} ({error.strerror}); choose another with PORT=…"
            ) from error


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


def _announce(web: Child, settings: Settings, host: str, port: int) -> None:
    shown = "localhost" if host in {"0.0.0.0", "127.0.0.1", "::"} else host  # noqa: S104
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our own address: never through a proxy
    for _ in range(300):
        if web.exit_code is not None:
            raise WingcheckError("the web server did not start; its message stands above")
        try:
            with opener.open(f"http://{shown}:{port}/readyz", timeout=5):
                out.print(Text.assemble(("\n  Wingcheck is ready:", "bold"), f" http://{shown}:{port}\n"))
                say_first_admin(settings.model_copy(update={"host": host, "port": port}))
                return
        except urllib.error.HTTPError as error:
            detail = json.load(error).get("detail", "")
            out.print(f"Not ready yet: {detail}")
        except OSError:
            pass  # not listening yet
        time.sleep(0.2)


@cli.command()
def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    model: ModelOption = None,
    prepare: Annotated[bool, typer.Option(help="Migrate and register the bundled model first.")] = True,
    greet: Annotated[bool, typer.Option(hidden=True, help="Print a link where there is no admin yet.")] = True,
) -> None:
    """Start the web server alone; a worker elsewhere screens what it takes."""
    with uncollected():
        import uvicorn

        from app.main import create_app
        from app.web.edges.protocol import GuardedProtocol

    settings = get_settings()
    settings = settings.model_copy(
        update={"host": host or settings.host, "port": settings.port if port is None else port}
    )
    logs.configure(settings)
    if prepare or model is not None:
        _prepare(settings, model)
    if greet:  # `wingcheck run` does so itself, when all is ready
        say_first_admin(settings)
    uvicorn.run(
        create_app(settings),
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        http=GuardedProtocol.for_settings(settings),
        ws="none",
        limit_concurrency=settings.max_connections,
        timeout_keep_alive=settings.keep_alive_seconds,
        timeout_graceful_shutdown=15,
        server_header=False,
        proxy_headers=False,  # the application does this, for named proxies only
    )


@cli.command()
def worker() -> None:
    """Start a worker: it screens submissions in the background."""
    with uncollected():
        from app.worker import Worker

    settings = get_settings()
    logs.configure(settings)
    Worker(settings).run()
