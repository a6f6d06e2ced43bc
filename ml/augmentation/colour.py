"""Changes of sharpness and colour."""

from __future__ import annotations

import math
from typing import Any

from ml.augmentation.draws import about_one, about_zero, per_picture
from ml.augmentation.settings import Augmentation
from ml.backend import tensorflow

# RGB to brightness and two colour axes (YIQ), and back: hue is an angle between the two.
_TO_YIQ = ((0.299, 0.587, 0.114), (0.595716, -0.274453, -0.321263), (0.211456, -0.522591, 0.311135))
_FROM_YIQ = ((1.0, 0.9563, 0.6210), (1.0, -0.2721, -0.6474), (1.0, -1.1070, 1.7046))


def soften(pictures: Any, seed: Any, config: Augmentation) -> Any:
    """Mix with a blurred copy, or away from it, so that sharpness tells the network nothing."""
    if not config.soften:
        return pictures
    share = per_picture(pictures, seed, 8, -config.soften / 2, config.soften)
    return pictures + share * (blurred(pictures) - pictures)


def blurred(pictures: Any) -> Any:
    """Each pixel's mean over its neighbours, weighted 1, 2, 1 across and down."""
    tf = tensorflow()
    padded = tf.pad(pictures, [[0, 0], [1, 1], [1, 1], [0, 0]], "SYMMETRIC")
    across = 0.25 * padded[:, :, :-2] + 0.5 * padded[:, :, 1:-1] + 0.25 * padded[:, :, 2:]
    return 0.25 * across[:, :-2] + 0.5 * across[:, 1:-1] + 0.25 * across[:, 2:]


def recolour(pictures: Any, seed: Any, config: Augmentation) -> Any:
    """Contrast about the picture's mean, brightness, hue."""
    tf = tensorflow()
    if config.contrast:
        mean = tf.reduce_mean(pictures, axis=[1, 2], keepdims=True)
        pictures = mean + (pictures - mean) * per_picture(pictures, seed, 9, *about_one(config.contrast))
    if config.brightness:
        low, high = about_zero(config.brightness)
        pictures += 255 * per_picture(pictures, seed, 10, low, high)
    if config.hue:
        pictures = turned_hue(pictures, per_picture(pictures, seed, 30, *about_zero(config.hue)))
    return pictures


def turned_hue(pictures: Any, share: Any) -> Any:
    """Colours turned by a share of the colour circle, ``(n, 1, 1, 1)``; brightness stays."""
    tf = tensorflow()
    yiq = tf.linalg.matmul(pictures, tf.transpose(tf.constant(_TO_YIQ)))
    cos, sin = tf.cos(2 * math.pi * share), tf.sin(2 * math.pi * share)
    brightness, first, second = yiq[..., :1], yiq[..., 1:2], yiq[..., 2:]
    turned = tf.concat([brightness, cos * first - sin * second, sin * first + cos * second], axis=-1)
    return tf.linalg.matmul(turned, tf.transpose(tf.constant(_FROM_YIQ)))
