"""Cross-validation: folds that share nothing, in processes of their own, and a run that goes on where it stopped."""

import csv
import dataclasses
import json
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.cli import app
from ml.config import ConfigError, load_config
from ml.datasets.examples import divide
from ml.datasets.folder import DataError, Photo
from ml.datasets.splits import Fold, split_fold
from ml.evaluation.out_of_fold import OutOfFold, join, out_of_fold_figures, read_out_of_fold, write_out_of_fold
from ml.folds import FoldError, combine, plan_folds, run_folds, train_fold

RUNNER = CliRunner()


def photos(count: int = 200) -> list[Photo]:
    return [
        Photo(Path(), f"{label}/{number}.jpg", label, sequence=number, group=f"g{number // 3}" if number < 30 else None)
        for label in ("a", "b")
        for number in range(1, count + 1)
    ]


def test_every_photo_is_tested_in_exactly_one_fold_and_bundles_stay_whole() -> None:
    given = photos()
    tested: Counter[str] = Counter()
    for number in range(1, 6):
        split = split_fold(given, Fold(number, 5), block=10, calibration=0.1, seed=1)
        parts = dict(zip(split.bundles, split.parts, strict=True))
        assert all(parts[bundle] == part for bundle, part in zip(split.bundles, split.parts, strict=True))
        for label in ("a", "b"):
            own = Counter(part for photo, part in zip(given, split.parts, strict=True) if photo.label == label)
            assert 20 <= own["test"] <= 60
            assert own["calibration"] >= 10
            assert own["train"] >= 100
        tested.update(photo.path for photo, part in zip(given, split.parts, strict=True) if part == "test")

    assert tested == Counter(photo.path for photo in given)


def test_folds_in_processes_of_their_own_and_the_rest_after_a_stop(drawn_data: Path, tmp_path: Path) -> None:
    folder = tmp_path / "folds"
    command = ["train", "tiny", "--data", str(drawn_data), "--out", str(folder), "--epochs", "1", "--folds", "2"]
    made = RUNNER.invoke(app, command)
    assert made.exit_code == 0, made.output
    assert "labels as judged" in made.output
    first = (folder / "out_of_fold.csv").read_bytes()
    rows = list(csv.DictReader(first.decode().splitlines()))
    table = read_out_of_fold(folder / "out_of_fold.csv")

    listed = list(csv.DictReader((drawn_data / "pair" / "labels.csv").read_text(encoding="utf-8").splitlines()))
    assert {row["path"]: row["label"] for row in rows} == {row["path"]: row["label"] for row in listed}
    assert set(table.folds.tolist()) == {1, 2}
    np.testing.assert_allclose(table.probabilities.sum(1), 1, atol=1e-5)
    figures = json.loads((folder / "out_of_fold.json").read_text(encoding="utf-8"))
    assert figures["as_found"]["accuracy"]["photos"] == len(listed)
    assert len(figures["in_scope_auroc_per_fold"]) == 2

    (folder / "fold-2.json").unlink()
    (folder / "fold-2.csv").write_text("cut off in the mid", encoding="utf-8")
    kept = (folder / "fold-1.json").stat().st_mtime_ns
    again = RUNNER.invoke(app, command)

    assert again.exit_code == 0, again.output
    assert "Fold 1 of 2 is there already." in again.output
    assert (folder / "fold-1.json").stat().st_mtime_ns == kept
    assert (folder / "out_of_fold.csv").read_bytes() == first

    other = RUNNER.invoke(app, [*command, "--seed", "9"])
    assert other.exit_code == 1


def test_a_fold_that_fails_says_so_and_leaves_the_others(drawn_data: Path, tmp_path: Path) -> None:
    tiny = load_config("tiny")
    config = dataclasses.replace(tiny, species=dataclasses.replace(tiny.species, folder="nowhere"))

    with pytest.raises(FoldError, match="Fold 1"):
        run_folds(config, 2, drawn_data, tmp_path, say=lambda _: None)
    with pytest.raises(DataError, match="missing"):
        combine(tmp_path)


