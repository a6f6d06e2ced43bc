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


def about_zero(amount: Range) -> tuple[float, float]:
    """Ends of a range given as the largest change to either side."""
    return amount if isinstance(amount, tuple) else (-amount, amount)


def about_one(amount: Range) -> tuple[float, float]:
    """Ends of a factor given as the largest change to either side."""
    return amount if isinstance(amount, tuple) else (1 - amount, 1 + amount)


def from_zero(amount: Range) -> tuple[float, float]:
    """Ends of an amount given as its largest."""
    return amount if isinstance(amount, tuple) else (0.0, amount)


def chosen(count: Any, seed: Any, place: int, share: float) -> Any:
    """Which pictures of a batch are changed, bool ``(count,)``: the share of them, rounded, another choice each time."""
    tf = tensorflow()
    order = tf.argsort(tf.random.stateless_uniform([count], seed + tf.constant([0, place])))
    rank = tf.argsort(order)
    return rank < tf.cast(tf.round(share * tf.cast(count, tf.float32)), tf.int32)
