"""Feeding a training run: every epoch another order, other outsiders and other random changes, all from one seed."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.augmentation import augment
from ml.backend import tensorflow
from ml.config import Config
from ml.datasets.examples import OUTSIDER, Examples

# Share of training photos shown as saved again, at a quality that a photo passed on a few times may have.
COPY_SHARE = 0.35


def epoch_order(examples: Examples, config: Config, epoch: int) -> np.ndarray:
    """Which photos an epoch shows, in which order: all species photos, ``per_epoch`` outsiders and ``plain`` plain
    pictures. The same seed and epoch give the same order.
    """
    random = np.random.default_rng((config.seed, epoch))
    species = np.flatnonzero(examples.classes != OUTSIDER)
    if config.outsiders is None:
        return random.permutation(species)
    plain = np.flatnonzero((examples.classes == OUTSIDER) & (examples.kinds == "plain"))
    others = np.flatnonzero((examples.classes == OUTSIDER) & (examples.kinds != "plain"))
    weights = np.array([config.outsiders.weights.get(str(kind), 1.0) for kind in examples.kinds[others]])
    count = min(config.outsiders.per_epoch, len(others))
    some = random.choice(others, count, replace=False, p=weights / weights.sum()) if count else others[:0]
    some_plain = random.choice(plain, min(config.outsiders.plain, len(plain)), replace=False)
    return random.permutation(np.concatenate([species, some, some_plain]))


def stored(examples: Examples, chosen: np.ndarray, random: np.random.Generator) -> np.ndarray:
    """Pixels of the chosen photos, ``(b, size, size, 3)``; of COPY_SHARE of them, drawn by ``random``, one of their
    copies.
    """
    pixels, copies = examples.pixels[chosen], examples.copies.shape[1]
    if copies:
        drawn = random.integers(0, copies, len(chosen))
        as_copy = random.random(len(chosen)) < COPY_SHARE
        pixels[as_copy] = examples.copies[chosen[as_copy], drawn[as_copy]]
    return pixels


def batches(examples: Examples, config: Config, epoch: int) -> Any:
    """A tf.data.Dataset of one epoch: float32 pictures ``(b, size, size, 3)``, int64 classes
    ``(b,)`` and int64 subjects ``(b,)``.
    """
    tf = tensorflow()
    order = epoch_order(examples, config, epoch)
    size = config.optimisation.batch
    steps = range(0, len(order), size)

    def generate() -> Any:
        random = np.random.default_rng((config.seed, epoch, 1))
        for step, start in enumerate(steps):
            chosen = order[start : start + size]
            targets = np.stack([examples.classes[chosen], examples.subjects[chosen]])
            yield stored(examples, chosen, random), targets, np.array([config.seed * 65_536 + epoch, step * 64])

    side = config.input_size
    raw = tf.data.Dataset.from_generator(
        generate,
        output_signature=(
            tf.TensorSpec((None, side, side, 3), tf.uint8),
            tf.TensorSpec((2, None), tf.int64),
            tf.TensorSpec((2,), tf.int32),
        ),
    )

    @tf.autograph.experimental.do_not_convert
    def change(pictures: Any, targets: Any, seed: Any) -> Any:
        return augment(pictures, seed, config.augmentation), targets[0], targets[1]

    changed = raw.map(change)
    return changed.apply(tf.data.experimental.assert_cardinality(len(steps))).prefetch(2)
