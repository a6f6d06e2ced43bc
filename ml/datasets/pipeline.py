"""Feeding a training run: every epoch another order, other outsiders and other random changes, all from one seed."""

from __future__ import annotations

import math
import os
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np

from ml.augmentation.changes import augment
from ml.augmentation.mixing import mix, mixed
from ml.backend import tensorflow
from ml.config import Config
from ml.datasets.examples import OUTSIDER, Examples
from ml.machines import Machines

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
    pixels, copies = np.asarray(examples.pixels[chosen]), examples.copies.shape[1]
    if copies:
        drawn = random.integers(0, copies, len(chosen))
        as_copy = random.random(len(chosen)) < COPY_SHARE
        pixels[as_copy] = examples.copies[chosen[as_copy], drawn[as_copy]]
    return pixels


class Feed:
    """What a training run is fed with, epoch after epoch, out of one stream: to build its graph takes a third of a second,
    as long as a thousand small pictures, and to start it as long as two hundred.
    """

    def __init__(self, examples: Examples, config: Config, machines: Machines | None = None) -> None:
        """Of several ``machines`` each takes its part of every batch."""
        self._config = config
        self._source = _Source(examples, config, machines)
        self._dataset = _changed(self._source, config)
        self._stream: Iterator[Any] = iter(())
        self._ahead: int | None = None

    @property
    def steps(self) -> int:
        """Batches of an epoch."""
        steps_per_epoch = self._config.optimisation.steps_per_epoch
        return steps_per_epoch or math.ceil(self.photos(0) / self._config.optimisation.batch)

    def photos(self, epoch: int) -> int:
        """How many photos an epoch shows."""
        return len(self._source.order(epoch))

    def epoch(self, number: int, first: int = 0) -> Iterable[Any]:
        """Float32 pictures ``(b, size, size, 3)``, int64 classes ``(b,)`` and int64 subjects ``(b,)``, batch by batch from
        the ``first``; where the config mixes pictures, also each one's partner, int ``(b,)``, and its own share ``(b,)``.
        """
        if self._ahead != number or first:
            self._source.wanted.append((number, first))
            self._stream = iter(self._dataset)  # whose first batch takes the wanted number
        self._ahead = None  # until the epoch has been taken to its end
        for _ in range(first, math.ceil(self.photos(number) / self._config.optimisation.batch)):
            yield next(self._stream)
        if number < self._config.optimisation.epochs:
            self._ahead = number + 1
        else:
            self._stream = iter(())  # ends the stream now; TensorFlow complains where that is left to the end of Python


class _Source:
    """Batches before their changes. Knows nothing of the Feed, so that nothing but the Feed holds the stream."""

    def __init__(self, examples: Examples, config: Config, machines: Machines | None) -> None:
        self._examples, self._config, self._machines = examples, config, machines
        self.wanted: deque[tuple[int, int]] = deque()

    def order(self, epoch: int) -> np.ndarray:
        """The photos of an epoch; with ``steps_per_epoch`` so many of them, from the start again if need be."""
        order, options = epoch_order(self._examples, self._config, epoch), self._config.optimisation
        if options.steps_per_epoch is not None:
            return np.resize(order, options.steps_per_epoch * options.batch)
        left_over = len(order) % options.batch
        if self._machines is not None and left_over < self._machines.count:
            return order[: len(order) - left_over]  # or some machine would have nothing to learn from
        return order

    def generate(self) -> Iterable[Any]:
        """The wanted epoch and all that follow it: the next one is got ready while the last is looked at."""
        epoch, first = self.wanted.popleft()
        while True:
            yield from self._epoch(epoch, first)
            epoch, first = epoch + 1, 0

    def _epoch(self, epoch: int, first: int) -> Iterable[Any]:
        examples, config = self._examples, self._config
        order, size = self.order(epoch), config.optimisation.batch
        random = np.random.default_rng((config.seed, epoch, 1))
        machine = 0 if self._machines is None else self._machines.index
        for step, start in enumerate(range(0, len(order), size)):
            chosen = order[start : start + size]
            pixels = stored(examples, chosen, random)  # drawn for skipped steps, too: the later ones depend on it
            if step < first:
                continue
            targets = np.stack([examples.classes[chosen], examples.subjects[chosen]])
            if self._machines is not None:
                own = self._machines.own_part(np.arange(len(chosen)))
                pixels, targets = pixels[own], targets[:, own]
            yield pixels, targets, np.array([config.seed * 65_536 + epoch, step * 64 + machine * 7_919])


def _changed(source: _Source, config: Config) -> Any:
    """The source's batches as a tf.data.Dataset, with their random changes."""
    tf = tensorflow()
    side, cores, changes = config.input_size, os.cpu_count() or 1, config.augmentation
    raw = tf.data.Dataset.from_generator(
        source.generate,
        output_signature=(
            tf.TensorSpec((None, side, side, 3), tf.uint8),
            tf.TensorSpec((2, None), tf.int64),
            tf.TensorSpec((2,), tf.int32),
        ),
    )

    @tf.autograph.experimental.do_not_convert
    def change(pictures: Any, targets: Any, seed: Any) -> Any:
        changed = augment(pictures, seed, changes)
        if not changes.mixup:
            return changed, targets[0], targets[1]
        how = mix(tf.shape(changed)[0], seed, changes)
        return mixed(changed, how), targets[0], targets[1], how.partner, how.share

    # Several batches are changed at once and come out in their order. A pool of their own, because a run that is to
    # repeat exactly leaves TensorFlow one thread, and the changes depend on their seed alone.
    options = tf.data.Options()
    options.threading.private_threadpool_size = cores + 1
    changed = raw.map(change, num_parallel_calls=cores, deterministic=True).prefetch(2 * cores)
    return changed.with_options(options)
