"""``wingcheck train``."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ml.commands.output import DataFolder, console, refusals, show_figures
from ml.stopping import EXIT_CODE, Stopped, listening

_FOLDERS = re.compile(r"""(?<![^\s"'\[{=])/(?:[^\s"',\]}/]+/)*""")


def train(
    config: Annotated[
        str,
        typer.Argument(help="Name of an experiment, or path of a .py file that defines CONFIG, or of a .toml file."),
    ],
    data: DataFolder = None,
    out: Annotated[Path | None, typer.Option(help="Folder of the new model version; must be new or empty.")] = None,
    values: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="Override a value of the config: optimisation.epochs=3. Repeatable."
        ),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Override the config's seed.")] = None,
    epochs: Annotated[int | None, typer.Option(help="Override the config's number of epochs.", min=1)] = None,
    weights: Annotated[
        str | None, typer.Option(help="Backbone weights: 'imagenet' (downloaded), 'none', or a .weights.h5 file.")
    ] = None,
    threads: Annotated[
        int, typer.Option(help="CPU threads; more than one is faster but not exactly reproducible.", min=1)
    ] = 1,
    start: Annotated[
        Path | None,
        typer.Option("--from", help="Start from the weights of this model version, of the same architecture."),
    ] = None,
    parts: Annotated[
        Path | None,
        typer.Option("--parts", help="Copy the finder and the names from this model version instead of training them."),
    ] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Continue a stopped or killed run.")] = False,
    checkpoints: Annotated[
        Path | None, typer.Option(help="Folder for checkpoints; default: beside the model version.")
    ] = None,
    progress: Annotated[
        Path | None, typer.Option(help="Append the run's progress to this file, as JSON lines.")
    ] = None,
    tensorboard: Annotated[Path | None, typer.Option(help="Write curves for TensorBoard into this folder.")] = None,
    folds: Annotated[
        int | None,
        typer.Option(
            min=2, help="Cross-validate instead: every photo is predicted by a model that was not trained on it."
        ),
    ] = None,
) -> None:
    """Train a network and write a model version: SavedModel, LiteRT conversion, policy, figures and card.

    SIGTERM and Ctrl-C stop it in good order, with exit code 75; --resume then goes on as if it had never stopped.
    """
    from ml.config import load_config
    from ml.datasets.folder import data_root
    from ml.progress import Curves, Journal
    from ml.run import train_version
    from ml.training import RunOptions

    with refusals():
        chosen = load_config(config).with_values(values or []).with_changes(seed=seed, epochs=epochs)
        if weights is not None:
            chosen = chosen.with_weights(None if weights == "none" else weights)
        folder = out or Path("runs") / f"{chosen.model_name}-{chosen.version}"
        if folds is not None:
            _cross_validate(chosen, folds, data_root(data), out, threads)
            return
        options: dict[str, object] = {"seed": seed, "epochs": epochs, "weights": weights, "from": start, "parts": parts}
        try:
            with listening() as stop:
                run_options = RunOptions(
                    journal=Journal(progress),
                    curves=Curves(tensorboard),
                    stop=stop,
                    say=console.print,
                    threads=threads,
                    checkpoints=checkpoints or folder.with_name(f"{folder.name}.checkpoint"),
                    resume=resume,
                    start=start,
                    parts=parts,
                )
                metrics = train_version(
                    chosen,
                    data_root(data),
                    folder,
                    command=_command(config, values or [], options),
                    options=run_options,
                )
        except Stopped as stopped:
            console.print("Stopped. Continue with the same command and --resume.")
            raise typer.Exit(EXIT_CODE) from stopped
    if metrics:
        show_figures(metrics)
        console.print(f"Model version written to {folder}")


def _cross_validate(config: Any, folds: int, data: Path, out: Path | None, threads: int) -> None:
    from ml.evaluation.tables import folds_table
    from ml.folds import run_folds

    folder = out or Path("runs") / f"{config.model_name}-{config.version}-folds"
    console.print(folds_table(run_folds(config, folds, data, folder, say=console.print, threads=threads)))
    console.print(
        f"Predictions of all photos: {folder / 'out_of_fold.csv'}; find wrong labels with: wingcheck dataset clean"
    )


def _command(config: str, values: list[str], options: dict[str, object]) -> str:
    """The command to repeat, with the names of files but no folders of this machine."""
    words = ["wingcheck", "train", Path(config).name if "." in config else config, "--data", "DATA"]
    for assignment in values:
        key, _, value = assignment.partition("=")
        words += ["--set", f"{key}={_FOLDERS.sub('', value)}"]
    for name, option in options.items():
        if option is not None:
            words += [f"--{name}", Path(str(option)).name]
    return shlex.join(words)
