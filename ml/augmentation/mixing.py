"""Changes that take something of a picture away: cutout, and MixUp, which mixes what pictures show."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ml.augmentation.draws import chosen, draw, from_zero
from ml.augmentation.settings import Augmentation
from ml.backend import tensorflow


@dataclass(frozen=True)
class Mix:
    """With whom each picture of a batch is mixed, int ``(n,)``, and its own share of the result, ``(n,)`` in 0.5…1."""

    partner: Any
    share: Any


def cut_out(pictures: Any, seed: Any, config: Augmentation) -> Any:
    """Cover a random square of each float picture ``(n, h, w, c)``; it may stick out over the edge."""
    if not config.cutout:
        return pictures
    tf = tensorflow()
    size = tf.shape(pictures)
    side = draw(size[0], seed, 31, *from_zero(config.cutout))
    inside = tf.logical_and(
        _near(draw(size[0], seed, 32, 0.0, 1.0), side, size[1])[:, :, None],
        _near(draw(size[0], seed, 33, 0.0, 1.0), side, size[2])[:, None, :],
    )
    mean = tf.reduce_mean(pictures, axis=[1, 2], keepdims=True)
    cover = mean if config.cutout_value is None else tf.fill(tf.shape(mean), config.cutout_value)
    return tf.where(inside[..., None], cover, pictures)


def _near(middle: Any, side: Any, pixels: Any) -> Any:
    """Which pixels of a side lie within half a ``side`` of the middle, bool ``(n, pixels)``."""
    tf = tensorflow()
    places = (tf.range(tf.cast(pixels, tf.float32)) + 0.5) / tf.cast(pixels, tf.float32)
    return tf.abs(places[None] - middle[:, None]) < side[:, None] / 2


def mix(count: Any, seed: Any, config: Augmentation) -> Mix:
    """Draw partners for a batch of ``count`` pictures; a picture outside the config's share keeps to itself."""
    tf = tensorflow()
    partner = tf.argsort(tf.random.stateless_uniform([count], seed + tf.constant([0, 34])))
    first, second = (
        tf.random.stateless_gamma([count], seed + tf.constant([0, place]), alpha=config.mixup) for place in (35, 36)
    )
    share = first / tf.maximum(first + second, 1e-12)
    # Half and half is as far as it goes, so that each picture stays more itself than another.
    share = tf.maximum(share, 1 - share)
    if config.share < 1:
        share = tf.where(chosen(count, seed, 37, config.share), share, 1.0)
    return Mix(partner, share)


def mixed(pictures: Any, how: Mix) -> Any:
    """Float pictures ``(n, h, w, c)``, each mixed with its partner."""
    tf = tensorflow()
    share = how.share[:, None, None, None]
    return share * pictures + (1 - share) * tf.gather(pictures, how.partner)
