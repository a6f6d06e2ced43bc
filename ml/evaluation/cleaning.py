"""Finding labels that are probably wrong, for a person to decide on.

A model that has not learnt from a photo answers for it (out_of_fold.csv), and confident learning (Northcutt et al. 2021, the
cleanlab library) says which of its disagreements with the labels are too certain to be the model's. Photos that show none
of the labels, about which the probabilities say nothing, are found through the in-scope score. The list is a table with an
empty column for decisions; filled in, it is a review that a config can name.
"""

from __future__ import annotations

import csv
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ml.datasets.contact_sheet import INK, PAPER, sheet, thumbnail
from ml.datasets.folder import DataError, Photo
from ml.evaluation.out_of_fold import OutOfFold

NONE = "none"
# Where a model gives a photo less than an even chance of showing any label.
_SHOWS_NONE_BELOW = 0.5
COLUMNS = ("number", "path", "given", "suggested", "score", "decision", "reason")


@dataclass(frozen=True)
class Candidate:
    """A label that is probably wrong. ``suggested`` is another label, or NONE; ``score`` 0…1, low where the given label
    is hardly believable.
    """

    path: str
    given: str
    suggested: str
    score: float


@dataclass(frozen=True)
class Comparison:
    """How the candidates compare with photos that a person had marked ``doubtful``: ``candidates`` of them ``both``, of
    ``doubtful`` marks. ``chance`` is the precision that drawing photos blindly would have.
    """

    candidates: int
    doubtful: int
    both: int
    chance: float

    @property
    def precision(self) -> float | None:
        """Share of the candidates that were marked; None without candidates."""
        return self.both / self.candidates if self.candidates else None

    @property
    def recall(self) -> float | None:
        """Share of the marked photos among the candidates; None without marks."""
        return self.both / self.doubtful if self.doubtful else None


def label_candidates(table: OutOfFold, *, scope: bool = True) -> list[Candidate]:
    """Labels that are probably wrong, the least believable first.

    Args:
        table: answers out of fold, at least some for every label.
        scope: also find photos that show none of the labels; without, only labels taken for one another.

    Raises:
        DataError: cleanlab is not installed, or some label has no photo.
    """
    if len(set(table.classes.tolist())) != len(table.labels):
        raise DataError("Some label has no photo, so nothing can be said of its labels.")
    try:
        filters = importlib.import_module("cleanlab.filter")
        ranks = importlib.import_module("cleanlab.rank")
    except ImportError as error:
        raise DataError("Finding wrong labels needs cleanlab: pip install 'wingcheck[train]'.") from error
    issue = np.zeros(len(table), bool)
    issue[filters.find_label_issues(table.classes, table.probabilities, return_indices_ranked_by="self_confidence")] = (
        True
    )
    believable = ranks.get_label_quality_scores(table.classes, table.probabilities, method="self_confidence")
    if scope:
        issue |= table.in_scope < _SHOWS_NONE_BELOW
        believable = believable * table.in_scope
    rows = np.flatnonzero(issue)
    return [_candidate(table, row, float(believable[row]), scope) for row in rows[np.argsort(believable[rows])]]


def _candidate(table: OutOfFold, row: int, believable: float, scope: bool) -> Candidate:
    given = int(table.classes[row])
    others = table.probabilities[row].copy()
    others[given] = -1
    shows_none = scope and table.in_scope[row] < _SHOWS_NONE_BELOW
    suggested = NONE if shows_none else table.labels[int(others.argmax())]
    return Candidate(str(table.paths[row]), table.labels[given], suggested, round(believable, 4))


def against_screening(candidates: Sequence[Candidate], table: OutOfFold) -> Comparison:
    """Compare candidates with the photos whose ``screening`` is doubtful."""
    doubtful = set(table.paths[table.screening == "doubtful"].tolist())
    both = sum(candidate.path in doubtful for candidate in candidates)
    return Comparison(len(candidates), len(doubtful), both, len(doubtful) / max(1, len(table)))


def write_candidates(candidates: Sequence[Candidate], path: Path) -> None:
    """Write the list to decide on. A list that holds decisions is never overwritten: raises DataError."""
    if path.is_file() and _decided(path):
        raise DataError(f"{path} holds decisions; give the new list another name.")
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for number, each in enumerate(candidates, start=1):
            row = {"path": each.path, "given": each.given, "suggested": each.suggested, "score": f"{each.score:.4f}"}
            writer.writerow(row | {"number": number, "decision": "", "reason": ""})


def _decided(path: Path) -> bool:
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            return any((row.get("decision") or "").strip() for row in csv.DictReader(stream))
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path} is there and is no list of candidates.") from error


def candidate_sheet(
    candidates: Sequence[Candidate], photos: Mapping[str, Photo], *, side: int = 120, across: int = 8
) -> Image.Image:
    """The candidates' pictures with their numbers in the list, a block for each "given, looks like suggested"."""
    rows: dict[str, list[Image.Image]] = {}
    for number, each in enumerate(candidates, start=1):
        looks_like = "none of the labels" if each.suggested == NONE else each.suggested
        picture = thumbnail(photos[each.path], side) if each.path in photos else None
        if picture is not None:
            rows.setdefault(f"labelled {each.given}, looks like {looks_like}", []).append(_numbered(picture, number))
    return sheet(rows, side=side, across=across)


def _numbered(picture: Image.Image, number: int) -> Image.Image:
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    left, top, right, bottom = draw.textbbox((4, 2), str(number), font=font)
    draw.rectangle((left - 4, top - 2, right + 4, bottom + 2), fill=PAPER)
    draw.text((4, 2), str(number), fill=INK, font=font)
    return picture
