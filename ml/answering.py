"""Asking a network that is still in the hands of training about many photos at once."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.architectures import Network
from ml.backend import tensorflow


def predict_raw(network: Network, pixels: Any, batch: int = 64) -> dict[str, np.ndarray]:
    """``species`` and ``scope`` logits for uint8 or float pixels ``(n, size, size, 3)``."""
    tf = tensorflow()
    function = _compiled(network)
    rows = [function(tf.constant(pixels[start : start + batch], tf.float32)) for start in range(0, len(pixels), batch)]
    return {name: np.concatenate([row[name].numpy() for row in rows]) for name in ("species", "scope")}


def _compiled(network: Network) -> Any:
    """The network as a compiled function, kept with it: calling a Keras model eagerly is several times slower."""
    tf = tensorflow()
    if not hasattr(network, "_wingcheck_function"):
        signature = tf.TensorSpec((None, *network.input_shape[1:]), tf.float32)
        network._wingcheck_function = tf.function(
            lambda x: network(x, training=False), input_signature=[signature], autograph=False
        )
    return network._wingcheck_function
