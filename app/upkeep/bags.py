"""BagIt bags (RFC 8493): folders or tar files that can be verified as complete, in a format that archives know.

``data/`` holds the files, ``manifest-sha256.txt`` the hash of each, and ``tagmanifest-sha256.txt``, written last, the hashes
of everything outside ``data/``. A truncated bag has no last file, and a changed file has another hash. Without Wingcheck,
``sha256sum --check manifest-sha256.txt`` in the folder verifies it as well.
"""

import hashlib
import io
import os
import shutil
import tarfile
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from app.core.errors import Conflict, WingcheckError
from app.core.storage import flush_folder
from app.upkeep.copying import Tell, silent

_DECLARATION = b"BagIt-Version: 1.0\nTag-File-Character-Encoding: UTF-8\n"
_MANIFEST, _TAG_MANIFEST = "manifest-sha256.txt", "tagmanifest-sha256.txt"
_SPOOLED_BYTES = 8 << 20


class DamagedBag(WingcheckError):
    """A bag that is incomplete or changed; the message says how."""


# --- writing ----------------------------------------------------------------------------------------------------------


class BagWriter(ABC):
    """A bag being written: files are added one by one, ``finish`` completes it."""

    def __init__(self, part: Path, target: Path) -> None:
        self._part, self._target = part, target
        self._hashes: dict[str, str] = {}
        self._bytes = 0

    def add(self, path: str, chunks: Iterable[bytes]) -> None:
        """Write a file under ``data/``. Raises OSError if it can't be written."""
        self._add(f"data/{path}", chunks)

    def _add(self, name: str, chunks: Iterable[bytes]) -> None:
        hashed = hashlib.sha256()

        def passing() -> Iterator[bytes]:
            for chunk in chunks:
                hashed.update(chunk)
                self._bytes += len(chunk)
                yield chunk

        self._write(name, passing())
        self._hashes[name] = hashed.hexdigest()

    def finish(self, **info: str) -> None:
        """Write the manifests, and ``info`` into bag-info.txt. Nothing can be added afterwards."""
        payload = dict(self._hashes)
        info |= {"Payload-Oxum": f"{self._bytes}.{len(payload)}"}
        self._add(_MANIFEST, [_manifest(payload)])
        self._add("bagit.txt", [_DECLARATION])
        self._add("bag-info.txt", ["".join(f"{k.replace('_', '-')}: {v}\n" for k, v in info.items()).encode()])
        self._write(_TAG_MANIFEST, [_manifest({k: v for k, v in self._hashes.items() if k not in payload})])
        self._flush()
        self._part.rename(self._target)
        flush_folder(self._target.parent)

    @abstractmethod
    def _write(self, name: str, chunks: Iterable[bytes]) -> None: ...

    @abstractmethod
    def _flush(self) -> None:
        """Have everything on the disk."""


class _FolderWriter(BagWriter):
    def __init__(self, part: Path, target: Path) -> None:
        super().__init__(part, target)
        part.mkdir(mode=0o700)

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        path = self._part / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            file.writelines(chunks)

    def _flush(self) -> None:
        os.sync()  # all files at once; one by one takes minutes for thousands


class _TarWriter(BagWriter):
    def __init__(self, part: Path, target: Path) -> None:
        super().__init__(part, target)
        self._file = os.fdopen(os.open(part, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600), "wb")
        self._tar = tarfile.open(fileobj=self._file, mode="w")  # noqa: SIM115 (until _flush)

    def _write(self, name: str, chunks: Iterable[bytes]) -> None:
        # In a tar file the size precedes the content, so the chunks are collected first, on the disk if they are many.
        with tempfile.SpooledTemporaryFile(_SPOOLED_BYTES, dir=str(self._part.parent)) as content:
            content.writelines(chunks)
            member = tarfile.TarInfo(f"{self._target.stem}/{name}")
            member.size, member.mode = content.tell(), 0o600
            content.seek(0)
            self._tar.addfile(member, content)

    def _flush(self) -> None:
        self._tar.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()


def _manifest(hashes: dict[str, str]) -> bytes:
    return "".join(f"{hashed}  {_escape(name)}\n" for name, hashed in hashes.items()).encode()


def _escape(name: str) -> str:
    return name.replace("%", "%25").replace("\n", "%0A").replace("\r", "%0D")


def _unescape(name: str) -> str:
    return name.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


