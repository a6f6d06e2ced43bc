"""The network of the Fashion-MNIST tutorial: three blocks of a convolution each."""

from __future__ import annotations

from collections.abc import Sequence

from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
def fashion_cnn(
    task: Task,
    *,
    blocks: Sequence[int] = (32, 64, 128),
    units: int = 128,
    block_dropout: Sequence[float] = (0.25, 0.25, 0.4),
    dropout: float = 0.3,
) -> Network:
    """Three blocks of 32, 64 and 128 filters with leaky ReLU, as in the Fashion-MNIST tutorial; pixels 0…1.

    Args:
        task: what the network is built for.
        blocks: filters of each block.
        units: of the dense layer.
        block_dropout: after each block.
        dropout: after the dense layer.
    """
    keras = tensorflow().keras
    layers = keras.layers
    task.fixed_size("the Fashion-MNIST network")
    if len(blocks) != len(block_dropout) or not blocks:
        raise ValueError("fashion_cnn needs a block_dropout for each of its blocks")
    pixels = task.pixels()
    x = task.scaled(pixels, "unit")
    for filters, share in zip(blocks, block_dropout, strict=True):
        grid = layers.LeakyReLU(negative_slope=0.1)(layers.Conv2D(filters, 3, padding="same")(x))
        x = layers.Dropout(share)(layers.MaxPooling2D(2, padding="same")(grid))
    features = layers.LeakyReLU(negative_slope=0.1, name="embedding")(layers.Dense(units)(layers.Flatten()(x)))
    dropped = layers.Dropout(dropout)(features)
    return keras.Model(pixels, task.outputs(features, grid, dropped), name="fashion_cnn")
