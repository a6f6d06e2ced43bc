"""`wingcheck predict`: ask a model version about photos, one or a season's, without a server."""

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

from app.core.commands import err, out
from app.core.errors import WingcheckError
from app.core.settings import get_settings
from app.predictions.bulk import asking, formats
from app.predictions.bulk.formats import Format, Row
from app.predictions.bulk.output import Output
from app.predictions.bulk.sources import Source, gather
from app.predictions.classifiers import offline_version
from app.predictions.inference import ModelVersionInfo

_SUFFIXES = {
    ".csv": Format.CSV,
    ".jsonl": Format.JSONL,
    ".ndjson": Format.JSONL,
    ".json": Format.JSON,
    ".parquet": Format.PARQUET,
}
_INTERRUPTED = 130  # the exit status of shells for Ctrl-C


def predict(
    photos: Annotated[list[Path], typer.Argument(help="Photos, folders, lists (.csv) or .zip files.")],
    model: Annotated[Path | None, typer.Option("--model", help="Folder of a model version; default: bundled.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON; the same as --format json.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="A file for the results: .csv, .jsonl, .json or .parquet.")
    ] = None,
    format: Annotated[
        Format | None, typer.Option("--format", help="Format of the results; default: from the file's name.")
    ] = None,
    resume: Annotated[
        bool, typer.Option("--resume", help="Continue a file of results; skip photos that are in it.")
    ] = False,
    column: Annotated[str, typer.Option(help="Column of a list with the paths.")] = "path",
    processes: Annotated[
        int | None, typer.Option(min=1, help="Photos processed at the same time; default: one per core.")
    ] = None,
) -> None:
    """Run a model version on photos, without a server."""
    format = Format.JSON if as_json else format
    if output is None and resume:
        raise typer.BadParameter("there is nothing to go on with without --output", param_hint="--resume")
    if output is None and format is Format.PARQUET:
        raise typer.BadParameter("Parquet can't be printed; name a file with --output", param_hint="--format")
    if output is not None:
        format = _format_of(output, format)
    info = offline_version(model)
    gathered = gather(photos, column)
    if not gathered.sources:
        raise WingcheckError("there are no photos")
    run = _Run(info, processes or len(os.sched_getaffinity(0)))
    try:
        if output is not None and format is not None:
            run.write_file(output, format, gathered.sources, resume=resume)
        else:
            run.print_results(format, gathered.sources)
    except KeyboardInterrupt:
        err.print("Stopped." if output is None else f"Stopped; continue {output} with --resume", soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    finally:
        if gathered.left_out:
            err.print(f"Skipped, not photos by their names: {gathered.left_out}")
    if run.errors:
        raise typer.Exit(1)


def _format_of(output: Path, named: Format | None) -> Format:
    format = named or _SUFFIXES.get(output.suffix.lower())
    if format is None:
        raise typer.BadParameter(f"{output.name} does not say in which form; use --format", param_hint="--output")
    return format


class _Run:
    """Asks a version about photos, and counts the errors."""

    def __init__(self, info: ModelVersionInfo, processes: int) -> None:
        self._info = info
        self._processes = processes
        self.errors = 0

    def write_file(self, path: Path, format: Format, sources: list[Source], *, resume: bool) -> None:
        """Write a row for every photo that the file does not have yet."""
        with Output(path, format, self._info, resume=resume) as output:
            unique = {source.name: source for source in sources}
            todo = [source for name, source in unique.items() if name not in output.done]
            with self._rows(todo) as rows:
                for row in rows:
                    output.write(row)
            output.finish()
        if len(todo) < len(unique):
            err.print(f"{len(unique) - len(todo)} photos had their results already", soft_wrap=True)

    def print_results(self, format: Format | None, sources: list[Source]) -> None:
        """Print a table for people, or text for programs."""
        with self._rows(sources) as rows:
            if format is None:
                _print_table(rows, self._info)
            elif format is Format.JSON:
                out.print_json(json.dumps(list(rows)))
            else:
                lines = formats.lines_of(format, [label.scientific_name for label in self._info.labels])
                sys.stdout.write(lines.head)
                sys.stdout.writelines(map(lines.line, rows))

    @contextmanager
    def _rows(self, sources: list[Source]) -> Iterator[Iterator[Row]]:
        """The rows as they are computed. For many photos, shows progress and reports the time taken."""
        with closing(asking.answers(sources, self._info, get_settings(), self._processes)) as rows:
            if len(sources) <= asking.FEW:
                yield self._counted(rows)
                return
            start = time.monotonic()
            columns = BarColumn(), MofNCompleteColumn(), TextColumn("photos"), TimeRemainingColumn()
            with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as bar:
                yield self._counted(bar.track(rows, total=len(sources)))
            seconds = time.monotonic() - start
        err.print(f"{len(sources)} photos in {seconds:.0f} s, {len(sources) / seconds:.1f} a second; ", end="")
        err.print(f"{self.errors} of them can't be answered")

    def _counted(self, rows: Iterable[Row]) -> Iterator[Row]:
        for row in rows:
            self.errors += "error" in row
            yield row


def _print_table(rows: Iterable[Row], info: ModelVersionInfo) -> None:
    """File names are relative to the folder that all photos have in common."""
    answered = list[Row]()
    for row in rows:
        if "error" in row:
            err.print(f"{row['filename']}: {row['error']['detail']}", style="red", soft_wrap=True)
        else:
            answered.append(row)
    if not answered:
        return
    table = _table(info)
    paths = [os.path.abspath(row["filename"]) for row in answered]
    common = os.path.commonpath([os.path.dirname(path) for path in paths])
    for row, path in zip(answered, paths, strict=True):
        _add(table, os.path.relpath(path, common), _place(row), row)
        for other in row["animals"]:
            _add(table, "", _percent(other["square"]), other)
    out.print(table)


def _table(info: ModelVersionInfo) -> Table:
    known = ", ".join(label.scientific_name for label in info.labels)
    columns = (Column("photo", no_wrap=True), "looked at", "species", "probability", "in scope")
    caption = f"{info.name} {info.version} tells apart {known}."
    return Table(*columns, Column("decision", no_wrap=True), caption=caption, caption_justify="left")


def _add(table: Table, photo: str, place: str, animal: Row) -> None:
    """A row for an animal; if it is none of the version's species, a row for each species that it looks like."""
    named = [(animal["species"], animal["probability"])] if animal["species"] else []
    named += [(f"like {name['scientific_name']}", name["probability"]) for name in animal.get("looks_like", [])]
    (species, probability), *more = [(name, f"{value:.3f}") for name, value in named] or [("", "")]
    table.add_row(photo, place, species, probability, f"{animal['in_scope']:.3f}", animal["decision"])
    for species, probability in more:
        table.add_row("", "", species, probability, "", "")


def _place(row: Row) -> str:
    if row["square"] is None:
        return "the middle: no animal found" if row["searched"] else "the middle"
    return f"{row['square_origin']}: {_percent(row['square'])}"


def _percent(square: dict[str, float]) -> str:
    """Left, top and size of a square, in percent of the photo's width and height."""
    return f"{square['x']:.0%} {square['y']:.0%}, {square['width']:.0%}×{square['height']:.0%}"
