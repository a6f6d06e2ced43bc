"""`wingcheck db`: the database and its schema."""

import typer

from app import migrations
from app.commands.shared import out
from app.db import make_engine
from app.settings import get_settings

db = typer.Typer(no_args_is_help=True, help="The database and its schema.")


@db.command("upgrade")
def db_upgrade() -> None:
    """Bring the database to the newest schema."""
    migrations.upgrade(make_engine(get_settings().database_url))
    out.print("The database has the newest schema.")
