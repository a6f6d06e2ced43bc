"""The finder's network: the first half of MobileNetV2, and a head that says per cell where an animal is and how large.

The head is CenterNet's (Zhou et al. 2019, "Objects as points"): a heat map of middles, and for each cell the way from
there to the middle and the logarithm of the side.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.finding.composites import Box

# Cells are this many input pixels wide.
STRIDE = 8
# The layers up to here keep their weights: they see edges and textures, and to teach them would take most of the time.
_FROZEN_UP_TO, _FINE, _COARSE = "block_5_add", "block_5_add", "block_12_add"
_WIDTH = 96


def finder_network(size: int, weights: str | None) -> Network:
    """The network: pixels ``(n, size, size, 3)``, RGB, 0…255, to ``heat`` logits ``(n, g, g)`` and ``box`` ``(n, g, g, 3)``
    with g = size / STRIDE.

    Args:
        size: side of the input in pixels, a multiple of 32.
        weights: a weights file of MobileNetV2 without its head, "imagenet" to download them, None for chance.

    Raises:
        ValueError: the weights can't be read, or the size does not fit.
    """
    if size % 32:
        raise ValueError(f"the finder's input is {size} pixels; it must be a multiple of 32")
    from ml.architectures.fine_tuned import pretrained
    from ml.architectures.task import Task

    keras = tensorflow().keras
    layers = keras.layers
    backbone = pretrained(keras.applications.MobileNetV2, Task(size, 1), weights)
    _freeze(backbone, learn_all=weights is None)
    pixels = keras.Input((size, size, 3), name="pixels")
    cut = keras.Model(backbone.input, [backbone.get_layer(name).output for name in (_FINE, _COARSE)], name="backbone")
    fine, coarse = cut(layers.Rescaling(1 / 127.5, offset=-1.0)(pixels))
    x = layers.UpSampling2D(2, interpolation="bilinear")(layers.Conv2D(64, 1, use_bias=False)(coarse))
    x = layers.ReLU()(layers.Add()([x, layers.Conv2D(64, 1, use_bias=False)(fine)]))
    for _ in range(2):
        x = layers.SeparableConv2D(_WIDTH, 3, padding="same", activation="relu")(x)
    # Begins with "no animal anywhere": most cells have none.
    heat = layers.Conv2D(1, 1, bias_initializer=keras.initializers.Constant(-3.0))(x)
    box = layers.Conv2D(3, 1, bias_initializer=keras.initializers.Constant(-0.8))(x)
    cells = size // STRIDE
    return keras.Model(pixels, {"heat": layers.Reshape((cells, cells))(heat), "box": box}, name="finder")


def _freeze(backbone: Any, *, learn_all: bool) -> None:
    """Batch normalisation keeps its statistics, and the first layers their weights, unless all begin with chance."""
    names = [layer.name for layer in backbone.layers]
    frozen = 0 if learn_all else names.index(_FROZEN_UP_TO) + 1
    normalising = tensorflow().keras.layers.BatchNormalization
    for index, layer in enumerate(backbone.layers):
        layer.trainable = index >= frozen and (learn_all or not isinstance(layer, normalising))


def targets(boxes: Sequence[Box], cells: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """What the network should answer for a picture: heat ``(g, g)`` with 1 at each animal's middle, falling off around it;
    boxes ``(g, g, 3)``, and how much each cell's box counts ``(g, g)``.
    """
    heat, box, counts = (np.zeros(shape, np.float32) for shape in ((cells, cells), (cells, cells, 3), (cells, cells)))
    rows, columns = np.mgrid[0:cells, 0:cells] + 0.5
    for x, y, side in boxes:
        column, row = min(cells - 1, int(x * cells)), min(cells - 1, int(y * cells))
        spread = max(0.6, side * cells / 8)
        around = np.exp(-((columns - x * cells) ** 2 + (rows - y * cells) ** 2) / (2 * spread**2)).astype(np.float32)
        around[row, column] = 1.0
        heat = np.maximum(heat, around)
        near = around > 0.5
        own = np.stack([x * cells - columns, y * cells - rows, np.full((cells, cells), np.log(side))], axis=-1)
        box[near], counts[near] = own[near], around[near]
    return heat, box, counts


def finder_loss(answer: Any, heat: Any, box: Any, counts: Any) -> Any:
    """A number: the focal loss of the heat map, and how far off the squares are, by shares of their sides."""
    tf = tensorflow()
    sure = tf.clip_by_value(tf.sigmoid(answer["heat"]), 1e-5, 1 - 1e-5)
    middle = tf.cast(heat > 0.999, tf.float32)
    missed = -((1 - sure) ** 2) * tf.math.log(sure) * middle
    invented = -((1 - heat) ** 4) * sure**2 * tf.math.log(1 - sure) * (1 - middle)
    animals = tf.maximum(1.0, tf.reduce_sum(middle))
    off = tf.abs(answer["box"] - box)
    side = tf.exp(box[..., 2]) * tf.cast(tf.shape(heat)[1], tf.float32)
    shares = 2 * (off[..., 0] + off[..., 1]) / side + off[..., 2]
    return tf.reduce_sum(missed + invented) / animals + tf.reduce_sum(shares * counts) / tf.maximum(
        1.0, tf.reduce_sum(counts)
    )


def served_finder(network: Network) -> Network:
    """The network as it is served: ``scores`` ``(n, g, g)`` in 0…1, and ``boxes`` ``(n, g, g, 3)``: middle x, middle y and side
    as shares of the input's side.
    """
    keras = tensorflow().keras
    ops = keras.ops
    size = network.input_shape[1]
    cells = size // STRIDE
    pixels = keras.Input((size, size, 3), name="pixels")
    answer = network(pixels)
    middles = np.stack(np.meshgrid(np.arange(cells) + 0.5, np.arange(cells) + 0.5), axis=-1).astype(np.float32)
    middle = (answer["box"][..., :2] + middles[None]) / cells
    boxes = ops.concatenate([middle, ops.exp(ops.minimum(answer["box"][..., 2:], 0.5))], axis=-1)
    return keras.Model(pixels, {"scores": ops.sigmoid(answer["heat"]), "boxes": boxes}, name="served_finder")
