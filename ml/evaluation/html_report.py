"""An evaluation as a page that a coordinator understands."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from markupsafe import Markup

from ml.evaluation.evaluation import Evaluation
from ml.evaluation.mistakes import with_pictures
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
    sentence = f"Identifies {100 * accuracy['value']:.0f} % of {accuracy['photos']} test photos correctly"
    if accuracy["low"] is not None:
        sentence += f" (95 % interval: {100 * accuracy['low']:.0f}–{100 * accuracy['high']:.0f} %)"
    return sentence + "."


def _names(evaluation: Evaluation) -> dict[str, str]:
    """What people call each label, beside its scientific name."""
    names = {label.scientific_name: label.vernacular_names.get("en", "") for label in evaluation.recogniser.info.labels}
    return {name: f"{vernacular} ({name})" if vernacular else name for name, vernacular in names.items()}


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


INK, SOFT, LINE, CARD = "#2b1b11", "#6a5341", "#e2d4bc", "#fffdf8"
MEADOW, ACCENT = "#3a6630", "#a8470a"
_COLOURS = (MEADOW, ACCENT, "#2f5d7c", "#8a2f5b", "#8d755d", "#5b4a9e", "#0f7a78", "#b08900")
_DASHES = ("-", "--", "-.", ":")
_MOST_LABELS = 12


def reliability_plot(before: Mapping[str, Any], after: Mapping[str, Any]) -> Markup:
    """What was promised against what held, in groups of equal size, before and after temperature scaling."""
    figure, axes = _square("probability that the model gave", "share that was right")
    low = min([group["promised"] for group in [*before["bins"], *after["bins"]]] + [1.0])
    held = min([group["held"] for group in [*before["bins"], *after["bins"]]] + [1.0])
    start = max(0.0, min(low, held) - 0.05)
    axes.plot([start, 1], [start, 1], color=LINE, linewidth=2, zorder=1)
    for curve, name, colour, marker in ((before, "before scaling", "#b9a68c", "s"), (after, "as served", MEADOW, "o")):
        x, y = ([group[key] for group in curve["bins"]] for key in ("promised", "held"))
        axes.plot(x, y, marker=marker, color=colour, label=name, markersize=6, linewidth=1.5)
    axes.set_xlim(start, 1.01)
    axes.set_ylim(start, 1.01)
    axes.legend(loc="upper left", frameon=False)
    return _svg(figure)


def coverage_plot(curve: Sequence[Sequence[float]], thresholds: Sequence[Mapping[str, Any]]) -> Markup:
    """Share of photos taken, most certain first, against the share of those that are wrong."""
    figure, axes = _square("share of photos that the model decides", "share of those that are wrong")
    if curve:
        axes.plot([x for x, _ in curve], [y for _, y in curve], color=MEADOW, linewidth=2)
        axes.set_ylim(0, max(0.05, 1.15 * max(y for _, y in curve)))
    for threshold in thresholds:
        on_test = threshold["on_test"]
        if threshold["supported"] and on_test and on_test["error"] is not None:
            axes.plot(on_test["coverage"], on_test["error"], "o", color=ACCENT, markersize=8)
            axes.annotate(
                f"{100 * threshold['error_rate']:g} %",
                (on_test["coverage"], on_test["error"]),
                textcoords="offset points",
                xytext=(-6, 9),
                ha="right",
                color=ACCENT,
            )
    axes.set_xlim(0, 1.02)
    _percent_ticks(axes)
    return _svg(figure)


def curve_plot(curves: Mapping[str, Any], kind: str) -> Markup:
    """ROC (``roc``) or precision-recall curves (``precision_recall``), a line per label."""
    if kind == "roc":
        figure, axes = _square("others wrongly taken for it", "its photos found")
        axes.plot([0, 1], [0, 1], color=LINE, linewidth=2)
    else:
        figure, axes = _square("its photos found (recall)", "right among those answered (precision)")
    shown = list(curves.items())[:_MOST_LABELS]
    for number, (label, each) in enumerate(shown):
        style = {"color": _COLOURS[number % len(_COLOURS)], "linestyle": _DASHES[number % len(_DASHES)]}
        axes.plot([x for x, _ in each[kind]], [y for _, y in each[kind]], label=label, linewidth=2, **style)
    axes.set_xlim(-0.01, 1.01)
    axes.set_ylim(-0.01, 1.02)
    if shown:
        axes.legend(loc="lower right" if kind == "roc" else "lower left", frameon=False)
    return _svg(figure)


def _square(x: str, y: str) -> tuple[Any, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(5.2, 4.6), facecolor=CARD, layout="constrained")
    axes = figure.add_subplot(facecolor=CARD)
    axes.set_xlabel(x, color=SOFT, fontsize=12)
    axes.set_ylabel(y, color=SOFT, fontsize=12)
    axes.tick_params(colors=SOFT, labelsize=11, length=0)
    axes.grid(color=LINE, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in axes.spines.values():
        side.set_visible(False)
    return figure, axes


def _percent_ticks(axes: Any) -> None:
    from matplotlib.ticker import PercentFormatter

    axes.xaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, symbol=" %"))


def _svg(figure: Any) -> Markup:
    import matplotlib as mpl

    stream = io.StringIO()
    # Text stays text, and the same figures give the same file.
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": "wingcheck", "font.family": "sans-serif"}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    text = stream.getvalue()
    return Markup(text[text.index("<svg") :])  # noqa: S704 - drawn above; labels are escaped by matplotlib
