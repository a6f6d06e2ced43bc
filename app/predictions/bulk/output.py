"""A file of results that grows row by row, so that work can be resumed, whatever stopped it."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from app.core.errors import Conflict, WingcheckError
from app.predictions.bulk.formats import Format, Row, check, grows, json_line, lines_of, read_whole, write_whole
from app.predictions.inference import ModelVersionInfo


class Output:
    """Appends rows, each with one write; a row that a kill truncated is dropped when the work is resumed.

    CSV and JSON Lines grow in place. JSON and Parquet are written at the end, from lines that are collected in NAME.part.
    """

    def __init__(self, path: Path, format: Format, info: ModelVersionInfo, *, resume: bool) -> None:
        """Open the file. ``resume``: continue it if it exists; otherwise it must not exist.

        Raises Conflict where it exists, another process writes it, or it has results of another model version;
        WingcheckError where it can't be written.
        """
        check(format)
        self.done: set[str] = set()
        self.path = path
        self._format = format
        self._labels = [label.scientific_name for label in info.labels]
        self._model = f"{info.name} {info.version}"
        self._lines = lines_of(format, self._labels)
        self._growing = path if grows(format) else path.with_name(f"{path.name}.part")
        if not resume and (there := next(filter(Path.exists, (path, self._growing)), None)):
            raise Conflict(f"{there} is there already: go on with it with --resume, or choose another name")
        unfinished = self._growing.exists()
        try:
            self._file = self._growing.open("a+b")
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._lock()
            self._read_rows()
            if not unfinished and not grows(format) and path.exists():
                self._reopen()
        except BaseException:
            self._close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"another process is writing {self.path}") from error

    def _read_rows(self) -> None:
        end = 0
        for row, position in self._rows():
            if row is not None:
                self._count(row)
            end = position
        self._file.truncate(end)
        if end == 0:
            self._append(self._lines.head)

    def _rows(self) -> Iterator[tuple[Row | None, int]]:
        self._file.seek(0)
        try:
            yield from self._lines.read(self._file)
        except ValueError as error:
            raise Conflict(f"{self._growing} is not what such work leaves behind ({error})") from error

    def _reopen(self) -> None:
        """Continue a finished file."""
        try:
            rows = read_whole(self._format, self.path)
        except (ValueError, OSError) as error:
            raise Conflict(f"{self.path} can't be read ({error})") from error
        for row in rows:
            self._count(row)
            self._append(json_line(row))

    def _count(self, row: Row) -> None:
        if row.get("model") != self._model:
            raise Conflict(f"{self.path} is the work of {row.get('model')}, not of {self._model}: choose another name")
        self.done.add(row["filename"])

    def write(self, row: Row) -> None:
        """Append a row. Raises WingcheckError when it can't be written; earlier rows are kept."""
        self._append(self._lines.line(row))

    def _append(self, text: str) -> None:
        try:
            self._file.write(text.encode())
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Complete the file and flush it to the disk, after the last row. Raises WingcheckError."""
        try:
            if grows(self._format):
                os.fsync(self._file.fileno())
                return
            part = self.path.with_name(f".{self.path.name}.writing")
            write_whole(self._format, part, (row for row, _ in self._rows() if row is not None), self._labels)
            part.replace(self.path)
            self._growing.unlink()
        except OSError as error:
            raise self._failed(error) from error

    def _failed(self, error: OSError) -> WingcheckError:
        return WingcheckError(f"can't write {self.path} ({error.strerror or error}); continue with --resume")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._close()

    def _close(self) -> None:
        with suppress(OSError):  # what could not be written was reported at the time
            self._file.close()
