"""What a config may ask of training beyond the defaults: each does what it says."""

from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ml.architectures.registry import build
from ml.config import Optimisation, OutsiderData, load_config
from ml.datasets.arrays import mean_and_deviation
from ml.datasets.examples import Divided, divide
from ml.datasets.pipeline import Feed
from ml.optimisers import make_optimiser
from ml.progress import EpochReport
from ml.steps import label_weights, training_step
from ml.training import Trained, train
from tests.ml.runs import QUIET

PIXELS = np.random.default_rng(1).uniform(0, 255, (4, 24, 24, 3)).astype(np.float32)
CLASSES, SUBJECTS = tf.constant([0, 1, -1, 1], tf.int64), tf.constant([-1, -1, 0, -1], tf.int64)


@pytest.fixture(scope="module")
def divided(drawn_data: Path) -> Divided:
    return divide(load_config("tiny"), drawn_data)


def trained(divided: Divided, *values: str) -> Trained:
    config = load_config("tiny").with_values(["optimisation.epochs=3", "optimisation.steps_per_epoch=4", *values])
    return train(config, divided.train, divided.calibration, QUIET)


@pytest.mark.parametrize("precision", ["float16", "bfloat16"])
def test_trained_in_16_bits_it_answers_in_32(divided: Divided, precision: str) -> None:
    network = trained(divided, f"optimisation.mixed_precision={precision}", "optimisation.ema=0.9").network

    assert network.get_layer("embedding").compute_dtype == "float32"
    assert {weight.dtype for weight in network.weights} == {"float32"}
    assert keras.mixed_precision.dtype_policy().name == "float32"
    assert np.isfinite(network(PIXELS)["species"]).all()


def test_a_plateau_lowers_the_rate_when_nothing_gets_better(divided: Divided) -> None:
    values = ["optimisation.schedule=plateau", "optimisation.decay_every=1", "optimisation.min_delta=10.0"]
    rates = [report.learning_rate for report in trained(divided, *values, "optimisation.decay=0.1").history]

    assert rates == pytest.approx([3e-3, 3e-4, 3e-5], rel=1e-5)


def test_standard_pixels_have_the_training_parts_mean_and_deviation(divided: Divided) -> None:
    network = trained(divided, "normalise=standard", "colour=grey").network
    scaled = keras.Model(network.input, network.get_layer("scaled").output)

    values = scaled.predict(np.asarray(divided.train.pixels, np.float32), verbose=0)

    assert values.shape[-1] == 1
    assert values.mean() == pytest.approx(0, abs=0.01)
    assert values.std() == pytest.approx(1, abs=0.01)


@pytest.mark.parametrize("grey", [False, True])
def test_mean_and_deviation_by_numpy(grey: bool) -> None:
    pixels = np.random.default_rng(2).integers(0, 256, (300, 4, 4, 3)).astype(np.uint8)
    values = (pixels @ np.array([0.299, 0.587, 0.114]))[..., None] if grey else pixels

    mean, deviation = mean_and_deviation(pixels, grey=grey)

    np.testing.assert_allclose(mean, values.mean((0, 1, 2)), atol=1e-3)
    np.testing.assert_allclose(deviation, values.std((0, 1, 2)), atol=1e-3)


@pytest.mark.parametrize("steps", [2, 100])
def test_an_epoch_has_as_many_steps_as_asked_for(divided: Divided, steps: int) -> None:
    config = load_config("tiny").with_values([f"optimisation.steps_per_epoch={steps}"])
    feed = Feed(divided.train, config)

    assert (feed.steps, feed.photos(1)) == (steps, steps * config.optimisation.batch)
    assert sum(1 for _ in feed.epoch(1)) == steps


def test_an_epoch_taken_up_in_the_middle_is_the_same(divided: Divided) -> None:
    config = load_config("tiny").with_values(["augmentation.mixup=0.3"])
    whole = list(Feed(divided.train, config).epoch(2))
    rest = list(Feed(divided.train, config).epoch(2, first=4))

    assert len(rest) == len(whole) - 4
    for before, after in zip(whole[4:], rest, strict=True):
        assert all(np.array_equal(one, other) for one, other in zip(before, after, strict=True))


@pytest.mark.parametrize(
    ("given", "expected"),
    [(None, None), ({"b": 3.0}, [1.0, 3.0]), ("balanced", [4 / 6, 2.0])],
)
def test_labels_count_as_much_as_asked(divided: Divided, given: Any, expected: list[float] | None) -> None:
    species = divided.train.species
    some = species.where(np.r_[np.flatnonzero(species.classes == 0)[:6], np.flatnonzero(species.classes == 1)[:2]])

    weights = label_weights(Optimisation(epochs=1, class_weights=given), ("a", "b"), some)

    assert (
        (weights is None) if expected is None else weights is not None and weights.tolist() == pytest.approx(expected)
    )


def loss_of(weights: np.ndarray | None = None, mix: tuple[list[int], list[float]] | None = None) -> float:
    keras.utils.set_random_seed(3)
    network = build("dense", size=24, labels=2, subjects=2, options={"layers": (8,), "dropout": 0.0})
    options = Optimisation(epochs=1, optimiser="sgd", learning_rate=0.0, schedule="constant")
    outsiders = OutsiderData(folder="other", subjects_weight=0.5)
    step = training_step(network, make_optimiser(options, 1), options, outsiders, weights=weights)
    more = () if mix is None else (tf.constant(mix[0]), tf.constant(mix[1]))
    return float(step(tf.constant(PIXELS), CLASSES, SUBJECTS, *more)[0])


def test_a_picture_mixed_with_nothing_counts_as_itself() -> None:
    assert loss_of(mix=([3, 2, 1, 0], [1.0] * 4)) == pytest.approx(loss_of(), rel=1e-5)
    assert loss_of(mix=([0, 1, 2, 3], [0.6] * 4)) == pytest.approx(loss_of(), rel=1e-5)


def test_mixing_mixes_what_pictures_show() -> None:
    """Species known in three of four pictures and mixed with one another: the loss moves away from that of either."""
    assert loss_of(mix=([3, 2, 1, 0], [0.7] * 4)) != pytest.approx(loss_of(), rel=1e-3)


def test_class_weights_weigh() -> None:
    plain = loss_of()

    assert loss_of(np.array([1.0, 1.0], np.float32)) == pytest.approx(plain, rel=1e-6)
    assert loss_of(np.array([2.0, 2.0], np.float32)) > plain


def test_reports_say_the_learning_rate(divided: Divided) -> None:
    reports: list[EpochReport] = trained(divided, "optimisation.schedule=constant").history

    assert [report.learning_rate for report in reports] == pytest.approx([3e-3] * 3)
