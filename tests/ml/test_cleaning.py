"""Labels that are probably wrong: found, listed, decided by a person, and followed by training."""

import csv
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from ml.cli import app
from ml.datasets.folder import DataError, Photo, read_folder
from ml.datasets.review import apply_review, read_review
from ml.evaluation.cleaning import against_screening, label_candidates, write_candidates
from ml.evaluation.out_of_fold import OutOfFold, write_out_of_fold

SWAPPED = {3, 17, 101}
NO_BUTTERFLY = {40, 120}


def answers(paths: list[str]) -> OutOfFold:
    """Even rows show x and odd ones y, as the model knows; a few labels are swapped, and two photos show neither."""
    count = len(paths)
    rows = np.arange(count)
    shown = rows % 2
    swapped = np.isin(rows, sorted(SWAPPED))
    random = np.random.default_rng(5)
    sure = np.where(swapped, 0.99, random.uniform(0.9, 0.95, count))
    probabilities = np.stack([np.where(shown == 0, sure, 1 - sure), np.where(shown == 1, sure, 1 - sure)], axis=1)
    classes = np.where(swapped, 1 - shown, shown)
    return OutOfFold(
        labels=("x", "y"),
        paths=np.array(paths),
        classes=classes,
        judged=classes,
        screening=np.where(swapped, "doubtful", "ok"),
        folds=np.ones(count, int),
        bundles=np.array(paths),
        probabilities=probabilities,
        in_scope=np.where(np.isin(rows, sorted(NO_BUTTERFLY)), 0.02, 0.97),
    )


def numbered(count: int = 200) -> list[str]:
    return [f"photo/{number}.jpg" for number in range(count)]


def test_finds_swapped_labels_and_photos_that_show_neither() -> None:
    found = label_candidates(answers(numbered()))

    assert {each.path for each in found} == {f"photo/{row}.jpg" for row in SWAPPED | NO_BUTTERFLY}
    for each in found:
        row = int(each.path.split("/")[1].removesuffix(".jpg"))
        assert each.given == ("xy"[1 - row % 2] if row in SWAPPED else "xy"[row % 2])
        assert each.suggested == ("xy"[row % 2] if row in SWAPPED else "none")
    assert [each.score for each in found] == sorted(each.score for each in found)


def test_without_scope_only_labels_taken_for_one_another() -> None:
    found = label_candidates(answers(numbered()), scope=False)

    assert {each.path for each in found} == {f"photo/{row}.jpg" for row in SWAPPED}


def test_compared_with_what_a_screening_doubted() -> None:
    table = answers(numbered())
    found = against_screening(label_candidates(table), table)

    assert (found.candidates, found.doubtful, found.both) == (5, 3, 3)
    assert (found.precision, found.recall, found.chance) == (0.6, 1.0, 0.015)
    nothing = against_screening([], table)
    assert (nothing.precision, nothing.recall) == (None, 0.0)


def test_the_list_is_a_review_once_decided(tmp_path: Path) -> None:
    file = tmp_path / "candidates.csv"
    found = label_candidates(answers(numbered()))
    write_candidates(found, file)
    assert read_review(file) == {}

    rows = list(csv.DictReader(file.read_text(encoding="utf-8").splitlines()))
    rows[0] |= {"decision": "remove", "reason": "a skipper"}
    rows[1] |= {"decision": f"relabel:{rows[1]['suggested']}", "reason": "two pupils"}
    rows[2] |= {"decision": "keep", "reason": "can't be told"}
    with file.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    photos = [Photo(tmp_path, row["path"], row["given"]) for row in rows]

    judged = apply_review(photos, read_review(file))

    assert judged[0] is None
    assert judged[1] is not None
    assert judged[1].label == rows[1]["suggested"]
    assert judged[2:] == photos[2:]
    with pytest.raises(DataError, match="holds decisions"):
        write_candidates(found, file)


def test_from_the_command_line_with_a_contact_sheet(drawn_data: Path, tmp_path: Path) -> None:
    paths = [photo.path for photo in read_folder(drawn_data / "pair")]
    table, listed, sheet = tmp_path / "t.csv", tmp_path / "list.csv", tmp_path / "sheet.png"
    write_out_of_fold(answers(paths), table)

    source = ["--source", str(drawn_data / "pair")]
    done = RUNNER.invoke(app, ["dataset", "clean", str(table), *source, "--out", str(listed), "--sheet", str(sheet)])

    assert done.exit_code == 0, done.output
    assert "recall 1.00" in done.output
    rows = list(csv.DictReader(listed.read_text(encoding="utf-8").splitlines()))
    assert [row["number"] for row in rows] == [str(number + 1) for number in range(len(rows))]
    assert {row["decision"] for row in rows} == {""}
    with Image.open(sheet) as picture:
        assert picture.width > 900
        assert len(picture.getcolors(1 << 24) or []) > 100
    without = RUNNER.invoke(app, ["dataset", "clean", str(table), "--out", str(listed), "--sheet", str(sheet)])
    assert without.exit_code == 1


def test_a_label_without_photos_is_refused() -> None:
    table = answers(numbered())
    with pytest.raises(DataError, match="no photo"):
        label_candidates(table.where(table.classes == 0))


RUNNER = CliRunner()
