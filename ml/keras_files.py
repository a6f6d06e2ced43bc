"""Networks and weights in files of Keras, which somebody else may have made: looked at before Keras reads them."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path
from typing import Any

from ml.backend import tensorflow
from ml.checks.keras import ARCHIVED_WEIGHTS, check_archived_weights, check_keras, check_weights
from ml.errors import ModelVersionError

NAME = "model.keras"


def load_network(folder: Path) -> Any:
    """The Keras network of a model version.

    Raises:
        ModelVersionError: it has none.
        UnsafeModel: it is not loaded because of what it holds.
    """
    file, _ = _archive(folder)
    return tensorflow().keras.models.load_model(file, compile=False, safe_mode=True)


def load_archived_weights(network: Any, folder: Path) -> None:
    """Give a network the weights of a model version's network; that one is not built.

    Raises:
        ModelVersionError: the version has no Keras network.
        UnsafeModel: it is not loaded because of what it holds.
        ValueError: it is built in another way.
    """
    file, arrays = _archive(folder)
    if arrays != len(network.weights):
        raise ValueError("it has another number of weights")
    network.load_weights(file)


def load_weights(network: Any, file: Path) -> None:
    """Give a network the weights in an HDF5 file. Raises UnsafeModel, OSError, ValueError."""
    check_weights(file)
    network.load_weights(file)


def write_weights(folder: Path, target: Path) -> None:
    """Write the weights of a model version's Keras network to a ``.weights.h5`` file. Raises as :func:`load_network`."""
    file, _ = _archive(folder)
    with zipfile.ZipFile(file) as archive, archive.open(ARCHIVED_WEIGHTS) as weights, target.open("wb") as out:
        shutil.copyfileobj(weights, out)


def _archive(folder: Path) -> tuple[Path, int]:
    """A version's archive, which was looked at, and how many arrays of weights it has."""
    file = folder / NAME
    if not file.is_file():
        raise ModelVersionError(f"{folder.name} has no {NAME}, which this needs.")
    check_keras(file)
    return file, check_archived_weights(file)
