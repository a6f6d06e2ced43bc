"""How a version fares beside its main task: where the animal is small, and with the names of other species."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL import Image

from ml.datasets.examples import Examples
from ml.evaluation.metrics import interval
from ml.evaluation.scores import Scores, opened, scores_of
from ml.finding.composites import measuring_composite
from ml.inference import ModelVersionInfo, Recogniser, Square
from ml.taxa import label_of

SHARES = (0.25, 0.1, 0.04)
BACKGROUNDS = ("scene", "flower")
_WIDTH, _HEIGHT = 640, 480
_SIDE = 480


def small_figures(
    recogniser: Recogniser,
    test: Examples,
    *,
    shares: Sequence[float] = SHARES,
    backgrounds: Sequence[str] = BACKGROUNDS,
    rounds: int = 1000,
    seed: int = 7,
) -> dict[str, Any] | None:
    """Figures for each share of the area, by percent ("25", "10", "4").

    Args:
        recogniser: the version.
        test: photos of the test part, with other subjects for backgrounds.
        shares: of the picture's area that the animal's photo takes.
        backgrounds: kinds of other subjects to lay them into.
        rounds: of the bootstrap.
        seed: of places and backgrounds.

    Returns:
        for each: the share named right, in scope, answered "confident", and whose square lies on the animal; None where
        there is no background, or the version can't search.
    """
    backdrops = _backdrops(recogniser, test, backgrounds)
    if not backdrops:
        return None
    species = test.species
    return {
        f"{100 * share:g}": _figures(
            recogniser, species, *_answers(recogniser, species, backdrops, share, seed), rounds
        )
        for share in shares
    }


def small_scope(recogniser: Recogniser, calibration: Examples, seed: int = 8) -> np.ndarray | None:
    """In-scope scores of calibration photos on a tenth and on a twenty-fifth of the area, ``(2 n,)``; None as above."""
    backdrops = _backdrops(recogniser, calibration, BACKGROUNDS)
    if not backdrops:
        return None
    answers = [_answers(recogniser, calibration.species, backdrops, share, seed)[0] for share in SHARES[1:]]
    return np.concatenate([scores.scope for scores in answers])


def _backdrops(recogniser: Recogniser, examples: Examples, kinds: Sequence[str]) -> list[Image.Image]:
    """Pictures without an animal; none where the version can't search."""
    if recogniser.info.finder is None:
        return []
    scenery = examples.where(np.isin(examples.kinds, list(kinds)) & (examples.classes < 0))
    return [opened(picture, _SIDE)[0] for picture in scenery.pictures]


def _answers(
    recogniser: Recogniser, species: Examples, backdrops: Sequence[Image.Image], share: float, seed: int
) -> tuple[Scores, np.ndarray]:
    random = np.random.default_rng((seed, round(1000 * share)))
    looks, hits = [], []
    for picture in species.pictures:
        animal, _ = opened(picture, _SIDE)
        backdrop = backdrops[int(random.integers(len(backdrops)))]
        size = (_WIDTH, _HEIGHT) if random.random() < 0.6 else (_HEIGHT, _WIDTH)
        composite, place = measuring_composite(animal, backdrop, share, random, size)
        look = recogniser.look(composite)
        looks.append(look)
        hits.append(_on_animal(look.square, place, size))
    return scores_of(looks), np.array(hits)


def _on_animal(square: Square | None, place: tuple[int, int, int], size: tuple[int, int]) -> bool:
    """Whether a square's middle lies in the animal's and it is not more than twice as large."""
    if square is None:
        return False
    left, top, side = place
    x, y = (square.x + square.width / 2) * size[0], (square.y + square.height / 2) * size[1]
    return left <= x <= left + side and top <= y <= top + side and square.width * size[0] <= 2 * side


def _figures(
    recogniser: Recogniser, species: Examples, scores: Scores, hits: np.ndarray, rounds: int
) -> dict[str, Any]:
    policy = recogniser.info.policy
    threshold = policy.threshold_for(policy.default_error_rate)
    probability = np.inf if threshold is None or threshold.probability is None else threshold.probability
    right = scores.probabilities.argmax(1) == species.classes
    inside = scores.scope >= policy.in_scope_threshold
    confident = (scores.scope >= policy.confident_in_scope_threshold) & (scores.probabilities.max(1) >= probability)

    def share(mask: np.ndarray) -> dict[str, Any]:
        return interval(
            lambda values: float(np.mean(values)), mask.astype(np.float64), bundles=species.bundles, rounds=rounds
        )

    return {
        "accuracy": share(right),
        "in_scope": share(inside),
        "confident": share(confident),
        "square_on_animal": share(hits),
    }


def naming_figures(info: ModelVersionInfo, scores: Scores, test: Examples, rounds: int = 1000) -> dict[str, Any] | None:
    """Figures of ``looks_like`` on other subjects; None for a version without names.

    Returns:
        of species that it may name: on how many photos it ``speaks``, and where it does, how often the ``first`` name is
        right, or one ``among_three``; ``first_of_any`` counts species that it can't name, too, and is what its
        probabilities promise; ``speaks_of_things`` is the share of objects and scenes that it gives a name to.
    """
    if info.names is None:
        return None
    sayable = {label_of(label) for label, spoken in zip(info.names.labels, info.names.spoken, strict=True) if spoken}
    shown = np.array([label_of(getattr(picture, "label", "")) for picture in test.pictures])
    answers = [[label_of(name.scientific_name) for name in names] for names in scores.looks_like]
    speaks = np.array([bool(names) for names in answers])
    first = np.array([names[:1] == [label] for names, label in zip(answers, shown, strict=True)])
    three = np.array([label in names for names, label in zip(answers, shown, strict=True)])
    others = test.classes < 0
    known = others & np.isin(shown, sorted(sayable))
    animals = others & ~np.isin(test.kinds, ["object", "scene", "flower", "plain"])

    def share(of: np.ndarray, chosen: np.ndarray) -> dict[str, Any] | None:
        if not chosen.any():
            return None
        return interval(
            lambda values: float(np.mean(values)),
            of[chosen].astype(np.float64),
            bundles=test.bundles[chosen],
            rounds=rounds,
        )

    return {
        "speaks": share(speaks, known),
        "first": share(first, known & speaks),
        "among_three": share(three, known & speaks),
        "first_of_any": share(first, animals & speaks),
        "speaks_of_things": share(speaks, others & np.isin(test.kinds, ["object", "scene"])),
    }
