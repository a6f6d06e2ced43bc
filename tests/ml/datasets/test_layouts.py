"""Every layout that a data set comes in, read into the same photos."""

import base64
import csv
import io
import json
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ml.datasets.folder import DataError, Photo
from ml.datasets.sources import layout_of, read_source
from ml.inference import Square, open_photo
from tests.ml.datasets.drawn import butterfly, draw


def told(photos: list[Photo]) -> list[tuple[str, str, str | None]]:
    return [(photo.path, photo.label, photo.part) for photo in photos]


def pixels(photo: Photo) -> np.ndarray:
    return np.asarray(open_photo(photo.read(), max_side=None)[0])


def test_a_folder_per_class(tmp_path: Path) -> None:
    draw(tmp_path, "brown/1.jpg", "brown/2.png", "gatekeeper/1.webp", ".trash/brown/9.jpg", "stray.jpg")
    (tmp_path / "brown" / "notes.txt").write_text("none")

    assert told(read_source(tmp_path)) == [
        ("brown/1.jpg", "brown", None),
        ("brown/2.png", "brown", None),
        ("gatekeeper/1.webp", "gatekeeper", None),
    ]


def test_parts_above_the_classes(tmp_path: Path) -> None:
    draw(tmp_path, "train/brown/1.jpg", "Validation/brown/2.jpg", "test/gatekeeper/3.jpg")

    assert sorted(told(read_source(tmp_path))) == [
        ("Validation/brown/2.jpg", "brown", "calibration"),
        ("test/gatekeeper/3.jpg", "gatekeeper", "test"),
        ("train/brown/1.jpg", "brown", "train"),
    ]


@pytest.mark.parametrize(
    ("depth", "labels"),
    [
        (None, ["jurtina", "nymphalinae/red", "satyrinae/red"]),
        (1, ["satyrinae", "nymphalinae", "satyrinae"]),
        (2, ["satyrinae/maniola", "nymphalinae/red", "satyrinae/red"]),
    ],
)
def test_a_hierarchy(tmp_path: Path, depth: int | None, labels: list[str]) -> None:
    draw(tmp_path, "satyrinae/maniola/jurtina/1.jpg", "nymphalinae/red/1.jpg", "satyrinae/red/1.jpg")

    assert sorted(photo.label for photo in read_source(tmp_path, depth=depth)) == sorted(labels)


def test_a_csv_listing_of_paths(tmp_path: Path) -> None:
    draw(tmp_path, "photos/1.jpg", "photos/2.jpg")
    listing = tmp_path / "list.csv"
    listing.write_text(
        "Filename,Species,Split,Owner,burst,sequence\nphotos/1.jpg,brown,val,ann,b1,4\nphotos/2.jpg,brown,train,,,\n",
        encoding="utf-8-sig",
    )
    first, second = read_source(listing)

    assert (first.part, first.photographer, first.event, first.sequence) == ("calibration", "ann", "b1", 4)
    assert (second.part, second.photographer, second.event, second.sequence) == ("train", None, None, None)
    assert pixels(first).shape == (48, 48, 3)


@pytest.mark.parametrize("header", ["label,pixels", "label,pixel0", "label,1x1"])
def test_a_csv_listing_of_pixels(tmp_path: Path, header: str) -> None:
    """As FER2013 writes them, as Fashion-MNIST does, and as its copy on OpenML does."""
    picture = np.arange(36).reshape(6, 6) * 7
    listing = tmp_path / "pixels.csv"
    with listing.open("w", newline="") as stream:
        writer = csv.writer(stream)
        if header == "label,pixels":
            writer.writerows([["label", "pixels"], ["7", " ".join(map(str, picture.ravel()))]])
        else:
            rows = [f"pixel{at}" if "pixel0" in header else f"{at // 6 + 1}x{at % 6 + 1}" for at in range(36)]
            writer.writerows([["label", *rows], ["7", *picture.ravel()]])
    (photo,) = read_source(listing)

    assert photo.label == "7"
    assert np.array_equal(pixels(photo), np.repeat(picture[..., None], 3, axis=2))


def test_json_with_paths_pixels_and_encoded_photos(tmp_path: Path) -> None:
    draw(tmp_path, "1.jpg")
    colour = np.random.default_rng(1).integers(0, 256, (5, 4, 3))
    stream = io.BytesIO()
    Image.fromarray(colour.astype(np.uint8)).save(stream, "PNG")
    rows = [
        {"path": "1.jpg", "label": "a"},
        {"pixels": colour.tolist(), "label": "b", "photographer": 12},
        {"data": "data:image/png;base64," + base64.b64encode(stream.getvalue()).decode(), "label": "b"},
    ]
    (tmp_path / "list.json").write_text(json.dumps({"photos": rows}))
    (tmp_path / "list.jsonl").write_text("\n".join(json.dumps(row) for row in rows))

    for name in ("list.json", "list.jsonl"):
        first, second, third = read_source(tmp_path / name)
        assert first.read() == (tmp_path / "1.jpg").read_bytes()
        assert second.photographer == "12"
        assert np.array_equal(pixels(second), colour)
        assert np.array_equal(pixels(third), colour)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"path": "a.jpg"}, "no label"),
        ({"label": "a"}, "neither path"),
        ({"path": "../a.jpg", "label": "a"}, "leads out"),
        ({"pixels": [1, 2], "label": "a"}, "no square"),
        ({"pixels": [[1, 2], [3, 300]], "label": "a"}, "between 0 and 255"),
        ({"data": "???", "label": "a"}, "row 1"),
        ({"path": "a.jpg", "label": "a", "part": "holiday"}, "holiday"),
        ({"path": "a.jpg", "label": "a", "sequence": "first"}, "row 1"),
        ("a.jpg", "row 1"),
    ],
)
def test_a_wrong_row_is_named(tmp_path: Path, row: object, complaint: str) -> None:
    (tmp_path / "list.json").write_text(json.dumps([row]))
    with pytest.raises(DataError, match=complaint):
        read_source(tmp_path / "list.json")


