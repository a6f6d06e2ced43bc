"""Figures as pure functions of arrays, and their intervals. Probabilities are ``(n, k)``, classes int ``(n,)``."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np


def accuracy(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Share of photos whose most probable label is right; NaN without photos."""
    return float(np.mean(probabilities.argmax(1) == classes)) if len(classes) else float("nan")


def log_loss(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Mean of −ln p(right label), with p at least 1e-12."""
    right = probabilities[np.arange(len(classes)), classes]
    return float(-np.log(np.maximum(right, 1e-12)).mean()) if len(classes) else float("nan")


def auroc(positive: np.ndarray, negative: np.ndarray) -> float:
    """Chance that a random positive scores higher than a random negative, ties counting half; NaN if either is empty.

    This is the area under the ROC curve (Mann-Whitney U).
    """
    if not len(positive) or not len(negative):
        return float("nan")
    scores = np.concatenate([positive, negative])
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    own = ranks[: len(positive)].sum() - len(positive) * (len(positive) + 1) / 2
    return float(own / (len(positive) * len(negative)))


def macro_auroc(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """AUROC of each label against the others, averaged; with two labels simply the AUROC."""
    areas = [
        auroc(probabilities[classes == index, index], probabilities[classes != index, index])
        for index in range(probabilities.shape[1])
    ]
    return float(np.mean(areas))


def calibration_error(probabilities: np.ndarray, classes: np.ndarray, bins: int = 10) -> float:
    """Expected calibration error: how far the top probability is from the share that is right, on average.

    Photos are sorted by top probability and cut into ``bins`` groups of equal size (equal mass), as Nixon et al. (2019)
    advise: bins of equal width stand almost empty where a good model never is.
    """
    if not len(classes):
        return float("nan")
    top = probabilities.max(1)
    right = probabilities.argmax(1) == classes
    groups = np.array_split(np.argsort(top, kind="stable"), min(bins, len(classes)))
    return float(sum(abs(top[group].mean() - right[group].mean()) * len(group) for group in groups) / len(classes))


def coverage_at_error(probabilities: np.ndarray, classes: np.ndarray, error_rate: float) -> float:
    """The largest share of photos, most certain first, among which at most ``error_rate`` are wrong.

    Photos with equal certainty go together: no threshold could part them.
    """
    if not len(classes):
        return float("nan")
    top = probabilities.max(1)
    order = np.argsort(-top, kind="stable")
    wrong = np.cumsum(probabilities.argmax(1)[order] != classes[order])
    count = np.arange(1, len(order) + 1)
    last_of_ties = np.append(np.diff(top[order]) != 0, True)
    good = last_of_ties & (wrong <= error_rate * count + 1e-9)
    return float(count[good].max() / len(order)) if good.any() else 0.0


def share_confident(top: np.ndarray, scope: np.ndarray, threshold: float | None, scope_threshold: float) -> float:
    """Share of photos answered "confident": in scope, and the top probability at or above the threshold.

    With no supported threshold nothing is confident.
    """
    if not len(top):
        return float("nan")
    return 0.0 if threshold is None else float(np.mean((scope >= scope_threshold) & (top >= threshold)))


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
    finite = [value for value in values if np.isfinite(value)]
    low, high = np.percentile(finite, [2.5, 97.5]) if finite else (None, None)
    return {
        "value": _rounded(value),
        "low": _rounded(low),
        "high": _rounded(high),
        "photos": len(bundles),
    }


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(float(value), 4)
