"""The mistakes to learn from: those of which the model was most certain, with where it looked."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation.scores import Scores, opened
from ml.explanation import Explainer, overlay, picture_of
from ml.inference import ModelVersionError, Recogniser
from ml.reports import data_uri

_SIDE = 192


@dataclass(frozen=True)
class Mistake:
    """One wrongly answered photo; ``row`` is its place among the examples."""

    row: int
    path: str
    label: str
    answered: str
    probability: float
    in_scope: bool


def worst_mistakes(
    scores: Scores, examples: Examples, labels: Sequence[str], scope_threshold: float, most: int
) -> list[Mistake]:
    """Photos answered with a wrong label, the most certain first, at most ``most``."""
    guesses, top = scores.probabilities.argmax(1), scores.probabilities.max(1)
    wrong = np.flatnonzero((examples.classes >= 0) & (guesses != examples.classes))
    return [
        Mistake(
            row=int(row),
            path=str(examples.names[row]),
            label=labels[int(examples.classes[row])],
            answered=labels[int(guesses[row])],
            probability=round(float(top[row]), 4),
            in_scope=bool(scores.scope[row] >= scope_threshold),
        )
        for row in wrong[np.argsort(-top[wrong], kind="stable")][:most]
    ]


def with_pictures(
    mistakes: Sequence[Mistake], recogniser: Recogniser, examples: Examples, scores: Scores, labels: Sequence[str]
) -> list[dict[str, Any]]:
    """For a report: each mistake with its picture and where the network looked for what it answered.

    ``looked`` is None for a version that can't be explained.
    """
    explainer, shown = Explainer(recogniser.classifier), []
    for mistake in mistakes:
        image, _ = opened(examples.pictures[mistake.row], recogniser.decoding_side)
        pixels = recogniser.pixels(image, scores.squares[mistake.row])[0]
        output = recogniser.classifier.predict(pixels[None])[0]
        picture = picture_of(pixels, _SIDE)
        try:
            heat = explainer.look(pixels, output, labels.index(mistake.answered)).heat
        except ModelVersionError:
            looked = None
        else:
            looked = data_uri(overlay(picture, heat))
        shown.append({"mistake": mistake, "picture": data_uri(picture), "looked": looked})
    return shown
