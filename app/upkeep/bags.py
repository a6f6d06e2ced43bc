"""Bags: folders or tar files that prove themselves whole, in the form of BagIt (RFC 8493), which archives know.

``data/`` holds the files, ``manifest-sha256.txt`` the hash of each, ``tagmanifest-sha256.txt``, written last, the hashes of
what is not in ``data/``. What was cut short has no last file, and what was changed has another hash. Without Wingcheck,
``sha256sum --check manifest-sha256.txt`` in the folder says the same.
"""

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO, Protocol

from app.core.errors import Conflict, WingcheckError
from app.core.storage import flush_folder
from app.upkeep.copying import Tell, silent

_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_MANIFEST, _TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
_CHUNK = 1 << 20


class DamagedBag(WingcheckError):
    """A bag that is not whole; the message says what is wrong with it."""


# --- writing ----------------------------------------------------------------------------------------------------------


class _Sink(Protocol):
    def write(self, name: str, chunks: Iterable[bytes]) -> None: ...
    def close(self) -> None: ...


class BagWriter:
    """Files go in one by one; ``finish`` seals the bag."""

    def __init__(self, sink: _Sink) -> None:
        self._sink = sink
        self._hashes: dict[str, str] = {}
        self._bytes = 0

    def add(self, path: str, chunks: Iterable[bytes]) -> str:
        """Put a file under ``data/``, as it comes; returns its SHA-256. Raises OSError when it can't be written."""
        return self._write(f"data/{path}", chunks)

    def _write(self, name: str, chunks: Iterable[bytes]) -> str:
        hashed = hashlib.sha256()
        self._sink.write(name, self._passing(hashed, chunks))
        self._hashes[name] = hashed.hexdigest()
        return hashed.hexdigest()

    def _passing(self, hashed: "hashlib._Hash", chunks: Iterable[bytes]) -> Iterator[bytes]:
        for chunk in chunks:
            hashed.update(chunk)
            self._bytes += len(chunk)
            yield chunk

    def finish(self, **about: str) -> None:
        """Write the manifests, and ``about`` into bag-info.txt. Nothing may be added afterwards."""
        payload = dict(self._hashes)
        about |= {"Payload-Oxum": f"{self._bytes}.{len(payload)}"}
        self._write(_MANIFEST, [_manifest(payload)])
        self._write("bagit.txt", [_DECLARATION])
        self._write("bag-info.txt", ["".join(f"{k.replace('_', '-')}: {v}\n" for k, v in about.items()).encode()])
        tags = {name: found for name, found in self._hashes.items() if name not in payload}
        self._sink.write(_TAG_MANIFEST, [_manifest(tags)])
        self._sink.close()


def _manifest(hashes: dict[str, str]) -> bytes:
    return "".join(f"{found}  {_escape(name)}\n" for name, found in hashes.items()).encode()


def _escape(name: str) -> str:
    return name.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _unescape(name: str) -> str:
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@contextmanager
def new_bag(target: Path) -> Iterator[BagWriter]:
    """A bag at ``target``, a tar file where the name says so and else a folder; it appears there when it is whole.

    Until then it lies beside it as ``.NAME.part``, which an error removes and the next try replaces. Raises Conflict where
    something is there already, OSError when it can't be written.
    """
    if target.exists():
        raise Conflict(f"{target} is there already; nothing was written over it")
    if target.suffix in {".gz", ".tgz", ".zip", ".bz2", ".xz", ".zst"}:
        raise Conflict("a backup is a folder or a .tar file; compression hardly helps with photos")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    _remove(part)
    try:
        sink: _Sink = _TarSink(part, target) if target.suffix == ".tar" else _FolderSink(part, target)
        yield BagWriter(sink)
        if not target.exists():
            raise RuntimeError("the bag was not finished")
    except BaseException:
        _remove(part)
        raise


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


class _FolderSink:
    def __init__(self, part: Path, target: Path) -> None:
        self._part, self._target = part, target
        part.mkdir(mode=0o700)

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self._part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(chunks)

    def close(self) -> None:
        os.sync()  # thousands of files: all at once, where one by one takes minutes
        self._part.rename(self._target)
        flush_folder(self._target.parent)


class _TarSink:
    def __init__(self, part: Path, target: Path) -> None:
        self._part, self._target = part, target
        self._file = os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w")  # noqa: SIM115 (until close)

    def write(self, name: str, chunks: Iterable[bytes]) -> None:
        # The size stands before the content, so what comes bit by bit is gathered first, on the disk when it is much.
        with tempfile.SpooledTemporaryFile(8 * _CHUNK, dir=str(self._part.parent)) as gathered:
            gathered.writelines(chunks)
            member = tarfile.TarInfo(f"{self._target.stem}/{name}")
            member.size, member.mode = gathered.tell(), 0o600
            gathered.seek(0)
            self._tar.addfile(member, gathered)

    def close(self) -> None:
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        self._part.rename(self._target)
        flush_folder(self._target.parent)


