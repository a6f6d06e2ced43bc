"""Random numbers, each from the batch's seed and a place of its own, so that asking for one more change alters no other."""

from __future__ import annotations

from typing import Any

from ml.backend import tensorflow

Range = float | tuple[float, float]


def draw(count: Any, seed: Any, place: int, low: float, high: float) -> Any:
    """``(count,)`` numbers, evenly from ``low`` to ``high``."""
    tf = tensorflow()
    return tf.random.stateless_uniform([count], seed + tf.constant([0, place]), low, high)


def per_picture(pictures: Any, seed: Any, place: int, low: float, high: float) -> Any:
    """The same as ``(n, 1, 1, 1)``, to be multiplied with pictures ``(n, h, w, c)``."""
    tf = tensorflow()
    return tf.random.stateless_uniform([tf.shape(pictures)[0], 1, 1, 1], seed + tf.constant([0, place]), low, high)


def about_zero(given: Range) -> tuple[float, float]:
    """Ends of a range given as the largest change to either side."""
    return given if isinstance(given, tuple) else (-given, given)


def about_one(given: Range) -> tuple[float, float]:
    """Ends of a factor given as the largest change to either side."""
    return given if isinstance(given, tuple) else (1 - given, 1 + given)


def from_zero(given: Range) -> tuple[float, float]:
    """Ends of an amount given as its largest."""
    return given if isinstance(given, tuple) else (0.0, given)


def chosen(count: Any, seed: Any, place: int, share: float) -> Any:
    """Which pictures of a batch are changed, bool ``(count,)``: the share of them, rounded, another choice each time."""
    tf = tensorflow()
    order = tf.argsort(tf.random.stateless_uniform([count], seed + tf.constant([0, place])))
    rank = tf.argsort(order)
    return rank < tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32)
