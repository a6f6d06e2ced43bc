"""The reference runtime: the SavedModel itself, under TensorFlow."""

from __future__ import annotations

import numpy as np

from ml.backend import limit_threads, tensorflow
from ml.inference.classifier import OUTPUTS, Output, checked_batch, outputs_of
from ml.inference.versions import ModelVersionError, ModelVersionInfo


class SavedModelClassifier:
    """Calls the artefact's array signature, a compiled function that several threads may call at once."""

    runtime = "savedmodel"

    def __init__(self, info: ModelVersionInfo, threads: int = 1) -> None:
        """Import TensorFlow and load the artefact. Raises ModelVersionError."""
        tf = tensorflow()
        limit_threads(threads)
        self.info = info
        try:
            self._loaded = tf.saved_model.load(str(info.folder / "saved_model"))
            self._function = self._loaded.signatures["serving_default"]
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelVersionError(f"TensorFlow can't load {info.name} {info.version}: {error}.") from error
        self._constant = tf.constant

    def predict(self, batch: np.ndarray) -> list[Output]:
        """See :class:`ml.inference.Classifier`."""
        pixels = checked_batch(batch, self.info.input_size)
        if not len(pixels):
            return []
        answer = self._function(pixels=self._constant(pixels))
        return outputs_of({name: answer[name].numpy() for name in OUTPUTS if name in answer})
