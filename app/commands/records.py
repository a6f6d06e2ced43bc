"""`wingcheck records`: what was seen, counted, and written out in Darwin Core."""

import os
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from app.commands.shared import out, sessions
from app.db import reading
from app.domain.errors import Conflict, WingcheckError
from app.domain.occurrence import ACCEPTED, Precision, Standing
from app.services.records import archive
from app.services.records.archive import SUFFIXES, Download
from app.services.records.occurrences import Shape
from app.services.records.selection import Selection
from app.services.records.summary import summary

records = typer.Typer(no_args_is_help=True, help="What was seen: count it, or write it out in Darwin Core.")

Since = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="First day it was seen.")]
Until = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Last day it was seen.")]
Species = Annotated[str, typer.Option(help="Scientific name; all species without it.")]


def _selection(since: datetime | None, until: datetime | None, species: str, standings: list[Standing]) -> Selection:
    first, last = since.date() if since else None, until.date() if until else None
    if first and last and last < first:
        raise WingcheckError("the last day lies before the first")
    return Selection(first, last, species.strip(), frozenset(standings) or ACCEPTED)


@records.command("export")
def export(
    file: Annotated[Path, typer.Argument(help="A .zip becomes a Darwin Core archive, a .csv a table.", dir_okay=False)],
    since: Since = None,
    until: Until = None,
    species: Species = "",
    standing: Annotated[
        list[Standing] | None, typer.Option(help="May be repeated; without it, what experts and the machine accepted.")
    ] = None,
    precision: Annotated[Precision, typer.Option(help="How exactly coordinates are told.")] = Precision.KILOMETRE,
    locality: Annotated[bool, typer.Option("--locality", help="With the place in the volunteer's own words.")] = False,
    names: Annotated[bool, typer.Option("--names", help="With the names of the experts.")] = False,
    language: Annotated[str, typer.Option(help="Of the species' everyday names.")] = "en",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there.")] = False,
) -> None:
    """Write records into a file; it stands there whole or not at all."""
    form = next((form for form, suffix in SUFFIXES.items() if file.suffix.lower() == suffix), None)
    if form is None:
        raise WingcheckError(f"{file} should end in .zip, for an archive, or in .csv, for a table")
    if file.exists() and not force:
        raise Conflict(f"{file} is there already; --force writes over it")
    wanted = _selection(since, until, species, standing or [])
    pieces = archive.take(sessions(), None, Download(form, wanted, Shape(precision, locality, names, language)))
    unfinished = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        with unfinished.open("wb") as stream:
            for piece in pieces:
                stream.write(piece)
        unfinished.replace(file)
    except OSError as error:
        raise WingcheckError(f"{file} can't be written: {error.strerror}") from error
    finally:
        unfinished.unlink(missing_ok=True)
    out.print(f"{file} holds {file.stat().st_size:,} bytes.", soft_wrap=True)


@records.command("summary")
def count(since: Since = None, until: Until = None, species: Species = "") -> None:
    """Count records by species and standing, and the animals in what was accepted."""
    with reading(sessions()) as session:
        found = summary(session, _selection(since, until, species, []))
        table = Table()
        table.add_column("species", no_wrap=True)
        for head in [*(standing.value.replace("_", " ") for standing in Standing), "animals"]:
            table.add_column(head, justify="right")
        for one in found.species:
            counts = [one.standings[standing].records if standing in one.standings else 0 for standing in Standing]
            name = one.taxon.scientific_name if one.taxon else "none named"
            table.add_row(name, *map(str, counts), str(one.accepted.individuals))
    out.print(f"{found.total.records} records of {found.volunteers} volunteers; {found.undated} without a date.")
    if found.species:
        out.print(table)
