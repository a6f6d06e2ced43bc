"""Every architecture passes the same tests: build, learn a step, save, reload."""

import dataclasses
import math
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from typer.testing import CliRunner

from ml.architectures.fine_tuned import VARIANTS
from ml.architectures.registry import architectures, build, options_of, parameters, summary_of
from ml.architectures.task import pixel_range
from ml.checks.keras import check_keras
from ml.cli import app
from ml.config import Optimisation, OutsiderData, load_config
from ml.export import check_parity, convert, served_graph, write_saved_model
from ml.optimisers import make_optimiser
from ml.steps import predict_raw, training_step

CHANCE: dict[str, Any] = {"weights": None}
# What makes each of them small enough to be tested often.
OPTIONS: dict[str, dict[str, Any]] = {
    "article": {},
    "basic_cnn": {"units": 32},
    "dense": {"layers": (32, 16)},
    "efficientnet_v2": CHANCE | {"freeze": 250},
    "fashion_cnn": {"blocks": (8, 16, 16), "units": 16},
    "mobilenet_v2": CHANCE | {"alpha": 0.35, "freeze": 10},
    "mobilenet_v3": CHANCE | {"variant": "small", "alpha": 0.75, "freeze": 100},
    "resnet34": {"width": 0.125},
    "resnet50": CHANCE | {"freeze": 170},
    "resnet50_v1_5": {"width": 0.125},
    "resnet50_v2": CHANCE | {"freeze": 180},
    "vgg16": CHANCE | {"units": (16,), "freeze": 17},
    "vgg19": CHANCE | {"units": (), "freeze": 20},
}
# Their graphs take seconds to compile, so they learn one step, uncompiled.
LARGE = {"efficientnet_v2", "mobilenet_v3", "resnet34", "resnet50", "resnet50_v1_5", "resnet50_v2", "vgg16", "vgg19"}
OUTSIDERS = OutsiderData(folder="other")
NAMELESS = tf.constant([-1, -1, -1, -1], tf.int64)
COLOURS = np.array([[220, 40, 40], [40, 220, 40], [40, 40, 220], [120, 220, 40]], np.float64)[:, None, None]
PIXELS = np.clip(COLOURS + np.random.default_rng(2).normal(0, 20, (4, 32, 32, 3)), 0, 255).astype(np.uint8)


def made(name: str, labels: int = 2, **keywords: Any) -> keras.Model:
    keras.utils.set_random_seed(1)
    return build(name, labels=labels, options=OPTIONS[name], **{"size": 32, **keywords})


def test_every_architecture_is_tested_and_says_what_it_is() -> None:
    assert architectures() == sorted(OPTIONS)
    for name in architectures():
        assert summary_of(name).endswith((".", "labels."))
        assert "dropout" in options_of(name)


def test_an_unknown_architecture_or_option_is_refused_with_the_nearest() -> None:
    with pytest.raises(ValueError, match="did you mean 'resnet50'"):
        build("resnet5", size=32, labels=2)
    with pytest.raises(TypeError, match="did you mean 'dropout'"):
        build("article", size=32, labels=2, options={"drop_out": 0.3})


