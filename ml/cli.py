"""``wingcheck train`` and ``wingcheck evaluate``. TensorFlow is imported when they run, so ``--help`` is quick."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from ml.collection.cli import app as collect_app

app = typer.Typer(help="Train and measure model versions.", no_args_is_help=True)
app.add_typer(collect_app, name="collect")
_console = Console(soft_wrap=True, highlight=False)

Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="WINGCHECK_DATA", help="Folder with the photos, each set with its labels.csv."),
]


@app.command()
def train(
    config: Annotated[str, typer.Argument(help="Name of an experiment, or path of a .py file that defines CONFIG.")],
    data: Data = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the new model version; must be new or empty.")] = None,
    seed: Annotated[int | None, typer.Option(help="Another seed than the config's.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Another number of epochs than the config's.", min=1)] = None,
    weights: Annotated[
        str | None, typer.Option(help="Backbone weights: 'imagenet' (downloaded), 'none', or a .weights.h5 file.")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="CPU threads; with more than one a run is faster and no longer repeats exactly.", min=1)
    ] = 1,
) -> None:
    """Train a network and write a model version: SavedModel, LiteRT conversion, policy, figures and card."""
    from ml.config import ConfigError, load_config
    from ml.datasets.folder import DataError, data_root
    from ml.export import ExportError
    from ml.run import train_version
    from ml.training import TrainingError

    try:
        chosen = load_config(config).with_changes(seed=seed, epochs=epochs)
        if weights is not None:
            chosen = chosen.with_weights(None if weights == "none" else weights)
        folder = out or Path("runs") / f"{chosen.model_name}-{chosen.version}"
        command = _command(config, seed=seed, epochs=epochs, weights=weights)
        metrics = train_version(chosen, data_root(data), folder, command=command, say=_console.print, threads=threads)
    except (ConfigError, DataError, TrainingError, ExportError) as error:
        raise _refusal(error) from error
    _show(metrics)
    _console.print(f"Model version written to {folder}")


@app.command()
def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder of a model version.")],
    data: Data = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    card: Annotated[Path | None, typer.Option(help="Write a model card with these figures here.")] = None,
    runtime: Annotated[str, typer.Option(help="auto, litert or savedmodel.")] = "auto",
) -> None:
    """Measure a model version on photos that it never learnt from."""
    from ml.config import ConfigError
    from ml.datasets.folder import DataError, data_root
    from ml.inference import ModelVersionError
    from ml.run import card_text, checked_runtime, evaluate_version

    try:
        metrics = evaluate_version(folder, data_root(data), runtime=checked_runtime(runtime))
    except (ConfigError, DataError, ModelVersionError, ValueError) as error:
        raise _refusal(error) from error
    _show(metrics)
    if not metrics["same_data"]:
        _console.print("These are not the photos it was trained with: some of them may have been in its training part.")
    if json_file is not None:
        json_file.write_text(json.dumps(metrics, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if card is not None:
        card.write_text(card_text(folder, metrics), encoding="utf-8")


@app.command()
def draw(folder: Annotated[Path, typer.Argument(help="Folder to make.")]) -> None:
    """Draw a small data folder of simple butterflies, to try training without any photo."""
    from ml.datasets.synthetic import write_drawn_folder

    write_drawn_folder(folder, per_label=60, outsiders=100)
    _console.print(f"Now: wingcheck train tiny --data {folder}")


def _command(config: str, **options: object) -> str:
    """The command to repeat, with the names of files but no folders of this machine."""
    words = ["wingcheck", "train", Path(config).name if config.endswith(".py") else config, "--data", "DATA"]
    for name, value in options.items():
        if value is not None:
            words += [f"--{name}", Path(str(value)).name]
    return " ".join(words)


def _refusal(error: Exception) -> typer.Exit:
    Console(stderr=True, soft_wrap=True).print(f"[red]{error}[/]")
    return typer.Exit(1)


def _show(metrics: dict[str, object]) -> None:
    from ml.evaluation.table import figures_table

    _console.print(figures_table(metrics))
