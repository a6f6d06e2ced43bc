"""``wingcheck evaluate`` and ``wingcheck explain``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from ml.commands.output import DataFolder, console, refusals, show_figures, write_json, written


def evaluate(
    folder: Annotated[Path, typer.Argument(help="Folder of a model version.")],
    data: DataFolder = None,
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
    runtime: Annotated[str, typer.Option(help="litert or savedmodel.")] = "litert",
    rounds: Annotated[int, typer.Option(min=1, help="Resamples for the intervals.")] = 1000,
    worst: Annotated[int, typer.Option(min=0, help="How many mistakes to show.")] = 12,
) -> None:
    """Measure a model version on photos that it never learnt from."""
    from ml.datasets.folder import data_root
    from ml.evaluation.evaluation import ERROR_RATES
    from ml.evaluation.evaluation import evaluate as measure

    with refusals(ValueError):
        result = measure(
            folder,
            data=None if photos is not None else data_root(data),
            photos=photos,
            against=against,
            error_rates=error or ERROR_RATES,
            runtime=_runtime(runtime),
            rounds=rounds,
            worst=worst,
        )
    figures = result.figures
    _show(figures)
    if json_file is not None:
        write_json(json_file, figures)
    if card is not None:
        from ml.evaluation.card import card_with

        card.write_text(card_with(folder, figures), encoding="utf-8")
    if report is not None:
        from ml.evaluation.html_report import write_evaluation

        write_evaluation(report, result)
    written(json_file, card, report)


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
    from ml.explanation import explain_photo
    from ml.inference import PhotoError, bundled_versions

    with refusals(PhotoError, OSError, ValueError):
        lines = explain_photo(photo, model or bundled_versions()[0], out, square=square, method=method, most=labels)
    for line in lines:
        console.print(line)
    written(out)


def _runtime(name: str) -> Any:
    from ml.inference.classifier import RUNTIMES

    if name not in RUNTIMES:
        raise ValueError(f"There is no runtime {name}; there are {', '.join(RUNTIMES)}.")
    return name


def _show(figures: dict[str, object]) -> None:
    show_figures(figures)
    coverage, paired = figures["coverage"], figures.get("paired")
    assert isinstance(coverage, dict)
    for threshold in coverage["thresholds"]:
        if "sentence" in threshold:
            console.print(f"• {threshold['sentence']}")
    if isinstance(paired, dict):
        console.print(paired["sentence"])
    if figures.get("same_data") is False:
        console.print("This is not the data set it was trained on: some photos may have been used for training.")
