"""Where templates, static files and migrations lie: beside the package in a checkout, inside it in an installed wheel."""

import re
from pathlib import Path

from app.core.errors import WingcheckError

PACKAGE = Path(__file__).resolve().parent.parent
_CHECKOUT = PACKAGE.parent
_ROOT = _CHECKOUT if (_CHECKOUT / "templates").is_dir() else PACKAGE / "_bundled"

TEMPLATES = _ROOT / "templates"
STATIC = _ROOT / "static"
MIGRATIONS = _ROOT / "migrations"
LOCALES = PACKAGE / "locales"
_PLAIN_NAME = re.compile(r"\w[\w.+-]*")


def inside(root: Path, name: str) -> Path:
    """What a row or a backup calls ``name`` in ``root``. Raises WingcheckError for a name that leads elsewhere."""
    if not _PLAIN_NAME.fullmatch(name):
        raise WingcheckError(f"{name!r} can't be the name of a folder.")
    return root / name