@pytest.fixture
def web(tmp_path: Path) -> Iterator[tuple[str, list[str]]]:
    """A server of drawn pictures, and what it was asked for."""
    asked: list[str] = []

    class Handler(SimpleHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            super().do_GET()

        def log_message(self, *_: object) -> None:
            pass

    draw(tmp_path / "served", "1.jpg", "2.png")
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=str(tmp_path / "served"))) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
        server.shutdown()


def test_photos_on_the_web_are_fetched_once(tmp_path: Path, web: tuple[str, list[str]]) -> None:
    base, asked = web
    (tmp_path / "list.csv").write_text(f"url,label\n{base}/1.jpg,a\n{base}/2.png,b\n{base}/1.jpg,a\n")

    first, second, again = read_source(tmp_path / "list.csv")
    read_source(tmp_path / "list.csv")

    assert sorted(asked) == ["/1.jpg", "/2.png"]
    assert first.read() == again.read() == (tmp_path / "served" / "1.jpg").read_bytes()
    assert second.path.startswith("list.photos/")
    assert second.path.endswith(".png")


def test_a_photo_that_is_gone_from_the_web_is_named(tmp_path: Path, web: tuple[str, list[str]]) -> None:
    base, _ = web
    (tmp_path / "list.csv").write_text(f"url,label\n{base}/1.jpg,a\n{base}/gone.jpg,b\nfile:///etc/passwd,b\n")
    with pytest.raises(DataError, match=r"2 of 3 photos can't be fetched .*gone\.jpg: gone"):
        read_source(tmp_path / "list.csv")


def write_snapshot(folder: Path, rows: list[dict[str, object]], **head: object) -> Path:
    folder.mkdir(exist_ok=True)
    draw(folder, *(str(row["path"]) for row in rows))
    taxa = [
        {
            "scientific_name": "Maniola jurtina",
            "taxon_rank": "species",
            "gbif_key": 1,
            "vernacular_names": {},
            "marks": {},
        }
    ]
    whole = {"format": 1, "task": "garden-browns", "photos": len(rows), "taxa": taxa} | head
    (folder / "snapshot.json").write_text(json.dumps(whole))
    (folder / "photos.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder


def verified(path: str, **changes: object) -> dict[str, object]:
    return {
        "path": path, "sha256": "0" * 64, "scientific_name": "Maniola jurtina", "status": "V1", "volunteer": "v1",
        "event": "e1", "verified_at": "2026-07-01T12:00:00Z", "verified_by": "audit", "square": None, "part": "train",
    } | changes  # fmt: skip


def test_a_snapshot_of_verified_photos(tmp_path: Path) -> None:
    square = {"x": 0.1, "y": 0.2, "width": 0.5, "height": 0.5}
    rows = [
        verified("p/1.jpg", square=square),
        verified("p/2.jpg", status="C3"),
        verified("p/3.jpg", scientific_name=None, part="test"),
    ]
    certain, other = read_source(write_snapshot(tmp_path, rows))

    assert (certain.label, certain.part, certain.photographer, certain.event) == (
        "maniola_jurtina",
        "train",
        "v1",
        "e1",
    )
    assert certain.square == Square(0.1, 0.2, 0.5, 0.5)
    assert (other.label, other.kind, other.part) == ("none", "none", "test")


@pytest.mark.parametrize(
    ("rows", "head", "complaint"),
    [
        ([verified("1.jpg")], {"photos": 2}, "incomplete"),
        ([verified("1.jpg")], {"format": 9}, "format"),
        ([verified("1.jpg", part="never")], {}, "row 1"),
        ([verified("1.jpg", square={"x": 0})], {}, "row 1"),
    ],
)
def test_a_snapshot_that_is_not_whole_is_refused(
    tmp_path: Path, rows: list[dict[str, object]], head: dict[str, object], complaint: str
) -> None:
    with pytest.raises(DataError, match=complaint):
        read_source(write_snapshot(tmp_path, rows, **head))


def test_layouts_are_told_apart(tmp_path: Path) -> None:
    draw(tmp_path / "classes", "a/1.jpg")
    write_snapshot(tmp_path / "snapshot", [])
    (tmp_path / "list.csv").write_text("path,label\n")

    assert layout_of(tmp_path / "classes") == "classes"
    assert layout_of(tmp_path / "snapshot") == "snapshot"
    assert layout_of(tmp_path / "list.csv") == "listing"
    with pytest.raises(DataError, match="no data set"):
        layout_of(tmp_path / "nowhere")
    with pytest.raises(DataError, match=r"\.csv, \.json or \.jsonl"):
        read_source(_text(tmp_path / "list.txt"))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no folder with photos"):
        read_source(tmp_path / "empty")


def _text(file: Path) -> Path:
    file.write_text("none")
    return file


def test_a_square_is_what_the_network_sees(tmp_path: Path) -> None:
    from ml.datasets.arrays import decode

    whole = butterfly(1, size=60)
    whole.save(tmp_path / "1.png")
    left = Photo(tmp_path, "1.png", "a", square=Square(0, 0, 0.5, 0.5))

    seen = decode([left], size=30, training_resolution=30).values[0]

    assert np.array_equal(seen, np.asarray(whole.crop((0, 0, 30, 30))))
