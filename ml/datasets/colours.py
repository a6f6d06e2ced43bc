"""How bright and how colourful the photos of a data set are."""

from __future__ import annotations

from typing import Any

import numpy as np

_LUMA = np.array([0.299, 0.587, 0.114])


def mean_and_deviation(pixels: Any, *, grey: bool = False) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation over all pixels, per channel, or of the brightness alone.

    Args:
        pixels: uint8 ``(n, h, w, 3)``, read a few hundred photos at a time.
        grey: give one number of each instead of three.
    """
    count, total, squares = 0, np.zeros(1 if grey else 3), np.zeros(1 if grey else 3)
    for start in range(0, len(pixels), 256):
        values = np.asarray(pixels[start : start + 256], np.float64).reshape(-1, 3)
        values = values @ _LUMA[:, None] if grey else values
        count += len(values)
        total, squares = total + values.sum(0), squares + (values**2).sum(0)
    mean = total / max(count, 1)
    deviation = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
    return tuple(round(float(each), 4) for each in mean), tuple(round(float(each), 4) for each in deviation)
