"""Folders, fingerprints, label reviews, and the parts that a config gets."""

import csv
import dataclasses
from pathlib import Path

import numpy as np
import pytest

from ml.config import Config, load_config
from ml.datasets.arrays import decode, fingerprint
from ml.datasets.examples import OUTSIDER, divide
from ml.datasets.folder import DataError, Photo, data_root, read_folder
from ml.datasets.pipeline import Feed, epoch_order, stored
from ml.datasets.review import apply_review, read_review
from ml.datasets.synthetic import PLAIN_KINDS, plain_picture, plain_pictures, write_drawn_folder


def write_labels(folder: Path, *rows: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "labels.csv").write_text("\n".join(rows) + "\n", encoding="utf-8")
    return folder


def test_reads_species_photos(tmp_path: Path) -> None:
    folder = write_labels(
        tmp_path,
        "path,label,sequence,duplicate,near_duplicate_group,screening",
        "a/1.jpg,a,1,0,7,ok",
        "a/2.jpg,a,2,1,,doubtful",
    )

    assert read_folder(folder) == [
        Photo(folder, "a/1.jpg", "a", sequence=1, group="7"),
        Photo(folder, "a/2.jpg", "a", sequence=2, duplicate=True, screening="doubtful"),
    ]


def test_reads_other_photos(tmp_path: Path) -> None:
    folder = write_labels(tmp_path, "path,kind,label,set", "m/1.jpg,moth,noctuidae,web")

    assert read_folder(folder) == [Photo(folder, "m/1.jpg", "noctuidae", kind="moth")]


@pytest.mark.parametrize(
    "rows",
    [
        ["path,label", "a,b"],
        ["file,label,sequence", "a,b,1"],
        ["path,label,sequence", "a,b,one"],
        ["path,label,sequence", "../a.jpg,b,1"],
        ["path,label,sequence", "/etc/a.jpg,b,1"],
    ],
)
def test_refuses_a_malformed_table(tmp_path: Path, rows: list[str]) -> None:
    with pytest.raises(DataError):
        read_folder(write_labels(tmp_path, *rows))


