"""Dividing a data set, looking at it, and naming its content."""

import json
import random
import shutil
from collections import Counter
from itertools import zip_longest
from pathlib import Path

import pytest
from PIL import Image, ImageEnhance
from typer.testing import CliRunner

from ml.cli import app
from ml.config import Config, load_config
from ml.datasets.contact_sheet import contact_sheet
from ml.datasets.division import divide_source, fractions_from, write_split
from ml.datasets.examples import divide
from ml.datasets.folder import DataError, Photo
from ml.datasets.grouping import bundles_of, divide_bundles
from ml.datasets.inspection import inspect
from ml.datasets.sources import read_source, resolved
from ml.datasets.survey import content_fingerprint, digests_of, survey
from tests.ml.datasets.drawn import draw

FRACTIONS = fractions_from("0.6/0.2/0.2")
RUNNER = CliRunner()


def photos(count: int, label: str = "a", **fields: object) -> list[Photo]:
    return [Photo(Path(), f"{label}/{n:03}.jpg", label, **fields) for n in range(count)]


def test_photos_of_one_photographer_or_event_stay_together_also_through_each_other() -> None:
    one = Photo(Path(), "1", "a", photographer="ann")
    two = Photo(Path(), "2", "a", photographer="ann", event="walk")
    three = Photo(Path(), "3", "b", photographer="bob", event="walk")
    four = Photo(Path(), "4", "b", photographer="bob")

    assert bundles_of([one, two, three, four], ["photographer", "event"]) == ["1", "1", "1", "1"]
    assert bundles_of([one, two, three, four], ["photographer"]) == ["1", "1", "3", "3"]
    assert bundles_of([one, two, three, four], ["event"]) == ["1", "2", "2", "4"]
    assert bundles_of([one, two, three, four], []) == ["1", "2", "3", "4"]


def test_near_duplicates_and_blocks_stay_together() -> None:
    two = [Photo(Path(), str(n), "a", sequence=n) for n in (1, 2, 3, 4)]

    assert bundles_of(two, ["near-duplicate"], hashes=[0, 0b11, 2**60 - 1, 2**60 - 2]) == ["1", "1", "3", "3"]
    assert bundles_of(two, ["block"], block=2) == ["1", "1", "3", "3"]


def test_each_class_has_its_fractions() -> None:
    every = [*photos(100, "a"), *photos(40, "b")]
    division = divide_bundles(every, [photo.path for photo in every], FRACTIONS, seed=1)
    counts = Counter((photo.label, part) for photo, part in zip(every, division.parts, strict=True))

    assert counts == {
        ("a", "train"): 60, ("a", "calibration"): 20, ("a", "test"): 20,
        ("b", "train"): 24, ("b", "calibration"): 8, ("b", "test"): 8,
    }  # fmt: skip


