"""Keras' own files: a ``.keras`` archive builds objects from the names in its configuration, so these are looked at first;
a file of weights may ask HDF5 for other files.
"""

from __future__ import annotations

import importlib
import zipfile
from pathlib import Path
from typing import Any

from ml.checks.allowed import KERAS
from ml.checks.limits import LARGEST_WEIGHTS, parse_json, shown
from ml.errors import UnsafeModel

ARCHIVED_WEIGHTS = "model.weights.h5"
_CONFIG = "config.json"
_ENTRIES = {_CONFIG, "metadata.json", ARCHIVED_WEIGHTS}
_LARGEST_CONFIG = 20_000_000  # bytes
_DEEPEST_CONFIG = 100
_LARGEST_NUMBER = 100_000  # of units, filters or pixels
_NAMES = {"seed", "shared_object_id"}  # numbers that nothing is made as large as
_DEEPEST_GROUP = 50
_MOST_THINGS = 100_000


def check_keras(file: Path) -> None:
    """Look at a ``.keras`` archive without building anything of it; not at its weights, see :func:`check_archived_weights`.

    Raises:
        UnsafeModel: it is no such archive, names a class that is not allowed, or holds too much.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            _check_entries(file, archive)
            config = parse_json(archive.read(_CONFIG), _DEEPEST_CONFIG)
    except (OSError, zipfile.BadZipFile, KeyError, ValueError, NotImplementedError, RuntimeError) as error:
        raise UnsafeModel(f"{file} is no archive of Keras, or damaged: {error}.") from error
    if not isinstance(config, dict):
        raise UnsafeModel(f"{file} has no configuration of a network.")
    config.pop("compile_config", None)  # never read: no network is compiled when it is loaded
    _check_config(file, config)


def check_archived_weights(file: Path) -> int:
    """Look at the weights in a ``.keras`` archive, after :func:`check_keras`; returns how many arrays they are. Raises
    UnsafeModel as :func:`check_weights`.
    """
    try:
        with zipfile.ZipFile(file) as archive, archive.open(ARCHIVED_WEIGHTS) as weights:
            return _check_hdf5(file, weights)
    except (zipfile.BadZipFile, KeyError) as error:
        raise UnsafeModel(f"{file} is no archive of Keras, or damaged: {error}.") from error


def check_weights(file: Path) -> None:
    """Look at a file of weights, ``.weights.h5`` or ``.h5``.

    Raises:
        UnsafeModel: it is no HDF5 file, leads to other files, or holds more than its size allows.
        OSError: it can't be read.
    """
    with file.open("rb") as stream:
        _check_hdf5(file, stream)


def _check_entries(file: Path, archive: zipfile.ZipFile) -> None:
    for entry in archive.infolist():
        largest = LARGEST_WEIGHTS if entry.filename == ARCHIVED_WEIGHTS else _LARGEST_CONFIG
        if entry.filename not in _ENTRIES:
            raise UnsafeModel(f"{file} holds {shown(entry.filename)}, which no image network needs. It was not loaded.")
        if entry.file_size > largest:
            raise UnsafeModel(f"{file} holds {entry.filename} of {entry.file_size // 1_000_000} MB, which is too much.")
    if len(archive.infolist()) > len(_ENTRIES):
        raise UnsafeModel(f"{file} holds several files of one name. It was not loaded.")


def _check_config(file: Path, config: dict[str, Any]) -> None:
    todo: list[tuple[str, Any]] = [("", config)]
    while todo:
        key, value = todo.pop()
        if isinstance(value, dict):
            if "class_name" in value:
                _check_class(file, value)
            todo += value.items()
        elif isinstance(value, list):
            todo += [(key, part) for part in value]
        elif isinstance(value, int | float) and abs(value) > _LARGEST_NUMBER and key not in _NAMES:
            raise UnsafeModel(f"{file} has {shown(key)} of {value}, which is too much. It was not loaded.")


def _check_class(file: Path, value: dict[str, Any]) -> None:
    name, module, registered = (value.get(key) for key in ("class_name", "module", "registered_name"))
    name = str(name)
    if module not in (None, "keras") and not str(module).startswith("keras."):
        name = f"{module}.{name}"
    elif registered not in (None, name):
        name = str(registered)
    if name not in KERAS:
        raise UnsafeModel(
            f"{file} holds {shown(name)}, which is not one of the layers of Keras that are allowed: those can't run code of "
            "their own or read files. It was not loaded. Ask its maker for a version without it."
        )


def _check_hdf5(file: Path, stream: Any) -> int:
    h5py = importlib.import_module("h5py")
    try:
        with h5py.File(stream, "r") as weights:
            found = _Weights(file, h5py)
            found.check(weights)
            return found.arrays
    except (OSError, KeyError, RuntimeError, ValueError, TypeError) as error:
        raise UnsafeModel(f"{file} holds no weights, or is damaged: {error}.") from error


class _Weights:
    def __init__(self, file: Path, h5py: Any) -> None:
        self._file, self._h5py = file, h5py
        self._bytes = self._things = self.arrays = 0

    def check(self, group: Any, depth: int = 0) -> None:
        """Look at what a group holds, without following any link to another place."""
        for name in group:
            if not isinstance(group.get(name, getlink=True), self._h5py.HardLink):
                raise self._refusal(f"{shown(name)} leads to another place")
            thing = group[name]
            self._things += 1
            if depth > _DEEPEST_GROUP or self._things > _MOST_THINGS:
                raise self._refusal("there are too many groups")
            if isinstance(thing, self._h5py.Group):
                self.check(thing, depth + 1)
            elif isinstance(thing, self._h5py.Dataset):
                self._check_dataset(name, thing)

    def _check_dataset(self, name: str, dataset: Any) -> None:
        self.arrays += "/seed_generator" not in dataset.name  # dropout's dice are no weights
        if dataset.external or dataset.is_virtual:
            raise self._refusal(f"{shown(name)} is read from another file")
        if dataset.dtype.kind not in "fiubSV":  # numbers, and texts of one length
            raise self._refusal(f"{shown(name)} holds no numbers")
        self._bytes += dataset.size * dataset.dtype.itemsize
        if self._bytes > LARGEST_WEIGHTS:
            raise self._refusal(f"they have more than {LARGEST_WEIGHTS // 1_000_000} MB")

    def _refusal(self, what: str) -> UnsafeModel:
        return UnsafeModel(f"The weights in {self._file} were not loaded: {what}.")
