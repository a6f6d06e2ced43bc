"""Reading a collection, the folder that ``wingcheck collect flickr`` fills."""

from __future__ import annotations

import csv
from pathlib import Path

from ml.datasets.folder import DataError, Photo
from ml.taxa import label_of


def read_collection(folder: Path) -> list[Photo]:
    """The kept photos of a collection, by taxon, photographer and time.

    The photographer's Flickr number is both ``photographer`` and ``group``: one person's photos stay together. What a
    person wrote into the column ``screening`` of labels.csv counts here too.

    Raises:
        DataError: the manifest can't be read, or names a photo that is not there.
    """
    from ml.collection.errors import CollectError
    from ml.collection.manifest import Manifest

    try:
        manifest = Manifest(folder)
        try:
            rows = manifest.rows("status = 'kept'", order="taxon, owner_nsid, date_taken, id")
        finally:
            manifest.close()
    except CollectError as error:
        raise DataError(str(error)) from error
    screening = _screening(folder / "labels.csv")
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


def _screening(table: Path) -> dict[str, str]:
    if not table.is_file():
        return {}
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            return {row["path"]: row["screening"] for row in csv.DictReader(stream) if row.get("screening")}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise DataError(f"{table} can't be read: {error!r}.") from error
