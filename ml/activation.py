"""Writing the weights of a version's activation maps: with its export, or later for a version that lacks them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.inference import read_version
from ml.inference.activation import ACTIVATION_FILE
from ml.inference.versions import file_digest
from ml.keras_files import load_network

_PROBES = 4
_LARGEST_DIFFERENCE = 1e-3


def activation_weights(network: Network, size: int) -> np.ndarray | None:
    """The weights from feature map to labels, ``(c, k)`` float32, a column per label.

    Whether the network is built for it (mean over all places, then one dense layer) is not asked of its layers but
    tried out: pooled feature maps of a few random pictures, times the weights, must give its logits.

    Args:
        network: from ``ml.architectures``, uncalibrated.
        size: side of the pictures to try in pixels.

    Returns:
        the weights, or None for a network built otherwise. A single logit, for the second of two labels, gives two
        columns: it speaks against the first exactly as much as for the second.
    """
    layer = next((layer_of_network for layer_of_network in network.layers if layer_of_network.name == "species"), None)
    if layer is None or len(layer.get_weights()) != 2:
        return None
    kernel, bias = layer.get_weights()
    pictures = np.random.default_rng(1).uniform(0, 255, (_PROBES, size, size, 3)).astype(np.float32)
    answer = network(tensorflow().constant(pictures), training=False)
    feature_map, logits = answer["feature_map"].numpy(), answer["species"].numpy()
    if feature_map.ndim != 4 or feature_map.shape[3] != kernel.shape[0]:
        return None
    from_map = feature_map.mean((1, 2)) @ kernel + bias
    if not np.allclose(from_map, logits, atol=_LARGEST_DIFFERENCE, rtol=_LARGEST_DIFFERENCE):
        return None
    columns = np.concatenate([-kernel, kernel], axis=1) if kernel.shape[1] == 1 else kernel
    return np.asarray(columns, np.float32)


def write_activation_weights(network: Network, size: int, folder: Path) -> bool:
    """Write a network's weights into a version's folder, where it has them; says whether it does."""
    weights = activation_weights(network, size)
    if weights is not None:
        np.save(folder / ACTIVATION_FILE, weights, allow_pickle=False)
    return weights is not None


def add_to_version(folder: Path) -> bool:
    """Give a version exported without activation weights those of its ``model.keras``, and enter them in its manifest.

    Nothing else in the folder changes, so its answers don't either; its digest does, because the manifest names one more
    file.

    Returns:
        whether the network is built for activation maps; if not, the folder stays as it was.

    Raises:
        ModelVersionError: the version is damaged or has no ``model.keras``.
    """
    info = read_version(folder)
    manifest = json.loads((folder / "model.json").read_text(encoding="utf-8"))
    if not write_activation_weights(load_network(folder), info.input_size, folder):
        return False
    files = manifest["files"] | {ACTIVATION_FILE: file_digest(folder / ACTIVATION_FILE)}
    manifest["files"] = dict(sorted(files.items()))
    (folder / "model.json").write_text(json.dumps(manifest, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return True
