"""``wingcheck augment``: what random changes look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

app = typer.Typer(help="Augmentation of training photos.", no_args_is_help=True)


@app.callback()
def augment() -> None:
    """Augmentation of training photos."""


@app.command()
def preview(
    photo: Annotated[Path, typer.Argument(help="A photo, in any format that Wingcheck reads.")],
    out: Annotated[Path, typer.Option(help="The contact sheet, a PNG or JPEG file.")] = Path("sheet.png"),
    config: Annotated[
        str | None, typer.Option(help="Experiment or config file to preview; default: all changes.")
    ] = None,
    seed: Annotated[int, typer.Option(help="Seed of the changes.")] = 1,
    size: Annotated[int, typer.Option(help="Side of each picture in pixels.", min=32, max=512)] = 144,
) -> None:
    """Draw a contact sheet of each change alone and of all together."""
    from ml.config import ConfigError, load_config

    try:
        changes = None if config is None else load_config(config).augmentation
        _write(photo, out, changes, seed, size)
    except (ConfigError, OSError, ValueError) as error:
        Console(stderr=True, soft_wrap=True).print(f"[red]{error}[/]")
        raise typer.Exit(1) from error
    Console(soft_wrap=True, highlight=False).print(f"Contact sheet written to {out}")


def _write(photo: Path, out: Path, changes: object, seed: int, size: int) -> None:
    from ml.augmentation.preview import sheet
    from ml.inference import PhotoError, network_input, open_photo

    try:
        image, _ = open_photo(photo, max_side=None)
    except PhotoError as error:
        raise ValueError(f"{photo} can't be read: {error.detail}") from error
    pixels = network_input(image, square=None, size=size, training_resolution=size)
    sheet(pixels, changes, seed=seed).save(out)  # type: ignore[arg-type]
