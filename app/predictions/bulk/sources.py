"""Where many photos come from: files, folders with all that is in them, lists, zip files."""

import csv
import io
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from app.core.errors import WingcheckError
from app.predictions.bulk import archives
from app.predictions.inference import PhotoError

_PHOTOS = {".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp", ".heic", ".heif", ".hif"}
_LISTS = {".csv", ".tsv"}
# A spreadsheet would calculate a cell that begins so.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


@dataclass(frozen=True)
class Source:
    """A photo. ``name`` is what results call it, always the same; ``member`` its name in the zip file that ``file`` is."""

    name: str
    file: Path
    member: str | None = None


@dataclass(frozen=True)
class Gathered:
    """Photos in the order in which they were named or lie there, and how many files beside them don't look like photos."""

    sources: list[Source]
    left_out: int


def gather(inputs: Iterable[Path], column: str) -> Gathered:
    """All photos of files, folders, lists (in their ``column``) and zip files.

    A file that is named, here or in a list, counts as a photo whatever it is. In folders and zip files the suffix tells, and
    what begins with a dot is left out. Raises WingcheckError where a folder, list or zip file can't be used.
    """
    sources, left_out = list[Source](), 0
    for each in inputs:
        if each.is_dir():
            files = [Source(_name(path), path) for path in _files_below(each)]
        elif each.suffix.lower() == ".zip":
            files = [Source(_name(each / name), each, name) for name in archives.files_in(each)]
        else:
            named = _listed(each, column) if each.suffix.lower() in _LISTS else [each]
            sources += [Source(_name(path), path) for path in named]
            continue
        photos = [source for source in files if _looks_like_a_photo(source.name)]
        sources += photos
        left_out += len(files) - len(photos)
    return Gathered(sources, left_out)


def read(source: Source, most: int) -> bytes:
    """A photo's bytes. Raises PhotoError where they can't be had, or are more than ``most``."""
    try:
        if source.member is not None:
            data = archives.read(source.file, source.member, most + 1)
        else:
            with source.file.open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise PhotoError("undecodable", f"{error.strerror or error}.") from error
    if len(data) > most:
        raise PhotoError("too_large", f"The file has more than {most / 1e6:g} MB.")
    return data


def _name(path: Path) -> str:
    """The path as text that any file can hold, whatever bytes are in it."""
    name = os.fsencode(path).decode("utf-8", "backslashreplace")
    return f"./{name}" if name.startswith(_FORMULA) else name


def _looks_like_a_photo(name: str) -> bool:
    path = PurePosixPath(name)
    return path.suffix.lower() in _PHOTOS and not path.name.startswith(".")


def _files_below(folder: Path) -> Iterator[Path]:
    for parent, folders, files in os.walk(folder, onerror=_refuse):
        folders.sort()
        for name in sorted(files):
            path = Path(parent, name)
            if os.path.isfile(path) or not os.path.exists(path):  # no pipes; a link that leads nowhere is told
                yield path


def _refuse(error: OSError) -> None:
    raise WingcheckError(f"{error.filename} can't be read ({error.strerror})") from error


def _listed(file: Path, column: str) -> Sequence[Path]:
    """The paths in a column; relative ones begin at the list's own folder."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise WingcheckError(f"{file} can't be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise WingcheckError(f"{file} is no text in UTF-8") from error
    delimiter = max("\t;,", key=text.partition("\n")[0].count)
    rows = csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter)
    try:
        if column not in (rows.fieldnames or ()):
            raise WingcheckError(f"{file} has no column {column!r}; name the one with the paths with --column")
        return [file.parent / row[column] for row in rows if row[column]]
    except csv.Error as error:
        raise WingcheckError(f"{file}, line {rows.line_num}: {error}") from error