def test_bundles_stay_whole_and_seeds_differ() -> None:
    every = photos(90)
    bundles = [str(number // 3) for number in range(90)]
    one, again, other = (divide_bundles(every, bundles, FRACTIONS, seed=seed) for seed in (1, 1, 2))

    assert one == again
    assert one.parts != other.parts
    assert len({(name, part) for name, part in zip(bundles, one.parts, strict=True)}) == 30


def test_a_part_that_photos_bring_along_holds_for_their_bundle() -> None:
    every = [*photos(3, part="test"), *photos(30, "a2")]
    bundles = [*["old"] * 3, "old", *map(str, range(29))]
    division = divide_bundles([Photo(Path(), p.path, "a", part=p.part) for p in every], bundles, FRACTIONS, seed=1)

    assert division.parts[:4] == ("test",) * 4


BITS = {"far": 2**64 - 1, "zero": 0, "six": 0b111111, "seven": 0b1111111}
TIED = [
    # sequence numbers, hashes, what ties and how; which photos share a bundle
    ([25, 26, 50, 51], None, ["block"], {}, "ABBD"),
    ([1, 2, 3, 4], None, ["block"], {"block": 3}, "AAAD"),
    ([None, None, 1, None], None, ["block"], {}, "ABCD"),
    (None, ["zero", "six", "far", "far"], ["near-duplicate"], {}, "AACC"),
    (None, ["zero", "seven", "far", "far"], ["near-duplicate"], {}, "ABCC"),
    (None, ["zero", "seven", "far", "far"], ["near-duplicate"], {"distance": 7}, "AACC"),
    (None, ["zero", "six", "far", "far"], ["event"], {}, "ABCD"),
    (None, None, ["near-duplicate"], {}, "ABCD"),
]


@pytest.mark.parametrize(("sequence", "hashes", "ties", "how", "expected"), TIED)
def test_how_near_photos_must_be_to_stay_together(sequence, hashes, ties, how, expected) -> None:
    four = [Photo(Path(), name, "a", sequence=at) for name, at in zip("ABCD", sequence or [None] * 4, strict=True)]
    bits = None if hashes is None else [BITS[name] for name in hashes]

    assert "".join(bundles_of(four, ties, hashes=bits, **how)) == expected


LETTERS = {"train": "L", "calibration": "C", "test": "T"}
GIVEN = {letter: part for part, letter in LETTERS.items()}
DIVIDED = [
    # bundles, with the label of each photo (a or b) and before a colon the parts that photos bring along; fractions;
    # the part of each bundle: (L)earning, (C)alibration, (T)est
    # --- one by one, to the part that lacks most; the first of several
    ("a a a a", "0.5/0.25/0.25", "LLCT"),
    ("a a a a", "0.25/0.25/0.5", "TLCT"),
    ("a a a a", "0.5/0/0.5", "LTLT"),  # a part without a share gets nothing
    # --- the large ones first
    ("a a aa", "0.5/0.25/0.25", "CTL"),
    ("a aaa a a aa", "0.5/0.25/0.25", "TLLTC"),
    # --- where it overfills a part, it goes where it does so least
    ("aaa a a a", "0.34/0.33/0.33", "LCTC"),
    # --- each label for itself; the rarer one weighs more: the only other b is in the test, so "ab" goes to learning
    ("a b a b a b", "0.34/0.33/0.33", "LLCCTT"),
    ("L:aaaaa T:b aaa ab a", "0.5/0/0.5", "LTTLT"),
    # --- what photos bring along holds for their bundle, and comes first; the part that teaches least wins
    ("T:a a a a", "0.5/0.25/0.25", "TLLC"),
    ("C:a L:a a a", "0.5/0.25/0.25", "CLLT"),
    ("LT:aa CL:aa a a", "0.5/0.25/0.25", "TCLL"),
]


@pytest.mark.parametrize(("bundles", "fractions", "expected"), DIVIDED)
def test_where_bundles_go(bundles: str, fractions: str, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random.Random, "shuffle", lambda *_: None)
    every: list[Photo] = []
    names: list[str] = []
    for number, bundle in enumerate(bundles.split()):
        parts, _, labels = bundle.rpartition(":")
        for label, part in zip_longest(labels, parts):
            every.append(Photo(Path(), f"{len(every)}", label, part=GIVEN.get(part)))
            names.append(str(number))
    division = divide_bundles(every, names, fractions_from(fractions), seed=1)
    found = dict(zip(names, division.parts, strict=True))

    assert "".join(LETTERS[part] for part in found.values()) == expected
    assert division.bundles == tuple(names)


@pytest.mark.parametrize(
    "shares",
    [
        {"train": 0.6, "calibration": 0.2, "test": 0.2001},
        {"train": 0.6, "calibration": 0.2, "test": 0.1999},
        {"train": 1.2, "calibration": -0.2, "test": 0.0},
    ],
)
def test_fractions_must_be_shares_of_one(shares) -> None:
    with pytest.raises(DataError, match="sum to 1"):
        divide_bundles(photos(10), [str(number) for number in range(10)], shares, seed=1)


def test_too_few_bundles_are_refused_by_name() -> None:
    with pytest.raises(DataError, match="No photo of a is left for the"):
        divide_bundles(photos(10), ["one"] * 10, FRACTIONS, seed=1)


@pytest.mark.parametrize("text", ["0.5/0.5", "0.5/0.2/0.2", "a/b/c", "-1/1/1", "0/0/0"])
def test_fractions_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(DataError):
        fractions_from(text)
    assert fractions_from("70/15/15")["train"] == 0.7


@pytest.fixture
def browns(tmp_path: Path) -> Path:
    """Ten different photos of each, an exact copy, a brightened one, and one that is no photo."""
    names = [f"{label}/{n}.jpg" for label in ("gatekeeper", "meadow_brown") for n in range(10)]
    root = draw(tmp_path / "browns", *names)
    shutil.copy(root / names[0], root / "gatekeeper" / "copy.jpg")
    with Image.open(root / names[1]) as image:
        ImageEnhance.Brightness(image).enhance(1.05).save(root / "gatekeeper" / "brighter.jpg", quality=80)
    (root / "meadow_brown" / "broken.jpg").write_bytes(b"no photo")
    return root


def test_inspect_finds_what_is_wrong(browns: Path) -> None:
    found = inspect(survey(read_source(browns)), distance=2)

    assert found["classes"] == {"gatekeeper": 12, "meadow_brown": 11}
    assert [each["path"] for each in found["unreadable"]] == ["meadow_brown/broken.jpg"]
    assert [group["paths"] for group in found["exact_duplicates"]] == [["gatekeeper/0.jpg", "gatekeeper/copy.jpg"]]
    assert any({"gatekeeper/1.jpg", "gatekeeper/brighter.jpg"} <= set(g["paths"]) for g in found["near_duplicates"])
    assert found["sizes"]["width"] == {"smallest": 48, "median": 48, "largest": 48}
    said = " ".join(found["remarks"])
    assert "1 photo can't be read (meadow_brown/broken.jpg)" in said
    assert "Exact copies of other photos: 1." in said


def test_a_sheet_of_many_classes_stays_printable(tmp_path: Path) -> None:
    file = draw(tmp_path, "1.jpg") / "1.jpg"
    many = [Photo(tmp_path, file.name, f"class {number}") for number in range(200) for _ in range(2)]

    sheet = contact_sheet(many, side=32)

    assert sheet.height < 60 * (32 + 40)


def test_a_division_is_followed_by_training(browns: Path) -> None:
    made = divide_source(browns, ties=["near-duplicate"], fractions=FRACTIONS, distance=0)
    write_split(made)
    parts = {photo.path: photo.part for photo in read_source(browns) if not photo.duplicate}
    config = resolved(own_photos(browns), browns.parent)
    divided = divide(config, browns.parent)

    assert made.report["left_out"] == {"unreadable": 1, "marked": 0, "exact_copies": 1}
    assert config.species.labels == ("gatekeeper", "meadow_brown")
    for part in ("train", "calibration", "test"):
        names = set(getattr(divided, part).species.names)
        assert names == {path for path, given in parts.items() if given == part}


def own_photos(folder: Path) -> Config:
    from dataclasses import replace

    tiny = load_config("tiny")
    return replace(tiny, species=replace(tiny.species, folder=folder.name, labels=()), outsiders=None)


def test_photos_that_came_later_ask_for_another_division(browns: Path) -> None:
    write_split(divide_source(browns, ties=[], fractions=FRACTIONS))
    with pytest.raises(DataError, match="--anew"):
        divide_source(browns, fractions=FRACTIONS)
    draw(browns, "gatekeeper/new.jpg", seed=99)

    with pytest.raises(DataError, match=r"gatekeeper/new\.jpg is new or gone"):
        read_source(browns)
    write_split(divide_source(browns, ties=[], fractions=FRACTIONS, anew=True))
    assert any(photo.path == "gatekeeper/new.jpg" and photo.part for photo in read_source(browns))


def test_the_same_photos_and_classes_have_one_fingerprint_in_every_layout(browns: Path, tmp_path: Path) -> None:
    def made(source: Path) -> str:
        read = read_source(source)
        return content_fingerprint(read, digests_of(read))

    listing = browns / "list.csv"
    rows = [f"{photo.path},{photo.label}" for photo in reversed(read_source(browns))]
    listing.write_text("path,label\n" + "\n".join(rows))
    assert made(listing) == made(browns)

    (browns / "gatekeeper" / "0.jpg").rename(browns / "meadow_brown" / "moved.jpg")
    assert made(browns) != made(_without_missing(listing))


def _without_missing(listing: Path) -> Path:
    lines = [line for line in listing.read_text().splitlines() if "gatekeeper/0.jpg" not in line]
    listing.write_text("\n".join(lines))
    return listing


def test_the_commands(browns: Path, tmp_path: Path) -> None:
    def run(*words: str) -> str:
        result = RUNNER.invoke(app, ["dataset", *words], env={"COLUMNS": "200"})
        assert result.exit_code == 0, result.output
        return result.output

    html, sheet, figures = (tmp_path / name for name in ("report.html", "sheet.png", "figures.json"))
    said = run("inspect", str(browns), "--html", str(html), "--sheet", str(sheet), "--json", str(figures))
    assert "Exact copies" in said
    page = html.read_text(encoding="utf-8")
    assert "data:image/jpeg;base64," in page
    assert "http" not in page
    with Image.open(sheet) as image:
        assert image.width > 500
    assert run("fingerprint", str(browns)).strip() == json.loads(figures.read_text())["fingerprint"]
    assert "No bundle is in two parts" in run("split", str(browns), "--by", "near-duplicate", "--distance", "0")
    assert "calibration" in run("inspect", str(browns))


@pytest.mark.parametrize(
    "words",
    [
        ["inspect", "nowhere"],
        ["split", "nowhere"],
        ["fingerprint", "nowhere"],
        ["split", "nowhere", "--by", "colour"],
        ["split", "nowhere", "--fractions", "1/2"],
    ],
)
def test_refuses_with_a_sentence(words: list[str]) -> None:
    result = RUNNER.invoke(app, ["dataset", *words])

    assert result.exit_code == 1
    assert "Traceback" not in result.output
