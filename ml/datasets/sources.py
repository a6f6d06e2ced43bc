"""Any data set by its path: whatever the layout, it becomes a list of :class:`ml.datasets.folder.Photo`."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ml.config import Config, checked
from ml.datasets.folder import DataError, Photo, labels_of, read_class_folders, read_folder
from ml.datasets.listings import part_named, read_listing
from ml.datasets.snapshot import FILE as SNAPSHOT
from ml.datasets.snapshot import read_collection, read_snapshot, snapshot_taxa

SPLIT = "split.csv"
TAXA = "taxa.json"
COLLECTION = "collection.db"
_ANEW = "Divide it anew: wingcheck dataset split --anew."


def layout_of(source: Path) -> str:
    """Which of LAYOUTS a path holds, told by what lies in it. Raises DataError where there is nothing."""
    if source.is_file():
        return "listing"
    if not source.is_dir():
        raise DataError(f"There is no data set {source}.")
    for name, layout in ((SNAPSHOT, "snapshot"), (COLLECTION, "collection"), ("labels.csv", "labels")):
        if (source / name).is_file():
            return layout
    return "classes"


def read_source(source: Path, *, depth: int | None = None, with_split: bool = True) -> list[Photo]:
    """All photos of a data set, with the parts of its split.csv where there is one.

    A photo that its split.csv leaves out, because it is doubtful, an exact copy or can't be read, counts as a duplicate.

    Args:
        source: a snapshot, a collection, a folder with labels.csv, a folder per class, or a listing (.csv, .json, .jsonl).
        depth: see :func:`ml.datasets.folder.read_class_folders`; other layouts name their classes themselves.
        with_split: False passes over its split.csv.

    Raises:
        DataError: there is no such data set, or it is malformed.
    """
    layout = layout_of(source)
    if layout == "classes":
        photos = read_class_folders(source, depth=depth)
    else:
        read = {
            "snapshot": read_snapshot, "collection": read_collection, "labels": read_folder, "listing": read_listing
        }[layout]  # fmt: skip
        photos = read(source)
    table = split_table(source)
    return apply_split(photos, table) if with_split and table.is_file() else photos


def split_table(source: Path) -> Path:
    """Where a data set's division is written: split.csv in its folder, or beside a listing with the listing's name."""
    return source / SPLIT if source.is_dir() else source.with_name(f"{source.stem}.{SPLIT}")


def apply_split(photos: Sequence[Photo], table: Path) -> list[Photo]:
    """The photos with the part and the bundle that a table of ``path, part, bundle`` gives them.

    Raises:
        DataError: the table can't be read, or is of other photos than these.
    """
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            rows = {row["path"]: row for row in csv.DictReader(stream)}
        missing = {photo.path for photo in usable(photos)} ^ rows.keys()
        missing -= {photo.path for photo in photos if photo.screening != "ok" or photo.duplicate}
        if missing:
            raise DataError(f"{table} was made of other photos: {min(missing)} is new or gone. {_ANEW}")
        return [_divided(photo, rows.get(photo.path)) for photo in photos]
    except (OSError, UnicodeDecodeError, csv.Error, KeyError, ValueError) as error:
        raise DataError(f"{table} can't be read: {error!r}.") from error


def _divided(photo: Photo, row: Mapping[str, str] | None) -> Photo:
    if row is None or not row["part"]:  # left out: doubtful, an exact copy, or not to be read
        return replace(photo, duplicate=True)
    return replace(photo, part=part_named(row["part"]), group=row["bundle"])


def usable(photos: Sequence[Photo]) -> list[Photo]:
    """Without exact copies and without photos that a person found doubtful."""
    return [photo for photo in photos if photo.screening == "ok" and not photo.duplicate]


def known_taxa(source: Path) -> dict[str, Mapping[str, Any]]:
    """What a data set itself says of its taxa, by label: from its snapshot, or from a taxa.json in it."""
    if not source.is_dir():
        return {}
    if (source / SNAPSHOT).is_file():
        return snapshot_taxa(source)
    table = source / TAXA
    if not table.is_file():
        return {}
    try:
        return dict(json.loads(table.read_text(encoding="utf-8")))
    except (OSError, ValueError) as error:
        raise DataError(f"{table} can't be read: {error}.") from error


def resolved(config: Config, root: Path) -> Config:
    """The config with what follows from its data: where it names no labels, all that there are, by name; and whether a
    photo may show several.

    Raises:
        DataError: the data have fewer than two labels, or more than one on a photo where the config wants one.
    """
    species = config.species
    if species.labels and species.several is not None:
        return config
    photos = usable(read_source(root / species.folder, depth=species.label_depth))
    own = [photo for photo in photos if species.labels or photo.kind == (species.kind or "species")]
    several = any(len(labels_of(photo)) > 1 for photo in own)
    if several and species.several is False:
        raise DataError(f"{root / species.folder} has photos of several labels at once, and species.several is false.")
    labels = species.labels or tuple(sorted({label for photo in own for label in labels_of(photo)}))
    if len(labels) < 2:
        raise DataError(f"{root / species.folder} has photos of fewer than two classes.")
    species = replace(species, labels=labels, several=species.several or several)
    return checked(replace(config, species=species))
