"""Figures as tables for the terminal: of one version, of folds, and of several versions next to each other.

To compare versions on the same photos use ``evaluate --against``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.table import Table

from ml.inference import ModelVersionInfo, read_version
from ml.reports import figure_text

_SPECIES = {
    "accuracy": "accuracy",
    "log_loss": "log loss",
    "calibration_error": "calibration error",
    "coverage_at_1_percent_error": "coverage at 1 % error",
    "coverage_at_5_percent_error": "coverage at 5 % error",
}


def side_by_side(folders: Sequence[Path]) -> list[dict[str, Any]]:
    """For each version its figures as its own training reported them, ready for JSON. Raises ModelVersionError."""
    return [_row(read_version(folder)) for folder in folders]


def _row(info: ModelVersionInfo) -> dict[str, Any]:
    species, scope = info.metrics.get("species") or {}, info.metrics.get("scope") or {}
    supported = [threshold for threshold in info.policy.thresholds if threshold.supported]
    strictest = min(supported, key=lambda threshold: threshold.error_rate, default=None)
    files = [file for file in info.folder.rglob("*") if file.is_file()]
    return {
        "name": info.name,
        "version": info.version,
        "task": info.task,
        "labels": [label.scientific_name for label in info.labels],
        "input": info.input_size,
        "litert": info.has_litert,
        "megabytes": round(sum(file.stat().st_size for file in files) / 1e6, 1),
        "data_fingerprint": info.metrics.get("data_fingerprint"),
        "species": {name: species[name] for name in _SPECIES if name in species},
        "in_scope_auroc": (scope.get("auroc") or {}).get("all"),
        "strictest_threshold": None if strictest is None else [strictest.error_rate, strictest.probability],
    }


def versions_table(rows: Sequence[dict[str, Any]]) -> Table:
    """The same for a terminal, a column per version."""
    table = Table("", *(f"{row['name']} {row['version']}" for row in rows))
    for name, title in _SPECIES.items():
        table.add_row(title, *(_text(row["species"].get(name)) for row in rows))
    table.add_row("in-scope AUROC", *(_text(row["in_scope_auroc"]) for row in rows))
    table.add_row("strictest threshold", *(_threshold(row["strictest_threshold"]) for row in rows))
    table.add_row("labels", *(", ".join(row["labels"]) for row in rows))
    table.add_row("input, pixels", *(str(row["input"]) for row in rows))
    table.add_row("LiteRT", *("yes" if row["litert"] else "no" for row in rows))
    table.add_row("size, MB", *(str(row["megabytes"]) for row in rows))
    return table


def remark(rows: Sequence[dict[str, Any]]) -> str | None:
    """A warning where the figures are not of the same photos; None where they are."""
    prints = {row["data_fingerprint"] for row in rows}
    if len(prints) == 1 and None not in prints:
        return None
    return (
        "These figures are of different photos, so small differences mean nothing. On the same photos: "
        "wingcheck evaluate FOLDER --against OTHER --photos SOURCE."
    )


def _text(figure: dict[str, Any] | None) -> str:
    return "–" if figure is None else figure_text(figure)


def _threshold(pair: list[float] | None) -> str:
    return "none supported" if pair is None else f"{100 * pair[0]:g} % wrong from {pair[1]:.3f}"


def figures_table(metrics: Mapping[str, Any]) -> Table:
    """All figures of metrics.json, each with its interval and number of photos."""
    table = Table("figure", "value and 95 % interval", "photos")
    groups = {"": metrics["species"], "before review: ": metrics.get("species_before_review") or {}}
    for prefix, group in groups.items():
        for name, figure in group.items():
            table.add_row(prefix + name.replace("_", " "), figure_text(figure), str(figure["photos"]))
    for name, value in (metrics["scope"] or {}).items():
        by_kind = value if "value" not in value else {"": value}
        for kind, figure in by_kind.items():
            label = f"{name} {kind}".strip().replace("_", " ")
            table.add_row(label, figure_text(figure), str(figure["photos"]))
    return table


def folds_table(figures: Mapping[str, Any]) -> Table:
    """The figures of out_of_fold.json, on labels as found and as judged by a person beside each other."""
    table = Table("out of fold", "labels as found", "labels as judged")
    for name, found in figures["as_found"].items():
        table.add_row(name.replace("_", " "), figure_text(found), figure_text(figures["as_judged"][name]))
    table.add_row("photos", *(str(figures[key]["accuracy"]["photos"]) for key in ("as_found", "as_judged")))
    per_fold = ", ".join(f"{value:.3f}" for value in figures["accuracy_per_fold"].values())
    table.add_row("accuracy of each fold", per_fold, "")
    scope = ", ".join("–" if value is None else f"{value:.3f}" for value in figures["in_scope_auroc_per_fold"])
    table.add_row("in-scope AUROC of each fold", scope, "")
    return table
