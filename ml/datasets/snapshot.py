"""Reading what the application or ``wingcheck collect`` wrote: a snapshot of verified photos, or a collection from Flickr.

The format of a snapshot is described in docs/snapshot.md. A snapshot never changes; its ``part`` column is frozen, so that a
photo that once measured a model never teaches a later one.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from ml.datasets.folder import DataError, Photo
from ml.datasets.listings import checked_path, part_named
from ml.inference import Square
from ml.taxa import label_of

FILE = "snapshot.json"
ROWS = "photos.jsonl"
FORMAT = 1
# Accepted as correct, or as considered correct: the standings that say what a photo shows.
ACCEPTED = ("V1", "V2")
NONE_OF_THEM = "none"


def read_snapshot(folder: Path) -> list[Photo]:
    """The photos of a snapshot whose record stands verified, in its order.

    A photo on which a person saw none of the task's taxa has the label and kind ``none``: it may serve as an outsider.

    Args:
        folder: of the snapshot.

    Raises:
        DataError: the snapshot is incomplete, of another format, or a row is malformed.
    """
    head = read_head(folder)
    statuses = tuple(head.get("statuses", ACCEPTED))
    try:
        lines = (folder / ROWS).read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{folder / ROWS} can't be read: {error}.") from error
    if len(lines) != head.get("photos"):
        raise DataError(f"{folder} is incomplete: {ROWS} has {len(lines)} rows, {FILE} says {head.get('photos')}.")
    photos = []
    for number, line in enumerate(lines, 1):
        try:
            row = json.loads(line)
            if row["status"] in statuses:
                photos.append(_photo(folder, row))
        except (KeyError, ValueError, TypeError, AttributeError) as error:
            raise DataError(f"{ROWS} of {folder.name}, row {number}: {error!r}.") from error
    return photos


def read_head(folder: Path) -> dict[str, Any]:
    """snapshot.json. Raises DataError where it is missing or of another format."""
    try:
        head = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise DataError(f"{folder / FILE} can't be read: {error}.") from error
    if not isinstance(head, dict) or head.get("format") != FORMAT:
        raise DataError(f"{folder.name} is a snapshot in a format that this version of Wingcheck does not read.")
    return head


def snapshot_taxa(folder: Path) -> dict[str, Mapping[str, Any]]:
    """What the application knows of the taxa, by label; see :func:`ml.taxa.manifest_labels`."""
    return {label_of(taxon["scientific_name"]): taxon for taxon in read_head(folder).get("taxa", [])}


def _photo(folder: Path, row: Mapping[str, Any]) -> Photo:
    taxon, square = row["scientific_name"], row.get("square")
    label = NONE_OF_THEM if taxon is None else label_of(taxon)
    if not label:
        raise ValueError(f"{taxon!r} makes no label")
    return Photo(
        folder=folder,
        path=checked_path(row["path"]),
        label=label,
        kind="species" if taxon is not None else NONE_OF_THEM,
        part=part_named(row["part"]),
        photographer=_text(row, "volunteer"),
        event=_text(row, "event"),
        square=None if square is None else Square(*(float(square[side]) for side in ("x", "y", "width", "height"))),
    )


def _text(row: Mapping[str, Any], name: str) -> str | None:
    return None if row.get(name) is None else str(row[name])


def read_collection(folder: Path) -> list[Photo]:
    """The kept photos of a collection, by taxon, photographer and time.

    The photographer's Flickr number is both ``photographer`` and ``group``: one person's photos stay together. What a
    person wrote into the column ``screening`` of labels.csv counts here too.

    Raises:
        DataError: the manifest can't be read, or names a photo that is not there.
    """
    from ml.collection.errors import CollectError
    from ml.collection.export import earlier_screening
    from ml.collection.manifest import Manifest

    try:
        with closing(Manifest(folder)) as manifest:
            rows = manifest.rows("status = 'kept'", order="taxon, owner_nsid, date_taken, id")
        screening = earlier_screening(folder / "labels.csv")
    except CollectError as error:
        raise DataError(str(error)) from error
    return [
        Photo(
            folder=folder,
            path=row["file_name"],
            label=label_of(row["taxon"]),
            group=row["owner_nsid"],
            photographer=row["owner_nsid"],
            screening=screening.get(row["file_name"], "ok"),
        )
        for row in rows
    ]
