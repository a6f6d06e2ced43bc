"""One step of training: what a network is blamed for, and how it learns from a batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.config import Optimisation, OutsiderData
from ml.datasets.examples import NAMELESS, OUTSIDER, Examples
from ml.machines import Machines


def species_loss(logits: Any, classes: Any, smoothing: float, *, several: bool = False) -> Any:
    """Cross-entropy per photo, ``(n,)``, from logits ``(n, 1)`` or ``(n, k)``; rows of outsiders mean nothing. With
    ``several`` the mean over the labels, each asked by itself.
    """
    tf = tensorflow()
    known = tf.maximum(classes, 0)
    if several:
        target = _bits(known, logits.shape[-1]) * (1 - smoothing) + 0.5 * smoothing
        return tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits), axis=-1)
    if logits.shape[-1] == 1:
        target = tf.cast(known, tf.float32) * (1 - smoothing) + 0.5 * smoothing
        return tf.nn.sigmoid_cross_entropy_with_logits(labels=target, logits=logits[:, 0])
    count = logits.shape[-1]
    target = tf.one_hot(known, count) * (1 - smoothing) + smoothing / count
    return tf.nn.softmax_cross_entropy_with_logits(labels=target, logits=logits)


def _bits(classes: Any, labels: int) -> Any:
    """1 for every label that a photo shows, ``(n, labels)``."""
    tf = tensorflow()
    places = tf.range(labels, dtype=tf.int64)
    return tf.cast(tf.bitwise.right_shift(tf.cast(classes, tf.int64)[:, None], places[None]) % 2, tf.float32)


def label_weights(options: Optimisation, labels: tuple[str, ...], training: Examples) -> np.ndarray | None:
    """How much each label's photos count, ``(k,)``, or None for all the same: as the config says, or "balanced", so that
    every label counts as much as every other and the mean photo as much as before.
    """
    weights = options.class_weights
    if weights is None:
        return None
    if not isinstance(weights, str):
        return np.array([weights.get(label, 1.0) for label in labels], np.float32)
    counts = np.bincount(training.classes[training.classes != OUTSIDER], minlength=len(labels))
    return (counts.sum() / (len(labels) * np.maximum(counts, 1))).astype(np.float32)


def training_step(
    network: Network,
    optimiser: Any,
    options: Optimisation,
    outsiders: OutsiderData | None = None,
    *,
    weights: np.ndarray | None = None,
    machines: Machines | None = None,
    several: bool = False,
) -> Any:
    """A compiled step: pictures ``(b, size, size, 3)``, classes and subjects ``(b,)`` to the loss, the number of species
    photos named right, and their number. Where pictures are mixed, it also takes each one's partner and share, ``(b,)``.

    Args:
        network: learns.
        optimiser: of this network alone.
        options: label smoothing, clip and weights of losses.
        outsiders: with them the network learns the scope, too.
        weights: how much each label's photos count, ``(k,)``.
        machines: of a run on several: the loss, and what is learnt from it, is then that of all their batches together.
        several: photos may show several labels, each asked by itself.
    """
    tf = tensorflow()
    batch_loss = _Loss(options, outsiders, weights, machines, several)

    def learnt(pictures: Any, classes: Any, subjects: Any, *mix: Any) -> Any:
        """Gradients, then loss, right and shown."""
        with tf.GradientTape() as tape:
            outputs = network(pictures, training=True)
            loss = batch_loss(outputs, classes, subjects, *mix)
            scaled = optimiser.scale_loss(loss) if options.mixed_precision == "float16" else loss
        gradients = tape.gradient(scaled, network.trainable_variables)
        shown = tf.cast(classes != OUTSIDER, tf.float32)
        right = tf.reduce_sum(tf.cast(guess(outputs["species"], several) == classes, tf.float32) * shown)
        return [*gradients, loss, right, tf.reduce_sum(shown)]

    def step(*batch: Any) -> Any:
        *gradients, loss, right, shown = learnt(*batch) if machines is None else machines.together(learnt, batch)
        optimiser.apply_gradients(zip(gradients, network.trainable_variables, strict=True))
        return loss, right, shown

    optimiser.build(network.trainable_variables)
    return tf.function(step, reduce_retracing=True, autograph=False)


class _Loss:
    """The loss of a batch."""

    def __init__(
        self,
        options: Optimisation,
        outsiders: OutsiderData | None,
        weights: np.ndarray | None,
        machines: Machines | None,
        several: bool,
    ) -> None:
        self._several = several
        self._options, self._outsiders, self._weights = options, outsiders, weights
        self._machines = machines

    def __call__(self, outputs: Any, classes: Any, subjects: Any, partner: Any = None, share: Any = None) -> Any:
        """A number: species, scope and subjects together, each weighted as the config says."""
        tf = tensorflow()

        def blend(own: Any, of_partner: Callable[[], Any]) -> Any:
            """What a mixed picture counts for: its own part and its partner's."""
            return own if partner is None else share * own + (1 - share) * of_partner()

        def other(values: Any) -> Any:
            return tf.gather(values, partner)

        shown = tf.cast(classes != OUTSIDER, tf.float32)
        named = tf.cast(subjects != NAMELESS, tf.float32)
        inside = blend(shown, lambda: other(shown))
        counts = self._counts(inside, blend(named, lambda: other(named)))
        losses = blend(
            self._species(outputs["species"], classes) * shown,
            lambda: self._species(outputs["species"], other(classes)) * other(shown),
        )
        loss = tf.reduce_sum(losses) / counts[0]
        if self._outsiders is None:
            return loss
        scope = tf.nn.sigmoid_cross_entropy_with_logits(labels=inside, logits=outputs["scope"][:, 0])
        mean = tf.reduce_mean(scope) if self._machines is None else tf.reduce_sum(scope) / counts[2]
        loss += self._options.scope_weight * mean
        if "subjects" in outputs:
            losses = blend(
                _subjects_loss(outputs["subjects"], subjects) * named,
                lambda: _subjects_loss(outputs["subjects"], other(subjects)) * other(named),
            )
            loss += self._outsiders.subjects_weight * (tf.reduce_sum(losses) / counts[1])
        return loss

    def _species(self, logits: Any, classes: Any) -> Any:
        losses = species_loss(logits, classes, self._options.label_smoothing, several=self._several)
        if self._weights is None:
            return losses
        tf = tensorflow()
        return losses * tf.gather(tf.constant(self._weights), tf.maximum(classes, 0))

    def _counts(self, inside: Any, named: Any) -> list[Any]:
        """How many photos show a label, have a named subject, and are there at all, on all machines; at least one."""
        tf = tensorflow()
        own = [tf.reduce_sum(inside), tf.reduce_sum(named), tf.cast(tf.size(inside), tf.float32)]
        counts = own if self._machines is None else tf.unstack(self._machines.total(tf.stack(own)))
        return [tf.maximum(count, 1.0) for count in counts]


