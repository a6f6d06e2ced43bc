"""What all commands print, and how they end when a person has to put something right."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.text import Text

from ml.errors import UserError

console = Console(soft_wrap=True, highlight=False)
DataFolder = Annotated[
    Path | None,
    typer.Option("--data", envvar="WINGCHECK_DATA", help="Folder with the photos, each set with its labels.csv."),
]


def complain(line: str) -> None:
    """Print one line to standard error."""
    Console(stderr=True, soft_wrap=True, highlight=False).print(Text(line, "red"))


@contextmanager
def refusals(*more: type[Exception]) -> Iterator[None]:
    """End with one line and exit code 1 for a UserError, and for ``more`` kinds of errors."""
    kinds: tuple[type[Exception], ...] = (UserError, *more)
    try:
        yield
    except kinds as error:
        complain(str(error))
        raise typer.Exit(1) from error


def written(*files: Path | None) -> None:
    """Say which files were written; None for those that nobody asked for."""
    for file in files:
        if file is not None:
            console.print(f"Written: {file}", markup=False)


def write_json(file: Path, value: Any) -> None:
    """Write JSON for people and programs."""
    file.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show_figures(figures: Mapping[str, Any]) -> None:
    """Print all figures as a table."""
    from ml.evaluation.tables import figures_table

    console.print(figures_table(figures))
