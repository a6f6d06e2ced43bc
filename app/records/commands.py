"""`wingcheck records`: what was seen, counted, and written out in Darwin Core."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table
from sqlalchemy.orm import Session

from app.core.commands import out, sessions
from app.core.db import reading
from app.core.errors import Conflict, WingcheckError
from app.core.web.i18n import LANGUAGES
from app.records import archive
from app.records.archive import SUFFIXES, Download, Form
from app.records.occurrences import Shape
from app.records.rules import ACCEPTED, Precision, Standing
from app.records.selection import Selection, is_known
from app.records.summary import extent, summary

records = typer.Typer(no_args_is_help=True, help="Count records, or export them as Darwin Core.")

Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day it was seen.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day it was seen.")]
Species = Annotated[str, typer.Option(help="Scientific name; default: all species.")]


def _selection(
    session: Session, since: datetime | None, until: datetime | None, species: str, standings: list[Standing]
) -> Selection:
    if species and not is_known(session, species):
        raise WingcheckError(f"no species {species!r} is known here")
    first, last = since.date() if since else None, until.date() if until else None
    if first and last and last < first:
        raise WingcheckError("the last day lies before the first")
    return Selection(first, last, species, frozenset(standings) or ACCEPTED)


@records.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="A .zip becomes a Darwin Core archive, a .csv a table.", dir_okay=False)],
    since: Since = None,
    until: Until = None,
    species: Species = "",
    standing: Annotated[
        list[Standing] | None, typer.Option(help="Repeatable; default: accepted by experts or by the computer.")
    ] = None,
    precision: Annotated[Precision, typer.Option(help="Precision of coordinates.")] = Precision.KILOMETRE,
    words: Annotated[
        bool, typer.Option("--words", help="Include the volunteer's own words: place, another species.")
    ] = False,
    names: Annotated[bool, typer.Option("--names", help="Include the names of the experts.")] = False,
    language: Annotated[str, typer.Option(help="Language of the vernacular names.")] = "en",
    force: Annotated[bool, typer.Option("--force", help="Overwrite an existing file.")] = False,
) -> None:
    """Export records to a file; it is written completely or not at all."""
    form = next((form for form, suffix in SUFFIXES.items() if file.suffix.lower() == suffix), None)
    if form is None:
        raise WingcheckError(f"{file} should end in .zip, for an archive, or in .csv, for a table")
    if file.exists() and not force:
        raise Conflict(f"{file} is there already; --force writes over it")
    if language not in LANGUAGES:
        raise WingcheckError(f"no language {language!r}; there are {', '.join(LANGUAGES)}")
    factory = sessions()
    with reading(factory) as session:
        selection = _selection(session, since, until, species, standing or [])
        counts = extent(session, selection)
    download = Download(form, selection, Shape(precision, words, names, language))
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        unfinished.touch(0o600)  # homes are in it
        with unfinished.open("wb") as stream:
            for piece in archive.take(factory, None, download):
                stream.write(piece)
        unfinished.replace(file)
    except OSError as error:
        raise WingcheckError(f"{file} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    count = counts.records - (counts.unnamed if form is Form.ARCHIVE else 0)
    out.print(f"{file}: {count} records.", soft_wrap=True)


@records.command("summary")
def show(since: Since = None, until: Until = None, species: Species = "") -> None:
    """Count records by species and status, and animals in accepted records."""
    with reading(sessions()) as session:
        counts = summary(session, _selection(session, since, until, species, []))
        table = Table()
        table.add_column("species", no_wrap=True)
        for head in [*(standing.value.replace("_", " ") for standing in Standing), "animals"]:
            table.add_column(head, justify="right")
        for row in counts.species:
            numbers = [row.standings[standing].records if standing in row.standings else 0 for standing in Standing]
            name = row.taxon.scientific_name if row.taxon else "none named"
            table.add_row(name, *map(str, numbers), str(row.accepted.individuals))
    out.print(f"{counts.total.records} records of {counts.volunteers} volunteers; {counts.undated} without a date.")
    if counts.species:
        out.print(table)
