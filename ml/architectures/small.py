"""Small networks that start from chance: the article's, the baseline of all others, and three of textbooks and tutorials."""

from __future__ import annotations

from collections.abc import Sequence

from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register()
def article(task: Task, *, dropout: float = 0.4) -> Network:
    """The article's: two 2×2 convolutions and a dense layer, on pixels scaled to 0…1.

    The in-scope output looks at the same 64 features and does not shape them.
    """
    keras = tensorflow().keras
    layers = keras.layers
    task.fixed_size("the article's network")
    pixels = task.pixels()
    x = task.scaled(pixels, "unit")
    x = layers.Conv2D(32, 2, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dropout(dropout)(x)
    grid = layers.Conv2D(64, 2, padding="valid", activation="relu", name="feature_map")(x)
    x = layers.MaxPooling2D()(grid)
    x = layers.Flatten()(x)
    features = layers.Dense(64, activation="relu", name="embedding")(x)
    dropped = layers.Dropout(dropout)(features)
    outputs = task.outputs(features, grid, dropped, scope_sees=keras.ops.stop_gradient(features))
    return keras.Model(pixels, outputs, name="article")


@register()
def basic_cnn(
    task: Task, *, filters: int = 16, kernel: int = 3, pool: int = 4, units: int = 512, dropout: float = 0.2
) -> Network:
    """The handbook's basic CNN: one convolution, one dense layer; 8,402,618 parameters at 128×128 grey, 26 labels.

    Args:
        task: what the network is built for.
        filters: of the convolution, each ``kernel`` pixels square.
        kernel: see there.
        pool: how many pixels of a side the maximum is taken over.
        units: of the dense layer.
        dropout: after it.
    """
    keras = tensorflow().keras
    layers = keras.layers
    task.fixed_size("the basic CNN")
    pixels = task.pixels()
    x = task.scaled(pixels, "unit")
    grid = layers.Conv2D(filters, kernel, padding="same", activation="relu", name="feature_map")(x)
    x = layers.Flatten()(layers.MaxPooling2D(pool)(grid))
    features = layers.Dense(units, activation="relu", name="embedding")(x)
    dropped = layers.Dropout(dropout)(features)
    return keras.Model(pixels, task.outputs(features, grid, dropped), name="basic_cnn")


@register()
def dense(task: Task, *, layers: Sequence[int] = (512, 512), dropout: float = 0.2) -> Network:
    """Dense layers on all pixels at once, scaled to 0…1; 669,706 parameters for 28×28 grey pixels and ten labels.

    It has no feature map: that output is the embedding as a map of one cell, which shows nothing.

    Args:
        task: what the network is built for.
        layers: units of each.
        dropout: after each.
    """
    keras = tensorflow().keras
    task.fixed_size("a dense net")
    if not layers:
        raise ValueError("a dense net needs at least one layer")
    pixels = task.pixels()
    x = keras.layers.Flatten()(task.scaled(pixels, "unit"))
    for number, units in enumerate(layers, start=1):
        name = "embedding" if number == len(layers) else f"dense_{number}"
        features = keras.layers.Dense(units, activation="relu", name=name)(x)
        x = keras.layers.Dropout(dropout)(features)
    return keras.Model(pixels, task.outputs(features, None, x), name="dense")


@register()
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
