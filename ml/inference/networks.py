"""A network under either runtime: LiteRT, or the SavedModel itself under TensorFlow; and what a model says of a photo.

LiteRT takes 0.1 s to import and some 60 MB, against 2.5 s and 520 MB for TensorFlow.
"""

from __future__ import annotations

import importlib
import os
import queue
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ml.backend import limit_threads, tensorflow
from ml.checks.litert import check_litert
from ml.checks.saved_model import check_saved_model


class Network(Protocol):
    """A network under one of the runtimes. May be called from several threads at once."""

    signatures: frozenset[str]

    def __call__(self, pixels: np.ndarray, signature: str = "serving_default") -> dict[str, np.ndarray]:
        """A signature's outputs for float32 pixels ``(n, h, w, 3)``, RGB, 0…255, n of at least 1."""
        ...


@dataclass(frozen=True)
class Output:
    """What a model says of one photo.

    ``probabilities`` (k,), calibrated, sum 1, in label order; ``in_scope`` 0…1, whether the photo shows one of the
    labels at all; ``embedding`` (d,); ``feature_map`` (h, w, c), the last convolution's output before pooling. Both are
    empty where the model gives none.
    """

    probabilities: np.ndarray
    in_scope: float
    embedding: np.ndarray
    feature_map: np.ndarray


class LiteRTNetwork:
    """A conversion on disk, ``model.tflite``. Thread-safe.

    Interpreters are not, so each serves one thread at a time. They are lent from a pool, made when first needed and never
    more than there are cores: a web server's forty threads would otherwise hold forty copies of the packed weights.
    """

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Load the conversion once, so that a damaged file shows now. Raises UnsafeModel, OSError, ValueError, RuntimeError."""
        file = folder / "model.tflite"
        check_litert(file)
        self._path = str(file)
        self._threads = threads
        self._idle: queue.LifoQueue[Any] = queue.LifoQueue()
        self._lock = threading.Lock()
        self._made = 1
        first = self._interpreter()
        self.signatures: frozenset[str] = frozenset(first.get_signature_list())
        self._idle.put(first)

    def __call__(self, pixels: np.ndarray, signature: str = "serving_default") -> dict[str, np.ndarray]:
        """The signature's outputs for float32 pixels ``(n, h, w, 3)``, n of at least 1. Photos run one by one, so an answer
        never depends on its neighbours.
        """
        with self._borrowed() as interpreter:
            runner = interpreter.get_signature_runner(signature)
            rows = [runner(pixels=pixels[index : index + 1]) for index in range(len(pixels))]
        return {name: np.concatenate([row[name] for row in rows]) for name in rows[0]}

    @contextmanager
    def _borrowed(self) -> Iterator[Any]:
        interpreter = self._take()
        try:
            yield interpreter
        finally:
            self._idle.put(interpreter)

    def _take(self) -> Any:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            pass
        with self._lock:
            another = self._made < (os.cpu_count() or 1)
            self._made += another
        return self._interpreter() if another else self._idle.get()

    def _interpreter(self) -> Any:
        make = importlib.import_module("ai_edge_litert.interpreter").Interpreter
        return make(model_path=self._path, num_threads=self._threads)


class SavedModelNetwork:
    """An artefact on disk, ``saved_model/``. Its signatures are compiled functions that several threads may call at once."""

    def __init__(self, folder: Path, threads: int = 1) -> None:
        """Look at the artefact, import TensorFlow and load it. Raises UnsafeModel, OSError, ValueError, RuntimeError."""
        check_saved_model(folder / "saved_model")
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
