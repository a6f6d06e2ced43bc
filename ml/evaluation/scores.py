"""Asking a loaded model version about many photos at once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation.calibration import questions
from ml.evaluation.report import scope_figures, species_figures
from ml.inference import Classifier, Policy


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
    info = classifier.info
    return figures_of(score(classifier, examples), examples, info.policy, rounds, several=info.head == "sigmoids")


def figures_of(
    scores: Scores, examples: Examples, policy: Policy, rounds: int = 1000, *, several: bool = False
) -> dict[str, Any]:
    """The same from answers that are there already. Where photos show ``several`` labels, each label on each photo counts
    as an answer.
    """
    species = examples.classes >= 0
    probabilities, shown = scores.probabilities[species], examples.species
    if several:
        probabilities, shown = asked_apart(probabilities, shown)
    told_apart = species_figures(probabilities, shown, rounds)
    if species.all():
        return {"species": told_apart, "scope": None}
    scope = scope_figures(scores.probabilities.max(1), scores.scope, examples, policy, rounds)
    return {"species": told_apart, "scope": scope}


def asked_apart(probabilities: np.ndarray, examples: Examples) -> tuple[np.ndarray, Examples]:
    """Is this label on this photo? Probabilities ``(n·k, 2)`` of no and yes, and a row of examples for each."""
    yes, classes = questions(probabilities, examples.classes)
    rows = examples.where(np.repeat(np.arange(len(examples)), probabilities.shape[1]))
    return np.concatenate([1 - yes, yes], axis=1), replace(rows, classes=classes)
