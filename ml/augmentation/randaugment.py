"""RandAugment: a few changes per picture, drawn from fourteen kinds, all of one magnitude.

After Cubuk and others (2019), with its kinds and its ranges. Each picture draws its own; moves join the one projective
map, colours are worked out for the batch and kept where they were drawn.
"""

from __future__ import annotations

import math
from typing import Any

from ml.augmentation.colour import blurred
from ml.augmentation.draws import draw
from ml.augmentation.geometry import matrix3
from ml.augmentation.settings import Augmentation
from ml.backend import tensorflow

MOVES = ("rotate", "shear_x", "shear_y", "shift_x", "shift_y")
COLOURS = ("brightness", "contrast", "colour", "sharpness", "posterise", "solarise", "autocontrast", "equalise")
KINDS = ("nothing", *MOVES, *COLOURS)


class RandomKinds:
    """What a batch of ``count`` pictures drew: ``rounds`` kinds each, with a sign."""

    def __init__(self, count: Any, seed: Any, config: Augmentation) -> None:
        """Draw from the batch's seed."""
        tf = tensorflow()
        self.magnitude = config.magnitude
        self.rounds = []
        for number in range(config.randaugment):
            place = 64 * 1000 + 2 * number
            kind = tf.cast(tf.floor(draw(count, seed, place, 0.0, float(len(KINDS)))), tf.int32)
            sign = tf.where(draw(count, seed, place + 1, 0.0, 1.0) < 0.5, -1.0, 1.0)
            self.rounds.append((kind, sign))

    def moves(self) -> Any:
        """Maps ``(count, 3, 3)`` of a square from −1 to 1 about the middle."""
        tf = tensorflow()
        matrix = tf.eye(3, batch_shape=[tf.shape(self.rounds[0][0])[0]])
        for kind, sign in self.rounds:

            def only(name: str, amount: float, kind: Any = kind, sign: Any = sign) -> Any:
                return tf.where(kind == KINDS.index(name), sign * amount * self.magnitude, 0.0)

            angle = only("rotate", math.radians(30))
            matrix @= matrix3([[tf.cos(angle), -tf.sin(angle), 0], [tf.sin(angle), tf.cos(angle), 0], [0, 0, 1]])
            right, below = 2 * only("shift_x", 0.45), 2 * only("shift_y", 0.45)
            matrix @= matrix3([[1, only("shear_x", 0.3), right], [only("shear_y", 0.3), 1, below], [0, 0, 1]])
        return matrix

    def recolour(self, pictures: Any) -> Any:
        """Pictures within 0…255 after the colour changes that each drew."""
        tf = tensorflow()
        for kind, sign in self.rounds:
            wide = sign[:, None, None, None]
            changed = pictures
            for name in COLOURS:
                drawn = (kind == KINDS.index(name))[:, None, None, None]
                changed = tf.where(drawn, _coloured(name, pictures, wide, self.magnitude), changed)
            pictures = tf.clip_by_value(changed, 0.0, 255.0)
        return pictures


def _coloured(name: str, pictures: Any, sign: Any, magnitude: float) -> Any:
    tf = tensorflow()
    if name == "posterise":
        step = 2.0 ** round(4 * magnitude)
        return tf.floor(pictures / step) * step
    if name == "solarise":
        return tf.where(pictures >= 256 * (1 - magnitude), 255 - pictures, pictures)
    if name == "autocontrast":
        low = tf.reduce_min(pictures, axis=[1, 2], keepdims=True)
        high = tf.reduce_max(pictures, axis=[1, 2], keepdims=True)
        return tf.where(high > low, (pictures - low) * 255 / tf.maximum(high - low, 1.0), pictures)
    if name == "equalise":
        return _equalised(pictures)
    # What is left of the picture is 0.1 to 1.9 times its difference from a duller one.
    factor = 1 + sign * 0.9 * magnitude
    duller = {
        "brightness": tf.zeros_like,
        "contrast": lambda x: tf.zeros_like(x) + tf.reduce_mean(_grey(x), axis=[1, 2, 3], keepdims=True),
        "colour": lambda x: tf.zeros_like(x) + _grey(x),
        "sharpness": blurred,
    }[name](pictures)
    return duller + factor * (pictures - duller)


def _grey(pictures: Any) -> Any:
    tf = tensorflow()
    return tf.reduce_sum(pictures * tf.constant([0.299, 0.587, 0.114]), axis=-1, keepdims=True)


def _equalised(pictures: Any) -> Any:
    """Each channel of each picture spread so that every value is as frequent, by its cumulated histogram."""
    tf = tensorflow()
    shape = tf.shape(pictures)
    flat = tf.reshape(tf.transpose(pictures, [0, 3, 1, 2]), [shape[0] * shape[3], -1])
    values = tf.cast(tf.clip_by_value(tf.round(flat), 0, 255), tf.int32)
    counts = tf.math.bincount(values, minlength=256, maxlength=256, axis=-1)
    reached = tf.cast(tf.cumsum(counts, axis=-1), tf.float32)
    first = tf.reduce_min(tf.where(counts > 0, reached, reached[:, -1:]), axis=-1, keepdims=True)
    spread = (reached - first) * 255 / tf.maximum(reached[:, -1:] - first, 1.0)
    channels = tf.reshape(tf.gather(spread, values, batch_dims=1), [shape[0], shape[3], shape[1], shape[2]])
    return tf.transpose(channels, [0, 2, 3, 1])
