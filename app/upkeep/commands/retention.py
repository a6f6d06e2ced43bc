"""`wingcheck retention`: deleting originals whose time is over."""

from typing import Annotated

import typer

from app.core.commands import out, sessions
from app.core.settings import get_settings
from app.core.storage import make_storage
from app.upkeep.retention import Retention

retention = typer.Typer(no_args_is_help=True, help="Delete originals after their retention period.")


@retention.command("apply")
def apply(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only list what would be deleted.")] = False,
) -> None:
    """Delete originals older than WINGCHECK_ORIGINAL_RETENTION_DAYS now; the worker does this once a day."""
    settings = get_settings()
    days = settings.original_retention_days
    if days is None:
        out.print("Originals are kept for ever; WINGCHECK_ORIGINAL_RETENTION_DAYS sets a limit.")
        return
    service = Retention(sessions(), make_storage(settings), days)
    found = service.plan() if dry_run else service.apply()
    verb = "Would delete" if dry_run else "Deleted"
    out.print(f"{verb} {found.files:,} originals; {found.photos:,} photos decided more than {days} days ago.")


@retention.callback()
def _group() -> None:
    """Lets `apply` be a command of its own name although it is the only one."""
