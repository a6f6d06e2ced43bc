"""The small network of the article Wingcheck began with; the baseline every other one is measured against."""

from __future__ import annotations

from ml.architectures.registry import Network, register
from ml.backend import tensorflow


@register
def article(*, size: int, units: int, subjects: int = 0, dropout: float = 0.4) -> Network:
    """Two 2×2 convolutions and a dense layer, on pixels scaled to 0…1.

    The in-scope output looks at the same 64 features and does not shape them.
    """
    keras = tensorflow().keras
    layers = keras.layers
    pixels = layers.Input((size, size, 3), name="pixels")
    x = layers.Rescaling(1 / 255)(pixels)
    x = layers.Conv2D(32, 2, padding="same", activation="relu")(x)
    x = layers.MaxPooling2D()(x)
    x = layers.Dropout(dropout)(x)
    grid = layers.Conv2D(64, 2, padding="valid", activation="relu", name="feature_map")(x)
    x = layers.MaxPooling2D()(grid)
    x = layers.Flatten()(x)
    features = layers.Dense(64, activation="relu", name="embedding")(x)
    dropped = layers.Dropout(dropout)(features)
    outputs = {
        "species": layers.Dense(units, name="species")(dropped),
        "scope": layers.Dense(1, name="scope")(keras.ops.stop_gradient(features)),
        "embedding": features,
        "feature_map": grid,
    }
    if subjects:
        outputs["subjects"] = layers.Dense(subjects, name="subjects")(dropped)
    return keras.Model(pixels, outputs, name="article")
