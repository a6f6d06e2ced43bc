"""Asking a model version about photos, under either of two runtimes that give the same answers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, get_args

import numpy as np

from ml.errors import ModelVersionError
from ml.inference.networks import Network, Output
from ml.inference.versions import ModelVersionInfo, read_version

# The signature that looks at a square in one way only; see ml.export.
FIRST_LOOK = "first_look"
Runtime = Literal["litert", "savedmodel"]
RUNTIMES = get_args(Runtime)


class Classifier:
    """A loaded model version. Thread-safe."""

    def __init__(self, info: ModelVersionInfo, network: Network, runtime: str) -> None:
        self.info = info
        self.runtime = runtime
        self._network = network

    @property
    def has_first_look(self) -> bool:
        """Whether the version can look in one way only, which costs a fraction of looking in all its ways."""
        return FIRST_LOOK in self._network.signatures

    def predict(self, batch: np.ndarray, *, first_look: bool = False) -> list[Output]:
        """Answer for float32 pixels ``(n, size, size, 3)``, RGB, 0…255, in their order.

        Args:
            batch: the pixels.
            first_look: look in one way only instead of in all the ways that the version averages over.

        Raises:
            ValueError: the batch has another shape.
        """
        pixels = checked_batch(batch, self.info.input_size)
        if not len(pixels):
            return []
        return outputs_of(self._network(pixels, FIRST_LOOK if first_look else "serving_default"))


def load_classifier(folder: Path, runtime: Runtime = "litert", threads: int = 1) -> Classifier:
    """Load a model version.

    Args:
        folder: the version's folder.
        runtime: ``litert``, small and fast, or ``savedmodel``, the reference, which imports TensorFlow.
        threads: CPU threads for one prediction. TensorFlow takes this once per process, from whoever loads first.

    Raises:
        UnsafeModel: the network is not loaded because of what it holds.
        ModelVersionError: the version is damaged, or has no conversion that may be served under ``litert``.
    """
    info = read_version(folder)
    if runtime == "litert" and not info.has_litert:
        raise ModelVersionError(
            f"{info.name} {info.version} has no LiteRT conversion that agrees with its artefact, and is served from nothing else."
        )
    return Classifier(info, load_network(info, info.folder, runtime, threads), runtime)


def load_network(info: ModelVersionInfo, folder: Path, runtime: Runtime, threads: int = 1) -> Network:
    """One of a version's networks from its folder. Raises ModelVersionError."""
    from ml.inference.networks import LiteRTNetwork

    try:
        if runtime == "litert":
            return LiteRTNetwork(folder, threads)
        from ml.inference.networks import SavedModelNetwork

        return SavedModelNetwork(folder, threads)
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        engine = "LiteRT" if runtime == "litert" else "TensorFlow"
        raise ModelVersionError(f"{engine} can't load {info.name} {info.version}: {error}.") from error


def checked_batch(batch: np.ndarray, size: int) -> np.ndarray:
    """The batch as float32 ``(n, size, size, 3)``; raises ValueError where its shape is another."""
    if batch.ndim != 4 or batch.shape[1:] != (size, size, 3):
        raise ValueError(f"expected pixels of shape (n, {size}, {size}, 3), got {batch.shape}")
    return np.ascontiguousarray(batch, dtype=np.float32)


def outputs_of(arrays: Mapping[str, np.ndarray]) -> list[Output]:
    """One :class:`Output` per row of a runtime's arrays.

    A version that was made elsewhere may answer with probabilities and nothing else: then every photo is in scope, and
    embedding and feature map are empty.
    """
    count = len(arrays["probabilities"])
    scope = arrays.get("in_scope", np.ones(count, np.float32))
    vectors = arrays.get("embedding", np.zeros((count, 0), np.float32))
    grids = arrays.get("feature_map", np.zeros((count, 0, 0, 0), np.float32))
    rows = zip(arrays["probabilities"], scope, vectors, grids, strict=True)
    return [Output(probabilities, float(scope), vector, grid) for probabilities, scope, vector, grid in rows]
