"""Alembic's environment: the engine comes from the caller (`wingcheck db …`, the tests), never from an ini file."""

from alembic import context
from sqlalchemy.engine import Connection

import app.tables  # noqa: F401  (fills the metadata)
from app.core.db import Base, make_engine
from app.core.settings import get_settings


def run(connection: Connection) -> None:
    """Run the migrations on an open connection; SQLite changes tables by copying them."""
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=connection.dialect.name == "sqlite",
        compare_type=True,
        user_module_prefix="app.db.",
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    with make_engine(get_settings().database_url).connect() as fresh:
        run(fresh)
