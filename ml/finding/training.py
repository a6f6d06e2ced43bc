"""Training the finder on composites, repeatable from its seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ml.architectures import Network
from ml.backend import tensorflow
from ml.finding.composites import Material, training_composite
from ml.finding.network import STRIDE, finder_loss, finder_network, targets

# Called with the step that was done, of how many, and the mean loss since it was called last.
Report = Callable[[int, int, float], None]
_REPORT_EVERY = 50
_WARM_UP = 100


class FinderError(Exception):
    """The finder can't be trained; the message says why."""


def train_finder(
    material: Material,
    *,
    size: int,
    steps: int,
    batch: int,
    learning_rate: float,
    weights: str | None,
    seed: int,
    report: Report | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Network | None:
    """Train a finder. Returns the network, or None where it was ``stopped``.

    Args:
        material: pictures of the training part.
        size: side of its input in pixels.
        steps, batch, learning_rate: how it learns; the rate falls to zero by a cosine.
        weights: see :func:`ml.finding.network.finder_network`.
        seed: the same seed and material give the same finder, on one thread.
        report: progress.
        stopped: asked after each step.

    Raises:
        FinderError: there is nothing to make composites of, the weights don't fit, or the loss is no number.
    """
    if not (material.animals and material.backgrounds and material.distractors):
        raise FinderError("A finder learns from close-ups of animals and from pictures without any; some are missing.")
    tf = tensorflow()
    tf.keras.utils.set_random_seed(seed)
    try:
        network = finder_network(size, weights)
    except ValueError as error:
        raise FinderError(f"The finder can't be built: {error}.") from error
    warm_up = min(_WARM_UP, max(1, steps // 4))
    rate = tf.keras.optimizers.schedules.CosineDecay(
        learning_rate / 100, max(1, steps - warm_up), alpha=0.01, warmup_target=learning_rate, warmup_steps=warm_up
    )
    optimiser = tf.keras.optimizers.AdamW(rate, weight_decay=1e-3, clipnorm=5.0)
    optimiser.build(network.trainable_variables)
    step = _step(network, optimiser)
    losses: list[float] = []
    for number, examples in enumerate(_batches(material, size, steps, batch, seed), start=1):
        loss = float(step(*examples))
        if not math.isfinite(loss):
            raise FinderError("The finder's loss is no longer a number. Try a lower learning rate.")
        losses.append(loss)
        if report is not None and (number % _REPORT_EVERY == 0 or number == steps):
            report(number, steps, float(np.mean(losses)))
            losses.clear()
        if stopped():
            return None
    return network


def _step(network: Network, optimiser: Any) -> Any:
    tf = tensorflow()

    @tf.function(autograph=False, reduce_retracing=True)  # type: ignore[untyped-decorator]
    def step(pixels: Any, heat: Any, box: Any, counts: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = finder_loss(network(tf.cast(pixels, tf.float32), training=True), heat, box, counts)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    return step


def _batches(material: Material, size: int, steps: int, batch: int, seed: int) -> Any:
    """Batches of composites, made while the network learns from those before."""
    tf, cells = tensorflow(), size // STRIDE

    def composites() -> Iterator[tuple[np.ndarray, ...]]:
        random = np.random.default_rng((seed, 2))
        for _ in range(steps * batch):
            pixels, boxes = training_composite(material, size, random)
            yield (pixels, *targets(boxes, cells))

    shapes = (
        tf.TensorSpec((size, size, 3), tf.uint8),
        tf.TensorSpec((cells, cells), tf.float32),
        tf.TensorSpec((cells, cells, 3), tf.float32),
        tf.TensorSpec((cells, cells), tf.float32),
    )
    return tf.data.Dataset.from_generator(composites, output_signature=shapes).batch(batch).prefetch(4)
