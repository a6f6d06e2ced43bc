"""Where templates, static files and migrations lie: beside the package in a checkout, inside it in an installed wheel."""

from pathlib import Path

PACKAGE = Path(__file__).resolve().parent.parent
_CHECKOUT = PACKAGE.parent
_ROOT = _CHECKOUT if (_CHECKOUT / "templates").is_dir() else PACKAGE / "_bundled"

TEMPLATES = _ROOT / "templates"
STATIC = _ROOT / "static"
MIGRATIONS = _ROOT / "migrations"
LOCALES = PACKAGE / "locales"
