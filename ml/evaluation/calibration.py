"""Making probabilities mean what they say, and thresholds that hold what they promise."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from ml.datasets.examples import shown_labels
from ml.inference import Threshold


def probabilities_from(logits: np.ndarray, temperature: float = 1.0) -> np.ndarray:
    """Probabilities ``(n, k)`` from logits ``(n, 1)`` (two labels, the second one's logit) or ``(n, k)``."""
    scaled = np.asarray(logits, np.float64) / temperature
    if scaled.shape[1] == 1:
        scaled = np.concatenate([np.zeros_like(scaled), scaled], axis=1)
    scaled -= scaled.max(1, keepdims=True)
    powers = np.exp(scaled)
    return np.asarray(powers / powers.sum(1, keepdims=True))


def questions(values: np.ndarray, classes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """A table of photos that may show several labels, as one of questions: is this label on this photo?

    Args:
        values: ``(n, k)``, logits or probabilities of each label by itself.
        classes: the labels of each photo as the bits of a number, ``(n,)``.

    Returns:
        ``(n·k, 1)``, photo by photo, and 0 or 1 for each, ``(n·k,)``.
    """
    return values.reshape(-1, 1), shown_labels(classes, values.shape[1]).reshape(-1).astype(int)


def fit_temperature(logits: np.ndarray, classes: np.ndarray) -> float:
    """The one number that, dividing all logits, gives the lowest log loss on photos outside training (Guo et al. 2017).

    Found by golden-section search over its logarithm, between 0.05 and 20.
    """

    def loss(log_temperature: float) -> float:
        right = probabilities_from(logits, math.exp(log_temperature))[np.arange(len(classes)), classes]
        return float(-np.log(np.maximum(right, 1e-12)).mean())

    low, high = math.log(0.05), math.log(20.0)
    golden = (math.sqrt(5) - 1) / 2
    for _ in range(60):
        left, right = high - golden * (high - low), low + golden * (high - low)
        if loss(left) < loss(right):
            high = right
        else:
            low = left
    return math.exp((low + high) / 2)


def binomial_tail(errors: int, photos: int, rate: float) -> float:
    """Chance of at most ``errors`` wrong among ``photos``, were each wrong with chance ``rate``; exact."""
    if rate <= 0:
        return 1.0
    if rate >= 1:
        return 1.0 if errors >= photos else 0.0
    logs = [
        math.lgamma(photos + 1) - math.lgamma(k + 1) - math.lgamma(photos - k + 1)
        + k * math.log(rate) + (photos - k) * math.log1p(-rate)
        for k in range(errors + 1)
    ]  # fmt: skip
    return min(1.0, math.fsum(math.exp(value) for value in logs))


def learn_threshold(top: np.ndarray, wrong: np.ndarray, error_rate: float, confidence: float = 0.95) -> Threshold:
    """The lowest threshold that a learn-then-test walk supports (Angelopoulos et al. 2021).

    Thresholds are tested in one fixed order, each with the exact binomial tail, and the walk stops at the first that
    fails; so they need no correction for being many. The order goes from strict to lenient, but not from the very
    strictest: among a handful of photos one mistake, or one wrong label, would end the walk before it began. It starts
    with the more certain half of the photos, or where an error-free sample could pass (299 photos for 1 % at 95 %) if
    that is more.

    Args:
        top: top probability of each calibration photo, ``(n,)``.
        wrong: whether its label was wrong, ``(n,)`` bool.
        error_rate: largest share wrong among accepted photos.
        confidence: that the promise holds.

    Returns:
        the threshold; unsupported, with no probability, where the photos are too few or too often wrong.
    """
    order = np.argsort(-top, kind="stable")
    certain, errors = top[order], np.cumsum(wrong[order])
    start = max(fewest_photos(error_rate, confidence), len(top) // 2)
    ends = np.flatnonzero(np.append(np.diff(certain) != 0, True)) + 1 if len(top) else np.array([], int)
    best = 0
    for count in ends[ends >= start]:
        if binomial_tail(int(errors[count - 1]), int(count), error_rate) > 1 - confidence:
            break
        best = int(count)
    if not best:
        return Threshold(error_rate, None, False, 0.0, len(top))
    return Threshold(error_rate, float(certain[best - 1]), True, best / len(top), len(top))


def fewest_photos(error_rate: float, confidence: float = 0.95) -> int:
    """How many photos without any error it takes to bound the error rate with this confidence: (1 − rate)ⁿ ≤ 5 %."""
    return math.ceil(math.log(1 - confidence) / math.log1p(-error_rate))


@dataclass(frozen=True)
class ScopeChoice:
    """An in-scope threshold, with the shares of calibration photos that it keeps and that it lets in."""

    threshold: float
    species_kept: float
    others_let_in: float


def choose_scope_threshold(species: np.ndarray, others: np.ndarray, keep: float) -> ScopeChoice:
    """The threshold that keeps the share ``keep`` of the species' calibration photos in scope."""
    if not len(others):
        return ScopeChoice(0.0, 1.0, float("nan"))
    threshold = float(np.quantile(species, 1 - keep))
    return ScopeChoice(threshold, float(np.mean(species >= threshold)), float(np.mean(others >= threshold)))
