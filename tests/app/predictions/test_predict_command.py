"""`wingcheck predict` over many photos: where results go, what is refused, how it ends."""

import csv
import io
import json
import zipfile

import pytest

from app.predictions.bulk import asking
from tests.factories import photo
from tests.versions import make_version


@pytest.fixture
def folder(tmp_path):
    """Photos, one of them none, and a file beside them."""
    (tmp_path / "p").mkdir()
    for number in range(asking.FEW + 2):
        (tmp_path / "p" / f"{number:02d}.jpg").write_bytes(photo(number))
    (tmp_path / "p" / "words.jpg").write_bytes(b"words")
    (tmp_path / "p" / "notes.txt").write_bytes(b"notes")
    return tmp_path / "p"


def test_a_folder_becomes_a_table_of_all_its_photos(wingcheck, folder, tmp_path):
    code, out, err = wingcheck("predict", "p", "--output", "r.csv", "--processes", "2")
    assert (code, out) == (1, "")
    assert "1 of them can't be answered" in err
    assert "Skipped, not photos by their names: 1" in err
    with (tmp_path / "r.csv").open(newline="") as file:
        rows = {row["filename"]: row for row in csv.DictReader(file)}
    assert len(rows) == asking.FEW + 3
    assert rows["p/words.jpg"]["error"] == "unsupported"
    [alone] = json.loads(wingcheck("predict", "--json", "p/07.jpg")[1])
    assert {name: float(rows["p/07.jpg"][name]) for name in alone["predictions"]} == alone["predictions"]


def test_a_list_and_a_zip_file_are_asked_about_together_and_once(wingcheck, folder, tmp_path):
    (tmp_path / "list.csv").write_text("path\np/01.jpg\np/02.jpg\n")
    with zipfile.ZipFile(tmp_path / "more.zip", "w") as archive:
        archive.write(folder / "03.jpg", "03.jpg")
    code, _, _ = wingcheck("predict", "list.csv", "more.zip", "p/01.jpg", "-o", "r.jsonl")
    assert code == 0
    rows = [json.loads(line) for line in (tmp_path / "r.jsonl").read_text().splitlines()]
    assert [row["filename"] for row in rows] == ["p/01.jpg", "p/02.jpg", "more.zip/03.jpg"]
    [alone] = json.loads(wingcheck("predict", "--json", "p/03.jpg")[1])
    assert rows[2] == alone | {"filename": "more.zip/03.jpg"}


def test_results_can_be_printed_for_programs(wingcheck, folder):
    rows = list(csv.DictReader(io.StringIO(wingcheck("predict", "p/01.jpg", "p/words.jpg", "--format", "csv")[1])))
    assert [row["error"] for row in rows] == ["", "unsupported"]
    lines = wingcheck("predict", "p/01.jpg", "p/words.jpg", "--format", "jsonl")[1].splitlines()
    assert [json.loads(line)["filename"] for line in lines] == ["p/01.jpg", "p/words.jpg"]


def test_resume_asks_only_about_what_is_new(wingcheck, folder, tmp_path):
    wingcheck("predict", "p/01.jpg", "-o", "r.csv")
    before = (tmp_path / "r.csv").read_text()
    (folder / "01.jpg").unlink()  # asked again, it would be an error
    code, _, err = wingcheck("predict", "p/01.jpg", "p/02.jpg", "-o", "r.csv", "--resume")
    assert code == 0
    assert "1 photos had their results already" in err
    assert (tmp_path / "r.csv").read_text().startswith(before)


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (["p", "-o", "r.txt"], 2, "does not say in which form"),
        (["p", "--format", "parquet"], 2, "name a file with --output"),
        (["p", "--resume"], 2, "without --output"),
        (["p", "-o", "there.csv"], 1, "there.csv is there already"),
        (["p", "-o", "none/r.csv"], 1, "No such file"),
        (["empty"], 1, "there are no photos"),
        (["list.csv"], 1, "list.csv has no column 'path'"),
    ],
)
def test_what_can_not_be_done_is_said_before_anything_is(wingcheck, folder, tmp_path, arguments, code, message):
    (tmp_path / "there.csv").write_text("mine")
    (tmp_path / "list.csv").write_text("file\n")
    (tmp_path / "empty").mkdir()
    found, out, err = wingcheck("predict", *arguments)
    assert (found, out) == (code, "")
    assert message in " ".join(err.replace("│", " ").split())
    assert (tmp_path / "there.csv").read_text() == "mine"


def test_a_hostile_zip_file_is_refused_in_one_line(wingcheck, tmp_path):
    with zipfile.ZipFile(tmp_path / "evil.zip", "w") as archive:
        archive.writestr("../../a.jpg", photo(1))
    code, out, err = wingcheck("predict", "evil.zip", "-o", "r.csv")
    assert (code, out) == (1, "")
    assert err == "wingcheck: evil.zip is refused: it has a file '../../a.jpg', which lies outside of it\n"
    assert not (tmp_path / "r.csv").exists()


def test_another_version_does_not_go_on_with_the_work_of_one(wingcheck, folder, tmp_path):
    wingcheck("predict", "p/01.jpg", "-o", "r.csv")
    other = make_version(tmp_path)
    code, _, err = wingcheck("predict", "p/02.jpg", "-o", "r.csv", "--resume", "--model", other)
    assert code == 1
    assert "choose another name" in err
