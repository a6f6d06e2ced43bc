"""What a model version says of its labels: names, rank, key in the GBIF backbone, and the marks to look for."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "experiments" / "taxa.json"


class UnknownTaxon(Exception):
    """A label that the table of taxa does not have."""


def manifest_labels(labels: tuple[str, ...], table: Path = TABLE) -> list[dict[str, Any]]:
    """The ``labels`` of a manifest for these folder labels, in their order.

    Raises:
        UnknownTaxon: the table lacks one of them.
    """
    taxa = json.loads(table.read_text(encoding="utf-8"))
    missing = [label for label in labels if label not in taxa]
    if missing:
        raise UnknownTaxon(f"{table.name} has no entry for {', '.join(missing)}.")
    return [taxa[label] for label in labels]
