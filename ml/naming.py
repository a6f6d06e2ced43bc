"""The names as a part of a version: a network that knows many species, asked beside the version's own.

It is not trained here. What is learnt, on calibration photos, is how often a name with some probability is right.
"""

from __future__ import annotations

import csv
import dataclasses
import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.config import Config, ConfigError, NamesData
from ml.export import round_to_half, write_part
from ml.inference.names import NamesInfo
from ml.taxa import label_of

FOLDER = "names"
_FLOOR = 1e-6


@dataclass(frozen=True)
class _Head:
    """The last layer's ``kernel`` (d, n) and ``bias`` (n,), and the scientific names it stands for."""

    kernel: np.ndarray
    bias: np.ndarray
    labels: tuple[str, ...]


def write_names(config: Config, folder: Path, root: Path, photos: np.ndarray) -> dict[str, Any]:
    """Write a config's names to ``folder``.

    Args:
        config: the run; its names say where the weights are.
        folder: where to.
        root: of the data; the files are looked for there, beside the weights, and beside the experiments.
        photos: pixels ``(n, size, size, 3)`` to compare the runtimes on.

    Returns:
        what the version's manifest says of them, before :func:`calibrated`.

    Raises:
        ConfigError: a file is missing or malformed.
        ExportError: the conversion disagrees.
    """
    options = config.names
    if options is None:
        raise ConfigError("The config has no names.")
    weights = options.weights or config.architecture_options.get("weights")
    if weights in (None, "imagenet"):
        raise ConfigError(
            "names needs the weights that belong to its head: give --weights, names.weights, or --set names=none."
        )
    head = _read_head(_file(options.head, root, Path(str(weights)).parent))
    spoken = _read_said(_file(options.said, root, Path(__file__).parent / "experiments"))
    network = _network(options, str(weights), head)
    round_to_half(network)
    folder.mkdir(parents=True)
    parity = write_part(network, folder, photos, ("probabilities",))
    rows = [
        {"scientific_name": label, "spoken": label in spoken, "vernacular_names": spoken.get(label, {})}
        for label in head.labels
    ]
    (folder / "labels.json").write_text(json.dumps(rows, ensure_ascii=False, indent=0) + "\n", encoding="utf-8")
    return {
        "size": options.size,
        "slope": 1.0,
        "intercept": 0.0,
        "least": options.least,
        "parity": dataclasses.asdict(parity),
    }


def calibrated(
    part: Mapping[str, Any],
    info: NamesInfo,
    probabilities: np.ndarray,
    shown: Sequence[str],
) -> dict[str, Any]:
    """What the manifest says of the names, with what calibration photos tell.

    Args:
        part: what :func:`write_names` returned.
        info: the names as they are read from the folder.
        probabilities: of all names for each photo that shows none of the version's labels, ``(m, n)``.
        shown: the label of each of them in the data, like "aphantopus_hyperantus".
    """
    from sklearn.linear_model import LogisticRegression

    names = np.array([label_of(label) for label in info.labels])
    top = probabilities.argmax(1)
    askable = info.spoken[top]
    sure = np.clip(probabilities[np.arange(len(top)), top], _FLOOR, 1 - _FLOOR)
    right = names[top] == np.array([label_of(label) for label in shown])
    slope, intercept = 1.0, 0.0
    if len(set(right[askable].tolist())) == 2:
        platt = LogisticRegression(C=10.0).fit(np.log(sure / (1 - sure))[askable, None], right[askable])
        slope, intercept = float(platt.coef_[0, 0]), float(platt.intercept_[0])
    return {
        **part,
        "slope": round(slope, 6),
        "intercept": round(intercept, 6),
    }


def _network(options: NamesData, weights: str, head: _Head) -> Network:
    from ml.architectures.fine_tuned import pretrained
    from ml.architectures.task import Task

    keras = tensorflow().keras
    layers = keras.layers
    try:
        backbone = pretrained(keras.applications.MobileNetV2, Task(options.size, 1), weights)
    except ValueError as error:
        raise ConfigError(f"The names' network can't be built: {error}.") from error
    pixels = keras.Input((options.size, options.size, 3), name="pixels")
    features = layers.GlobalAveragePooling2D()(backbone(layers.Rescaling(1 / 127.5, offset=-1.0)(pixels)))
    last = layers.Dense(len(head.labels), activation="softmax")
    network = keras.Model(pixels, {"probabilities": last(features)}, name="names")
    if last.kernel.shape != head.kernel.shape:
        raise ConfigError(
            f"names.head has a kernel {head.kernel.shape}; the backbone gives {last.kernel.shape[0]} features."
        )
    last.set_weights([head.kernel, head.bias])
    return network


def _read_head(path: Path) -> _Head:
    try:
        with np.load(path, allow_pickle=False) as arrays:
            kernel, bias = arrays["kernel"].astype(np.float32), arrays["bias"].astype(np.float32)
            labels = tuple(str(label).split(" (")[0].strip() for label in arrays["labels"])
    except (OSError, KeyError, ValueError, zipfile.BadZipFile) as error:
        raise ConfigError(f"names.head: {path.name} can't be read: {error}.") from error
    if kernel.ndim != 2 or bias.shape != kernel.shape[1:] or len(labels) != len(bias):
        raise ConfigError(f"names.head: kernel, bias and labels of {path.name} do not fit together.")
    return _Head(kernel, bias, labels)


def _read_said(path: Path) -> dict[str, dict[str, str]]:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        return {
            row["scientific_name"]: {code: name for code, name in row.items() if code != "scientific_name" and name}
            for row in rows
        }
    except (OSError, KeyError, UnicodeDecodeError) as error:
        raise ConfigError(f"names.said: {path.name} can't be read: {error!r}.") from error


def _file(name: str, *folders: Path) -> Path:
    """The first of these that exists."""
    for folder in folders:
        if (folder / name).is_file():
            return folder / name
    raise ConfigError(f"There is no file {Path(name).name} in the data, beside the weights or beside the experiments.")
