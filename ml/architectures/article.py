"""The small network of the article Wingcheck began with; the baseline every other one is measured against."""

from __future__ import annotations

from ml.architectures.registry import Network, register
from ml.architectures.task import Task
from ml.backend import tensorflow


@register
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
