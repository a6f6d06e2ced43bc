"""More than two labels, and several on one photo, through the same road as two."""

import csv
import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from app.predictions.inference import ModelVersionError
from app.predictions.registry import import_version
from ml.architectures.registry import build
from ml.config import Config, ConfigError, SpeciesData, load_config
from ml.datasets.examples import divide, shown_labels
from ml.datasets.folder import DataError
from ml.datasets.sources import resolved
from ml.datasets.synthetic import drawn_butterfly
from ml.evaluation.calibration import questions
from ml.evaluation.evaluation import evaluate
from ml.inference import load_classifier, read_version
from ml.run import train_version
from ml.steps import guess, species_loss
from tests.ml.runs import QUIET

LABELS = ("aglais_io", "gonepteryx_rhamni", "polyommatus_icarus", "vanessa_cardui")
# Which colour channels a drawing's red, green and blue come from.
CHANNELS = {"aglais_io": (0, 1, 2), "gonepteryx_rhamni": (0, 0, 2), "polyommatus_icarus": (2, 1, 0)}


def drawing(label: str, random: np.random.Generator) -> np.ndarray:
    orange = label != "vanessa_cardui"
    picture = np.asarray(drawn_butterfly(orange=orange, spots=1, size=32, random=random))
    return picture[..., CHANNELS.get(label, (0, 1, 2))]


def write(root: Path, names: list[str], count: int) -> Path:
    """Folder ``drawn``: ``count`` pictures for each name, which may be of two labels, side by side."""
    random = np.random.default_rng(3)
    rows = []
    for name in names:
        for number in range(count):
            path = f"{name.replace('|', '-')}-{number}.png"
            pictures = [drawing(label, random) for label in name.split("|")]
            (root / "drawn").mkdir(parents=True, exist_ok=True)
            Image.fromarray(np.hstack(pictures)).resize((32, 32)).save(root / "drawn" / path)
            rows.append([path, name, str(number + 1)])
    with (root / "drawn" / "labels.csv").open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows([["path", "label", "sequence"], *rows])
    return root


def recipe(**species: object) -> Config:
    config = dataclasses.replace(
        load_config("tiny"),
        outsiders=None,
        species=SpeciesData(**{"folder": "drawn", "block": 5, "calibration": 0.25, "test": 0.25, **species}),
    )
    return config.with_values(["optimisation.epochs=12", "augmentation.rotation=0.0", "model_name=many"])


@pytest.fixture(scope="module")
def four(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(tmp_path_factory.mktemp("four"), list(LABELS), 40)


@pytest.fixture(scope="module")
def several(tmp_path_factory: pytest.TempPathFactory) -> Path:
    names = ["aglais_io", "polyommatus_icarus", "aglais_io|polyommatus_icarus"]
    return write(tmp_path_factory.mktemp("several"), names, 40)


def test_four_labels_are_trained_measured_and_exported(four: Path, tmp_path: Path) -> None:
    folder = tmp_path / "version"
    metrics = train_version(recipe(), four, folder, command="test", options=QUIET, rounds=20)

    info = read_version(folder)
    assert info.head == "softmax"
    assert [label.scientific_name for label in info.labels] == ["Aglais io", "Gonepteryx rhamni", "Polyommatus icarus",
                                                                "Vanessa cardui"]  # fmt: skip
    assert metrics["species"]["accuracy"]["value"] > 0.7
    classifier, pixels = load_classifier(folder), np.full((3, 24, 24, 3), 128, np.float32)
    for output in classifier.predict(pixels):
        assert output.probabilities.shape == (4,)
        assert output.probabilities.sum() == pytest.approx(1, abs=1e-5)
    measured = evaluate(folder, data=four, rounds=20).figures
    assert measured["same_data"]
    assert measured["species"]["accuracy"] == metrics["species"]["accuracy"]


def test_several_labels_on_a_photo_are_each_asked_for(several: Path, tmp_path: Path) -> None:
    folder = tmp_path / "version"
    metrics = train_version(recipe(), several, folder, command="test", options=QUIET, rounds=20)

    info = read_version(folder)
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    assert info.head == "sigmoids"
    assert manifest["training"]["species"]["several"] is True
    assert len(info.labels) == 2
    assert metrics["species"]["accuracy"]["value"] > 0.7
    assert "aglais_io|polyommatus_icarus" in metrics["photos"]["test"]
    test = divide(resolved(recipe(), several), several).test
    answers = np.array([out.probabilities for out in load_classifier(folder).predict(test.pixels.astype(np.float32))])
    assert (answers[test.classes == 3].sum(1) > 1.2).any()
    with pytest.raises(ModelVersionError, match="each label by itself"):
        import_version(None, folder, None)


def test_what_a_photo_may_show_follows_from_the_data(four: Path, several: Path) -> None:
    assert resolved(recipe(), four).head == "softmax"
    assert resolved(recipe(labels=LABELS[:2]), four).head == "sigmoid"
    assert resolved(recipe(), several).head == "sigmoids"
    assert resolved(recipe(labels=LABELS[:2], several=True), four).head == "sigmoids"
    with pytest.raises(DataError, match="several is false"):
        resolved(recipe(several=False), several)
    with pytest.raises(ConfigError, match="at most 62"):
        recipe(labels=tuple(map(str, range(63))), several=True).with_values([])


def test_labels_are_the_bits_of_a_class(several: Path) -> None:
    divided = divide(resolved(recipe(), several), several)

    assert set(divided.train.classes) == {1, 2, 3}
    shown = shown_labels(np.array([1, 2, 3, -1]), 2)
    assert shown.tolist() == [[True, False], [False, True], [True, True], [False, False]]


def test_losses_and_guesses_by_hand() -> None:
    logits = np.array([[0.0, 0.0], [2.0, -2.0], [1.0, 1.0]], np.float32)
    classes = np.array([3, 1, 0])

    losses = np.asarray(species_loss(logits, classes, 0.0, several=True))

    by_hand = [np.log(2), np.log1p(np.exp(-2)), 1 + np.log1p(np.exp(-1))]
    np.testing.assert_allclose(losses, by_hand, rtol=1e-5)
    assert np.asarray(guess(logits, several=True)).tolist() == [0, 1, 3]


def test_a_photo_is_as_many_questions_as_there_are_labels() -> None:
    values, classes = questions(np.array([[0.1, 0.9], [0.8, 0.7]]), np.array([2, 3]))

    assert values[:, 0].tolist() == [0.1, 0.9, 0.8, 0.7]
    assert classes.tolist() == [0, 1, 1, 1]


def test_two_labels_that_may_be_shown_together_get_a_logit_each() -> None:
    assert build("dense", size=24, labels=2, several=True).output["species"].shape == (None, 2)
