"""`wingcheck`: everything an operator does, in one command line."""

import json
import logging
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table
from sqlalchemy import select

from app import migrations
from app.db import SessionFactory, make_engine, make_session_factory, transaction
from app.domain.errors import WingcheckError
from app.domain.verdict import decide
from app.models import ModelVersion, TaxonPolicy
from app.processes import Child, stop_with_parent
from app.services import classifiers, taxa
from app.settings import Settings, get_settings
from ml.cli import app as ml_app

cli = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Wingcheck: a second opinion for every photo of a garden butterfly count.",
)
db = typer.Typer(no_args_is_help=True, help="The database and its schema.")
models = typer.Typer(no_args_is_help=True, help="Model versions: list, import, put into service.")
taxa_cli = typer.Typer(no_args_is_help=True, help="Species and what the coordinator wants for each.")
cli.add_typer(db, name="db")
cli.add_typer(models, name="models")
cli.add_typer(taxa_cli, name="taxa")
cli.add_typer(ml_app)
out = Console()
err = Console(stderr=True)

ModelOption = Annotated[
    Path | None, typer.Option("--model", help="Folder of a model version to import and put into service first.")
]


def main() -> None:
    """Entry point: errors that a person can understand are one line, never a traceback."""
    try:
        cli()
    except (WingcheckError, classifiers.ModelVersionError, classifiers.PhotoError) as error:
        err.print(f"[bold red]wingcheck:[/] {getattr(error, 'detail', None) or error}", highlight=False)
        sys.exit(1)


def _sessions(settings: Settings) -> SessionFactory:
    return make_session_factory(make_engine(settings.database_url))


def _logging(settings: Settings) -> None:
    logging.basicConfig(level=settings.log_level, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("huey").setLevel("WARNING")
    logging.getLogger("alembic.runtime.migration").setLevel("WARNING")


def _prepare(settings: Settings, model: Path | None) -> None:
    """Newest schema, bundled model version, and a given one in service."""
    migrations.upgrade(make_engine(settings.database_url))
    with transaction(_sessions(settings)) as session:
        classifiers.register_bundled(session)
        if model is not None:
            classifiers.activate(session, classifiers.import_version(session, model, settings))


@cli.command()
def run(
    host: Annotated[str | None, typer.Option(help="Address to listen on.")] = None,
    port: Annotated[int | None, typer.Option(help="Port to listen on.")] = None,
    model: ModelOption = None,
) -> None:
    """Start everything: migrate, register the bundled model, web and worker. Ctrl-C stops it."""
    settings = get_settings()
    host, port = host or settings.host, settings.port if port is None else port
    _logging(settings)
    _check_port(host, port)
    _prepare(settings, model)
    web = Child("serve", "--host", host, "--port", str(port), "--no-prepare")
    worker = Child("worker")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    try:
        _announce(web, host, port)
        while web.exit_code is None:
            if worker.exit_code is not None:
                err.print("The worker stopped; starting it again.")
                worker.stop()
                time.sleep(2)
                worker = Child("worker")
            time.sleep(0.5)
        raise typer.Exit(1)
    except KeyboardInterrupt:
        out.print("Stopping.")
    finally:
        web.stop()
        worker.stop()


def _check_port(host: str, port: int) -> None:
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise WingcheckError(
                f"can't listen on {host}:{port} ({error.strerror}); choose another with PORT=…"
            ) from error


def _announce(web: Child, host: str, port: int) -> None:
    shown = "localhost" if host in {"0.0.0.0", "127.0.0.1", "::"} else host  # noqa: S104
    for _ in range(300):
        if web.exit_code is not None:
            raise WingcheckError("the web server did not start; its message stands above")
        try:
            with urllib.request.urlopen(f"http://{shown}:{port}/readyz", timeout=5):
                out.print(f"\n  [bold]Wingcheck is ready:[/] http://{shown}:{port}\n", highlight=False)
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
) -> None:
    """Start the web server alone; a worker elsewhere screens what it takes."""
    import uvicorn

    from app.main import create_app

    stop_with_parent()
    settings = get_settings()
    _logging(settings)
    if prepare or model is not None:
        _prepare(settings, model)
    uvicorn.run(
        create_app(settings),
        host=host or settings.host,
        port=settings.port if port is None else port,
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=15,
        server_header=False,
    )


@cli.command()
def worker() -> None:
    """Start a worker: it screens submissions in the background."""
    from app.worker import Worker

    stop_with_parent()
    settings = get_settings()
    _logging(settings)
    Worker(settings).run()


