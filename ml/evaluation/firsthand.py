"""What each network of a version says by itself of calibration photos: what its joint answer is calibrated from."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation.scores import Scores, opened, scores_of
from ml.inference import Look, ModelVersionInfo, Output, Recogniser

_PROBABILITIES = (0.9, 0.95, 0.97, 0.98, 0.99, 0.995, 0.999)
_OUT_OF_SCOPE = (0.02, 0.01, 0.005, 0.002, 0.001)


@dataclass(frozen=True)
class Opinions:
    """``own``: the classifier's answers, all its looks averaged; ``first``: those of its first look alone, None where it has
    only one; ``names``: probabilities of all names ``(n, m)``, None for a version without.
    """

    info: ModelVersionInfo
    own: Scores
    first: Scores | None
    names: np.ndarray | None


def see(recogniser: Recogniser, examples: Examples) -> Opinions:
    """Look at every photo with each of a version's networks, at the square that it finds."""
    classifier = recogniser.classifier
    own: list[Output] = []
    first: list[Output] = []
    names: list[np.ndarray] = []
    for picture in examples.pictures:
        image, square = opened(picture, recogniser.decoding_side)
        if square is None:
            square = next((animal.square for animal in recogniser.find(image)), None)
        pixels = recogniser.pixels(image, square)
        own += classifier.predict(pixels)
        if classifier.has_first_look:
            first += classifier.predict(pixels, first_look=True)
        named = recogniser.names(image, square)
        if named is not None:
            names.append(named)
    return Opinions(
        recogniser.info,
        _scores(own),
        _scores(first) if first else None,
        np.stack(names) if names else None,
    )


def _scores(outputs: Sequence[Output]) -> Scores:
    return scores_of([Look(output, None, "middle") for output in outputs])


def choose_first_look(opinions: Opinions, classes: np.ndarray) -> dict[str, float] | None:
    """When the first look is enough: from the lowest probability on from which it is wrong no more often than all looks together,
    on photos that it counts as in scope as the upper half of the labels' photos; and below the highest in-scope score that
    no photo of the labels falls short of.

    Args:
        opinions: answers for calibration photos.
        classes: what they show, ``(n,)``.

    Returns:
        None where there is no such probability, or no first look.
    """
    shown = classes >= 0
    if opinions.first is None or not shown.any():
        return None
    inside = float(np.median(opinions.own.scope[shown]))
    first, all_looks = (scores.probabilities.argmax(1) != classes for scores in (opinions.first, opinions.own))
    for probability in _PROBABILITIES:
        certain = shown & (opinions.first.probabilities.max(1) >= probability) & (opinions.first.scope >= inside)
        if certain.any() and first[certain].sum() <= all_looks[certain].sum():
            out_of_scope = next((score for score in _OUT_OF_SCOPE if score <= opinions.first.scope[shown].min()), 0.0)
            return {"in_scope": round(inside, 6), "probability": probability, "out_of_scope": out_of_scope}
    return None
