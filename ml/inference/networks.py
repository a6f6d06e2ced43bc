"""What both runtimes offer, and what a model says of a photo."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np


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
