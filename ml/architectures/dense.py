"""A plain dense net: what can be learnt without looking at neighbours."""

from __future__ import annotations

from collections.abc import Sequence

from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
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
