"""Commands on folders of model versions, for ``wingcheck models``: compare, export, adopt."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from ml.commands.output import console, refusals, write_json, written

Version = Annotated[str, typer.Argument(help="Folder of a model version, or the name of a bundled one.")]


def compare(
    versions: Annotated[list[str], typer.Argument(help="Folders of model versions, or names of bundled ones.")],
    json_file: Annotated[Path | None, typer.Option("--json", help="Write the figures here.")] = None,
) -> None:
    """Lay versions side by side: their figures, thresholds and sizes."""
    from ml.evaluation.tables import remark, side_by_side, versions_table

    with refusals():
        rows = side_by_side([_folder(version) for version in versions])
    console.print(versions_table(rows))
    if (warning := remark(rows)) is not None:
        console.print(warning)
    if json_file is not None:
        write_json(json_file, rows)
        written(json_file)


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
    from ml.formats import FORMATS, export_version

    chosen = tuple(formats) if formats else tuple(name for name in FORMATS if name != "onnx")
    with refusals(OSError):
        written(*export_version(_folder(version), out, chosen))


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
    from ml.adoption import Description, adopt_apart

    with refusals(OSError, ValueError):
        description = Description(
            labels=_labels(label, labels), name=name or out.resolve().name, version=version, task=task, pixels=pixels,
            size=size, training_resolution=training_resolution, signature=signature, output=output, logits=logits,
        )  # fmt: skip
        parity = adopt_apart(saved_model, out, description)
    console.print(f"LiteRT agrees with it within {parity.max_abs_difference:.1e}; that is what will be served.")
    console.print(f"Now: wingcheck evaluate {out} --photos SOURCE, then wingcheck models import {out}")


# Mounted beside the application's own commands on registered versions.
COMMANDS: dict[str, Callable[..., None]] = {"compare": compare, "export": export, "adopt": adopt}


def _folder(version: str) -> Path:
    from ml.inference import bundled_versions

    bundled = {folder.name: folder for folder in bundled_versions()}
    return bundled.get(version, Path(version))


def _labels(names: list[str] | None, file: Path | None) -> tuple[str | dict[str, Any], ...]:
    """From the command line or from a file. Raises ValueError for fewer than two."""
    entries: Any = json.loads(file.read_text(encoding="utf-8")) if file is not None else (names or [])
    if not isinstance(entries, list) or len(entries) < 2 or not all(isinstance(entry, str | dict) for entry in entries):
        raise ValueError(
            "Give at least two labels, in the order of the outputs: --label NAME --label NAME, or --labels FILE."
        )
    if not all(isinstance(entry, str) or isinstance(entry.get("scientific_name"), str) for entry in entries):
        raise ValueError("Each entry needs a scientific_name.")
    return tuple(entries)
