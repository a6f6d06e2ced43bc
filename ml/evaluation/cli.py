"""``wingcheck evaluate`` and ``wingcheck explain``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

_console = Console(soft_wrap=True, highlight=False)

Data = Annotated[
    Path | None,
    typer.Option("--data", envvar="WINGCHECK_DATA", help="Data folder used for training."),
]


def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder of a model version.")],
    data: Data = None,
    photos: Annotated[
        Path | None, typer.Option(help="Evaluate on this data set instead: its test part, or all of it.")
    ] = None,
    against: Annotated[
        Path | None, typer.Option(help="Folder of another version to compare with on the same photos.")
    ] = None,
    error: Annotated[
        list[float] | None,
        typer.Option(min=0.0001, max=0.5, help="Find a threshold for this error rate. Repeatable."),
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write a report with plots and pictures (HTML) here.")] = None,
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
    card: Annotated[Path | None, typer.Option(help="Write a model card with these figures here.")] = None,
    runtime: Annotated[str, typer.Option(help="auto, litert or savedmodel.")] = "auto",
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for the intervals.")] = 1000,
    worst: Annotated[int, typer.Option(min=0, help="How many mistakes to show.")] = 12,
) -> None:
    """Measure a model version on photos that it never learnt from."""
    from ml.config import ConfigError
    from ml.datasets.folder import DataError, data_root
    from ml.evaluation.evaluation import ERROR_RATES
    from ml.evaluation.evaluation import evaluate as evaluated
    from ml.inference import ModelVersionError
    from ml.run import card_text, checked_runtime

    try:
        found = evaluated(
            folder,
            data=None if photos is not None else data_root(data),
            photos=photos,
            against=against,
            error_rates=error or ERROR_RATES,
            runtime=checked_runtime(runtime),
            rounds=rounds,
            worst=worst,
        )
    except (ConfigError, DataError, ModelVersionError, ValueError) as problem:
        raise _refusal(problem) from problem
    figures = found.figures
    _show(figures)
    if json_file is not None:
        json_file.write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if card is not None:
        card.write_text(card_text(folder, figures), encoding="utf-8")
    if report is not None:
        from ml.evaluation.html_report import write_evaluation

        write_evaluation(report, found)
    for file in (json_file, card, report):
        if file is not None:
            _console.print(f"Written: {file}")


def explain(
    photo: Annotated[Path, typer.Argument(help="A photo.")],
    model: Annotated[Path | None, typer.Option(help="Folder of a model version. Default: the bundled one.")] = None,
    out: Annotated[Path, typer.Option(help="Output picture (PNG or JPEG).")] = Path("explained.png"),
    square: Annotated[
        str | None, typer.Option(help="x,y,width,height of the animal in fractions of the photo.")
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(help="activation, grad-cam or gradient. Default: the first one possible."),
    ] = None,
    labels: Annotated[int, typer.Option(min=1, help="Number of labels to explain, most probable first.")] = 2,
) -> None:
    """Draw where the network looked."""
    from ml.evaluation.looking import explain_photo
    from ml.inference import ModelVersionError, PhotoError, bundled_versions

    try:
        said = explain_photo(photo, model or bundled_versions()[0], out, square=square, method=method, most=labels)
    except PhotoError as problem:
        raise _refusal(problem) from problem
    except (ModelVersionError, OSError, ValueError) as problem:
        raise _refusal(problem) from problem
    for line in said:
        _console.print(line)
    _console.print(f"Written: {out}")


def _show(figures: dict[str, object]) -> None:
    from ml.evaluation.table import figures_table

    _console.print(figures_table(figures))
    coverage, paired = figures["coverage"], figures.get("paired")
    assert isinstance(coverage, dict)
    for threshold in coverage["thresholds"]:
        if "sentence" in threshold:
            _console.print(f"• {threshold['sentence']}")
    if isinstance(paired, dict):
        _console.print(paired["sentence"])
    if figures.get("same_data") is False:
        _console.print("This is not the data set it was trained on: some photos may have been used for training.")


def _refusal(error: Exception) -> typer.Exit:
    Console(stderr=True, soft_wrap=True).print(f"[red]{error}[/]")
    return typer.Exit(1)
