"""Output and sessions for commands."""

from rich.console import Console

from app.core.db import SessionFactory, make_engine, make_session_factory
from app.core.settings import get_settings

# No markup: names of files and species come from outside, and may contain "[/]".
out = Console(markup=False)
err = Console(stderr=True, markup=False)


def sessions() -> SessionFactory:
    """Sessions on the configured database."""
    return make_session_factory(make_engine(get_settings().database_url))
