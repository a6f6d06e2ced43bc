"""A file of results keeps what is done, whatever stops the work, and is gone on with."""

import csv
import errno
import json
import os
from importlib.util import find_spec
from pathlib import Path

import pytest

from app.core.errors import Conflict, WingcheckError
from app.predictions.bulk import formats
from app.predictions.bulk.formats import Format, row_of
from app.predictions.bulk.output import Output
from app.predictions.inference import Answer, PhotoError, PhotoInfo, policy_of
from app.predictions.rules import Opinion
from tests.conftest import skip_or_fail

LINES = [Format.CSV, Format.JSONL]
NAMES = ["a.jpg", 'with "quotes", commas.jpg', "two\nlines.jpg", "café \u2603.jpg", "broken.jpg"]


@pytest.fixture
def rows(info):
    """One row per name, the last of a photo that can't be read."""
    policy = policy_of(info)
    labels = [label.scientific_name for label in info.labels]
    answer = Answer(Opinion(dict(zip(labels, (0.75, 0.25), strict=True)), 0.5), PhotoInfo(40, 30, "JPEG"), "ab" * 32)
    found = [row_of(name, answer, info, policy) for name in NAMES[:-1]]
    return [*found, row_of(NAMES[-1], PhotoError("undecodable", "It is\ncut short."), info, policy)]


def write(path, form, info, rows, *, resume=False, finish=True):
    """What was there before; then write these rows."""
    with Output(path, form, info, resume=resume) as output:
        for row in rows:
            output.write(row)
        if finish:
            output.finish()
        return output.done


def needs_pyarrow(form):
    if form is Format.PARQUET and find_spec("pyarrow") is None:
        skip_or_fail("no pyarrow here")


def names_in(path, form):
    """Of each row, as any program reads it."""
    if form is Format.CSV:
        with path.open(newline="", encoding="utf-8") as file:
            return [row["filename"] for row in csv.DictReader(file)]
    if form is Format.JSONL:
        return [json.loads(line)["filename"] for line in path.read_text().splitlines()]
    return [row["filename"] for row in formats.read_whole(form, path)]


@pytest.mark.parametrize("form", Format)
def test_all_rows_are_in_it_and_it_can_be_gone_on_with_when_it_was_finished(tmp_path, info, rows, form):
    needs_pyarrow(form)
    path = tmp_path / "results"
    assert write(path, form, info, rows[:2]) == set()
    assert names_in(path, form) == NAMES[:2]
    assert write(path, form, info, rows[2:], resume=True) == set(NAMES[:2])
    assert names_in(path, form) == NAMES
    assert os.listdir(tmp_path) == ["results"]


@pytest.mark.parametrize("form", LINES)
def test_wherever_a_kill_cuts_it_whole_rows_are_kept_and_the_rest_is_written_again(tmp_path, info, rows, form):
    path = tmp_path / "results"
    write(path, form, info, rows)
    whole = path.read_bytes()
    first = whole.index(b"a.jpg")
    for cut in range(len(whole)):
        path.write_bytes(whole[:cut])
        done = write(path, form, info, [], resume=True, finish=False)
        assert done == set(NAMES[: len(done)])
        assert (len(done) > 0) == (cut > whole.index(b"\n", first))
        write(path, form, info, rows[len(done) :], resume=True, finish=False)
        assert path.read_bytes() == whole


@pytest.mark.parametrize("form", [Format.JSON, Format.PARQUET])
def test_what_is_written_whole_grows_beside_its_place(tmp_path, info, rows, form):
    needs_pyarrow(form)
    path = tmp_path / "results"
    write(path, form, info, rows[:3], finish=False)
    assert os.listdir(tmp_path) == ["results.part"]
    with pytest.raises(Conflict, match=r"results\.part is there already"):
        write(path, form, info, rows)
    assert write(path, form, info, rows[3:], resume=True) == set(NAMES[:3])
    assert names_in(path, form) == NAMES


