"""``wingcheck train`` and ``wingcheck evaluate``. TensorFlow is imported when they run, so ``--help`` is quick."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ml.architectures.cli import list_architectures
from ml.augmentation.cli import app as augment_app
from ml.collection.cli import app as collect_app
from ml.datasets.cli import app as dataset_app
from ml.evaluation.cli import evaluate, explain
from ml.train_command import train
from ml.versions_cli import COMMANDS

# The application mounts these among its own commands on registered versions.
version_commands = COMMANDS

app = typer.Typer(help="Train and evaluate model versions.", no_args_is_help=True)
app.add_typer(augment_app, name="augment")
app.add_typer(collect_app, name="collect")
app.add_typer(dataset_app, name="dataset")
_console = Console(soft_wrap=True, highlight=False)

Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="WINGCHECK_DATA", help="Folder with the photos, each set with its labels.csv."),
]


app.command()(train)
app.command("architectures")(list_architectures)
app.command()(evaluate)
app.command()(explain)


@app.command("add-activation")
def add_activation(folder: Annotated[Path, typer.Argument(help="Folder of a model version.")]) -> None:
    """Let an older model version show where it looked: take the weights for it from its model.keras."""
    from ml.activation import add_to_version
    from ml.inference import ModelVersionError

    try:
        added = add_to_version(folder)
    except ModelVersionError as error:
        raise _refusal(error) from error
    _console.print("Added." if added else "This network is not built for activation maps; nothing was changed.")


@app.command()
def draw(folder: Annotated[Path, typer.Argument(help="Folder to create.")]) -> None:
    """Draw a small data folder of simple butterflies, to try training without any photo."""
    from ml.datasets.synthetic import write_drawn_folder

    write_drawn_folder(folder, per_label=60, outsiders=100)
    _console.print(f"Now: wingcheck train tiny --data {folder}")


def _refusal(error: Exception) -> typer.Exit:
    Console(stderr=True, soft_wrap=True).print(f"[red]{error}[/]")
    return typer.Exit(1)


def _show(metrics: dict[str, object]) -> None:
    from ml.evaluation.table import figures_table

    _console.print(figures_table(metrics))
