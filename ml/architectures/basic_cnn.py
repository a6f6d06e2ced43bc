"""The handbook's first convolutional network."""

from __future__ import annotations

from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
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
