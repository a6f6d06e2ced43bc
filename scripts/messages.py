"""Bring the translation catalogues up to date with what templates and code say (`make messages`).

New messages are added empty, those nobody says any more are dropped, translations are kept. tests/app/test_translations.py
fails while one is missing.
"""

import io
import os
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.pofile import read_po, write_po

ROOT = Path(__file__).resolve().parent.parent
LOCALES = ROOT / "app" / "locales"
METHODS = [("app/**.py", "python"), ("templates/**.html", "jinja2.ext:babel_extract")]
KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2), "n": (1, 2), "t": None}
OPTIONS = {"templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}


def extract() -> Catalog:
    """Every message that templates and code say."""
    catalogue = Catalog(project="Wingcheck", charset="utf-8")
    for name, line, message, comments, context in extract_from_dir(
        ROOT,
        method_map=METHODS,
        options_map=OPTIONS,
        keywords=KEYWORDS,
        strip_comment_tags=True,
        directory_filter=_speaks,
    ):
        catalogue.add(message, locations=[(name, line)], auto_comments=comments, context=context)
    return catalogue


def _speaks(folder: str | os.PathLike[str]) -> bool:
    """Whether a folder may hold messages, or folders that do."""
    parts = Path(folder).relative_to(ROOT).parts
    return parts[:1] in {("templates",), ("app",)}


def catalogue_of(language: str) -> Path:
    """Where a language's catalogue lies."""
    return LOCALES / language / "LC_MESSAGES" / "messages.po"


def read(language: str) -> Catalog:
    """A language's catalogue; an empty one where there is none yet."""
    path = catalogue_of(language)
    if not path.is_file():
        return Catalog(locale=language, project="Wingcheck")
    with path.open("rb") as file:
        return read_po(file, locale=language)


def update(language: str) -> int:
    """Write the catalogue anew; returns how many messages wait for a translation."""
    catalogue = read(language)
    catalogue.update(extract(), no_fuzzy_matching=True)
    catalogue.obsolete.clear()
    out = io.BytesIO()
    # Without line numbers and dates: a change of code alone leaves the catalogue as it is.
    write_po(out, catalogue, width=118, sort_output=True, no_location=True, omit_header=False)
    lines = [line for line in out.getvalue().decode().splitlines(keepends=True) if "-Date: " not in line]
    path = catalogue_of(language)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(lines), encoding="utf-8")
    return len([message for message in catalogue if message.id and not _translated(message.string)])


def _translated(text: str | tuple[str, ...] | list[str] | None) -> bool:
    return all(text) if isinstance(text, tuple | list) else bool(text)


if __name__ == "__main__":
    for folder in sorted(LOCALES.iterdir()):
        if folder.is_dir():
            print(f"{folder.name}: {update(folder.name)} messages wait for a translation")
