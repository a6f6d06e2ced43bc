"""Every architecture passes the same tests: build, learn a step, save, reload."""

from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf

from ml.architectures import architectures, build
from ml.config import Optimisation, OutsiderData
from ml.training import make_optimiser, predict_raw, training_step

OPTIONS = {"article": {}, "mobilenet_v2": {"weights": None, "alpha": 0.35, "freeze": 10}}
OUTSIDERS = OutsiderData(folder="other")
NAMELESS = tf.constant([-1, -1, -1, -1], tf.int64)
COLOURS = np.array([[220, 40, 40], [40, 220, 40], [40, 40, 220], [120, 220, 40]], np.float64)[:, None, None]
PIXELS = np.clip(COLOURS + np.random.default_rng(2).normal(0, 20, (4, 32, 32, 3)), 0, 255).astype(np.uint8)


def made(name: str, labels: int = 2) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build(name, size=32, labels=labels, options=OPTIONS[name])


def test_every_architecture_is_tested() -> None:
    assert architectures() == sorted(OPTIONS)


def test_an_unknown_architecture_or_option_is_refused() -> None:
    with pytest.raises(ValueError, match="article"):
        build("resnet", size=32, labels=2)
    with pytest.raises(TypeError):
        build("article", size=32, labels=2, options={"depth": 3})


@pytest.mark.parametrize("name", sorted(OPTIONS))
@pytest.mark.parametrize(("labels", "units"), [(2, 1), (3, 3)])
def test_gives_the_four_outputs(name: str, labels: int, units: int) -> None:
    outputs = made(name, labels)(PIXELS.astype(np.float32))

    assert outputs["species"].shape == (4, units)
    assert outputs["scope"].shape == (4, 1)
    assert outputs["embedding"].shape.rank == 2
    assert outputs["feature_map"].shape.rank == 4


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_learns_from_four_pictures(name: str) -> None:
    network = made(name)
    options = Optimisation(epochs=1, learning_rate=1e-3, schedule="constant")
    step = training_step(network, make_optimiser(options, 1), options, OUTSIDERS)
    classes = tf.constant([0, 1, -1, 1], tf.int64)

    losses = [float(step(tf.constant(PIXELS, tf.float32), classes, NAMELESS)[0]) for _ in range(40)]

    # A backbone from chance, its batch statistics fixed, learns next to nothing at first; but it learns.
    assert np.mean(losses[-3:]) < np.mean(losses[:3]) - 0.005
    assert name != "article" or losses[-1] < 0.6 * losses[0]


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_answers_the_same_after_saving(name: str, tmp_path: Path) -> None:
    network = made(name)
    before = predict_raw(network, PIXELS)
    network.save(tmp_path / "model.keras")
    after = predict_raw(keras.models.load_model(tmp_path / "model.keras"), PIXELS)

    for output in ("species", "scope"):
        np.testing.assert_allclose(after[output], before[output], atol=1e-5)


def test_the_articles_network_is_the_articles() -> None:
    layers = [layer for layer in build("article", size=75, labels=2).layers if layer.weights]

    assert [tuple(layer.kernel.shape) for layer in layers[:3]] == [(2, 2, 3, 32), (2, 2, 32, 64), (18 * 18 * 64, 64)]
    assert [layer.padding for layer in layers[:2]] == ["same", "valid"]


def test_training_leaves_batch_statistics_and_frozen_layers_alone() -> None:
    network = made("mobilenet_v2")
    backbone = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    norms = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    before = [weight.numpy() for layer in [*norms, *backbone.layers[:10]] for weight in layer.weights]
    options = Optimisation(epochs=1, learning_rate=1e-2, schedule="constant")
    step = training_step(network, make_optimiser(options, 1), options, OUTSIDERS)
    for _ in range(3):
        step(tf.constant(PIXELS, tf.float32), tf.constant([0, 1, -1, 1], tf.int64), NAMELESS)
    after = [weight.numpy() for layer in [*norms, *backbone.layers[:10]] for weight in layer.weights]

    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_reads_backbone_weights_from_a_file(tmp_path: Path) -> None:
    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    backbone.save_weights(tmp_path / "backbone.weights.h5")
    options = {"weights": str(tmp_path / "backbone.weights.h5"), "alpha": 0.35}

    network = build("mobilenet_v2", size=32, labels=2, options=options)

    inner = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    assert all(np.array_equal(a, b) for a, b in zip(inner.get_weights(), backbone.get_weights(), strict=True))
