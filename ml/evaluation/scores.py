"""Asking a loaded model version about many photos, each looked at as in service: searched, cut, named."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from PIL import Image

from ml.datasets.examples import Examples
from ml.datasets.folder import DataError, Photo
from ml.evaluation import metrics
from ml.evaluation.calibration import questions
from ml.evaluation.metrics import interval
from ml.inference import Look, PhotoError, Policy, Recogniser, Square, open_photo


@dataclass(frozen=True)
class Scores:
    """``probabilities`` ``(n, k)`` and ``scope`` ``(n,)``, a row per photo; ``squares`` and ``looks_like`` as the version's
    :class:`ml.inference.Look` has them, ``(n,)`` each.
    """

    probabilities: np.ndarray
    scope: np.ndarray
    squares: np.ndarray
    looks_like: np.ndarray

    def where(self, chosen: np.ndarray) -> Scores:
        """The rows that a mask picks."""
        return Scores(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))


def score(recogniser: Recogniser, examples: Examples) -> Scores:
    """What a version answers for every photo. Raises DataError where one can't be read."""
    looks = []
    for picture in examples.pictures:
        image, square = opened(picture, recogniser.decoding_side)
        looks.append(recogniser.look(image, square))
    return scores_of(looks)


def scores_of(looks: Sequence[Look]) -> Scores:
    """Answers as arrays."""
    squares, names = np.empty(len(looks), object), np.empty(len(looks), object)
    for row, look in enumerate(looks):
        squares[row], names[row] = look.square, look.looks_like
    return Scores(
        np.array([look.output.probabilities for look in looks], np.float64),
        np.array([look.output.in_scope for look in looks], np.float64),
        squares,
        names,
    )


def opened(picture: Photo | np.ndarray, side: int) -> tuple[Image.Image, Square | None]:
    """A photo of a data set, or generated pixels, as an image of at most ``side`` pixels and the square drawn on it."""
    if isinstance(picture, np.ndarray):
        return Image.fromarray(picture), None
    square = picture.square
    longest = side if square is None else math.ceil(side / max(square.width, square.height))
    try:
        return open_photo(picture.read(), max_side=longest)[0], square
    except (OSError, PhotoError) as error:
        raise DataError(f"{picture.path} can't be read: {error}") from error


def figures_of(
    scores: Scores, examples: Examples, policy: Policy, rounds: int = 1000, *, several: bool = False
) -> dict[str, Any]:
    """All figures from a version's answers for photos it never learnt from; ``scope`` is None where all show a label. Where
    photos show ``several`` labels, each label on each photo counts as an answer.
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
