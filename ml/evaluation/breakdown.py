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
class Answers:
    """Answers to compare with the truth: a row per photo, ``answers`` ``(n, k)`` and ``classes`` ``(n,)``; or, where photos show
    ``several`` labels, a row per photo and label, ``answers`` ``(n·k, 2)`` of no and yes.
    """

    answers: np.ndarray
    classes: np.ndarray
    bundles: np.ndarray
    names: tuple[str, ...]
    several: bool


def answers_for(probabilities: np.ndarray, species: Examples, labels: Sequence[str], *, several: bool) -> Answers:
    """Answers ``(n, k)`` to the photos of ``species``, beside the truth."""
    if not several:
        return Answers(probabilities, species.classes, species.bundles, tuple(species.names), False)
    answers, rows = asked_apart(probabilities, species)
    names = tuple(f"{name}: {labels[at % len(labels)]}" for at, name in enumerate(rows.names))
    return Answers(answers, rows.classes, rows.bundles, names, True)


def _label_by_label(answers: Answers, labels: Sequence[str], rounds: int) -> dict[str, Any]:
    if not answers.several:
        return details.label_figures(answers.answers, answers.classes, labels, answers.bundles, rounds)
    figures: dict[str, Any] = {}
    for index, label in enumerate(labels):
        own = slice(index, None, len(labels))
        per_label = details.label_figures(
            answers.answers[own], answers.classes[own], ("no", "yes"), answers.bundles[own], rounds
        )
        figures[label] = per_label["yes"]
    return figures


def curves(answers: Answers, labels: Sequence[str]) -> dict[str, Any]:
    """ROC and precision-recall curve of each label, see :func:`ml.evaluation.details.curves`."""
    if not answers.several:
        return details.curves(answers.answers, answers.classes, labels)
    by_label: dict[str, Any] = {}
    for index, label in enumerate(labels):
        own = slice(index, None, len(labels))
        per_label = details.curves(answers.answers[own], answers.classes[own], ("no", "yes"))
        by_label |= {label: per_label["yes"]} if per_label else {}
    return by_label


def breakdown(
    info: ModelVersionInfo,
    answers: Answers,
    labels: Sequence[str],
    thresholds: Sequence[Mapping[str, Any]],
    rounds: int,
) -> dict[str, Any]:
    """Everything but the curves of each label: ``per_label``, ``confusion``, ``calibration`` and ``coverage``, ready for JSON.

    ``thresholds``: with ``error_rate`` and ``probability`` each; what they do to these photos is added. ``rounds``: of the
    bootstrap.
    """
    return {
        "per_label": _label_by_label(answers, labels, rounds),
        "confusion": None if answers.several else details.confusion(answers.answers, answers.classes).tolist(),
        "calibration": _calibration(info, answers.answers, answers.classes),
        "coverage": {
            "curve": details.coverage_curve(answers.answers, answers.classes),
            "thresholds": [
                {**threshold, "on_test": details.held_on(threshold["probability"], answers.answers, answers.classes)}
                for threshold in thresholds
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
