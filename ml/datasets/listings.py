"""Reading photos from a listing: CSV, JSON or JSON lines, each row a path, a web address or the pixels themselves.

Columns (or keys) are found by name, whatever their order:

* the photo: ``path`` (also file, filename, image), relative to the listing; or ``url``; or ``pixels``, numbers 0…255 in
  rows, parted by spaces or as nested lists; or columns that are numbered (``pixel0``, ``pixel1``, … or ``1x1``, ``1x2``, …);
  or ``data``, an encoded photo in base 64;
* ``label`` (also class, species, scientific_name, target);
* where known: ``part`` (also split, subset), ``photographer`` (also owner, author, user), ``event`` (also burst),
  ``sequence``, ``near_duplicate_group`` (also group), ``kind``, ``duplicate``, ``screening``.
"""

from __future__ import annotations

import base64
import binascii
import csv
import hashlib
import io
import json
import re
import sys
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.datasets.folder import PART_NAMES, DataError, Photo

_NAMES = {
    "path": ("path", "file", "filename", "file_name", "image"),
    "url": ("url", "image_url"),
    "pixels": ("pixels",),
    "data": ("data",),
    "label": ("label", "class", "species", "scientific_name", "target"),
    "part": ("part", "split", "subset", "usage"),
    "photographer": ("photographer", "owner", "author", "user"),
    "event": ("event", "burst"),
    "sequence": ("sequence",),
    "group": ("near_duplicate_group", "group"),
    "kind": ("kind",),
    "duplicate": ("duplicate",),
    "screening": ("screening",),
}
_PIXEL = re.compile(r"(?:pixel|p|px)_?(\d+)|(\d+)x(\d+)")
_YES = {"1", "true", "yes"}

Row = Mapping[str, Any]


def read_listing(listing: Path) -> list[Photo]:
    """All photos of a listing, in its order. Photos on the web are fetched once, into a folder beside it.

    Raises:
        DataError: the listing or a row of it can't be read; the message names the row.
    """
    read = {".csv": _csv_rows, ".json": _json_rows, ".jsonl": _json_lines}.get(listing.suffix.lower())
    if read is None:
        raise DataError(f"{listing.name} is no listing: its name must end in .csv, .json or .jsonl.")
    try:
        rows = list(read(listing))
    except FileNotFoundError as error:
        raise DataError(f"There is no listing {listing}.") from error
    except (OSError, ValueError, csv.Error) as error:
        raise DataError(f"{listing} can't be read: {error}.") from error
    photos: list[Photo] = []
    addresses: dict[int, str] = {}
    for number, row in enumerate(rows, 1):
        try:
            photo, address = _photo(listing, number, row)
        except (KeyError, ValueError, TypeError, AttributeError, binascii.Error) as error:
            raise DataError(f"{listing.name}, row {number}: {error}.") from error
        if address:
            addresses[len(photos)] = address
        photos.append(photo)
    return fetch_all(photos, addresses, folder=listing.parent, name=f"{listing.stem}.photos")


def _csv_rows(listing: Path) -> Iterable[Row]:
    limit = csv.field_size_limit(min(sys.maxsize, 2**31 - 1))  # a row may hold a whole picture
    try:
        with listing.open(encoding="utf-8-sig", newline="") as stream:
            yield from csv.DictReader(stream)
    finally:
        csv.field_size_limit(limit)  # it holds for the whole process


def _json_rows(listing: Path) -> Iterable[Row]:
    value = json.loads(listing.read_text(encoding="utf-8"))
    rows = value.get("photos") if isinstance(value, dict) else value
    if not isinstance(rows, list):
        raise ValueError('a list of photos is expected, or an object with such a list under "photos"')
    return rows


def _json_lines(listing: Path) -> Iterable[Row]:
    with listing.open(encoding="utf-8") as stream:
        yield from (json.loads(line) for line in stream if line.strip())


def _photo(listing: Path, number: int, row: Row) -> tuple[Photo, str | None]:
    """The photo of a row, and its web address where it is yet to be fetched."""
    known = _known(row)
    if "label" not in known:
        raise ValueError("there is no label")
    content, path, address = None, f"row-{number}.png", None
    if "path" in known:
        path = checked_path(str(known["path"]))
    elif "url" in known:
        address = str(known["url"])
    elif "data" in known:
        content = _decoded(str(known["data"]))
    else:
        content = png(_pixels(row, known))
    sequence = known.get("sequence")
    photo = Photo(
        folder=listing.parent,
        path=path,
        label=str(known["label"]),
        kind=str(known.get("kind", "species")),
        sequence=None if sequence is None else int(sequence),
        group=_text(known, "group"),
        duplicate=str(known.get("duplicate", "")).lower() in _YES,
        screening=str(known.get("screening", "ok")),
        part=part_named(known["part"]) if "part" in known else None,
        photographer=_text(known, "photographer"),
        event=_text(known, "event"),
        content=content,
    )
    return photo, address


def _known(row: Row) -> dict[str, Any]:
    """The columns that mean something, by our names; empty ones are left out."""
    lower = {str(name).strip().lower(): value for name, value in row.items() if value not in (None, "")}
    return {ours: lower[name] for ours, names in _NAMES.items() for name in names[::-1] if name in lower}


