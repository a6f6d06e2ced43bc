"""Intervals by resampling whole bundles, because photos of one burst are no independent evidence."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np


def interval(
    figure: Callable[..., float], *arrays: np.ndarray, bundles: np.ndarray, rounds: int = 1000, seed: int = 1
) -> dict[str, Any]:
    """A figure with its 95 % interval.

    Args:
        figure: function of the arrays; may return NaN where a resample lacks what it needs.
        arrays: rows belong together, ``(n, …)`` each.
        bundles: name of each row's bundle, ``(n,)``; bundles are drawn with replacement, rows never alone.
        rounds: resamples.
        seed: settles them.

    Returns:
        ``{"value", "low", "high", "photos"}``; low and high are None where no resample gave a number.
    """
    value = figure(*arrays)
    _, codes = np.unique(bundles, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    edges = np.searchsorted(codes[order], np.arange(codes.max() + 2)) if len(codes) else np.zeros(1, int)
    members = [order[start:end] for start, end in itertools.pairwise(edges)]
    random = np.random.default_rng(seed)
    values = []
    for _ in range(rounds if members else 0):
        rows = np.concatenate([members[index] for index in random.integers(0, len(members), len(members))])
        values.append(figure(*(array[rows] for array in arrays)))
    finite = [each for each in values if np.isfinite(each)]
    low, high = np.percentile(finite, [2.5, 97.5]) if finite else (None, None)
    return {
        "value": _rounded(value),
        "low": _rounded(low),
        "high": _rounded(high),
        "photos": len(bundles),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
