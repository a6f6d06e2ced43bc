"""`wingcheck models`: model versions."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from app.commands.shared import out, sessions
from app.db import transaction
from app.models import ModelVersion
from app.services import classifiers
from app.settings import get_settings

models = typer.Typer(no_args_is_help=True, help="Model versions: list, import, put into service.")


@models.command("list")
def list_models() -> None:
    """Every model version known here, and which one serves."""
    with sessions()() as session:
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
    with transaction(sessions()) as session:
        row = classifiers.import_version(session, folder, settings)
        if activate:
            classifiers.activate(session, row)
    out.print(f"{row.name} {row.version} is registered{' and serves' if activate else ''}.")


@models.command("activate")
def activate_model(name: str, version: str) -> None:
    """Put a registered version into service; running servers follow within a second."""
    with transaction(sessions()) as session:
        classifiers.activate(session, classifiers.find_version(session, name, version))
    out.print(f"{name} {version} serves.")
