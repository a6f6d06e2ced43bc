"""What both runtimes offer."""

from __future__ import annotations

from typing import Protocol

import numpy as np


class Network(Protocol):
    """A network under one of the runtimes. May be called from several threads at once."""

    signatures: frozenset[str]

    def __call__(self, pixels: np.ndarray, signature: str = "serving_default") -> dict[str, np.ndarray]:
        """A signature's outputs for float32 pixels ``(n, h, w, 3)``, RGB, 0…255, n of at least 1."""
        ...
