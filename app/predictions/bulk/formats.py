"""Results of bulk predictions: the row of a photo, and the files that rows are written to.

CSV and JSON Lines files grow line by line; JSON and Parquet files are written whole.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from enum import StrEnum
from importlib.util import find_spec
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from app.core.errors import WingcheckError
from app.predictions.inference import Answer, ModelVersionInfo, PhotoError, kept_names
from app.predictions.rules import Decision, Opinion, Policy, decide

Row = dict[str, Any]

_NESTED = ("predictions", "error", "square", "searched", "animals", "looks_like")
_SQUARE = ("square_x", "square_y", "square_width", "square_height")
_BATCH = 10_000
_START = b'{"filename": '


def row_of(name: str, answer: Answer | PhotoError, info: ModelVersionInfo, policy: Policy) -> Row:
    """A photo's row, nested as in JSON. Without an answer it has ``error`` in place of everything else."""
    model = f"{info.name} {info.version}"
    if isinstance(answer, PhotoError):
        return {"filename": name, "error": {"kind": answer.kind, "detail": answer.detail}, "model": model}
    return {
        "filename": name,
        **_animal(answer.opinion, policy),
        "square": asdict(answer.square) if answer.square else None,
        "square_origin": answer.origin.value,
        "searched": answer.searched,
        "animals": [{"square": asdict(other.square), **_animal(other.opinion, policy)} for other in answer.others],
        "looks_like": kept_names(answer),
        "width": answer.photo.width,
        "height": answer.photo.height,
        "sha256": answer.sha256,
        "model": model,
    }


def _animal(opinion: Opinion, policy: Policy) -> Row:
    """What a row says of one animal. ``species`` is None where it is none of the version's."""
    decision = decide(opinion, policy)
    in_scope = decision is not Decision.OUT_OF_SCOPE
    return {
        "decision": decision.value,
        "species": opinion.top if in_scope else None,
        "probability": opinion.top_probability if in_scope else None,
        "in_scope": opinion.in_scope,
        "predictions": dict(opinion.probabilities),
    }


def columns(labels: Sequence[str]) -> dict[str, type]:
    """The columns of a table with their types; one per label of the model, for its probability.

    The last one is never empty and has no line break, so that a truncated line can be recognised.
    """
    return {
        "filename": str,
        "decision": str,
        "species": str,
        "probability": float,
        "in_scope": float,
        **dict.fromkeys(labels, float),
        "square_origin": str,
        **dict.fromkeys(_SQUARE, float),
        "further_animals": int,
        "looks_like": str,
        "looks_like_probability": float,
        "width": int,
        "height": int,
        "sha256": str,
        "error": str,
        "detail": str,
        "model": str,
    }


def flat(row: Row) -> Row:
    """The row as columns of a table; those without a value are missing."""
    values = {name: value for name, value in row.items() if name not in _NESTED and value is not None}
    values |= row.get("predictions", {})
    values |= dict(zip(_SQUARE, (row.get("square") or {}).values(), strict=False))
    if "animals" in row:
        values["further_animals"] = len(row["animals"])
    for like in row.get("looks_like", [])[:1]:
        values |= {"looks_like": like["scientific_name"], "looks_like_probability": like["probability"]}
    if "error" in row:
        values |= {"error": row["error"]["kind"], "detail": row["error"]["detail"]}
    return values


class Format(StrEnum):
    CSV = "csv"
    JSONL = "jsonl"
    JSON = "json"
    PARQUET = "parquet"


class CsvLines:
    """A table with a header line."""

    def __init__(self, labels: Sequence[str]) -> None:
        self._columns = list(columns(labels))
        self.head = self._text(self._columns)

    def _text(self, values: Iterable[Any]) -> str:
        stream = io.StringIO()
        csv.writer(stream, lineterminator="\n").writerow(values)
        return stream.getvalue()

    def line(self, row: Row) -> str:
        """The row with its line break."""
        values = flat(row)
        return self._text(values.get(name, "") for name in self._columns)

    def read(self, file: BinaryIO) -> Iterator[tuple[Row | None, int]]:
        """Whole rows (None for the header), and where each ends in the file; a truncated last one is left out.

        Raises ValueError where the file contains anything else.
        """
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
    """The row as a line of JSON, with its line break."""
    return json.dumps(values, ensure_ascii=False) + "\n"


class JsonLines:
    """An object per line, with the methods of ``CsvLines``. ``tabular``: with the columns of a table."""

    head = ""

    def __init__(self, *, tabular: bool = False) -> None:
        self._tabular = tabular

    def line(self, row: Row) -> str:
        return json_line(flat(row) if self._tabular else row)

    def read(self, file: BinaryIO) -> Iterator[tuple[Row | None, int]]:
        position = 0
        for line in file:
            if not line.startswith(_START[: len(line)]):
                raise ValueError("its lines begin in another way")
            if line.endswith(b"\n"):
                position += len(line)
                yield json.loads(line), position


def lines_of(format: Format, labels: Sequence[str]) -> CsvLines | JsonLines:
    """The lines of a file of this format, or of the file from which it is written in the end."""
    return CsvLines(labels) if format is Format.CSV else JsonLines(tabular=format is Format.PARQUET)


def grows(format: Format) -> bool:
    """Whether a file of this format grows line by line."""
    return format in {Format.CSV, Format.JSONL}


def check(format: Format) -> None:
    """Raises WingcheckError where a package that the format needs is not installed."""
    if format is Format.PARQUET and find_spec("pyarrow") is None:
        raise WingcheckError("Parquet needs pyarrow, which is not installed: pip install 'wingcheck[parquet]'")


def read_whole(format: Format, path: Path) -> list[Row]:
    """The rows of a JSON or Parquet file, as its lines had them. Raises ValueError."""
    if format is Format.JSON:
        rows: list[Row] = json.loads(path.read_bytes())
        return rows
    from pyarrow import parquet

    table = parquet.read_table(path).to_pylist()
    return [{name: value for name, value in row.items() if value is not None} for row in table]


def write_whole(format: Format, path: Path, rows: Iterable[Row], labels: Sequence[str]) -> None:
    """Write a JSON or Parquet file of these rows."""
    if format is Format.JSON:
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
