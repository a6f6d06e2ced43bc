"""``wingcheck architectures``: what a config's ``architecture`` may name, and the options of each."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table


def list_architectures(
    name: Annotated[str | None, typer.Argument(help="Show the options of this architecture.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Build each and count its parameters.")] = False,
    size: Annotated[int, typer.Option(help="Side of the input in pixels, for counting.", min=32)] = 96,
    labels: Annotated[int, typer.Option(help="Number of labels, for counting.", min=2)] = 2,
) -> None:
    """List the networks that can be trained, or the options of one of them."""
    from ml.architectures.registry import architectures, options_of, summary_of

    console = Console(soft_wrap=True, highlight=False)
    try:
        if name is not None:
            console.print(f"[bold]{name}[/]: {summary_of(name)}")
            for option, default in options_of(name).items():
                console.print(f"  architecture_options.{option} = {default!r}", markup=False)
            return
    except ValueError as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]{error}[/]")
        raise typer.Exit(1) from error
    table = Table(*(["name", "parameters", ""] if count else ["name", ""]))
    for each in architectures():
        row = [each, f"{_parameters(each, size, labels):,}"] if count else [each]
        table.add_row(*row, summary_of(each))
    console.print(table)


def _parameters(name: str, size: int, labels: int) -> int:
    """Of a network from chance, without its head for the scope."""
    from ml.architectures.registry import build, options_of, parameters
    from ml.backend import tensorflow

    options = {"weights": None} if "weights" in options_of(name) else {}
    counted = parameters(build(name, size=size, labels=labels, options=options))
    tensorflow().keras.backend.clear_session()
    return counted
