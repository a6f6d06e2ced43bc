"""A file of results that grows row by row, so that whatever stops the work, what is done is kept and can be gone on with."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from app.core.errors import Conflict, WingcheckError
from app.predictions.bulk.formats import Format, Lines, check, grows, json_line, lines_of, read_whole, write_whole
from app.predictions.bulk.rows import Row
from app.predictions.inference import ModelVersionInfo


class Output:
    """Appends rows, each with one write; a row that a kill cut short is dropped when the work goes on.

    CSV and JSON Lines grow in place. JSON and Parquet are written at the end, from lines that grow beside them in NAME.part.
    """

    def __init__(self, path: Path, form: Format, info: ModelVersionInfo, *, resume: bool) -> None:
        """Open it. ``resume``: go on with what is there; otherwise nothing may be there.

        Raises Conflict where something is there, another process writes it, or it is not the work of this model version;
        WingcheckError where it can't be written.
        """
        check(form)
        self.done: set[str] = set()
        self.path = path
        self._form = form
        self._labels = [label.scientific_name for label in info.labels]
        self._model = f"{info.name} {info.version}"
        self._lines: Lines = lines_of(form, self._labels)
        self._growing = path if grows(form) else path.with_name(f"{path.name}.part")
        if not resume and (there := next(filter(Path.exists, (path, self._growing)), None)):
            raise Conflict(f"{there} is there already: go on with it with --resume, or choose another name")
        begun = self._growing.exists()
        try:
            self._file = self._growing.open("a+b")
        except OSError as error:
            raise self._failed(error) from error
        try:
            self._lock()
            self._find_what_is_there()
            if not begun and not grows(form) and path.exists():
                self._take_over()
        except BaseException:
            self._close()
            raise

    def _lock(self) -> None:
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise Conflict(f"another process is writing {self.path}") from error

    def _find_what_is_there(self) -> None:
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

    def _take_over(self) -> None:
        """Go on with a file that was finished."""
        try:
            rows = read_whole(self._form, self.path)
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
        """Append a row. Raises WingcheckError when it can't be written; what was written before is kept."""
        self._append(self._lines.line(row))

    def _append(self, text: str) -> None:
        try:
            self._file.write(text.encode())
            self._file.flush()
        except OSError as error:
            raise self._failed(error) from error

    def finish(self) -> None:
        """Everything is in it: see that it is on the disk, whole. Raises WingcheckError."""
        try:
            if grows(self._form):
                os.fsync(self._file.fileno())
                return
            part = self.path.with_name(f".{self.path.name}.writing")
            write_whole(self._form, part, (row for row, _ in self._rows() if row is not None), self._labels)
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
        with suppress(OSError):  # what could not be written was told when it was tried
            self._file.close()
