"""One model's figures on photos that it never learnt from, each with an interval."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation import metrics
from ml.evaluation.bootstrap import interval
from ml.inference import Policy


def species_figures(probabilities: np.ndarray, examples: Examples, rounds: int = 1000) -> dict[str, Any]:
    """How well the labels are told apart. ``probabilities`` ``(n, k)`` belong to ``examples``, all of a label."""

    def measured(figure: Any) -> dict[str, Any]:
        return interval(figure, probabilities, examples.classes, bundles=examples.bundles, rounds=rounds)

    return {
        "accuracy": measured(metrics.accuracy),
        "auroc": measured(metrics.macro_auroc),
        "log_loss": measured(metrics.log_loss),
        "calibration_error": measured(metrics.calibration_error),
        "coverage_at_2_percent_error": measured(lambda p, c: metrics.coverage_at_error(p, c, 0.02)),
        "coverage_at_1_percent_error": measured(lambda p, c: metrics.coverage_at_error(p, c, 0.01)),
        "coverage_at_5_percent_error": measured(lambda p, c: metrics.coverage_at_error(p, c, 0.05)),
    }


def scope_figures(
    top: np.ndarray, scope: np.ndarray, examples: Examples, policy: Policy, rounds: int = 1000
) -> dict[str, Any]:
    """How well other subjects are told apart, over all of them, those of labels never met in training, and per kind.

    Args:
        top: top probability of each photo, ``(n,)``.
        scope: in-scope score, ``(n,)``.
        examples: the same photos, species and outsiders.
        policy: the version's thresholds.
    """
    species = examples.classes >= 0
    chosen = {"all": ~species, "unseen_labels": ~species & examples.unseen}
    for kind in sorted({str(kind) for kind in examples.kinds[~species]}):
        own = ~species & (examples.kinds == kind)
        chosen[kind] = own
        if 0 < (own & examples.unseen).sum() < own.sum():
            chosen[f"{kind}_unseen"] = own & examples.unseen
            chosen[f"{kind}_seen"] = own & ~examples.unseen
    threshold = policy.threshold_for(policy.default_error_rate)
    probability = None if threshold is None else threshold.probability

    def auroc(inside: np.ndarray, scores: np.ndarray) -> float:
        return metrics.auroc(scores[inside], scores[~inside])

    def confident(certain: np.ndarray, scores: np.ndarray) -> float:
        return metrics.share_confident(certain, scores, probability, policy.confident_in_scope_threshold)

    def shared(mask: np.ndarray, figure: Any, *arrays: np.ndarray) -> dict[str, Any]:
        rows = [array[mask] for array in arrays]
        return interval(figure, *rows, bundles=examples.bundles[mask], rounds=rounds)

    def kept(scores: np.ndarray) -> float:
        return float(np.mean(scores >= policy.in_scope_threshold))

    return {
        "auroc": {name: shared(species | mask, auroc, species, scope) for name, mask in chosen.items()},
        "others_confident": {name: shared(mask, confident, top, scope) for name, mask in chosen.items()},
        "others_in_scope": shared(~species, kept, scope),
        "species_in_scope": shared(species, kept, scope),
        "species_confident": shared(species, confident, top, scope),
    }
