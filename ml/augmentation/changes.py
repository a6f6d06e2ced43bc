"""All changes in their order: moves, sharpness, colours, RandAugment's colours, cutout."""

from __future__ import annotations

from typing import Any

from ml.augmentation.colour import recolour, soften
from ml.augmentation.draws import chosen
from ml.augmentation.geometry import move
from ml.augmentation.mixing import cut_out
from ml.augmentation.randaugment import RandomKinds
from ml.augmentation.settings import Augmentation
from ml.backend import tensorflow

SHARE_PLACE = 40


def augment(pictures: Any, seed: Any, config: Augmentation) -> Any:
    """Change each picture of a batch; all but MixUp, which changes what they show, too (:func:`ml.augmentation.mix`).

    Args:
        pictures: tensor ``(n, h, w, 3)``, 0…255, any numeric type.
        seed: int32 tensor of shape ``(2,)``; the same seed makes the same changes, eagerly and inside tf.data.
        config: how much of what.

    Returns:
        float32 tensor of the same shape, within 0…255; what lies outside the picture is filled as the config says.
    """
    tf = tensorflow()
    original = tf.cast(pictures, tf.float32)
    kinds = RandomKinds(tf.shape(original)[0], seed, config) if config.randaugment else None
    changed = move(original, seed, config, None if kinds is None else kinds.moves())
    changed = recolour(soften(changed, seed, config), seed, config)
    if kinds is not None:
        changed = kinds.recolour(tf.clip_by_value(changed, 0.0, 255.0))
    changed = tf.clip_by_value(cut_out(changed, seed, config), 0.0, 255.0)
    if config.share < 1:
        some = chosen(tf.shape(original)[0], seed, SHARE_PLACE, config.share)
        changed = tf.where(some[:, None, None, None], changed, original)
    return changed