# --- reading ----------------------------------------------------------------------------------------------------------


class _Source(Protocol):
    def open(self, name: str) -> IO[bytes]: ...
    def close(self) -> None: ...


class Bag:
    """A bag that is there. ``verify`` before you believe it; paths are those under ``data/``."""

    def __init__(self, source: _Source) -> None:
        self._source = source
        tags = _hashes(self._read(_TAG_MANIFEST, "it was cut short or never finished"))
        for name, wanted in tags.items():
            if _hash_of(self._open(name)) != wanted:
                raise DamagedBag(f"this backup is damaged: {name} has changed")
        if _MANIFEST not in tags:
            raise DamagedBag("this backup is damaged: its list of files has no checksum")
        self._hashes = _hashes(self._read(_MANIFEST, ""))

    def verify(self, tell: Tell = silent) -> None:
        """Compare every file with its hash. Raises DamagedBag at the first that is missing or changed."""
        for number, (name, wanted) in enumerate(self._hashes.items()):
            tell("checking the backup", number, len(self._hashes))
            if _hash_of(self._open(name)) != wanted:
                raise DamagedBag(f"this backup is damaged: {name} has changed")
        tell("checking the backup", len(self._hashes), len(self._hashes))

    def paths(self, prefix: str = "") -> list[str]:
        """What lies under ``prefix``."""
        names = (name.removeprefix("data/") for name in self._hashes)
        return [path for path in names if path.startswith(prefix)]

    def size(self, path: str) -> int:
        """Bytes of a file."""
        with self.open(path) as file:
            return file.seek(0, io.SEEK_END)

    def read(self, path: str) -> bytes:
        """A whole file."""
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> IO[bytes]:
        """A file to read from; only those that the manifest names."""
        if f"data/{path}" not in self._hashes:
            raise DamagedBag(f"this backup has no {path}")
        return self._open(f"data/{path}")

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._source.open(name)
        except (OSError, KeyError, tarfile.TarError) as error:
            raise DamagedBag(f"this backup is damaged: {name} is missing") from error

    def _read(self, name: str, otherwise: str) -> bytes:
        try:
            with self._open(name) as file:
                return file.read()
        except DamagedBag as error:
            raise DamagedBag(f"this backup is incomplete: {otherwise}" if otherwise else error.detail) from error


def _hashes(manifest: bytes) -> dict[str, str]:
    """Hash by name. Names that lead out of the bag are damage, or worse."""
    found = {}
    try:
        for line in manifest.decode().splitlines():
            hashed, _, name = line.partition("  ")
            path = PurePosixPath(_unescape(name))
            if len(hashed) != 64 or path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(line)
            found[str(path)] = hashed
    except ValueError as error:
        raise DamagedBag("this backup is damaged: its list of files can't be read") from error
    return found


def _hash_of(file: IO[bytes]) -> str:
    try:
        with file:
            return hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except (OSError, tarfile.TarError):
        return ""  # cut off or unreadable: not what it was


@contextmanager
def open_bag(path: Path) -> Iterator[Bag]:
    """The bag at ``path``, a folder or a tar file. Raises DamagedBag when it is none, or not whole."""
    source: _Source
    if path.is_dir():
        source = _FolderSource(path)
    elif path.is_file():
        source = _TarSource(path)
    else:
        raise DamagedBag(f"there is no backup at {path}")
    try:
        yield Bag(source)
    finally:
        source.close()


class _FolderSource:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def open(self, name: str) -> IO[bytes]:
        return (self._folder / name).open("rb")

    def close(self) -> None:
        """Nothing is held open."""


class _TarSource:
    def __init__(self, path: Path) -> None:
        try:
            self._tar = tarfile.open(path, "r:")  # noqa: SIM115 (until close)
            # Below the one folder that a packed bag has, whatever its name is now.
            self._members = {m.name.partition("/")[2]: m for m in self._tar if m.isfile()}
        except (OSError, tarfile.TarError, EOFError) as error:
            raise DamagedBag(f"{path} can't be read as a backup: it is no tar file, or was cut short") from error

    def open(self, name: str) -> IO[bytes]:
        file = self._tar.extractfile(self._members[name])
        return file if file is not None else io.BytesIO()

    def close(self) -> None:
        self._tar.close()
