"""What stands behind a version's headline figures: label by label, confusion, calibration, coverage; for one label a photo
and for several.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ml.datasets.examples import Examples
from ml.evaluation import details
from ml.evaluation.scores import asked_apart
from ml.inference import ModelVersionInfo


@dataclass(frozen=True)
class Told:
    """Answers to compare with the truth: a row per photo, ``answers`` ``(n, k)`` and ``classes`` ``(n,)``; or, where photos show
    ``several`` labels, a row per photo and label, ``answers`` ``(n·k, 2)`` of no and yes.
    """

    answers: np.ndarray
    classes: np.ndarray
    bundles: np.ndarray
    names: tuple[str, ...]
    several: bool


def told_from(probabilities: np.ndarray, species: Examples, labels: Sequence[str], *, several: bool) -> Told:
    """Answers ``(n, k)`` to the photos of ``species``, beside the truth."""
    if not several:
        return Told(probabilities, species.classes, species.bundles, tuple(species.names), False)
    answers, rows = asked_apart(probabilities, species)
    names = tuple(f"{name}: {labels[at % len(labels)]}" for at, name in enumerate(rows.names))
    return Told(answers, rows.classes, rows.bundles, names, True)


def _label_by_label(told: Told, labels: Sequence[str], rounds: int) -> dict[str, Any]:
    if not told.several:
        return details.label_figures(told.answers, told.classes, labels, told.bundles, rounds)
    found: dict[str, Any] = {}
    for index, label in enumerate(labels):
        own = slice(index, None, len(labels))
        asked = details.label_figures(told.answers[own], told.classes[own], ("no", "yes"), told.bundles[own], rounds)
        found[label] = asked["yes"]
    return found


def curves(told: Told, labels: Sequence[str]) -> dict[str, Any]:
    """ROC and precision-recall curve of each label, see :func:`ml.evaluation.details.curves`."""
    if not told.several:
        return details.curves(told.answers, told.classes, labels)
    found: dict[str, Any] = {}
    for index, label in enumerate(labels):
        own = slice(index, None, len(labels))
        asked = details.curves(told.answers[own], told.classes[own], ("no", "yes"))
        found |= {label: asked["yes"]} if asked else {}
    return found


def breakdown(
    info: ModelVersionInfo, told: Told, labels: Sequence[str], thresholds: Sequence[Mapping[str, Any]], rounds: int
) -> dict[str, Any]:
    """Everything but the curves of each label: ``per_label``, ``confusion``, ``calibration`` and ``coverage``, ready for JSON.

    ``thresholds``: with ``error_rate`` and ``probability`` each; what they do to these photos is added. ``rounds``: of the
    bootstrap.
    """
    return {
        "per_label": _label_by_label(told, labels, rounds),
        "confusion": None if told.several else details.confusion(told.answers, told.classes).tolist(),
        "calibration": _calibration(info, told.answers, told.classes),
        "coverage": {
            "curve": details.coverage_curve(told.answers, told.classes),
            "thresholds": [
                {**each, "on_test": details.held_on(each["probability"], told.answers, told.classes)}
                for each in thresholds
            ],
        },
    }


def _calibration(info: ModelVersionInfo, answers: np.ndarray, classes: np.ndarray) -> dict[str, Any]:
    temperature = float(json.loads((info.folder / "model.json").read_text(encoding="utf-8")).get("temperature", 1.0))
    raw = details.before_temperature(answers, temperature)
    return {
        "temperature": temperature,
        "before": details.reliability(raw, classes),
        "after": details.reliability(answers, classes),
    }