def test_folds_need_a_plan_and_a_number_in_it(drawn_data: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"folds\.json"):
        train_fold(tmp_path, 1, drawn_data)
    with pytest.raises(ConfigError, match="at least two"):
        plan_folds(load_config("tiny"), 1, tmp_path)
    plan_folds(load_config("tiny"), 2, tmp_path)
    with pytest.raises(ConfigError, match="no fold 3"):
        train_fold(tmp_path, 3, drawn_data)


def answers(paths: list[str], **changes: object) -> OutOfFold:
    count = len(paths)
    rows: dict[str, object] = {
        "paths": np.array(paths),
        "classes": np.arange(count) % 2,
        "judged": np.arange(count) % 2,
        "screening": np.array(["ok"] * count),
        "folds": np.ones(count, int),
        "bundles": np.array(paths),
        "probabilities": np.tile([0.75, 0.25], (count, 1)),
        "in_scope": np.full(count, 0.5),
    }
    return OutOfFold(("x", "y"), **(rows | changes))


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = answers(["x/1", "y/1", "x/2"], judged=np.array([0, -1, 1]), screening=np.array(["ok", "doubtful", "ok"]))
    write_out_of_fold(table, tmp_path / "t.csv")
    read = read_out_of_fold(tmp_path / "t.csv")

    assert read.labels == table.labels
    for name in ("paths", "classes", "judged", "screening", "folds", "bundles", "probabilities", "in_scope"):
        np.testing.assert_array_equal(getattr(read, name), getattr(table, name))


def test_figures_tell_found_labels_from_judged_ones() -> None:
    """Both answered x: right as found for the first alone; a person took out the second."""
    figures = out_of_fold_figures(answers(["x/1", "y/1"], judged=np.array([0, -1])), rounds=10)

    assert figures["as_found"]["accuracy"]["value"] == 0.5
    assert figures["as_judged"]["accuracy"] == {"value": 1.0, "low": 1.0, "high": 1.0, "photos": 1}


def test_doubtful_photos_are_answered_but_count_in_no_figure() -> None:
    figures = out_of_fold_figures(answers(["x/1", "y/1"], screening=np.array(["ok", "doubtful"])), rounds=10)

    assert (figures["photos"], figures["doubtful"], figures["as_found"]["accuracy"]["value"]) == (1, 1, 1.0)


def test_doubtful_photos_teach_nothing_unless_a_config_takes_them(drawn_data: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    shutil.copytree(drawn_data, data, symlinks=True)
    table = data / "pair" / "labels.csv"
    rows = list(csv.DictReader(table.read_text(encoding="utf-8").splitlines()))
    doubtful = {row["path"] for row in rows[::6]}
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, [*rows[0].keys(), *({"screening"} - rows[0].keys())])
        writer.writeheader()
        writer.writerows(row | {"screening": "doubtful" if row["path"] in doubtful else "ok"} for row in rows)
    tiny = load_config("tiny")
    trusting = dataclasses.replace(tiny, species=dataclasses.replace(tiny.species, doubtful=True))

    asked = set()
    for number in (1, 2):
        divided = divide(tiny, data, Fold(number, 2))
        assert not doubtful & {*divided.train.names, *divided.calibration.names}
        asked |= doubtful & set(divided.test.names)
    assert asked == doubtful
    assert doubtful & set(divide(trusting, data, Fold(1, 2)).train.names)
    assert not doubtful & {*divide(tiny, data).test.names, *divide(tiny, data).train.names}


def test_folds_that_do_not_fit_together_are_refused() -> None:
    with pytest.raises(DataError, match="two folds"):
        join([answers(["x/1", "y/1"]), answers(["y/1", "x/2"])])
    with pytest.raises(DataError, match="same labels"):
        join([answers(["x/1"]), dataclasses.replace(answers(["x/2"]), labels=("x", "z"))])


@pytest.mark.parametrize(
    "content", ["", "path,label\n", "path,label,p:x,p:y\nx/1,z,0.5,0.5\n", "path,label,p:x\nx/1,x,1\n"]
)
def test_a_malformed_table_is_refused(tmp_path: Path, content: str) -> None:
    (tmp_path / "t.csv").write_text(content, encoding="utf-8")
    with pytest.raises(DataError):
        read_out_of_fold(tmp_path / "t.csv")
