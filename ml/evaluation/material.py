"""The photos that a version is measured on, decoded as that version sees them."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from ml.config import from_dict
from ml.datasets.arrays import decode
from ml.datasets.examples import NAMELESS, OUTSIDER, Examples, count_by_name, divide
from ml.datasets.folder import DataError, Photo, labels_of
from ml.datasets.grouping import TIES, bundles_of
from ml.datasets.sources import read_source, usable
from ml.datasets.survey import content_fingerprint, digests_of
from ml.inference import ModelVersionInfo
from ml.taxa import label_of


@dataclass(frozen=True)
class Material:
    """Photos that the version never learnt from, and what is known of them.

    ``calibration`` are those that its thresholds may come from, None where there are none; ``before`` the test photos with
    labels as they were before a person judged them, None without a review. ``about`` goes into the figures.
    """

    test: Examples
    calibration: Examples | None
    before: Examples | None
    about: dict[str, Any]


def training_material(info: ModelVersionInfo, data: Path, shape: ModelVersionInfo | None = None) -> Material:
    """The test part of the data that a version was trained with, divided as for its training.

    Args:
        info: the version whose config says which photos.
        data: the data folder.
        shape: the version that will look at them, where it is another one.

    Raises:
        DataError: the version's manifest names no training data.
        ConfigError: its config can't be read.
    """
    manifest = json.loads((info.folder / "model.json").read_text(encoding="utf-8"))
    if not manifest.get("training"):
        raise DataError(f"{info.name} was not trained here; say which photos to measure it on: --photos SOURCE.")
    viewer = shape or info
    config = replace(
        from_dict(manifest["training"]),
        input_size=viewer.input_size,
        training_resolution=viewer.training_resolution,
        resize=viewer.resize,
    )
    divided = divide(config, data, to_train=False)
    about: dict[str, Any] = {
        "data_fingerprint": divided.fingerprint,
        "same_data": divided.fingerprint == manifest["data_fingerprint"],
        "photos": divided.counts,
    }
    if divided.reviewed:
        about["review"] = divided.reviewed
    before = divided.test_before_review if divided.reviewed else None
    return Material(divided.test, divided.calibration, before, about)


def source_material(info: ModelVersionInfo, source: Path, shape: ModelVersionInfo | None = None) -> Material:
    """The photos of any data set: its test part where it has parts, else all of it.

    A photo counts for the label whose scientific name its class names; photos of anything else are other subjects.

    Raises:
        DataError: there is no such data set, or it has no photo of a label.
    """
    photos = usable(read_source(source))
    parted = any(photo.part for photo in photos)
    chosen = [photo for photo in photos if photo.part == "test"] if parted else photos
    test = _examples(info, chosen, shape or info)
    names = [label.scientific_name for label in info.labels]
    if not len(test.species):
        raise DataError(f"{source} has no photo of {', '.join(names)} to measure on.")
    return Material(
        test,
        None,
        None,
        {"photos": {"test": count_by_name(test, names, several=info.head == "sigmoids")}} | _named(source, photos),
    )


def _named(source: Path, photos: list[Photo]) -> dict[str, Any]:
    return {"source": source.resolve().name, "data_fingerprint": content_fingerprint(photos, digests_of(photos))}


def _examples(info: ModelVersionInfo, photos: list[Photo], shape: ModelVersionInfo) -> Examples:
    index = {label_of(label.scientific_name): number for number, label in enumerate(info.labels)}
    classes = np.array([_class(info, index, photo) for photo in photos], np.int64)
    pixels = decode(
        photos, size=shape.input_size, training_resolution=shape.training_resolution, resize=shape.resize
    ).values
    return Examples(
        pixels=pixels,
        copies=np.zeros((len(photos), 0, *pixels.shape[1:]), np.uint8),
        classes=classes,
        subjects=np.full(len(photos), NAMELESS, np.int64),
        names=np.array([photo.path for photo in photos]),
        kinds=np.array(["species" if own >= 0 else _kind(photo) for own, photo in zip(classes, photos, strict=True)]),
        bundles=np.array(bundles_of(photos, TIES)),
        unseen=np.zeros(len(photos), bool),
        pictures=np.array([*photos, None], object)[:-1],
    )


def _class(info: ModelVersionInfo, index: dict[str, int], photo: Photo) -> int:
    """The label's index; for a version that names several labels per photo, a bit for each."""
    shown = {index[name] for name in map(label_of, labels_of(photo)) if name in index}
    if info.head == "sigmoids":
        return sum(1 << number for number in shown) or OUTSIDER
    return shown.pop() if len(shown) == 1 else OUTSIDER


def _kind(photo: Photo) -> str:
    return photo.kind if photo.kind != "species" else "other species"
