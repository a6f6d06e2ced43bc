"""Training the finder on composites, repeatable from its seed."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.config import FinderData
from ml.datasets.folder import DataError
from ml.finding.composites import Material, training_picture
from ml.finding.network import STRIDE, finder_loss, targets

# Called with the step that was done, of how many, and the mean loss since it was called last.
Report = Callable[[int, int, float], None]
_REPORT_EVERY = 50
_WARM_UP = 100


class FinderError(DataError):
    """The finder can't be trained; the message says why."""


def learn(
    network: Network,
    material: Material,
    options: FinderData,
    seed: int,
    *,
    report: Report | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> bool:
    """Teach a finder's network. Returns False where it was ``stopped`` before the end.

    Args:
        network: from :func:`ml.finding.network.finder_network`.
        material: pictures of the training part.
        options: ``size``, ``steps``, ``batch`` and ``learning_rate``, which falls to almost nothing by a cosine.
        seed: the same seed, network and material give the same finder, on one thread.
        report: progress.
        stopped: asked after each step.

    Raises:
        FinderError: there is nothing to make composites of, or the loss is no number.
    """
    steps, learning_rate = options.steps, options.learning_rate
    if not (material.animals and material.backgrounds and material.distractors):
        raise FinderError("A finder learns from close-ups of animals and from pictures without any; some are missing.")
    keras = tensorflow().keras
    warm_up = min(_WARM_UP, max(1, steps // 4))
    rate = keras.optimizers.schedules.CosineDecay(
        learning_rate / 100, max(1, steps - warm_up), alpha=0.01, warmup_target=learning_rate, warmup_steps=warm_up
    )
    optimiser = keras.optimizers.AdamW(rate, weight_decay=1e-3, clipnorm=5.0)
    optimiser.build(network.trainable_variables)
    step = _step(network, optimiser)
    losses: list[float] = []
    for number, examples in enumerate(_batches(material, options, seed), start=1):
        loss = float(step(*examples))
        if not math.isfinite(loss):
            raise FinderError("The finder's loss is no longer a number. Try a lower learning rate.")
        losses.append(loss)
        if report is not None and (number % _REPORT_EVERY == 0 or number == steps):
            report(number, steps, float(np.mean(losses)))
            losses.clear()
        if stopped():
            return False
    return True


def _step(network: Network, optimiser: Any) -> Any:
    tf = tensorflow()

    @tf.function(autograph=False, reduce_retracing=True)
    def step(pixels: Any, heat: Any, box: Any, counts: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = finder_loss(network(tf.cast(pixels, tf.float32), training=True), heat, box, counts)
        gradients = tape.gradient(loss, network.trainable_variables)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss

    return step


def _batches(material: Material, options: FinderData, seed: int) -> Any:
    """Batches of composites, made while the network learns from those before."""
    tf, size, cells = tensorflow(), options.size, options.size // STRIDE

    def composites() -> Iterator[tuple[np.ndarray, ...]]:
        random = np.random.default_rng((seed, 2))
        for _ in range(options.steps * options.batch):
            pixels, boxes = training_picture(material, size, random)
            yield (pixels, *targets(boxes, cells))

    shapes = (
        tf.TensorSpec((size, size, 3), tf.uint8),
        tf.TensorSpec((cells, cells), tf.float32),
        tf.TensorSpec((cells, cells, 3), tf.float32),
        tf.TensorSpec((cells, cells), tf.float32),
    )
    threads = tf.data.Options()
    # A pool of its own: a run that is to repeat exactly leaves TensorFlow one thread, and composites depend on the seed alone.
    threads.threading.private_threadpool_size = 2
    composed = tf.data.Dataset.from_generator(composites, output_signature=shapes).batch(options.batch).prefetch(4)
    return composed.with_options(threads)
