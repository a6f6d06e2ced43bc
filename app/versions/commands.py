"""`wingcheck models`: model versions."""

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy import select

from app.core.commands import out, sessions
from app.core.db import transaction
from app.core.settings import get_settings
from app.predictions import registry
from app.predictions.tables import ModelVersion
from app.versions import candidates_commands as candidates
from app.versions import promotion_commands as promotion

models = typer.Typer(no_args_is_help=True, help="Model versions: list, compare, import, export, put into service.")


@models.command("list")
def list_models() -> None:
    """List model versions, and which one is in service."""
    with sessions()() as session:
        table = Table("task", "name", "version", "active", "labels")
        for row in session.scalars(select(ModelVersion).order_by(ModelVersion.task, ModelVersion.registered_at)):
            table.add_row(row.task, row.name, row.version, "yes" if row.active else "", ", ".join(row.labels))
        out.print(table)


@models.command("import")
def import_model(
    folder: Annotated[Path, typer.Argument(help="Folder of the model version.")],
    activate: Annotated[bool, typer.Option("--activate", help="Put it into service, if it passes the gate.")] = False,
    overrule: promotion.Overrule = None,
) -> None:
    """Copy a model version into the data folder and register it."""
    settings = get_settings()
    with transaction(sessions()) as session:
        row = registry.import_version(session, folder, settings)
    out.print(f"{row.name} {row.version} is registered.")
    if activate or overrule is not None:
        promotion.promote(row.id, overrule)


models.command("gate")(promotion.gate)
models.command("activate")(promotion.activate)
models.command("rollback")(promotion.rollback)
models.command("history")(promotion.history)
models.command("replay")(candidates.replay)
models.command("replayed")(candidates.replayed)
models.command("difference")(candidates.difference)
models.command("shadow")(candidates.shadow)
models.command("watch")(candidates.watch)
