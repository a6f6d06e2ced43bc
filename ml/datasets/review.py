"""Labels that a person has judged by eye, with a reason for each.

A table of ``label, sequence, decision, reason``, or with ``path`` instead of the first two, as ``wingcheck dataset clean``
writes it. Decisions: ``keep`` (the label is right, or nobody can say), ``remove`` (plainly neither: another subject, no
butterfly, a specimen plate) and ``relabel:LABEL``; rows without a decision are not decided yet and change nothing.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from ml.datasets.folder import DataError, Photo


@dataclass(frozen=True)
class Judgement:
    """What a person decided on one photo, and why. ``relabel`` is the right label where the decision was that."""

    decision: str
    reason: str
    relabel: str | None = None


def read_review(table: Path) -> dict[str, Judgement]:
    """Judgements by a photo's path or by ``label/sequence``. Raises DataError for a missing table or unknown decision."""
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            return {_key(row): _judgement(row) for row in csv.DictReader(stream) if row["decision"].strip()}
    except (OSError, KeyError, ValueError) as error:
        raise DataError(f"The label review {table.name} can't be read: {error!r}.") from error


def _key(row: Mapping[str, str]) -> str:
    return row["path"] if "path" in row else f"{row['label']}/{int(row['sequence'])}"


def _judgement(row: Mapping[str, str]) -> Judgement:
    decision, _, label = row["decision"].strip().partition(":")
    if decision not in {"keep", "remove", "relabel"} or (decision == "relabel") != bool(label):
        raise ValueError(f"unknown decision {row['decision']!r}")
    return Judgement(decision, row["reason"], label or None)


def apply_review(photos: Sequence[Photo], review: Mapping[str, Judgement]) -> list[Photo | None]:
    """The photos with their judged labels; None where a photo was removed."""
    return [
        _applied(photo, review.get(photo.path) or review.get(f"{photo.label}/{photo.sequence}")) for photo in photos
    ]


def _applied(photo: Photo, judgement: Judgement | None) -> Photo | None:
    if judgement is None or judgement.decision == "keep":
        return photo
    return replace(photo, label=judgement.relabel) if judgement.relabel else None
