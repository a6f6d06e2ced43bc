"""Asking a loaded model version about many photos at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation.report import scope_figures, species_figures
from ml.inference import Classifier


@dataclass(frozen=True)
class Scores:
    """``probabilities`` ``(n, k)`` and ``scope`` ``(n,)``, a row per photo."""

    probabilities: np.ndarray
    scope: np.ndarray

    def where(self, chosen: np.ndarray) -> Scores:
        """The rows that a mask picks."""
        return Scores(self.probabilities[chosen], self.scope[chosen])


def score(classifier: Classifier, examples: Examples, batch: int = 64) -> Scores:
    """What a classifier answers for every photo."""
    outputs = []
    for start in range(0, len(examples), batch):
        outputs += classifier.predict(examples.pixels[start : start + batch].astype(np.float32))
    probabilities = np.array([output.probabilities for output in outputs], np.float64)
    return Scores(probabilities, np.array([output.in_scope for output in outputs], np.float64))


def figures(classifier: Classifier, examples: Examples, rounds: int = 1000) -> dict[str, object]:
    """All figures of a model version on photos it never learnt from; ``scope`` is None where it has no outsiders."""
    scores = score(classifier, examples)
    species = examples.classes >= 0
    told_apart = species_figures(scores.probabilities[species], examples.species, rounds)
    if species.all():
        return {"species": told_apart, "scope": None}
    top = scores.probabilities.max(1)
    scope = scope_figures(top, scores.scope, examples, classifier.info.policy, rounds)
    return {"species": told_apart, "scope": scope}
