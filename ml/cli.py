"""The command line: training, evaluation, data sets, collecting. TensorFlow is imported when a command runs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ml.commands import collect, dataset
from ml.commands.evaluate import evaluate, explain
from ml.commands.output import console, refusals
from ml.commands.train import train
from ml.commands.versions import COMMANDS

# The application mounts these among its own commands on registered versions.
version_commands = COMMANDS

app = typer.Typer(help="Train and evaluate model versions.", no_args_is_help=True)
augment = typer.Typer(help="Augmentation of training photos.", no_args_is_help=True)
app.add_typer(augment, name="augment")
app.add_typer(collect.app, name="collect")
app.add_typer(dataset.app, name="dataset")
app.command()(train)
app.command()(evaluate)
app.command()(explain)


@augment.callback()
def _augment() -> None:
    """Augmentation of training photos."""


@augment.command()
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
    from ml.augmentation.preview import sheet
    from ml.config import load_config
    from ml.inference import PhotoError, network_input, open_photo

    with refusals(OSError, ValueError):
        changes = None if config is None else load_config(config).augmentation
        try:
            image, _ = open_photo(photo, max_side=None)
        except PhotoError as error:
            raise ValueError(f"{photo} can't be read: {error.detail}") from error
        pixels = network_input(image, square=None, size=size, training_resolution=size)
        sheet(pixels, changes, seed=seed).save(out)
    console.print(f"Contact sheet written to {out}")


@app.command()
def architectures(
    name: Annotated[str | None, typer.Argument(help="Show the options of this architecture.")] = None,
    count: Annotated[bool, typer.Option("--count", help="Build each and count its parameters.")] = False,
    size: Annotated[int, typer.Option(help="Side of the input in pixels, for counting.", min=32)] = 96,
    labels: Annotated[int, typer.Option(help="Number of labels, for counting.", min=2)] = 2,
) -> None:
    """List the networks that can be trained, or the options of one of them."""
    from ml.architectures import registry

    if name is not None:
        with refusals(ValueError):
            console.print(f"[bold]{name}[/]: {registry.summary_of(name)}")
            for option, default in registry.options_of(name).items():
                console.print(f"  architecture_options.{option} = {default!r}", markup=False)
        return
    table = Table(*(["name", "parameters", ""] if count else ["name", ""]))
    for architecture in registry.architectures():
        row = [architecture, f"{registry.count_parameters(architecture, size, labels):,}"] if count else [architecture]
        table.add_row(*row, registry.summary_of(architecture))
    console.print(table)


@app.command("add-activation")
def add_activation(folder: Annotated[Path, typer.Argument(help="Folder of a model version.")]) -> None:
    """Let an older model version show where it looked: take the weights for it from its model.keras."""
    from ml.activation import add_to_version

    with refusals():
        added = add_to_version(folder)
    console.print("Added." if added else "This network is not built for activation maps; nothing was changed.")


@app.command()
def draw(folder: Annotated[Path, typer.Argument(help="Folder to create.")]) -> None:
    """Draw a small data folder of simple butterflies, to try training without any photo."""
    from ml.datasets.synthetic import write_drawn_folder

    write_drawn_folder(folder, per_label=60, outsiders=100)
    console.print(f"Now: wingcheck train tiny --data {folder}")
