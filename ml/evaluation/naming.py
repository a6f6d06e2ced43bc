"""How good the names are that a version gives to photos out of scope."""

from __future__ import annotations

from typing import Any

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation.bootstrap import interval
from ml.evaluation.scores import Scores
from ml.inference import ModelVersionInfo
from ml.taxa import label_of


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
    said = [[label_of(name.scientific_name) for name in names] for names in scores.looks_like]
    speaks = np.array([bool(names) for names in said])
    first = np.array([names[:1] == [label] for names, label in zip(said, shown, strict=True)])
    three = np.array([label in names for names, label in zip(said, shown, strict=True)])
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
