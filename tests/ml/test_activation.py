"""Where a network looked, from its feature map and a table of weights."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from ml.activation import activation_weights, add_to_version
from ml.architectures.registry import build
from ml.cli import app
from ml.inference import ModelVersionError, activation_map, bundled_versions, load_classifier, read_version
from ml.inference.activation import ACTIVATION_FILE
from ml.inference.versions import file_digest
from tests.ml.test_classifier import pixels_for


@pytest.fixture
def bundled() -> Path:
    (folder,) = [each for each in bundled_versions() if each.name == "browns-mobilenetv2"]
    return folder


def test_a_map_is_one_where_most_spoke_for_the_label_and_nothing_where_it_spoke_against() -> None:
    feature_map = np.array([[[2.0, 0.0], [0.0, 0.0]], [[1.0, 0.0], [0.0, 3.0]]], np.float32)
    weights = np.array([[-0.5, 0.5], [2.0, -2.0]], np.float32)

    np.testing.assert_allclose(activation_map(feature_map, weights, 1), [[1.0, 0.0], [0.5, 0.0]])
    np.testing.assert_allclose(activation_map(feature_map, weights, 0), [[0.0, 0.0], [0.0, 1.0]])
    assert not activation_map(-feature_map[:, :1], weights, 1)[1:].any()


def test_nothing_spoke_for_the_label_anywhere() -> None:
    seen = activation_map(np.zeros((3, 3, 2), np.float32), np.ones((2, 2), np.float32), 0)

    assert seen.shape == (3, 3)
    assert seen.dtype == np.float32
    assert not seen.any()


@pytest.mark.parametrize("index", [-1, 2])
def test_a_label_that_is_not_there_is_refused(index: int) -> None:
    with pytest.raises(ValueError, match="no label"):
        activation_map(np.zeros((3, 3, 4)), np.zeros((4, 2)), index)


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 5), (1, 3, 3, 4)])
def test_another_networks_feature_map_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="belong together"):
        activation_map(np.zeros(shape), np.zeros((4, 2)), 0)


def test_embedding_times_weights_gives_the_bundled_versions_logits(bundled: Path) -> None:
    """All but the bias, which is the same for every photo."""
    classifier = load_classifier(bundled, "litert")
    temperature = json.loads((bundled / "model.json").read_text(encoding="utf-8"))["temperature"]
    outputs = classifier.predict(pixels_for(classifier, 8))
    weights = classifier.info.activation_weights

    assert weights is not None
    np.testing.assert_array_equal(weights[:, 0], -weights[:, 1])
    top = np.array([output.probabilities.astype(np.float64) for output in outputs])
    logits = temperature * np.log(top[:, 1] / top[:, 0])
    from_embedding = np.array([output.embedding @ weights[:, 1] for output in outputs])
    assert np.ptp(logits) > 0.5
    assert np.ptp(logits - from_embedding) < 5e-3


@pytest.mark.parametrize("labels", [2, 3])
def test_weights_give_the_logits_of_a_network_that_pools_and_weighs(labels: int) -> None:
    network = build("mobilenet_v2", size=32, labels=labels, options={"weights": None, "alpha": 0.35})
    weights = activation_weights(network, 32)
    pictures = np.random.default_rng(2).uniform(0, 255, (3, 32, 32, 3)).astype(np.float32)
    answer = network(pictures, training=False)

    assert weights is not None
    assert weights.shape == (1280, labels)
    pooled = answer["feature_map"].numpy().mean((1, 2)) @ weights
    expected = answer["species"].numpy()
    np.testing.assert_allclose(pooled[:, -expected.shape[1] :], expected, atol=1e-4)


def test_a_network_built_otherwise_has_no_weights_and_its_version_no_map(tiny_version: Path) -> None:
    classifier = load_classifier(tiny_version)
    output = classifier.predict(pixels_for(classifier, 1))[0]

    assert activation_weights(build("article", size=24, labels=2), 24) is None
    assert not (tiny_version / ACTIVATION_FILE).exists()
    assert classifier.info.activation(output, 0) is None
    assert add_to_version(tiny_version) is False


def test_an_older_version_gets_the_weights_that_export_writes(bundled: Path, tmp_path: Path) -> None:
    folder = tmp_path / "older"
    shutil.copytree(bundled, folder)
    (folder / ACTIVATION_FILE).unlink()
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    del manifest["files"][ACTIVATION_FILE]
    (folder / "model.json").write_text(json.dumps(manifest), encoding="utf-8")
    assert read_version(folder).activation_weights is None

    added = CliRunner().invoke(app, ["add-activation", str(folder)])

    assert added.exit_code == 0, added.output
    assert (folder / ACTIVATION_FILE).read_bytes() == (bundled / ACTIVATION_FILE).read_bytes()
    classifier = load_classifier(folder)
    output = classifier.predict(pixels_for(classifier, 1))[0]
    first, second = (classifier.info.activation(output, index) for index in (0, 1))
    assert first is not None
    assert second is not None
    for seen in (first, second):
        assert seen.shape == output.feature_map.shape[:2]
        assert 0 <= seen.min() <= seen.max() <= 1
    assert not (first * second).any()


@pytest.mark.parametrize(
    "values",
    [np.zeros((4, 3), np.float32), np.zeros(4, np.float32), np.full((4, 2), np.nan, np.float32), np.zeros((4, 2))],
)
def test_weights_that_do_not_fit_the_labels_are_refused(tiny_version: Path, tmp_path: Path, values: np.ndarray) -> None:
    folder = tmp_path / "copy"
    shutil.copytree(tiny_version, folder)
    np.save(folder / ACTIVATION_FILE, values)
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    manifest["files"][ACTIVATION_FILE] = file_digest(folder / ACTIVATION_FILE)
    (folder / "model.json").write_text(json.dumps(manifest), encoding="utf-8")

    with pytest.raises(ModelVersionError, match="activation_weights"):
        read_version(folder)
