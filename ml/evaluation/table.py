"""Figures as a table for the terminal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table

from ml.evaluation.card import figure_text


def figures_table(metrics: Mapping[str, Any]) -> Table:
    """All figures of metrics.json, each with its interval and number of photos."""
    table = Table("figure", "value and 95 % interval", "photos")
    groups = {"": metrics["species"], "before review: ": metrics.get("species_before_review") or {}}
    for prefix, group in groups.items():
        for name, figure in group.items():
            table.add_row(prefix + name.replace("_", " "), figure_text(figure), str(figure["photos"]))
    for name, value in (metrics["scope"] or {}).items():
        each = value if "value" not in value else {"": value}
        for kind, figure in each.items():
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
