"""`wingcheck db`: the database and its schema."""

from typing import Annotated

import typer

from app.core import migrations
from app.core.commands import out, sessions
from app.core.db import make_engine, transaction
from app.core.settings import get_settings
from app.predictions import registry
from app.review import questions

db = typer.Typer(no_args_is_help=True, help="The database and its schema.")


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
