"""Where a network looked: the class activation map (Zhou et al. 2016), from what a served model answers anyway.

A network that averages its last feature map over all places and puts one dense layer on it adds up, for each label, what
every place says for that label. Those summands *are* the map: no gradients, so no TensorFlow. The dense layer's weights
lie beside the model as ``activation_weights.npy``; a version whose network is built otherwise has none, and no map.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

ACTIVATION_FILE = "activation_weights.npy"


def activation_map(feature_map: np.ndarray, weights: np.ndarray, class_index: int) -> np.ndarray:
    """How much each place of a photo spoke for a label.

    Args:
        feature_map: ``(h, w, c)``, an :class:`ml.inference.Output`'s.
        weights: ``(c, k)``, a column per label; with two labels the first column is the second with the sign changed.
        class_index: position of the label among the version's labels.

    Returns:
        float32 ``(h, w)``, row 0 at the top of the square that the network saw: 1 where the photo spoke most for the
        label, 0 where nothing spoke for it or something spoke against it; all 0 where nothing did anywhere.

    Raises:
        ValueError: the shapes do not fit, or there is no such label.
    """
    if feature_map.ndim != 3 or weights.ndim != 2 or feature_map.shape[2] != weights.shape[0]:
        raise ValueError(f"a feature map {feature_map.shape} and weights {weights.shape} do not belong together")
    if not 0 <= class_index < weights.shape[1]:
        raise ValueError(f"there is no label {class_index} among {weights.shape[1]}")
    spoken_for = np.maximum(feature_map.astype(np.float64) @ weights[:, class_index].astype(np.float64), 0.0)
    most = float(spoken_for.max(initial=0.0))
    return np.asarray(spoken_for / most if most > 0 else spoken_for, np.float32)


def read_activation_weights(folder: Path, labels: int) -> np.ndarray:
    """The weights ``(c, labels)`` of a version's folder, float32. Raises ValueError where the file holds anything else."""
    weights = np.load(folder / ACTIVATION_FILE, mmap_mode="r", allow_pickle=False)  # no more than the file has
    if weights.ndim != 2 or weights.shape[1] != labels or weights.dtype != np.float32 or not np.isfinite(weights).all():
        raise ValueError(f"{ACTIVATION_FILE} is no table of finite float32 numbers with {labels} columns")
    return np.array(weights)
