"""Reading a folder of photos with a ``labels.csv``.

Two layouts are read, told apart by their columns:

* species photos: ``path, label, sequence`` and optionally ``near_duplicate_group, duplicate, screening``;
* everything else: ``path, kind, label`` and optionally ``set``.
"""

from __future__ import annotations

import csv
import os
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ml.errors import UserError
from ml.inference import Square

# Between the labels of a photo that shows several.
SEVERAL = "|"
DATA_VARIABLE = "WINGCHECK_DATA"


class DataError(UserError):
    """The data folder is missing or malformed; the message says what to do about it."""


@dataclass(frozen=True)
class Photo:
    """One labelled photo on disk.

    ``sequence`` counts within a label (neighbours are often one photographer's burst), ``group`` names near duplicates,
    both None where unknown. ``kind`` is "species" in the species layout. ``screening`` is "ok" or "doubtful".

    What only some sources know: ``part``, where the data say themselves what a photo is for (train, calibration, test);
    its ``photographer``; the ``event``, one burst or visit; the ``square`` that a person drew around the animal; and
    ``content``, the encoded photo where it lies in a listing instead of a file.
    """

    folder: Path
    path: str
    label: str
    kind: str = "species"
    sequence: int | None = None
    group: str | None = None
    duplicate: bool = False
    screening: str = "ok"
    part: str | None = None
    photographer: str | None = None
    event: str | None = None
    square: Square | None = None
    content: bytes | None = None

    @property
    def file(self) -> Path:
        """Where the photo is."""
        return self.folder / self.path

    def read(self) -> bytes:
        """The encoded photo. Raises OSError where its file can't be read."""
        return self.file.read_bytes() if self.content is None else self.content


def labels_of(photo: Photo) -> list[str]:
    """What a photo shows: mostly one label; several are written ``a|b``."""
    return [label for label in photo.label.split(SEVERAL) if label]


def data_root(folder: Path | None) -> Path:
    """The reference data folder: what was given, else the environment's WINGCHECK_DATA. Raises DataError."""
    root = folder or (Path(os.environ[DATA_VARIABLE]) if os.environ.get(DATA_VARIABLE) else None)
    if root is None:
        raise DataError(f"Say where the photos are: --data FOLDER, or {DATA_VARIABLE} in the environment.")
    if not root.is_dir():
        raise DataError(f"There is no data folder {root}.")
    return root


def read_folder(folder: Path) -> list[Photo]:
    """All photos of a labels.csv, in its order.

    Raises:
        DataError: no labels.csv, a needed column is missing, or a row points outside the folder.
    """
    table = folder / "labels.csv"
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            reader = csv.DictReader(stream)
            _check_columns(table, reader.fieldnames or [])
            return [_photo(folder, row) for row in reader]
    except FileNotFoundError as error:
        raise DataError(f"{folder} has no labels.csv.") from error
    except (UnicodeDecodeError, csv.Error, ValueError) as error:
        raise DataError(f"{table} can't be read: {error}.") from error


def _check_columns(table: Path, columns: object) -> None:
    names = set(columns) if isinstance(columns, list) else set()
    if not {"path", "label"} <= names or not names & {"sequence", "kind"}:
        raise DataError(f"{table} needs the columns path, label and either sequence or kind.")


def _photo(folder: Path, row: Mapping[str, str]) -> Photo:
    path = row["path"]
    if path.startswith("/") or ".." in Path(path).parts:
        raise DataError(f"{folder}/labels.csv points outside its folder: {path}.")
    sequence = row.get("sequence") or None
    return Photo(
        folder=folder,
        path=path,
        label=row["label"],
        kind=row.get("kind") or "species",
        sequence=int(sequence) if sequence else None,
        group=row.get("near_duplicate_group") or None,
        duplicate=row.get("duplicate") in {"1", "true", "True"},
        screening=row.get("screening") or "ok",
    )


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
    files: list[Path] = []
    for folder, folders, names in os.walk(root, followlinks=True):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        below = Path(folder).relative_to(root)
        files += [below / name for name in names if not name.startswith(".") and Path(name).suffix.lower() in ENDINGS]
    return sorted(files)


def _classes(places: list[tuple[str, ...]], depth: int | None) -> list[str]:
    if depth is not None:
        return ["/".join(place[:depth]) for place in places]
    by_name: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for place in places:
        if place:
            by_name[place[-1]].add(place)
    return ["" if not place else place[-1] if len(by_name[place[-1]]) == 1 else "/".join(place) for place in places]
