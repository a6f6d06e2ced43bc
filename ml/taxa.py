"""What a model version says of its labels: names, rank, key in the GBIF backbone, and the marks to look for."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

TABLE = Path(__file__).parent / "experiments" / "taxa.json"

Entry = Mapping[str, Any]


def label_of(taxon: str) -> str:
    """A taxon's name as folder and label: lower-case ASCII letters, digits and underscores; may come out empty."""
    plain = unicodedata.normalize("NFKD", taxon).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "_", plain.lower()).strip("_")


def manifest_labels(
    labels: tuple[str, ...], known: Mapping[str, Entry] | None = None, table: Path = TABLE
) -> list[dict[str, Any]]:
    """The ``labels`` of a manifest for these folder labels, in their order.

    Args:
        labels: as the data name them.
        known: entries that came with the data; they win over the table's.
        table: what Wingcheck knows by itself. A label that neither has gets an entry from its name alone.
    """
    taxa: dict[str, Entry] = json.loads(table.read_text(encoding="utf-8")) | dict(known or {})
    return [dict(taxa[label]) if label in taxa else bare_entry(label) for label in labels]


def bare_entry(label: str) -> dict[str, Any]:
    """What the name alone tells: ``maniola_jurtina`` is read as Maniola jurtina, anything else stays as it is."""
    name = label
    if re.fullmatch(r"[a-z]+(_[a-z]+)+", label):
        name = label.replace("_", " ").capitalize()
    return {
        "scientific_name": name,
        "taxon_rank": "species",
        "gbif_key": None,
        "vernacular_names": {},
        "marks": {},
    }
