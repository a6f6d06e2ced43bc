"""A model version in the form that somebody else wants: SavedModel, Keras, weights alone, LiteRT, ONNX, model card."""

from __future__ import annotations

import importlib
import json
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from ml.evaluation.card import card_data
from ml.export import LARGEST_DIFFERENCE, ExportError
from ml.export import convert as convert_litert
from ml.inference import ModelVersionInfo, load_classifier, read_version
from ml.keras_files import write_weights

_PHOTOS = 8


def export_version(folder: Path, out: Path, formats: tuple[str, ...]) -> list[Path]:
    """Write a version in some of FORMATS into a folder.

    Args:
        folder: of the version.
        out: where to; made where it is missing. What has the same name there is never overwritten.
        formats: which.

    Returns:
        what was written.

    Raises:
        ModelVersionError: the version is damaged.
        ExportError: a format is unknown, the version lacks what it takes, or something is in the way.
    """
    unknown = [name for name in formats if name not in FORMATS]
    if unknown:
        raise ExportError(f"There is no format {unknown[0]}; there are {', '.join(FORMATS)}.")
    info = read_version(folder)
    out.mkdir(parents=True, exist_ok=True)
    written: list[Path] = []
    for name in formats:
        written += FORMATS[name](info, out)
    return written


def _target(out: Path, name: str) -> Path:
    if (out / name).exists():
        raise ExportError(f"{out / name} is there already.")
    return out / name


def _copy(info: ModelVersionInfo, name: str, out: Path, as_name: str) -> list[Path]:
    source, target = info.folder / name, _target(out, as_name)
    if not source.exists():
        raise ExportError(f"{info.name} {info.version} has no {name}.")
    if source.is_dir():
        shutil.copytree(source, target)
    else:
        shutil.copy2(source, target)
    return [target]


def _saved_model(info: ModelVersionInfo, out: Path) -> list[Path]:
    return _copy(info, "saved_model", out, "saved_model")


def _keras(info: ModelVersionInfo, out: Path) -> list[Path]:
    return _copy(info, "model.keras", out, f"{info.name}.keras")


def _litert(info: ModelVersionInfo, out: Path) -> list[Path]:
    if not info.has_litert:
        raise ExportError(f"{info.name} {info.version} has no LiteRT conversion that agrees with its artefact.")
    further = {"finder": info.finder, "names": info.names}
    return _copy(info, "model.tflite", out, f"{info.name}.tflite") + [
        written
        for name, part in further.items()
        if part is not None
        for written in _copy(info, f"{name}/model.tflite", out, f"{info.name}.{name}.tflite")
    ]


def _weights(info: ModelVersionInfo, out: Path) -> list[Path]:
    """Keras's own format, for ``load_weights`` on a network of the same architecture."""
    target = _target(out, f"{info.name}.weights.h5")
    write_weights(info.folder, target)
    return [target]


def _card(info: ModelVersionInfo, out: Path) -> list[Path]:
    manifest, policy = (
        json.loads((info.folder / name).read_text(encoding="utf-8")) for name in ("model.json", "policy.json")
    )
    target = _target(out, "model_card.json")
    text = json.dumps(card_data(manifest, policy, info.metrics), indent=1, ensure_ascii=False)
    target.write_text(text + "\n", encoding="utf-8")
    return [*_copy(info, "MODEL_CARD.md", out, "MODEL_CARD.md"), target]


def _onnx(info: ModelVersionInfo, out: Path) -> list[Path]:
    """From a LiteRT conversion in 32 bits, with the names of our signature, and proven to agree."""
    if not info.has_litert:
        raise ExportError(f"{info.name} {info.version} has no LiteRT conversion, which ONNX is made from.")
    try:
        convert, onnx, runtime = (importlib.import_module(name) for name in ("tf2onnx.convert", "onnx", "onnxruntime"))
    except ImportError as error:
        raise ExportError(
            f"ONNX needs more packages ({error.name} is missing): pip install 'wingcheck[onnx]'."
        ) from error
    target = _target(out, f"{info.name}.onnx")
    with tempfile.TemporaryDirectory() as made:
        conversion = Path(made) / "model.tflite"  # the one that is served may hold 16 bits, which tf2onnx does not read
        convert_litert(info.folder / "saved_model", conversion)
        model, _ = convert.from_tflite(str(conversion), opset=17)
        _rename(model, _signature_names(conversion))
    onnx.checker.check_model(model)
    session = runtime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    _check_onnx(info, session)
    onnx.save(model, str(target))
    return [target]


def _signature_names(conversion: Path) -> dict[str, str]:
    """The conversion's tensor names to the names in its signature."""
    interpreter = importlib.import_module("ai_edge_litert.interpreter").Interpreter(str(conversion))
    runner = interpreter.get_signature_runner("serving_default")
    details = runner.get_input_details() | runner.get_output_details()
    return {str(detail["name"]): name for name, detail in details.items()}


def _rename(model: Any, names: dict[str, str]) -> None:
    graph = model.graph
    for value in [*graph.input, *graph.output, *graph.value_info]:
        value.name = names.get(value.name, value.name)
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]


def _check_onnx(info: ModelVersionInfo, session: Any) -> None:
    size = info.input_size
    photos = np.random.default_rng(1).uniform(0, 255, (_PHOTOS, size, size, 3)).astype(np.float32)
    expected = np.stack([output.probabilities for output in load_classifier(info.folder, "litert").predict(photos)])
    answers = np.concatenate([session.run(["probabilities"], {"pixels": photo[None]})[0] for photo in photos])
    difference = float(np.abs(answers - expected).max())
    if not difference <= LARGEST_DIFFERENCE:
        raise ExportError(f"The ONNX conversion differs by {difference:.2g} in probability; it was not written.")


FORMATS: dict[str, Callable[[ModelVersionInfo, Path], list[Path]]] = {
    "saved_model": _saved_model,
    "keras": _keras,
    "weights": _weights,
    "litert": _litert,
    "onnx": _onnx,
    "card": _card,
}
