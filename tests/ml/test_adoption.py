"""A SavedModel from elsewhere becomes a model version that answers the same."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from ml.adoption import AdoptionError, Description, adopt
from ml.commands.versions import adopt as adopt_command
from ml.errors import UnsafeModel
from ml.export import ExportError, Parity
from ml.inference import load_classifier, read_version
from tests.ml.datasets.drawn import draw

RUNNER = CliRunner()
PHOTOS = np.random.default_rng(3).uniform(0, 255, (5, 16, 16, 3)).astype(np.float32)
THREE = Description(
    labels=("Aglais io", "Vanessa atalanta", "Pieris rapae"), name="theirs", task="garden", pixels="0..1"
)
TWO = Description(labels=("Maniola jurtina", "Pyronia tithonus"), name="theirs", task="garden", size=16)


@pytest.fixture(scope="module")
def keras_made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any]:
    """A small Keras network with softmax on pixels 0…1, exported by Keras itself."""
    tf.keras.utils.set_random_seed(1)
    layers = tf.keras.layers
    network = tf.keras.Sequential(
        [
            layers.Input((16, 16, 3)),
            layers.Conv2D(4, 3, activation="relu"),
            layers.Flatten(),
            layers.Dense(3, "softmax"),
        ]
    )
    folder = tmp_path_factory.mktemp("keras") / "theirs"
    network.export(str(folder), verbose=False)
    return folder, network


class Grey(tf.Module):  # type: ignore[misc]
    """One logit from grey bytes of any size: as plain as a SavedModel gets."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = tf.Variable(0.02)

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 1), tf.uint8, name="image")])
    def look(self, image: Any) -> Any:
        return {"score": (tf.reduce_mean(tf.cast(image, tf.float32), axis=[1, 2]) - 127.0) * self.scale}


@pytest.fixture(scope="module")
def plain_made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("plain") / "theirs"
    module = Grey()
    tf.saved_model.save(module, str(folder), signatures={"look": module.look})
    return folder


def test_a_keras_network_answers_the_same_under_both_runtimes(keras_made: tuple[Path, Any], tmp_path: Path) -> None:
    folder, network = keras_made
    parity = adopt(folder, tmp_path / "version", THREE)
    expected = network.predict(PHOTOS / 255, verbose=0)

    assert parity.passed
    for runtime in ("litert", "savedmodel"):
        outputs = load_classifier(tmp_path / "version", runtime).predict(PHOTOS)
        assert np.allclose([output.probabilities for output in outputs], expected, atol=1e-4)
        assert {output.in_scope for output in outputs} == {1.0}
        assert outputs[0].embedding.shape == (0,)
        assert outputs[0].feature_map.shape == (0, 0, 0)


def test_grey_bytes_of_any_size_and_a_single_logit(plain_made: Path, tmp_path: Path) -> None:
    adopt(plain_made, tmp_path / "version", TWO)
    info = read_version(tmp_path / "version")
    (output,) = load_classifier(tmp_path / "version").predict(np.full((1, 16, 16, 3), 200, np.float32))

    assert (info.head, info.input_size, info.has_litert) == ("sigmoid", 16, True)
    assert output.probabilities == pytest.approx([1 - 1 / (1 + np.exp(-1.46)), 1 / (1 + np.exp(-1.46))], abs=1e-3)


def test_what_it_lacks_is_said(keras_made: tuple[Path, Any], tmp_path: Path) -> None:
    adopt(keras_made[0], tmp_path / "version", THREE)
    info = read_version(tmp_path / "version")

    assert not any(threshold.supported for threshold in info.policy.thresholds)
    assert info.activation_weights is None
    assert info.labels[0].vernacular_names["en"] == "peacock"  # known here
    assert info.labels[2].scientific_name == "Pieris rapae"  # not known here
    assert "whatever it is shown counts as in scope" in (tmp_path / "version" / "MODEL_CARD.md").read_text(
        encoding="utf-8"
    )


def test_what_litert_answers_otherwise_is_not_taken_in(
    keras_made: tuple[Path, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would have to be served by TensorFlow, in which a stranger's model runs nowhere but for its conversion."""
    monkeypatch.setattr("ml.adoption.check_parity", lambda *_: Parity(float("nan"), 1, False))
    with pytest.raises(AdoptionError, match="other answers"):
        adopt(keras_made[0], tmp_path / "version", THREE)
    assert not (tmp_path / "version").exists()


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"pixels": None}, "--pixels"),
        ({"labels": ("a", "b")}, "answers 2 labels"),
        ({"output": "scores"}, "no output 'scores'|None of its outputs"),
    ],
)
def test_what_must_be_said_is_asked_for(
    keras_made: tuple[Path, Any], tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    if "output" in changes:
        changes = changes | {"labels": ("a", "b", "c", "d")}
    with pytest.raises(AdoptionError, match=said):
        adopt(keras_made[0], tmp_path / "version", replace(THREE, **changes))
    assert not (tmp_path / "version").exists()


def test_a_folder_in_use_and_a_folder_that_is_none(plain_made: Path, tmp_path: Path) -> None:
    (tmp_path / "version").mkdir()
    (tmp_path / "version" / "mine.txt").write_text("keep")
    with pytest.raises(ExportError, match="already holds"):
        adopt(plain_made, tmp_path / "version", TWO)
    with pytest.raises(UnsafeModel, match="can't load"):
        adopt(tmp_path / "nowhere", tmp_path / "other", TWO)


def test_it_is_measured_like_any_other(tmp_path: Path) -> None:
    """Six labels, on photos of a folder per class; without feature map and model.keras nothing says where it looked."""
    from ml.evaluation.evaluation import evaluate
    from ml.evaluation.html_report import write_evaluation

    layers = tf.keras.layers
    pooled = [layers.Input((16, 16, 3)), layers.GlobalAveragePooling2D(), layers.Dense(6, "softmax")]
    tf.keras.Sequential(pooled).export(str(tmp_path / "theirs"), verbose=False)
    labels = tuple(f"Genus species{number}" for number in "abcdef")
    adopt(tmp_path / "theirs", tmp_path / "version", replace(THREE, labels=labels))
    draw(tmp_path / "photos", *(f"genus_species{letter}/{n}.jpg" for letter in "abcdef" for n in range(4)))

    found = evaluate(tmp_path / "version", photos=tmp_path / "photos", rounds=5)
    page = write_evaluation(tmp_path / "report.html", found).read_text(encoding="utf-8")

    assert np.array(found.figures["confusion"]).shape == (6, 6)
    assert 'class="matrix many"' in page
    assert "is taken for" in page
    assert page.count("data:image/jpeg;base64,") == len(found.mistakes) > 0
    assert "can’t support at most 1 % wrong" in page


def test_the_command(plain_made: Path, tmp_path: Path) -> None:
    import typer

    app = typer.Typer()
    app.command()(adopt_command)
    entries = [{"scientific_name": "Maniola jurtina", "vernacular_names": {"en": "mb"}}, "Pyronia tithonus"]
    (tmp_path / "labels.json").write_text(json.dumps(entries))
    words = [str(plain_made), str(tmp_path / "version"), "--labels", str(tmp_path / "labels.json"), "--size", "16"]
    result = RUNNER.invoke(app, words)

    assert result.exit_code == 0, result.output
    assert "LiteRT agrees" in result.output
    info = read_version(tmp_path / "version")
    assert (info.name, info.labels[0].vernacular_names) == ("version", {"en": "mb"})
    refused = RUNNER.invoke(app, [str(plain_made), str(tmp_path / "other"), "--label", "one"])
    assert refused.exit_code == 1
    assert "at least two labels" in refused.output
