"""Photos in zip files that strangers packed. Nothing is ever unpacked onto the disk, and every size is bounded."""

import io
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path, PurePosixPath

from app.core.errors import WingcheckError
from app.predictions.inference import PhotoError

MOST_ENTRIES = 100_000
_MOST_DIRECTORY_BYTES = 16_000_000
# Photos are packed already. What grows more than this is no archive of photos.
_MOST_GROWTH = 20
_HARMLESS_BYTES = 100_000_000
_METHODS = {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}
_ENCRYPTED = 0x1
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, KeyError)


class _Bounded(io.BufferedReader):
    """A file of which no more than a directory's share is read at a time: zipfile reads as much as the file tells it to."""

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


def files_in(path: Path) -> list[str]:
    """The names of its files, in its order. Raises WingcheckError where it can't be read, or is made to do harm."""
    with _opened(path) as archive:
        found = [info for info in archive.infolist() if not info.is_dir()]
        if len(found) > MOST_ENTRIES:
            raise WingcheckError(f"{len(found)} files; at most {MOST_ENTRIES} are read")
        for info in found:
            _check(info)
        size, grown = path.stat().st_size, sum(info.file_size for info in found)
        if grown > max(_HARMLESS_BYTES, _MOST_GROWTH * size):
            raise WingcheckError(f"{size / 1e6:.1f} MB that become {grown / 1e6:.0f} MB, which no photos do")
        return list(dict.fromkeys(info.filename for info in found))


def _check(info: zipfile.ZipInfo) -> None:
    name = info.filename.replace("\\", "/")
    if name.startswith("/") or ".." in PurePosixPath(name).parts or name[1:2] == ":":
        raise WingcheckError(f"a file {info.filename!r}, which lies outside of it")
    if info.flag_bits & _ENCRYPTED:
        raise WingcheckError(f"encrypted files, such as {info.filename!r}; unpack them first")
    if info.compress_type not in _METHODS:
        raise WingcheckError(f"files such as {info.filename!r}, packed in another way than stored or deflated")


def read(path: Path, name: str, most: int) -> bytes:
    """The first ``most`` bytes of a file in it. Raises PhotoError where it is damaged, OSError where the archive is gone."""
    try:
        with _kept_open(path).open(name) as file:
            return file.read(most)
    except _DAMAGED as error:
        raise PhotoError("undecodable", "The zip file is damaged here.") from error


@lru_cache(maxsize=1)
def _kept_open(path: Path) -> zipfile.ZipFile:
    """An archive has its files in a row, and its directory is read once."""
    return zipfile.ZipFile(_Bounded(io.FileIO(path)))
