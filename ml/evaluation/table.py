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