def _text(known: Mapping[str, Any], name: str) -> str | None:
    return str(known[name]) if name in known else None


def checked_path(path: str) -> str:
    """A path below its listing's folder. Raises ValueError for one that leads out of it."""
    if Path(path).is_absolute() or ".." in Path(path).parts:
        raise ValueError(f"{path} leads out of the listing's folder")
    return path


def part_named(name: object) -> str:
    """train, calibration or test, from any usual word for it. Raises ValueError."""
    try:
        return PART_NAMES[str(name).strip().lower()]
    except KeyError:
        raise ValueError(f"there is no part {name!r}; there are {', '.join(sorted(PART_NAMES))}") from None


def _decoded(text: str) -> bytes:
    return base64.b64decode(text.partition("base64,")[2] or text, validate=True)


def _pixels(row: Row, known: Mapping[str, Any]) -> np.ndarray:
    if "pixels" in known:
        value = known["pixels"]
        return np.asarray(value.split() if isinstance(value, str) else value, np.float64)
    numbered = [(_place(str(name)), value) for name, value in row.items()]
    values = [value for place, value in sorted((p, v) for p, v in numbered if p is not None)]
    if not values:
        raise ValueError("there is neither path, url, data nor pixels")
    return np.asarray(values, np.float64)


def _place(name: str) -> tuple[int, ...] | None:
    match = _PIXEL.fullmatch(name.strip().lower())
    return tuple(int(number) for number in match.groups() if number is not None) if match else None


def png(pixels: np.ndarray) -> bytes:
    """Pixels 0…255 as PNG: ``(h, w)``, ``(h, w, 3)``, or a flat row of a square picture. Raises ValueError."""
    if pixels.ndim == 1:
        pixels = pixels.reshape(_square_shape(len(pixels)))
    grey, colour = pixels.ndim == 2, pixels.ndim == 3 and pixels.shape[2] == 3
    if not (grey or colour):
        raise ValueError(f"pixels of shape {pixels.shape} are no picture")
    if not np.isfinite(pixels).all() or pixels.min() < 0 or pixels.max() > 255:
        raise ValueError("pixels must lie between 0 and 255")
    stream = io.BytesIO()
    Image.fromarray(pixels.round().astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def _square_shape(count: int) -> tuple[int, ...]:
    for channels in (1, 3):
        side = round((count / channels) ** 0.5)
        if side * side * channels == count:
            return (side, side) if channels == 1 else (side, side, 3)
    raise ValueError(f"{count} numbers make no square picture, grey or in colour")


_AT_ONCE = 4
_SHOWN = 5
_MOST_BYTES = 50_000_000
_TIMEOUT = 30.0
_PAUSE = 0.05


def fetch_all(photos: Sequence[Photo], addresses: Mapping[int, str], *, folder: Path, name: str) -> list[Photo]:
    """The photos, those with an address (by their place in the sequence) now lying in ``folder / name``.

    Raises:
        DataError: some can't be fetched; the others are there when it is tried again.
    """
    if not addresses:
        return list(photos)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        fetch = _Fetcher(folder / name)
        unique = sorted(set(addresses.values()))
        results = dict(zip(unique, pool.map(fetch, unique), strict=True))
    missing = [f"{address}: {result.reason}" for address, result in results.items() if isinstance(result, _Missing)]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise DataError(
            f"{len(missing)} of {len(unique)} photos can't be fetched ({'; '.join(missing[:_SHOWN])}{more}). "
            "Try again, or take their rows out of the listing."
        )
    return [
        replace(photo, path=f"{name}/{results[addresses[at]]}") if at in addresses else photo
        for at, photo in enumerate(photos)
    ]


class _Missing:
    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Fetcher:
    """From an address to the name of the photo's file, or why there is none. Used by several threads."""

    def __init__(self, folder: Path) -> None:
        from ml.collection.download import Downloader
        from ml.collection.politeness import Pace, Patience

        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._here = {file.stem: file.name for file in folder.iterdir() if file.is_file()}
        self._downloader = Downloader(
            folder,
            Patience(Pace(_PAUSE, threading.Event()), attempts=3, first=0.5),
            user_agent="wingcheck (reads a listing of photos)",
            timeout=_TIMEOUT,
            min_side=1,
            most_bytes=_MOST_BYTES,
        )

    def __call__(self, address: str) -> str | _Missing:
        from ml.collection.download import Order, Unusable
        from ml.collection.errors import CollectError

        identifier = hashlib.sha256(address.encode()).hexdigest()[:20]
        if identifier in self._here:
            return self._here[identifier]
        if not address.startswith(("http://", "https://")):
            return _Missing("is no web address")
        try:
            picture = self._downloader.get(Order(identifier, address, "", None, None))
        except CollectError as error:
            return _Missing(str(error))
        if isinstance(picture, Unusable):
            return _Missing(picture.reason)
        picture.file.replace(self._folder / f"{identifier}{picture.ending}")
        return f"{identifier}{picture.ending}"
