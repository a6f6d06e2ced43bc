"""Reading folders of photos, one per class; perhaps with the parts above them, perhaps as a hierarchy.

``browns/maniola_jurtina/0001.jpg`` is a photo of maniola_jurtina. Where every folder at the top is named for a part
(train, valid, test, …), the classes stand below those. In ``satyrinae/maniola/jurtina/1.jpg`` the folder that holds the
photo is the class; where the same name stands in two places, the way to it is part of the class ("maniola/jurtina").
"""

from __future__ import annotations

import os
from collections import defaultdict
from pathlib import Path

from ml.datasets.folder import DataError, Photo

ENDINGS = {".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif"}
PART_NAMES = {
    "train": "train",
    "training": "train",
    "val": "calibration",
    "valid": "calibration",
    "validation": "calibration",
    "dev": "calibration",
    "calibration": "calibration",
    "test": "test",
    "testing": "test",
}


def read_class_folders(root: Path, *, depth: int | None = None) -> list[Photo]:
    """All photos under ``root`` with the class that their folders give, in the order of their paths.

    Args:
        root: the folder above the classes, or above the parts.
        depth: how many folders below ``root`` (or the part) make the class, from 1; what lies deeper counts for the same
            class. None takes the folder that holds the photo.

    Raises:
        DataError: no photo lies in any class folder.
    """
    files = _files(root)
    parted = bool(files) and all(file.parts[0].lower() in PART_NAMES for file in files)
    places = [file.parts[1:-1] if parted else file.parts[:-1] for file in files]
    classes = _classes(places, depth)
    photos = [
        Photo(root, file.as_posix(), label, part=PART_NAMES[file.parts[0].lower()] if parted else None)
        for file, label in zip(files, classes, strict=True)
        if label
    ]
    if not photos:
        raise DataError(f"{root} has no folder with photos in it, nor a labels.csv.")
    return photos


def _files(root: Path) -> list[Path]:
    """Photos at any depth, relative to ``root``; hidden files and folders are passed over."""
    found: list[Path] = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(folder).relative_to(root)
        found += [below / name for name in names if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS]
    return sorted(found)


def _classes(places: list[tuple[str, ...]], depth: int | None) -> list[str]:
    if depth is not None:
        return ["/".join(place[:depth]) for place in places]
    by_name: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for place in places:
        if place:
            by_name[place[-1]].add(place)
    return ["" if not place else place[-1] if len(by_name[place[-1]]) == 1 else "/".join(place) for place in places]
