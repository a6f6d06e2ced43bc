"""An evaluation as a page that a coordinator understands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from ml.evaluation.evaluation import Evaluation
from ml.evaluation.mistakes import with_pictures
from ml.evaluation.plots import coverage_plot, curve_plot, reliability_plot
from ml.reports import write_report

_PAIRS = 5


def write_evaluation(file: Path, evaluation: Evaluation) -> Path:
    """Write the report of an evaluation. Raises OSError where that is not possible."""
    figures = evaluation.figures
    labels = figures["labels"]
    mistakes = with_pictures(evaluation.mistakes, evaluation.recogniser, evaluation.examples, evaluation.scores, labels)
    return write_report(
        file,
        "evaluation.html",
        title=f"How good is {figures['model']['name']} {figures['model']['version']}?",
        figures=figures,
        names=_names(evaluation),
        short=_short(evaluation),
        headline=headline(figures),
        matrix=_matrix(figures),
        confused=_confused(figures),
        reliability=reliability_plot(figures["calibration"]["before"], figures["calibration"]["after"]),
        coverage=coverage_plot(figures["coverage"]["curve"], figures["coverage"]["thresholds"]),
        roc=curve_plot(figures["curves"], "roc"),
        precision_recall=curve_plot(figures["curves"], "precision_recall"),
        mistakes=mistakes,
        wrong=_wrong(figures),
    )


def headline(figures: dict[str, Any]) -> str:
    """The evaluation in one sentence."""
    accuracy = figures["species"]["accuracy"]
    said = f"Identifies {100 * accuracy['value']:.0f} % of {accuracy['photos']} test photos correctly"
    if accuracy["low"] is not None:
        said += f" (95 % interval: {100 * accuracy['low']:.0f}–{100 * accuracy['high']:.0f} %)"
    return said + "."


def _names(evaluation: Evaluation) -> dict[str, str]:
    """What people call each label, beside its scientific name."""
    found = {label.scientific_name: label.vernacular_names.get("en", "") for label in evaluation.recogniser.info.labels}
    return {name: f"{vernacular} ({name})" if vernacular else name for name, vernacular in found.items()}


def _short(evaluation: Evaluation) -> dict[str, str]:
    """One name for each label, the one that people use where there is one."""
    labels = evaluation.recogniser.info.labels
    return {label.scientific_name: label.vernacular_names.get("en") or label.scientific_name for label in labels}


def _matrix(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows of the confusion matrix, each cell with its share of the row and a colour for it."""
    rows = []
    for index, counts in enumerate(figures["confusion"] or []):
        total = sum(counts)
        cells = [
            {"count": count, "share": count / total if total else 0.0, "right": index == column}
            for column, count in enumerate(counts)
        ]
        rows.append({"label": figures["labels"][index], "total": total, "cells": cells})
    return rows


def _confused(figures: dict[str, Any]) -> list[dict[str, Any]]:
    """The pairs that are confused most often; none with two labels, where the table says it."""
    labels, table = figures["labels"], figures["confusion"]
    if table is None or len(labels) == 2:
        return []
    pairs = [
        {"label": labels[row], "answered": labels[column], "count": count, "total": sum(counts)}
        for row, counts in enumerate(table)
        for column, count in enumerate(counts)
        if row != column and count > 0
    ]
    return sorted(pairs, key=lambda pair: -pair["count"])[:_PAIRS]


def _wrong(figures: dict[str, Any]) -> int:
    table = figures["confusion"] or []
    return sum(count for row, counts in enumerate(table) for at, count in enumerate(counts) if row != at)
