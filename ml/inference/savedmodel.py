"""The reference runtime: the SavedModel itself, under TensorFlow."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ml.backend import limit_threads, tensorflow


class SavedModelNetwork:
    """An artefact on disk, ``saved_model/``. Its signatures are compiled functions that several threads may call at once."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Import TensorFlow and load the artefact. Raises OSError, ValueError, RuntimeError."""
        tf = tensorflow()
        limit_threads(threads)
        self._loaded = tf.saved_model.load(str(folder / "saved_model"))
        self.signatures: frozenset[str] = frozenset(self._loaded.signatures)
        if "serving_default" not in self.signatures:
            raise ValueError("it has no signature serving_default")
        self._constant = tf.constant

    def __call__(self, pixels: np.ndarray, signature: str = "serving_default") -> dict[str, np.ndarray]:
        """The signature's outputs for float32 pixels ``(n, h, w, 3)``, n of at least 1."""
        answer = self._loaded.signatures[signature](pixels=self._constant(pixels))
        return {name: values.numpy() for name, values in answer.items()}
