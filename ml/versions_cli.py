"""Commands on folders of model versions, for ``wingcheck models``: compare, export, adopt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

_console = Console(soft_wrap=True, highlight=False)
Version = Annotated[str, typer.Argument(help="Folder of a model version, or the name of a bundled one.")]


def compare(
    versions: Annotated[list[str], typer.Argument(help="Folders of model versions, or names of bundled ones.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Lay versions side by side: their figures, thresholds and sizes."""
    from ml.evaluation.side_by_side import remark, side_by_side, versions_table
    from ml.inference import ModelVersionError

    try:
        rows = side_by_side([_folder(each) for each in versions])
    except ModelVersionError as error:
        raise _refusal(error) from error
    _console.print(versions_table(rows))
    if (said := remark(rows)) is not None:
        _console.print(said)
    if json_file is not None:
        json_file.write_text(json.dumps(rows, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        _console.print(f"Written: {json_file}")


def export(
    version: Version,
    out: Annotated[Path, typer.Argument(help="Folder to write into.")],
    formats: Annotated[
        list[str] | None,
        typer.Option(
            "--format", help="saved_model, keras, weights, litert, onnx or card. Repeat it. Default: all but onnx."
        ),
    ] = None,
) -> None:
    """Write a version in other forms, for other programs."""
    from ml.export import ExportError
    from ml.formats import FORMATS, export_version
    from ml.inference import ModelVersionError

    wanted = tuple(formats) if formats else tuple(name for name in FORMATS if name != "onnx")
    try:
        for file in export_version(_folder(version), out, wanted):
            _console.print(f"Written: {file}")
    except (ExportError, ModelVersionError, OSError) as error:
        raise _refusal(error) from error


def adopt(
    saved_model: Annotated[Path, typer.Argument(help="Folder of a SavedModel.")],
    out: Annotated[Path, typer.Argument(help="Folder of the new model version; must be new or empty.")],
    label: Annotated[
        list[str] | None, typer.Option(help="Scientific name of a label, in the order of its outputs. Repeat it.")
    ] = None,
    labels: Annotated[
        Path | None, typer.Option(help="JSON file with the labels instead: names, or entries as in model.json.")
    ] = None,
    pixels: Annotated[str | None, typer.Option(help="Pixel range: 0..255, 0..1 or -1..1.")] = None,
    name: Annotated[str | None, typer.Option(help="Name of the version. Default: the name of OUT.")] = None,
    version: Annotated[str, typer.Option(help="Its number.")] = "1.0.0",
    task: Annotated[str, typer.Option(help="Its task; one version is in service per task.")] = "garden-browns",
    size: Annotated[int | None, typer.Option(min=8, help="Side of its input, if it accepts any.")] = None,
    training_resolution: Annotated[
        int | None, typer.Option(min=8, help="Side of its training photos. Default: that of its input.")
    ] = None,
    signature: Annotated[str | None, typer.Option(help="Signature, if there are several.")] = None,
    output: Annotated[str | None, typer.Option(help="Output, if there are several.")] = None,
    logits: Annotated[
        bool | None, typer.Option("--logits/--probabilities", help="Its output. Default: detected.")
    ] = None,
) -> None:
    """Take in a SavedModel from elsewhere: make a model version of it that can be imported and served."""
    from ml.adoption import AdoptionError, Wanted
    from ml.adoption import adopt as adopted
    from ml.export import ExportError
    from ml.inference import ModelVersionError

    try:
        wanted = Wanted(
            labels=_labels(label, labels), name=name or out.resolve().name, version=version, task=task, pixels=pixels,
            size=size, training_resolution=training_resolution, signature=signature, output=output, logits=logits,
        )  # fmt: skip
        parity = adopted(saved_model, out, wanted)
    except (AdoptionError, ExportError, ModelVersionError, OSError, ValueError) as error:
        raise _refusal(error) from error
    if parity.passed:
        _console.print(f"LiteRT agrees with it within {parity.max_abs_difference:.1e}; that is what will be served.")
    else:
        _console.print(
            "LiteRT can't run it, or not with the same answers: it will be served by TensorFlow, which is slower."
        )
    _console.print(f"Now: wingcheck evaluate {out} --photos SOURCE, then wingcheck models import {out}")


# Mounted beside the application's own commands on registered versions.
COMMANDS: dict[str, Callable[..., None]] = {"compare": compare, "export": export, "adopt": adopt}


def _folder(version: str) -> Path:
    from ml.inference import bundled_versions

    bundled = {folder.name: folder for folder in bundled_versions()}
    return bundled.get(version, Path(version))


def _labels(names: list[str] | None, file: Path | None) -> tuple[str | dict[str, Any], ...]:
    """From the command line or from a file. Raises ValueError for fewer than two."""
    found: Any = json.loads(file.read_text(encoding="utf-8")) if file is not None else (names or [])
    if not isinstance(found, list) or len(found) < 2 or not all(isinstance(each, str | dict) for each in found):
        raise ValueError(
            "Give at least two labels, in the order of the outputs: --label NAME --label NAME, or --labels FILE."
        )
    if not all(isinstance(each, str) or isinstance(each.get("scientific_name"), str) for each in found):
        raise ValueError("Each entry needs a scientific_name.")
    return tuple(found)


def _refusal(error: Exception) -> typer.Exit:
    Console(stderr=True, soft_wrap=True).print(f"[red]{error}[/]")
    return typer.Exit(1)
