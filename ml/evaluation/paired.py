"""Two model versions on the same photos: the difference, with an interval that knows they saw the same."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.evaluation import details, metrics
from ml.evaluation.breakdown import Answers
from ml.evaluation.metrics import interval


def compare_paired(ours: Answers, theirs: np.ndarray, labels: Sequence[str], rounds: int = 1000) -> dict[str, Any]:
    """Compare two versions' answers.

    Args:
        ours: answers of the version that is judged.
        theirs: probabilities ``(n, k)`` of the other one, for the same photos and labels.
        labels: names of the labels.
        rounds: of the bootstrap. Both versions are resampled alike, so what is hard for both cancels out.

    Returns:
        JSON-able: differences ours minus theirs with 95 % intervals, McNemar's exact test on who alone is right, and the
        photos on which they differ.
    """
    answers, classes = ours.answers, ours.classes

    def difference(figure: Any) -> dict[str, Any]:
        return interval(
            lambda a, b, c: figure(a, c) - figure(b, c), answers, theirs, classes, bundles=ours.bundles, rounds=rounds
        )

    own, other = answers.argmax(1), theirs.argmax(1)
    only_own = int(((own == classes) & (other != classes)).sum())
    only_other = int(((own != classes) & (other == classes)).sum())
    differing = np.flatnonzero(own != other)
    return {
        "photos": len(classes),
        "accuracy": difference(metrics.accuracy),
        "balanced_accuracy": difference(details.balanced_accuracy),
        "log_loss": difference(metrics.log_loss),
        "per_label": {
            label: {"recall": difference(lambda p, c, index=index: details.recall(p, c, index))}
            for index, label in enumerate(labels)
        },
        "mcnemar": {
            "only_this_right": only_own,
            "only_other_right": only_other,
            "p_value": round(mcnemar(only_own, only_other), 4),
        },
        "differing": [
            {
                "path": str(ours.names[int(row)]),
                "label": labels[int(classes[row])],
                "this": labels[int(own[row])],
                "other": labels[int(other[row])],
                "this_probability": round(float(answers[row].max()), 4),
                "other_probability": round(float(theirs[row].max()), 4),
            }
            for row in differing
        ],
    }


def mcnemar(one: int, other: int) -> float:
    """Exact two-sided p-value: were both equally good, each photo that only one gets right would be a coin's toss."""
    count = one + other
    if count == 0:
        return 1.0
    tail = math.fsum(math.comb(count, k) for k in range(min(one, other) + 1)) / 2**count
    return min(1.0, 2 * tail)


def paired_sentence(comparison: dict[str, Any], this: str, other: str) -> str:
    """The comparison in one sentence."""
    difference = comparison["accuracy"]
    points = 100 * difference["value"]
    if difference["low"] is not None and difference["low"] > 0:
        return f"{this} is better than {other}: {points:.1f} points more right, a significant difference."
    if difference["high"] is not None and difference["high"] < 0:
        return f"{this} is worse than {other}: {-points:.1f} points fewer right, a significant difference."
    more = "more" if points >= 0 else "fewer"
    return f"No significant difference between {this} and {other}: {abs(points):.1f} points {more} right."
