"""Which photos are found in what an operator names, and what they are called."""

import os
import zipfile
from pathlib import Path

import pytest

from app.core.errors import WingcheckError
from app.predictions.bulk.sources import gather, read
from app.predictions.inference import PhotoError


@pytest.fixture
def here(tmp_path, monkeypatch):
    """An empty folder, in which the command is given."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def put(*names: str) -> None:
    """Files whose content is their name."""
    for name in names:
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(name)


def found(*inputs: str, column: str = "path") -> dict[str, bytes]:
    """Name and content of each photo, in order."""
    return {source.name: read(source, 1000) for source in gather(map(Path, inputs), column).sources}


def test_a_folder_gives_the_photos_below_it_in_order_and_counts_the_other_files(here):
    put("p/b.jpg", "p/a/2.HEIC", "p/a/1.webp", "p/notes.txt", "p/a/Thumbs.db", "p/.hidden.jpg")
    os.mkfifo("p/pipe.jpg")
    gathered = gather([Path("p")], "path")
    assert [source.name for source in gathered.sources] == ["p/b.jpg", "p/a/1.webp", "p/a/2.HEIC"]
    assert gathered.left_out == 3


def test_what_is_named_counts_as_a_photo_whatever_its_name(here):
    put("photo", "p/a.jpg")
    assert list(found("photo", "p")) == ["photo", "p/a.jpg"]


@pytest.mark.parametrize(
    "text", ["path,label\na.jpg,x\n../b.jpg,y\n,z\n", "\ufefflabel;path\r\nx;a.jpg\r\ny;../b.jpg\r\n"]
)
def test_a_list_names_photos_from_its_own_folder_on(here, text):
    put("lists/a.jpg", "b.jpg")
    Path("lists/list.csv").write_text(text, newline="")
    assert found("lists/list.csv") == {"lists/a.jpg": b"lists/a.jpg", "lists/../b.jpg": b"b.jpg"}


def test_the_column_of_a_list_may_have_another_name(here):
    put("a.jpg")
    Path("list.csv").write_text("file\na.jpg\n")
    assert list(found("list.csv", column="file")) == ["a.jpg"]
    with pytest.raises(WingcheckError, match="no column 'path'"):
        found("list.csv")


@pytest.mark.parametrize(
    ("name", "data", "message"),
    [
        ("list.csv", b"path\n\xff\xfe.jpg\n", "no text in UTF-8"),
        ("list.csv", b'path\n"' + b"a" * 200_000 + b'"\n', "list.csv, line"),
        ("list.csv", None, "No such file"),
        ("photos.zip", None, "No such file"),
        ("photos.zip", b"words", "no zip file"),
    ],
)
def test_a_list_or_zip_file_that_can_not_be_used_is_refused(here, name, data, message):
    if data is not None:
        Path(name).write_bytes(data)
    with pytest.raises(WingcheckError, match=message):
        found(name)


def test_a_zip_file_gives_its_photos_by_their_names_in_it(here):
    with zipfile.ZipFile("p.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("garden/a.jpg", "b.png", "garden/", "more.zip", "__MACOSX/._b.png", "label.csv"):
            archive.writestr(name, name)
    assert found("p.zip") == {"p.zip/garden/a.jpg": b"garden/a.jpg", "p.zip/b.png": b"b.png"}
    assert gather([Path("p.zip")], "path").left_out == 3


def test_a_name_that_is_no_text_or_a_formula_can_be_written_down(here):
    Path(os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"1")
    put("=1+1.jpg")
    assert found(os.fsdecode(b"caf\xe9.jpg"), "=1+1.jpg") == {"caf\\xe9.jpg": b"1", "./=1+1.jpg": b"=1+1.jpg"}


def test_a_photo_that_is_too_large_or_gone_is_told_as_one_that_can_not_be_read(here):
    put("a.jpg")
    [source] = gather([Path("a.jpg")], "path").sources
    assert read(source, 5) == b"a.jpg"
    with pytest.raises(PhotoError, match="more than 4e-06 MB"):
        read(source, 4)
    Path("a.jpg").unlink()
    with pytest.raises(PhotoError, match="No such file"):
        read(source, 5)


def test_a_folder_that_may_not_be_read_is_not_passed_over(here, monkeypatch):
    def walk(folder, onerror):
        onerror(PermissionError(13, "Permission denied", str(folder)))
        return iter(())

    put("p/a.jpg")
    monkeypatch.setattr(
        "app.predictions.bulk.sources.os.walk", walk
    )  # the superuser, as who tests may run, may read all
    with pytest.raises(WingcheckError, match=r"p can't be read \(Permission denied\)"):
        found("p")