def _subjects_loss(logits: Any, subjects: Any) -> Any:
    tf = tensorflow()
    return tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.maximum(subjects, 0), logits=logits)


def guess(logits: Any, several: bool = False) -> Any:
    """The likeliest class of each photo, int64 ``(n,)``; with ``several`` all labels that are likelier than not."""
    tf = tensorflow()
    if several:
        places = tf.range(logits.shape[-1], dtype=tf.int64)
        return tf.reduce_sum(tf.bitwise.left_shift(tf.cast(logits > 0, tf.int64), places[None]), axis=-1)
    return tf.cast(logits[:, 0] > 0, tf.int64) if logits.shape[-1] == 1 else tf.argmax(logits, axis=-1)


def predict_raw(network: Network, pixels: Any, batch: int = 64) -> dict[str, np.ndarray]:
    """``species`` and ``scope`` logits for uint8 or float pixels ``(n, size, size, 3)``."""
    tf = tensorflow()
    function = _compiled(network)
    rows = [function(tf.constant(pixels[start : start + batch], tf.float32)) for start in range(0, len(pixels), batch)]
    return {name: np.concatenate([row[name].numpy() for row in rows]) for name in ("species", "scope")}


def _compiled(network: Network) -> Any:
    """The network as a compiled function, kept with it: calling a Keras model eagerly is several times slower."""
    tf = tensorflow()
    if not hasattr(network, "_wingcheck_function"):
        signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        network._wingcheck_function = tf.function(
            lambda x: network(x, training=False), input_signature=[signature], autograph=False
        )
    return network._wingcheck_function
