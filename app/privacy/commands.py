"""`wingcheck retention`: delete what is no longer kept."""

from typing import Annotated

import typer
from rich.table import Table

from app.core.commands import out, sessions
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.privacy.retention import Retention, setting_of

retention = typer.Typer(no_args_is_help=True, help="Delete what is no longer kept.")


@retention.command("apply")
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
) -> None:
    """Delete now what is older than its setting says; the worker does this once a day."""
    settings = get_settings()
    service = Retention(sessions(), make_storage(settings), settings)
    table = Table("kind", "kept for", "would be deleted" if dry_run else "deleted", "setting")
    for kept in service.plan() if dry_run else service.apply():
        days = f"{kept.days:,} days" if kept.days else "ever"
        table.add_row(kept.name, days, f"{kept.due:,}", setting_of(kept.name))
    out.print(table)


@retention.callback()
def _group() -> None:
    """Typer would otherwise drop the name of an only command."""
