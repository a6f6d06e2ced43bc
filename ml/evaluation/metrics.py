"""Figures as pure functions of arrays. Probabilities are ``(n, k)``, classes int ``(n,)``, nothing is clipped silently."""

from __future__ import annotations

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
    each = [
        auroc(probabilities[classes == index, index], probabilities[classes != index, index])
        for index in range(probabilities.shape[1])
    ]
    return float(np.mean(each))


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
