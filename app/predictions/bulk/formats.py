"""Forms of results: lines that a file grows by (CSV, JSON Lines), and files that are written whole (JSON, Parquet)."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from enum import StrEnum
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, Protocol

from app.core.errors import WingcheckError
from app.predictions.bulk.rows import Row, columns, flat

_BATCH = 10_000
_START = b'{"filename": '


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"


class Lines(Protocol):
    """A row, a line."""

    head: str

    def line(self, row: Row) -> str:
        """The row with its line break."""
        ...

    def read(self, file: BinaryIO) -> Iterator[tuple[Row | None, int]]:
        """Whole rows (None for the head), and where each ends in the file; a last one that was cut short is left out.

        Raises ValueError where the file holds anything else.
        """
        ...


class CsvLines:
    """A table with a head."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._columns = list(columns(labels))
        self.head = self._text(self._columns)

    def _text(self, values: Iterable[Any]) -> str:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerow(values)
        return stream.getvalue()

    def line(self, row: Row) -> str:
        """See :class:`Lines`."""
        values = flat(row)
        return self._text(values.get(name, "") for name in self._columns)

    def read(self, file: BinaryIO) -> Iterator[tuple[Row | None, int]]:
        """See :class:`Lines`."""
        head = file.readline()
        if not self.head.encode().startswith(head):
            raise ValueError("it has other columns")
        position, whole = len(head), head == self.head.encode()
        if not whole:
            return
        yield None, position

        def lines() -> Iterator[str]:
            nonlocal position, whole
            for line in file:
                position, whole = position + len(line), line.endswith(b"\n")
                yield line.decode(errors="strict" if whole else "replace")

        reader = csv.reader(lines())
        try:
            for values in reader:
                if len(values) == len(self._columns) and whole:
                    yield dict(zip(self._columns, values, strict=True)), position
                elif next(reader, None) is not None:
                    raise ValueError(f"row {reader.line_num} has other columns")
        except csv.Error as error:
            raise ValueError(str(error)) from error


def json_line(values: Row) -> str:
    """Values as they are, with a line break."""
    return json.dumps(values, ensure_ascii=False) + "\n"


class JsonLines:
    """An object a line; ``tabular``: as in a table."""

    head = ""

    def __init__(self, *, tabular: bool = False) -> None:
        self._tabular = tabular

    def line(self, row: Row) -> str:
        """See :class:`Lines`."""
        return json_line(flat(row) if self._tabular else row)

    def read(self, file: BinaryIO) -> Iterator[tuple[Row | None, int]]:
        """See :class:`Lines`."""
        position = 0
        for line in file:
            if not line.startswith(_START[: len(line)]):
                raise ValueError("its lines begin in another way")
            if line.endswith(b"\n"):
                position += len(line)
                yield json.loads(line), position


def lines_of(form: Format, labels: Sequence[str]) -> Lines:
    """The lines that a file of this form, or the work on it, grows by."""
    return CsvLines(labels) if form is Format.CSV else JsonLines(tabular=form is Format.PARQUET)


def grows(form: Format) -> bool:
    """Whether a file of this form is its lines."""
    return form in {Format.CSV, Format.JSONL}


def check(form: Format) -> None:
    """Raises WingcheckError where something is missing here that the form needs."""
    if form is Format.PARQUET and find_spec("pyarrow") is None:
        raise WingcheckError("Parquet needs pyarrow, which is not installed: pip install 'wingcheck[parquet]'")


def read_whole(form: Format, path: Path) -> list[Row]:
    """The rows of a JSON or Parquet file, as its lines had them. Raises ValueError."""
    if form is Format.JSON:
        found: list[Row] = json.loads(path.read_bytes())
        return found
    from pyarrow import parquet

    rows = parquet.read_table(path).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in rows]


def write_whole(form: Format, path: Path, rows: Iterable[Row], labels: Sequence[str]) -> None:
    """A JSON or Parquet file of what the lines hold."""
    if form is Format.JSON:
        _write_json(path, rows)
    else:
        _write_parquet(path, iter(rows), labels)


def _write_json(path: Path, rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8") as file:
        between = "[\n"
        for row in rows:
            file.write(between + json.dumps(row, ensure_ascii=False))
            between = ",\n"
        file.write("\n]\n" if between == ",\n" else "[]\n")


def _write_parquet(path: Path, rows: Iterator[Row], labels: Sequence[str]) -> None:
    import pyarrow
    from pyarrow import parquet

    types = {str: pyarrow.string(), float: pyarrow.float64(), int: pyarrow.int64()}
    schema = pyarrow.schema([(name, types[kind]) for name, kind in columns(labels).items()])
    with parquet.ParquetWriter(path, schema) as writer:
        while batch := list(islice(rows, _BATCH)):
            writer.write_table(pyarrow.Table.from_pylist(batch, schema))