@cli.command()
def predict(
    photos: Annotated[list[Path], typer.Argument(help="Photos to look at.")],
    model: Annotated[Path | None, typer.Option("--model", help="Folder of a model version; default: bundled.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
) -> None:
    """Ask a model version about photos, without a server."""
    asked = classifiers.Offline(model, get_settings())
    found = [(photo, asked.answer(photo)) for photo in photos]
    if as_json:
        out.print_json(json.dumps([_as_json(photo, answer, asked) for photo, answer in found]))
    else:
        table = Table("photo", "species", "probability", "in scope", "decision")
        for photo, answer in found:
            if isinstance(answer, classifiers.PhotoError):
                table.add_row(photo.name, f"[red]{answer.detail}[/]", "", "", "")
                continue
            opinion = answer.opinion
            table.add_row(
                photo.name,
                opinion.top,
                f"{opinion.top_probability:.3f}",
                f"{opinion.in_scope:.3f}",
                decide(opinion, asked.policy).value,
            )
        out.print(table)
    if any(isinstance(answer, classifiers.PhotoError) for _, answer in found):
        raise typer.Exit(1)


def _as_json(photo: Path, answer: object, asked: "classifiers.Offline") -> dict[str, object]:
    if isinstance(answer, classifiers.Answer):
        opinion = answer.opinion
        return {
            "filename": photo.name,
            "predictions": opinion.probabilities,
            "in_scope": opinion.in_scope,
            "decision": decide(opinion, asked.policy).value,
        }
    assert isinstance(answer, classifiers.PhotoError)
    return {"filename": photo.name, "error": {"kind": answer.kind, "detail": answer.detail}}


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the newest schema."""
    migrations.upgrade(make_engine(get_settings().database_url))
    out.print("The database has the newest schema.")


@models.command("list")
def list_models() -> None:
    """Every model version known here, and which one serves."""
    with _sessions(get_settings())() as session:
        table = Table("task", "name", "version", "active", "labels")
        for row in session.scalars(select(ModelVersion).order_by(ModelVersion.task, ModelVersion.registered_at)):
            table.add_row(row.task, row.name, row.version, "yes" if row.active else "", ", ".join(row.labels))
        out.print(table)


@models.command("import")
def import_model(
    folder: Annotated[Path, typer.Argument(help="Folder of the model version.")],
    activate: Annotated[bool, typer.Option("--activate", help="Put it into service at once.")] = False,
) -> None:
    """Copy a model version into the data folder and register it."""
    settings = get_settings()
    with transaction(_sessions(settings)) as session:
        row = classifiers.import_version(session, folder, settings)
        if activate:
            classifiers.activate(session, row)
    out.print(f"{row.name} {row.version} is registered{' and serves' if activate else ''}.")


@models.command("activate")
def activate_model(name: str, version: str) -> None:
    """Put a registered version into service; running servers follow within a second."""
    with transaction(_sessions(get_settings())) as session:
        classifiers.activate(session, classifiers.find_version(session, name, version))
    out.print(f"{name} {version} serves.")


@taxa_cli.command("policy")
def taxon_policy(
    scientific_name: str,
    accept: Annotated[
        bool | None, typer.Option("--accept/--no-accept", help="Machine acceptance for this species.")
    ] = None,
    wanted_error: Annotated[float | None, typer.Option(min=0.001, max=0.5, help="Wanted error rate.")] = None,
    reliability: Annotated[
        float | None, typer.Option(min=0.01, max=0.999, help="How often claims of this species are right.")
    ] = None,
) -> None:
    """Show or change what the coordinator wants for a species."""
    with transaction(_sessions(get_settings())) as session:
        taxon = taxa.find(session, scientific_name)
        if taxon is None:
            raise WingcheckError(f"no species {scientific_name!r} is known here")
        if taxon.policy is None:
            taxon.policy = TaxonPolicy(machine_acceptance=False)
        if accept is not None:
            taxon.policy.machine_acceptance = accept
        if wanted_error is not None:
            taxon.policy.wanted_error = wanted_error
        if reliability is not None:
            taxon.policy.claim_reliability = reliability
        policy = taxon.policy
    out.print(
        f"{scientific_name}: machine acceptance {'on' if policy.machine_acceptance else 'off'}, "
        f"wanted error {policy.wanted_error or 'as the model version says'}, "
        f"claim reliability {policy.claim_reliability or 'as the model version says'}"
    )


if __name__ == "__main__":
    main()