def test_says_where_data_belongs(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("WINGCHECK_DATA", raising=False)
    with pytest.raises(DataError, match="--data"):
        data_root(None)
    with pytest.raises(DataError, match="no labels"):
        read_folder(tmp_path)
    monkeypatch.setenv("WINGCHECK_DATA", str(tmp_path))
    assert data_root(None) == tmp_path


def test_the_same_data_has_the_same_fingerprint_wherever_it_is(tmp_path: Path) -> None:
    prints = set()
    for name in ("one", "two"):
        photos = read_folder(write_drawn_folder(tmp_path / name, per_label=3, outsiders=2) / "pair")
        digests = decode(photos, size=8, training_resolution=8).digests
        order = [3, 1, 0, 2, 5, 4] if name == "two" else range(6)
        prints.add(fingerprint([photos[i] for i in order], [digests[i] for i in order], ["train"] * 6))
    assert len(prints) == 1


@pytest.mark.parametrize("change", ["label", "digest", "part"])
def test_other_data_has_another_fingerprint(change: str) -> None:
    def made(what: str) -> str:
        photo = Photo(Path(), "p.jpg", "b" if what == "label" else "a")
        return fingerprint([photo], ["2" if what == "digest" else "1"], ["test" if what == "part" else "train"])

    assert made(change) != made("nothing")


def test_an_unreadable_photo_is_named(tmp_path: Path) -> None:
    folder = write_labels(tmp_path, "path,label,sequence", "broken.jpg,a,1")
    (folder / "broken.jpg").write_bytes(b"no photo")
    with pytest.raises(DataError, match=r"broken\.jpg"):
        decode(read_folder(folder), size=8, training_resolution=8)


def test_a_review_removes_relabels_and_keeps(tmp_path: Path) -> None:
    table = tmp_path / "review.csv"
    table.write_text("label,sequence,decision,reason\na,1,remove,a hand\na,2,relabel:b,two pupils\na,3,keep,right\n")
    photos = [Photo(Path(), f"a/{n}.jpg", "a", sequence=n) for n in (1, 2, 3, 4)]

    judged = apply_review(photos, read_review(table))

    assert [photo and photo.label for photo in judged] == [None, "b", "a", "a"]


@pytest.mark.parametrize("decision", ["drop", "relabel", "remove:b"])
def test_a_review_refuses_other_decisions(tmp_path: Path, decision: str) -> None:
    table = tmp_path / "review.csv"
    with table.open("w", newline="") as stream:
        csv.writer(stream).writerows([["label", "sequence", "decision", "reason"], ["a", "1", decision, ""]])
    with pytest.raises(DataError):
        read_review(table)


def test_committed_reviews_are_readable_and_give_reasons() -> None:
    import ml.experiments

    tables = list(Path(ml.experiments.__file__).parent.glob("*_review.csv"))
    assert tables
    for table in tables:
        assert all(judgement.reason for judgement in read_review(table).values())


@pytest.fixture(scope="module")
def tiny() -> Config:
    return load_config("tiny")


def test_divides_what_a_config_names(tiny: Config, drawn_data: Path) -> None:
    divided = divide(tiny, drawn_data)

    bundles = [set(getattr(divided, part).species.bundles) for part in ("train", "calibration", "test")]
    assert len(set.union(*bundles)) == sum(map(len, bundles))
    assert sum(len(getattr(divided, part).species) for part in ("train", "calibration", "test")) == 120
    assert divided.test.unseen.any()
    assert not divided.train.unseen.any()
    assert divided.fingerprint == divide(tiny, drawn_data).fingerprint
    assert divided.counts["test"]["plain"] >= 20


def test_too_few_photos_are_refused(tiny: Config, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="maniola_jurtina is left"):
        divide(tiny, write_drawn_folder(tmp_path, per_label=4, outsiders=5))


def test_every_epoch_shows_all_species_photos_and_other_outsiders(tiny: Config, drawn_data: Path) -> None:
    train = divide(tiny, drawn_data).train
    first, again, second = (epoch_order(train, tiny, epoch) for epoch in (1, 1, 2))

    assert np.array_equal(first, again)
    assert not np.array_equal(first, second)
    assert sorted(first[train.classes[first] != OUTSIDER]) == sorted(np.flatnonzero(train.classes != OUTSIDER))


def test_batches_are_repeatable(tiny: Config, drawn_data: Path) -> None:
    train = divide(tiny, drawn_data).train
    one, two = (list(Feed(train, tiny).epoch(1)) for _ in range(2))
    other = next(iter(Feed(train, dataclasses.replace(tiny, seed=2)).epoch(1)))

    assert all(np.array_equal(a[0], b[0]) and np.array_equal(a[1], b[1]) for a, b in zip(one, two, strict=True))
    assert not np.array_equal(one[0][0], other[0])


@pytest.mark.parametrize("kind", PLAIN_KINDS)
def test_plain_pictures_come_from_their_seed(kind: str) -> None:
    one, two = (plain_picture(kind, 16, np.random.default_rng(4)) for _ in range(2))

    assert one.dtype == np.uint8
    assert np.array_equal(one, two)
    assert plain_pictures(0, 16, 1).shape == (0, 16, 16, 3)


def test_an_unknown_plain_picture_is_refused() -> None:
    with pytest.raises(ValueError, match="gradient"):
        plain_picture("wallpaper", 8, np.random.default_rng(1))


def test_training_photos_of_all_kinds_are_shown_as_stored_again(tiny: Config, drawn_data: Path) -> None:
    """Otherwise JPEG artefacts would tell a network what is an outsider; the photos that measure are left alone."""
    divided = divide(tiny, drawn_data)
    train = divided.train

    for chosen in (train.species, train.others.where(train.others.kinds != "plain")):
        changed = np.abs(chosen.copies.astype(int) - chosen.pixels[:, None]).mean((1, 2, 3, 4))
        assert (changed > 0).mean() > 0.9
    assert divided.test.copies.shape[1] == 0
    rows = np.arange(len(train))
    shown = stored(train, rows, np.random.default_rng(1))
    as_it_is = np.array([np.array_equal(a, b) for a, b in zip(shown, train.pixels, strict=True)])
    assert 0.2 < as_it_is[train.kinds == "species"].mean() < 0.8


def test_photos_that_measure_are_decoded_as_they_are_served(tiny: Config, drawn_data: Path) -> None:
    test = divide(tiny, drawn_data).test
    paths = [photo for photo in read_folder(drawn_data / "other") if photo.path in set(test.names)]
    served = {
        photo.path: pixels
        for photo, pixels in zip(paths, decode(paths, size=24, training_resolution=24).values, strict=True)
    }

    for name, pixels in zip(test.names, test.pixels, strict=True):
        assert name not in served or np.array_equal(pixels, served[name])
