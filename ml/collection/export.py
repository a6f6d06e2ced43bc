"""The collection for other programs, and without photos whose owner asks for it: rows as CSV, ``labels.csv`` for training."""

from __future__ import annotations

import csv
import io
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ml.collection.errors import CollectError, RequestError
from ml.collection.manifest import Manifest
from ml.taxa import label_of

LABELS = "labels.csv"
LABEL_COLUMNS = ("path", "label", "sequence", "near_duplicate_group", "duplicate", "screening", "sha256")
# Text that strangers wrote.
_FREE_TEXT = {"owner_name", "title", "tags", "keyword", "detail"}
# What a spreadsheet would take for a formula, also behind white space and what is not seen.
_FORMULA = re.compile(
    r"[\s\x00-\x1f\x7f\u00ad\u034f\u061c\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff]*[=+@＝＋－＠-]"
)


def write_labels(folder: Path, manifest: Manifest) -> Path:
    """Write the kept photos as the ``labels.csv`` that ``ml.datasets.folder`` reads.

    The group of near duplicates is the photographer, so that no one's photos are on both sides of a split; the number
    in sequence stays empty for the same reason. A person's ``screening`` in an earlier file is kept.

    Raises:
        CollectError: the file can't be written.
    """
    screening = earlier_screening(folder / LABELS)
    rows = [
        {
            "path": row["file_name"],
            "label": label_of(row["taxon"]),
            "sequence": "",
            "near_duplicate_group": row["owner_nsid"],
            "duplicate": "0",
            "screening": screening.get(row["file_name"], "ok"),
            "sha256": row["sha256"],
        }
        for row in manifest.rows("status = 'kept'", order="taxon, owner_nsid, date_taken, id")
    ]
    return write_csv(folder / LABELS, LABEL_COLUMNS, rows)


def write_photos(file: Path, manifest: Manifest) -> Path:
    """Write every photo that the manifest knows, kept or not, with all its columns. Raises CollectError."""
    rows = [dict(row) for row in manifest.rows(order="taxon, id")]
    columns = list(rows[0]) if rows else ["id"]
    return write_csv(file, columns, rows)


def write_rows(file: Path, manifest: Manifest) -> Path:
    """The same for programs: a JSON object a line, with texts as they are. Raises CollectError."""
    rows = manifest.rows(order="taxon, id")
    return write_text(file, "".join(json.dumps(dict(row), ensure_ascii=False) + "\n" for row in rows))


def write_csv(file: Path, columns: Sequence[str], rows: Iterable[Mapping[str, object]]) -> Path:
    """Write a table in one step; free text can't become a spreadsheet's formula. Raises CollectError."""
    stream = io.StringIO(newline="")
    writer = csv.DictWriter(stream, columns, lineterminator="\n", extrasaction="ignore")
    writer.writeheader()
    for row in rows:
        writer.writerow({name: _cell(name, value) for name, value in row.items()})
    return write_text(file, stream.getvalue())


def write_text(file: Path, text: str) -> Path:
    """The whole file appears under its name, or the earlier one stays. Raises CollectError."""
    partial = file.with_name(f".{file.name}.{os.getpid()}")
    try:
        partial.write_text(text, encoding="utf-8", newline="")
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise CollectError(f"{file} can't be written ({error.strerror}).") from None
    return file


def _cell(name: str, value: object) -> object:
    if name in _FREE_TEXT and isinstance(value, str) and _FORMULA.match(value):
        return f"'{value}"
    return value


def earlier_screening(table: Path) -> dict[str, str]:
    """What a person wrote into the column ``screening`` of a labels.csv, by path. Raises CollectError."""
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            return {row["path"]: row["screening"] for row in csv.DictReader(stream) if row.get("screening")}
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, csv.Error, KeyError) as error:
        raise CollectError(f"{table} can't be read, so its screening would be lost: {error}.") from None


REASON = "removed for its owner"


def remove_photos(folder: Path, manifest: Manifest, names: Sequence[str]) -> list[str]:
    """Remove photos, named by their number or by their photographer's, and write labels.csv anew.

    The row stays with the photo's number, so that no later run fetches it; what else was known of it is emptied.

    Returns:
        the numbers of the photos.

    Raises:
        RequestError: the collection has none of that name; nothing is removed then.
        CollectError: labels.csv can't be written.
    """
    rows = []
    for name in names:
        matches = manifest.rows("id = ? OR owner_nsid = ?", (name, name))
        if not matches:
            raise RequestError(f"photo: this collection has neither a photo nor a photographer {name}")
        rows += matches
    for row in rows:
        if row["file_name"]:
            (folder / row["file_name"]).unlink(missing_ok=True)
        unknown = dict.fromkeys(
            ("image_url", "date_taken", "latitude", "longitude", "accuracy", "detail", "sha256", "perceptual_hash",
             "bytes", "file_name")
        )  # fmt: skip
        manifest.settle(row["id"], "skipped", **unknown, reason=REASON, title="", tags="", owner_name="")
    write_labels(folder, manifest)
    return [str(row["id"]) for row in rows]
