"""Where photos for bulk prediction come from: files, folders with everything in them, lists, zip files.

Zip files may come from strangers: nothing is unpacked onto the disk, and every size is bounded.
"""

import csv
import io
import os
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePosixPath

from app.core.errors import WingcheckError
from app.predictions.inference import PhotoError

_PHOTOS = {".jpg", ".jpeg", ".jpe", ".mpo", ".png", ".webp", ".heic", ".heif", ".hif"}
_LISTS = {".csv", ".tsv"}
# A spreadsheet would evaluate a cell that begins with one of these.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
MOST_ENTRIES = 100_000
_MOST_DIRECTORY_BYTES = 16_000_000
# Photos are compressed already; an archive that unpacks to more than this is not one of photos.
_MOST_GROWTH = 20
_HARMLESS_BYTES = 100_000_000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError)


@dataclass(frozen=True)
class Source:
    """A photo. ``name``: its stable name in results; ``member``: its name in the zip file ``file``, if it is in one."""

    name: str
    file: Path
    member: str | None = None


@dataclass(frozen=True)
class Gathered:
    """Photos, in the order in which they were named or found, and the number of files that don't look like photos."""

    sources: list[Source]
    left_out: int


def gather(inputs: Iterable[Path], column: str) -> Gathered:
    """All photos of files, folders, lists (in their ``column``) and zip files.

    A file that is named, here or in a list, counts as a photo whatever it is. In folders and zip files the suffix decides,
    and hidden files are left out. Raises WingcheckError where a folder, list or zip file can't be used.
    """
    sources, left_out = list[Source](), 0
    for path in inputs:
        if path.is_dir():
            files = [Source(_name(file), file) for file in _files_below(path)]
        elif path.suffix.lower() == ".zip":
            files = [Source(_name(path / member), path, member) for member in files_in_zip(path)]
        else:
            named = _listed(path, column) if path.suffix.lower() in _LISTS else [path]
            sources += [Source(_name(file), file) for file in named]
            continue
        photos = [source for source in files if _looks_like_a_photo(source.name)]
        sources += photos
        left_out += len(files) - len(photos)
    return Gathered(sources, left_out)


def read(source: Source, most: int) -> bytes:
    """A photo's bytes. Raises PhotoError where they can't be read, or are more than ``most``."""
    try:
        if source.member is not None:
            data = read_from_zip(source.file, source.member, most + 1)
        else:
            with source.file.open("rb") as file:
                data = file.read(most + 1)
    except OSError as error:
        raise PhotoError("undecodable", f"{error.strerror or error}.") from error
    if len(data) > most:
        raise PhotoError("too_large", f"The file has more than {most / 1e6:g} MB.")
    return data


def _name(path: Path) -> str:
    """The path as text that any file can contain, whatever bytes it has."""
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
            if os.path.isfile(path) or not os.path.exists(path):  # no pipes; a broken link is reported
                yield path


def _refuse(error: OSError) -> None:
    raise WingcheckError(f"{error.filename} can't be read ({error.strerror})") from error


def _listed(file: Path, column: str) -> Sequence[Path]:
    """The paths in a column, relative to the list's own folder."""
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


# --- zip files --------------------------------------------------------------------------------------------------------


class _Bounded(io.BufferedReader):
    """A file that limits each read to the size of a directory: zipfile reads as much as the file tells it to."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and 0 <= size <= _MOST_DIRECTORY_BYTES:
            return super().read(size)
        data = super().read(_MOST_DIRECTORY_BYTES + 1)
        if len(data) > _MOST_DIRECTORY_BYTES:
            raise WingcheckError(f"more than {_MOST_DIRECTORY_BYTES // 1_000_000} MB of names")
        return data


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        with _Bounded(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
            yield archive
    except OSError as error:
        raise WingcheckError(f"{path} can't be read ({error.strerror or error})") from error
    except _DAMAGED as error:
        raise WingcheckError(f"{path} is no zip file, or a damaged one ({error})") from error
    except WingcheckError as error:
        raise WingcheckError(f"{path} is refused: it has {error.detail}") from error


def files_in_zip(path: Path) -> list[str]:
    """The names of the files, in the archive's order. Raises WingcheckError where it is unreadable or malicious."""
    with _opened(path) as archive:
        files = [info for info in archive.infolist() if not info.is_dir()]
        if len(files) > MOST_ENTRIES:
            raise WingcheckError(f"{len(files)} files; at most {MOST_ENTRIES} are read")
        for info in files:
            _check(info)
        size, grown = path.stat().st_size, sum(info.file_size for info in files)
        if grown > max(_HARMLESS_BYTES, _MOST_GROWTH * size):
            raise WingcheckError(f"{size / 1e6:.1f} MB that become {grown / 1e6:.0f} MB, which no photos do")
        return list(dict.fromkeys(info.filename for info in files))


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:2] == ":":
        raise WingcheckError(f"a file {info.filename!r}, which lies outside of it")
    if info.flag_bits & _ENCRYPTED:
        raise WingcheckError(f"encrypted files, such as {info.filename!r}; unpack them first")
    if info.compress_type not in _METHODS:
        raise WingcheckError(f"files such as {info.filename!r}, packed in another way than stored or deflated")


def read_from_zip(path: Path, name: str, most: int) -> bytes:
    """The first ``most`` bytes of a file. Raises PhotoError where it is damaged, OSError where the archive is gone."""
    try:
        with _open_archive(path).open(name) as file:
            return file.read(most)
    except _DAMAGED as error:
        raise PhotoError("undecodable", "The zip file is damaged here.") from error


@lru_cache(maxsize=1)
def _open_archive(path: Path) -> zipfile.ZipFile:
    """Stays open: the files of an archive follow each other, and its directory is read only once."""
    return zipfile.ZipFile(_Bounded(io.FileIO(path)))
