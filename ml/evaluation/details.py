"""What stands behind the headline figures: per label, curves, calibration, coverage. Pure functions of arrays.

Probabilities are ``(n, k)``, classes int ``(n,)``. Everything returned is ready for JSON.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.evaluation import metrics
from ml.evaluation.calibration import fewest_photos, learn_threshold
from ml.evaluation.metrics import interval

BINS = 10
_POINTS = 200


def confusion(probabilities: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Int ``(k, k)``: how many photos of the row's label were answered with the column's."""
    count = probabilities.shape[1]
    table = np.zeros((count, count), int)
    np.add.at(table, (classes, probabilities.argmax(1)), 1)
    return table


def recall(probabilities: np.ndarray, classes: np.ndarray, index: int) -> float:
    """Share of a label's photos that are answered with it; NaN where it has none."""
    own = classes == index
    return float(np.mean(probabilities[own].argmax(1) == index)) if own.any() else float("nan")


def precision(probabilities: np.ndarray, classes: np.ndarray, index: int) -> float:
    """Share of the photos answered with a label that are of it; NaN where none is."""
    answered = probabilities.argmax(1) == index
    return float(np.mean(classes[answered] == index)) if answered.any() else float("nan")


def balanced_accuracy(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Mean of the recalls of the labels that have photos: each label counts the same, however many photos it has."""
    shares = [recall(probabilities, classes, index) for index in np.unique(classes)]
    return float(np.mean(shares)) if shares else float("nan")


def brier(probabilities: np.ndarray, classes: np.ndarray) -> float:
    """Mean squared distance of the probabilities from the truth, summed over labels: 0 is perfect, 2 the worst."""
    if not len(classes):
        return float("nan")
    truth = np.eye(probabilities.shape[1])[classes]
    return float(((probabilities - truth) ** 2).sum(1).mean())


def more_species_figures(
    probabilities: np.ndarray, classes: np.ndarray, bundles: np.ndarray, rounds: int
) -> dict[str, Any]:
    """Balanced accuracy and Brier score with their intervals."""
    return {
        name: interval(figure, probabilities, classes, bundles=bundles, rounds=rounds)
        for name, figure in (("balanced_accuracy", balanced_accuracy), ("brier", brier))
    }


def label_figures(
    probabilities: np.ndarray, classes: np.ndarray, labels: Sequence[str], bundles: np.ndarray, rounds: int
) -> dict[str, Any]:
    """Precision, recall, AUROC and average precision of each label against the others, with intervals."""
    by_label: dict[str, Any] = {}
    for index, label in enumerate(labels):

        def measured(figure: Any, index: int = index) -> dict[str, Any]:
            return interval(lambda p, c: figure(p, c, index), probabilities, classes, bundles=bundles, rounds=rounds)

        by_label[label] = {
            "photos": int((classes == index).sum()),
            "answered": int((probabilities.argmax(1) == index).sum()),
            "precision": measured(precision),
            "recall": measured(recall),
            "auroc": measured(_label_auroc),
            "average_precision": measured(average_precision),
        }
    return by_label


def _label_auroc(probabilities: np.ndarray, classes: np.ndarray, index: int) -> float:
    return metrics.auroc(probabilities[classes == index, index], probabilities[classes != index, index])


def average_precision(probabilities: np.ndarray, classes: np.ndarray, index: int) -> float:
    """Area under the precision-recall curve as a sum of steps; NaN where the label has no photo."""
    reached, share_right = _precision_recall(probabilities[:, index], classes == index)
    return float(np.sum(np.diff(reached, prepend=0.0) * share_right)) if len(reached) else float("nan")


def curves(probabilities: np.ndarray, classes: np.ndarray, labels: Sequence[str]) -> dict[str, Any]:
    """ROC and precision-recall curve of each label against the others, ``[[x, y], …]`` with at most 200 points."""
    by_label = {}
    for index, label in enumerate(labels):
        own = classes == index
        if not own.any() or own.all():
            continue
        scores = probabilities[:, index]
        by_label[label] = {
            "roc": _thinned(*_roc(scores, own)),
            "precision_recall": _thinned(*_precision_recall(scores, own)),
        }
    return by_label


def _steps(scores: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """True and false positives at every threshold between different scores, strict ones first."""
    order = np.argsort(-scores, kind="stable")
    ends = np.append(np.diff(scores[order]) != 0, True)
    return np.cumsum(own[order])[ends], np.cumsum(~own[order])[ends]


def _roc(scores: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    right, wrong = _steps(scores, own)
    return np.append(0.0, wrong / wrong[-1]), np.append(0.0, right / right[-1])


def _precision_recall(scores: np.ndarray, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if not own.any():
        return np.array([]), np.array([])
    right, wrong = _steps(scores, own)
    return right / right[-1], right / (right + wrong)


def _thinned(x: np.ndarray, y: np.ndarray) -> list[list[float]]:
    chosen = np.unique(np.linspace(0, len(x) - 1, min(_POINTS, len(x))).round().astype(int))
    return [[round(float(x[at]), 4), round(float(y[at]), 4)] for at in chosen]


def before_temperature(probabilities: np.ndarray, temperature: float) -> np.ndarray:
    """What the network said before its logits were divided by the temperature; exact, because softmax undoes log."""
    logits = temperature * np.log(np.maximum(probabilities, 1e-12))
    powers = np.exp(logits - logits.max(1, keepdims=True))
    return np.asarray(powers / powers.sum(1, keepdims=True))


def reliability(probabilities: np.ndarray, classes: np.ndarray, bins: int = BINS) -> dict[str, Any]:
    """Calibration error and its curve over ``bins`` groups of equal size: what was promised, and what held."""
    top, right = probabilities.max(1), probabilities.argmax(1) == classes
    groups = np.array_split(np.argsort(top, kind="stable"), min(bins, len(classes))) if len(classes) else []
    return {
        "error": round(metrics.calibration_error(probabilities, classes, bins), 4) if len(classes) else None,
        "bins": [
            {
                "promised": round(float(top[own].mean()), 4),
                "held": round(float(right[own].mean()), 4),
                "photos": len(own),
            }
            for own in groups
        ],
    }


def coverage_curve(probabilities: np.ndarray, classes: np.ndarray) -> list[list[float]]:
    """``[[coverage, error], …]``: what share is wrong among the most certain photos, the more of them are taken."""
    if not len(classes):
        return []
    top = probabilities.max(1)
    order = np.argsort(-top, kind="stable")
    wrong = np.cumsum(probabilities.argmax(1)[order] != classes[order])
    count = np.arange(1, len(order) + 1)
    ends = np.append(np.diff(top[order]) != 0, True)
    return _thinned((count / len(order))[ends], (wrong / count)[ends])


def learnt_threshold(probabilities: np.ndarray, classes: np.ndarray, error_rate: float) -> dict[str, Any]:
    """The threshold that calibration photos support for an error rate, with a sentence for a coordinator."""
    top, wrong = probabilities.max(1), probabilities.argmax(1) != classes
    threshold = learn_threshold(top, wrong, error_rate)
    needed, rate = fewest_photos(error_rate), f"{100 * error_rate:g} %"
    if threshold.supported:
        sentence = (
            f"At most {rate} wrong, with 95 % confidence, at a probability of {threshold.probability:.3f} or more: "
            f"covers {100 * threshold.coverage:.0f} % of the photos."
        )
    elif len(classes) < needed:
        sentence = (
            f"These data can't support at most {rate} wrong: this needs {needed} calibration photos without a single "
            f"mistake, and there are {len(classes)}."
        )
    else:
        sentence = (
            f"These data can't support at most {rate} wrong: too many confident mistakes (or wrong labels) among the "
            f"{len(classes)} calibration photos."
        )
    return {
        "error_rate": error_rate,
        "probability": threshold.probability,
        "supported": threshold.supported,
        "coverage": round(threshold.coverage, 4),
        "photos": len(classes),
        "fewest_photos": needed,
        "sentence": sentence,
    }


def held_on(threshold: float | None, probabilities: np.ndarray, classes: np.ndarray) -> dict[str, Any] | None:
    """What a threshold does on other photos: how many are that certain, and how many of those are wrong."""
    if threshold is None or not len(classes):
        return None
    sure = probabilities.max(1) >= threshold
    wrong = int((probabilities.argmax(1)[sure] != classes[sure]).sum())
    return {
        "coverage": round(float(sure.mean()), 4),
        "error": round(wrong / int(sure.sum()), 4) if sure.any() else None,
        "photos": int(sure.sum()),
        "wrong": wrong,
    }
