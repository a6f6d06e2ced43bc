"""Versions that somebody else may have made: looked at before they are copied, and tried out before they serve."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from ml.checks.keras import check_keras
from ml.checks.litert import check_litert
from ml.checks.saved_model import check_saved_model
from ml.errors import ModelVersionError
from ml.inference.recogniser import load_recogniser
from ml.inference.versions import ModelVersionInfo, read_version
from ml.limited import LimitError, limited

_MOST_FILES = 200
_LARGEST = 4_000_000_000  # bytes, all files together
_MEGABYTES, _SECONDS = 4_000, 120


def read_strangers_version(folder: Path) -> ModelVersionInfo:
    """Read a version and look at all that it holds. Nothing of it runs.

    Raises:
        UnsafeModel: one of its networks holds what is not allowed.
        ModelVersionError: it holds links, too many files or too much, or is damaged.
    """
    _check_size(folder)
    info = read_version(folder)
    for graph in folder.rglob("saved_model"):
        check_saved_model(graph)
    for file in folder.rglob("*.tflite"):
        check_litert(file)
    for file in folder.rglob("*.keras"):
        check_keras(file)
    return info


def _check_size(folder: Path) -> None:
    size = 0
    for number, path in enumerate(folder.rglob("*")):
        if path.is_symlink():
            raise ModelVersionError(f"{path.name} is a link. A version that is imported holds its own files.")
        if not (path.is_file() or path.is_dir()):
            raise ModelVersionError(f"{path.name} is no file. A version holds files and folders only.")
        size += path.stat().st_size
        if number >= _MOST_FILES or size > _LARGEST:
            raise ModelVersionError(
                f"{folder} holds more than {_MOST_FILES} files or {_LARGEST // 1_000_000} MB, which is too much for a version."
            )


def try_out(folder: Path) -> None:
    """Look at a version, then let it answer once under LiteRT, in a process of its own with limits.

    Raises:
        UnsafeModel: one of its networks holds what is not allowed.
        ModelVersionError: it can't be loaded, crashes, takes too much, or answers something else than its labels.
    """
    read_strangers_version(folder)
    try:
        limited(_answer_once, folder, megabytes=_MEGABYTES, seconds=_SECONDS)
    except LimitError as error:
        raise ModelVersionError(f"{folder} was tried out on one photo, and can't be used. {error}") from error


def _answer_once(folder: Path) -> None:
    recogniser = load_recogniser(folder)
    classifier, info = recogniser.classifier, recogniser.info
    side = recogniser.decoding_side
    photo = Image.fromarray(np.random.default_rng(1).integers(0, 256, (side, side, 3), np.uint8))
    try:
        recogniser.find(photo)
        recogniser.names(photo, None)
        for first_look in {False, classifier.has_first_look}:
            (output,) = classifier.predict(recogniser.pixels(photo, None), first_look=first_look)
            if output.probabilities.shape != (len(info.labels),):
                raise ValueError(f"{output.probabilities.size} numbers for {len(info.labels)} labels")
    except (ValueError, KeyError, RuntimeError, IndexError, TypeError) as error:
        raise ModelVersionError(f"{info.name} {info.version} can't answer about a photo: {error}.") from error