@pytest.mark.parametrize("name", sorted(OPTIONS))
def test_builds_learns_saves_and_reloads(name: str, tmp_path: Path) -> None:
    """One road for all of them, because building is what takes long."""
    network = made(name, labels=3)
    outputs = {key: tuple(value.shape) for key, value in network.output.items()}
    assert outputs["species"] == (None, 3)
    assert outputs["scope"] == (None, 1)
    assert len(outputs["embedding"]) == 2
    assert len(outputs["feature_map"]) == 4

    config = dataclasses.replace(load_config("field_three"), architecture=name, input_size=32, flip_average=True)
    served = {key: tuple(value.shape) for key, value in served_graph(network, config, 1.5).output.items()}
    assert served["probabilities"] == (None, 3)
    assert served["embedding"] == outputs["embedding"]
    assert served["feature_map"] == outputs["feature_map"]

    before = [weight.numpy() for weight in network.trainable_weights]
    assert all(math.isfinite(loss) for loss in losses(network, name, steps=1))
    after = [weight.numpy() for weight in network.trainable_weights]
    assert any(not np.array_equal(one, other) for one, other in zip(before, after, strict=True))

    answer = network(PIXELS.astype(np.float32), training=False)
    network.save(tmp_path / "model.keras")
    check_keras(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")(PIXELS.astype(np.float32), training=False)
    for key in outputs:
        assert np.isfinite(answer[key]).all()
        np.testing.assert_allclose(again[key], answer[key], atol=1e-4)


@pytest.mark.parametrize("name", ["dense", "fashion_cnn"])
def test_what_is_served_is_the_same_in_litert(name: str, tmp_path: Path) -> None:
    """A network without a map, and one with."""
    config = dataclasses.replace(load_config("tiny"), architecture=name, input_size=32)
    network = made(name, colour="grey")
    write_saved_model(served_graph(network, config, 1.3), config, tmp_path / "saved_model")
    convert(tmp_path / "saved_model", tmp_path / "model.tflite")

    assert check_parity(tmp_path, PIXELS).passed


def losses(network: keras.Model, name: str, steps: int) -> list[float]:
    options = Optimisation(epochs=1, learning_rate=1e-3, schedule="constant")
    tf.config.run_functions_eagerly(name in LARGE)
    try:
        step = training_step(network, make_optimiser(options, 1), options, OUTSIDERS)
        classes = tf.constant([0, 1, -1, 1], tf.int64)
        return [float(step(tf.constant(PIXELS, tf.float32), classes, NAMELESS)[0]) for _ in range(steps)]
    finally:
        tf.config.run_functions_eagerly(False)


@pytest.mark.parametrize("name", sorted(set(OPTIONS) - LARGE))
def test_learns_from_four_pictures(name: str) -> None:
    each = losses(made(name), name, steps=40)

    # A backbone from chance, its batch statistics fixed, learns next to nothing at first; but it learns.
    assert np.mean(each[-3:]) < np.mean(each[:3]) - 0.005
    assert name != "article" or each[-1] < 0.6 * each[0]


@pytest.mark.parametrize(("labels", "several", "units"), [(2, False, 1), (3, False, 3), (2, True, 2), (5, True, 5)])
def test_the_head_follows_from_the_labels(labels: int, several: bool, units: int) -> None:
    assert made("dense", labels, several=several).output["species"].shape == (None, units)


@pytest.mark.parametrize(
    ("name", "keywords", "labels", "count"),
    [
        ("dense", {"size": 28, "colour": "grey"}, 10, 669_706),
        ("basic_cnn", {"size": 128, "colour": "grey"}, 26, 8_402_618),
        ("fashion_cnn", {"size": 28, "colour": "grey"}, 10, 356_234),
        ("vgg16", {"size": 224, "options": CHANCE}, 1000, 138_357_544),
        ("resnet34", {"size": 64}, 1000, 21_814_696),
        ("resnet50", {"size": 64, "options": CHANCE}, 1000, 25_636_712),
        ("resnet50_v1_5", {"size": 64}, 1000, 25_610_152),
        ("resnet50_v2", {"size": 64, "options": CHANCE}, 1000, 25_613_800),
        ("mobilenet_v2", {"size": 64, "options": CHANCE}, 1000, 3_538_984),
        ("efficientnet_v2", {"size": 64, "options": CHANCE}, 1000, 7_200_312),
    ],
)
def test_known_parameter_counts(name: str, keywords: dict[str, Any], labels: int, count: int) -> None:
    network = build(name, labels=labels, **keywords)

    assert parameters(network) == count
    keras.backend.clear_session()


@pytest.mark.parametrize("name", ["mobilenet_v2", "resnet34", "vgg19"])
def test_takes_any_size_where_it_counts_no_pixels(name: str) -> None:
    network = made(name, size=None)

    for size in (32, 50):
        assert network(np.zeros((1, size, size, 3), np.float32))["species"].shape == (1, 1)


@pytest.mark.parametrize("name", ["article", "basic_cnn", "dense", "fashion_cnn", "vgg16"])
def test_needs_a_size_where_it_counts_pixels(name: str) -> None:
    with pytest.raises(ValueError, match="needs a size"):
        made(name, size=None)


def test_a_grey_network_sees_brightness_alone() -> None:
    network = made("fashion_cnn", colour="grey")
    luma = (PIXELS @ np.array([0.299, 0.587, 0.114]))[..., None].repeat(3, -1).astype(np.float32)

    one, other = (network(pixels, training=False)["embedding"] for pixels in (PIXELS.astype(np.float32), luma))

    np.testing.assert_allclose(one, other, atol=1e-4)


@pytest.mark.parametrize(
    ("scaling", "expected"),
    [
        ("own", (0.0, 1.0)),
        ("unit", (0.0, 1.0)),
        ("symmetric", (-1.0, 1.0)),
        ("caffe", (-123.68, 151.061)),
        ("imagenet", (-2.117904, 2.64)),
        (((100.0, 110.0, 120.0), (50.0, 50.0, 50.0)), (-2.4, 3.1)),
    ],
)
def test_pixels_are_scaled_as_asked(scaling: Any, expected: tuple[float, float], tmp_path: Path) -> None:
    network = made("dense", scaling=scaling)
    network.save(tmp_path / "model.keras")

    for each in (network, keras.models.load_model(tmp_path / "model.keras")):
        assert pixel_range(each) == pytest.approx(expected, abs=1e-5)


def test_unknown_colours_scalings_and_variants_are_refused() -> None:
    for keywords in ({"colour": "sepia"}, {"scaling": "loud"}):
        with pytest.raises(ValueError, match="there are"):
            build("dense", size=32, labels=2, **keywords)
    for name in ("efficientnet_v2", "mobilenet_v3"):
        with pytest.raises(ValueError, match="there are"):
            build(name, size=32, labels=2, options=CHANCE | {"variant": "tiny"})


def test_every_variant_of_efficientnet_exists() -> None:
    assert all(hasattr(keras.applications, f"EfficientNetV2{variant}") for variant in VARIANTS)


@pytest.mark.parametrize(
    ("name", "options", "reason"),
    [
        ("resnet34", {"weights": "imagenet"}, "no ImageNet weights to download"),
        ("mobilenet_v2", {"weights": "nowhere.weights.h5"}, "nowhere.weights.h5"),
        ("mobilenet_v2", CHANCE | {"freeze": "some"}, "freeze"),
        ("dense", {"layers": ()}, "at least one layer"),
        ("fashion_cnn", {"blocks": (8,)}, "block_dropout"),
    ],
)
def test_what_can_not_be_built_is_refused(name: str, options: dict[str, Any], reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        build(name, size=32, labels=2, options=options)
    with pytest.raises(ValueError, match="at least 32"):
        build("resnet50", size=16, labels=2, options=CHANCE)


@pytest.mark.parametrize(("freeze", "learning"), [("all", 0), (0, None), (150, 1)])
def test_a_backbone_learns_whole_partly_or_not_at_all(freeze: int | str, learning: int | None) -> None:
    network = build("mobilenet_v2", size=32, labels=2, options=CHANCE | {"alpha": 0.35, "freeze": freeze})
    backbone = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    weights = [layer for layer in backbone.layers if layer.trainable_weights]
    normalising = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]

    possible = len([layer for layer in backbone.layers if layer.weights]) - len(normalising)
    assert len(weights) == (possible if learning is None else learning)


def test_the_articles_network_is_the_articles() -> None:
    layers = [layer for layer in build("article", size=75, labels=2).layers if layer.weights]

    assert [tuple(layer.kernel.shape) for layer in layers[:3]] == [(2, 2, 3, 32), (2, 2, 32, 64), (18 * 18 * 64, 64)]
    assert [layer.padding for layer in layers[:2]] == ["same", "valid"]


def statistics_after_training(name: str, options: dict[str, Any]) -> tuple[list[np.ndarray], list[np.ndarray]]:
    keras.utils.set_random_seed(1)
    network = build(name, size=32, labels=2, options=options)
    backbone = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    norms = [layer for layer in backbone.layers if isinstance(layer, keras.layers.BatchNormalization)]
    watched = [weight for layer in [*norms, *backbone.layers[:10]] for weight in layer.weights]
    before = [weight.numpy() for weight in watched]
    losses(network, name, steps=2)
    return before, [weight.numpy() for weight in watched]


def test_training_leaves_batch_statistics_and_frozen_layers_alone() -> None:
    before, after = statistics_after_training("mobilenet_v2", OPTIONS["mobilenet_v2"])

    assert all(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_a_network_from_chance_learns_its_batch_statistics() -> None:
    before, after = statistics_after_training("resnet34", OPTIONS["resnet34"])

    assert not any(np.array_equal(a, b) for a, b in zip(before, after, strict=True))


def test_reads_backbone_weights_from_a_file(tmp_path: Path) -> None:
    backbone = keras.applications.MobileNetV2(include_top=False, weights=None, input_shape=(32, 32, 3), alpha=0.35)
    backbone.save_weights(tmp_path / "backbone.weights.h5")
    options = {"weights": str(tmp_path / "backbone.weights.h5"), "alpha": 0.35}

    network = build("mobilenet_v2", size=32, labels=2, options=options)

    inner = next(layer for layer in network.layers if isinstance(layer, keras.Model))
    assert all(np.array_equal(a, b) for a, b in zip(inner.get_weights(), backbone.get_weights(), strict=True))


def test_the_same_pictures_give_the_same_answers_in_batches() -> None:
    network = made("dense")
    together, apart = (predict_raw(network, PIXELS, batch)["species"] for batch in (4, 1))

    np.testing.assert_allclose(together, apart, atol=1e-5)


def test_the_command_lists_names_options_and_refuses_others() -> None:
    runner = CliRunner()
    listed = runner.invoke(app, ["architectures"])
    assert listed.exit_code == 0
    assert all(name in listed.output for name in architectures())

    shown = runner.invoke(app, ["architectures", "resnet34"])
    assert "architecture_options.width = 1.0" in shown.output
    refused = runner.invoke(app, ["architectures", "resnet_34"])
    assert refused.exit_code == 1
    assert "did you mean 'resnet34'" in refused.output