def test_json_has_everything_and_a_table_a_column_for_each_value(tmp_path, info, rows):
    write(tmp_path / "r.json", Format.JSON, info, rows)
    assert json.loads((tmp_path / "r.json").read_text()) == rows
    write(tmp_path / "r.csv", Format.CSV, info, rows)
    with (tmp_path / "r.csv").open(newline="", encoding="utf-8") as file:
        found = list(csv.DictReader(file))
    assert found[0] == {
        "filename": "a.jpg",
        "decision": rows[0]["decision"],
        "species": rows[0]["species"],
        "probability": "0.75",
        "in_scope": "0.5",
        **{name: str(value) for name, value in rows[0]["predictions"].items()},
        "square_origin": "middle",
        **dict.fromkeys(("square_x", "square_y", "square_width", "square_height"), ""),
        "further_animals": "0",
        "looks_like": "",
        "looks_like_probability": "",
        "width": "40",
        "height": "30",
        "sha256": "ab" * 32,
        "error": "",
        "detail": "",
        "model": f"{info.name} {info.version}",
    }
    assert (found[-1]["error"], found[-1]["detail"], found[-1]["species"]) == ("undecodable", "It is\ncut short.", "")


def test_parquet_has_types_and_gaps(tmp_path, info, rows):
    needs_pyarrow(Format.PARQUET)
    from pyarrow import parquet

    write(tmp_path / "r.parquet", Format.PARQUET, info, rows)
    table = parquet.read_table(tmp_path / "r.parquet").to_pylist()
    assert (table[0]["probability"], table[0]["width"], table[0]["error"]) == (0.75, 40, None)
    assert (table[-1]["probability"], table[-1]["error"]) == (None, "undecodable")


def test_an_empty_run_gives_an_empty_array(tmp_path, info):
    write(tmp_path / "r.json", Format.JSON, info, [])
    assert json.loads((tmp_path / "r.json").read_text()) == []


def test_without_pyarrow_parquet_says_how_to_get_it(tmp_path, info, monkeypatch):
    monkeypatch.setattr(formats, "find_spec", lambda name: None)
    with pytest.raises(WingcheckError, match=r"pip install 'wingcheck\[parquet\]'"):
        write(tmp_path / "r.parquet", Format.PARQUET, info, [])
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("form", LINES)
def test_nothing_is_ever_written_over(tmp_path, info, rows, form):
    path = tmp_path / "results"
    write(path, form, info, rows)
    before = path.read_bytes()
    with pytest.raises(Conflict, match="is there already"):
        write(path, form, info, rows)
    assert path.read_bytes() == before


@pytest.mark.parametrize("form", LINES)
@pytest.mark.parametrize(
    "other", [b"path,label\n", b"notes", b'{"name": 1}\n', b"filename,decision\na.jpg,x\n", b'{"filename": "a.jpg"}\n']
)
def test_another_file_is_not_gone_on_with(tmp_path, info, rows, form, other):
    path = tmp_path / "results"
    path.write_bytes(other)
    with pytest.raises(Conflict):
        write(path, form, info, rows, resume=True)
    assert path.read_bytes() == other


@pytest.mark.parametrize("form", LINES)
def test_the_work_of_another_version_is_not_gone_on_with(tmp_path, info, rows, form):
    path = tmp_path / "results"
    write(path, form, info, [row | {"model": "other 1.0"} for row in rows])
    with pytest.raises(Conflict, match=r"the work of other 1\.0"):
        write(path, form, info, rows, resume=True)


def test_two_processes_do_not_write_the_same_file(tmp_path, info, rows):
    with Output(tmp_path / "r.csv", Format.CSV, info, resume=False), pytest.raises(Conflict, match="another process"):
        Output(tmp_path / "r.csv", Format.CSV, info, resume=True)


def test_a_full_disk_is_told_and_loses_nothing(tmp_path, info, rows, monkeypatch):
    path = tmp_path / "r.csv"
    with Output(path, Format.CSV, info, resume=False) as output:
        output.write(rows[0])
        file = output._file

        class Full:
            def write(self, data):
                raise OSError(errno.ENOSPC, "No space left on device")

            def close(self):
                file.close()

        monkeypatch.setattr(output, "_file", Full())
        with pytest.raises(WingcheckError, match=r"No space left on device\); continue with --resume"):
            output.write(rows[1])
    assert names_in(path, Format.CSV) == NAMES[:1]


def test_a_folder_that_is_not_there_is_told(tmp_path, info):
    with pytest.raises(WingcheckError, match="No such file"):
        write(Path(tmp_path / "none" / "r.csv"), Format.CSV, info, [])