@contextmanager
def new_bag(target: Path) -> Iterator[BagWriter]:
    """A bag at ``target``: a tar file if the name ends so, else a folder. It appears there once it is complete.

    Until then it is ``.NAME.part`` in the same folder, which is removed on errors and replaced by the next attempt. Raises
    Conflict if ``target`` exists, OSError if it can't be written.
    """
    if target.exists():
        raise Conflict(f"{target} is there already; nothing was written over it")
    if target.suffix in {".gz", ".tgz", ".zip", ".bz2", ".xz", ".zst"}:
        raise Conflict("a backup is a folder or a .tar file; compression hardly helps with photos")
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f".{target.name}.part")
    _remove(part)
    try:
        yield _TarWriter(part, target) if target.suffix == ".tar" else _FolderWriter(part, target)
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


# --- reading ----------------------------------------------------------------------------------------------------------


class Bag:
    """An existing bag. Call ``verify`` before relying on its content; paths are relative to ``data/``."""

    def __init__(self, open_file: Callable[[str], IO[bytes]]) -> None:
        """``open_file`` opens a file of the bag by its name."""
        self._open_file = open_file
        tags = _hashes(self._read(_TAG_MANIFEST, "this backup is incomplete: it was cut short or never finished"))
        for name, expected in tags.items():
            self._check(name, expected)
        if _MANIFEST not in tags:
            raise DamagedBag("this backup is damaged: its list of files has no checksum")
        self._hashes = _hashes(self._read(_MANIFEST))

    def verify(self, tell: Tell = silent) -> None:
        """Compare every file with its hash. Raises DamagedBag for the first that is missing or changed."""
        for number, (name, expected) in enumerate(self._hashes.items()):
            tell("checking the backup", number, len(self._hashes))
            self._check(name, expected)
        tell("checking the backup", len(self._hashes), len(self._hashes))

    def paths(self, prefix: str = "") -> list[str]:
        """All files under ``prefix``."""
        names = (name.removeprefix("data/") for name in self._hashes)
        return [path for path in names if path.startswith(prefix)]

    def size(self, path: str) -> int:
        """Bytes of a file."""
        with self.open(path) as file:
            return file.seek(0, io.SEEK_END)

    def read(self, path: str) -> bytes:
        """The whole content of a file."""
        with self.open(path) as file:
            return file.read()

    def open(self, path: str) -> IO[bytes]:
        """Open a file that the manifest lists."""
        if f"data/{path}" not in self._hashes:
            raise DamagedBag(f"this backup has no {path}")
        return self._open(f"data/{path}")

    def _open(self, name: str) -> IO[bytes]:
        try:
            return self._open_file(name)
        except (OSError, KeyError, tarfile.TarError) as error:
            raise DamagedBag(f"this backup is damaged: {name} is missing") from error

    def _read(self, name: str, problem: str = "") -> bytes:
        try:
            with self._open(name) as file:
                return file.read()
        except DamagedBag as error:
            raise DamagedBag(problem or error.detail) from error

    def _check(self, name: str, expected: str) -> None:
        try:
            with self._open(name) as file:
                actual = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
        except (OSError, tarfile.TarError):  # truncated or unreadable
            actual = ""
        if actual != expected:
            raise DamagedBag(f"this backup is damaged: {name} has changed")


def _hashes(manifest: bytes) -> dict[str, str]:
    """Hash by name. A name that leads out of the bag is damage, or worse."""
    hashes = {}
    try:
        for line in manifest.decode().splitlines():
            hashed, _, name = line.partition("  ")
            path = PurePosixPath(_unescape(name))
            if len(hashed) != 64 or path.is_absolute() or ".." in path.parts or not path.parts:
                raise ValueError(line)
            hashes[str(path)] = hashed
    except ValueError as error:
        raise DamagedBag("this backup is damaged: its list of files can't be read") from error
    return hashes


@contextmanager
def open_bag(path: Path) -> Iterator[Bag]:
    """The bag at ``path``, a folder or a tar file. Raises DamagedBag if there is none, or an incomplete one."""
    if path.is_dir():
        yield Bag(lambda name: (path / name).open("rb"))
        return
    if not path.is_file():
        raise DamagedBag(f"there is no backup at {path}")
    try:
        tar = tarfile.open(path, "r:")  # noqa: SIM115 (closed below)
        # Names without the top folder of a packed bag, which may have been renamed.
        members = {member.name.partition("/")[2]: member for member in tar if member.isfile()}
    except (OSError, tarfile.TarError, EOFError) as error:
        raise DamagedBag(f"{path} can't be read as a backup: it is no tar file, or was cut short") from error
    with tar:
        yield Bag(lambda name: tar.extractfile(members[name]) or io.BytesIO())
