"""What every command needs."""

from rich.console import Console

from app.db import SessionFactory, make_engine, make_session_factory
from app.settings import get_settings

out = Console()
err = Console(stderr=True)


def sessions() -> SessionFactory:
    """Sessions on the configured database."""
    return make_session_factory(make_engine(get_settings().database_url))
