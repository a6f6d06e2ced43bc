"""What else a photo may show: a network that knows many insects by name, asked beside the version's own.

It sees the same square with more detail than the version's own network, and only where that says that the photo is out of
scope.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ml.checks.limits import read_json

MOST_NAMES = 3
_FLOOR = 1e-6


@dataclass(frozen=True)
class LooksLike:
    """A species outside the version's labels that a photo may show, with its calibrated probability."""

    scientific_name: str
    probability: float
    vernacular_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class NamesInfo:
    """What is known of the names without loading their network.

    ``labels`` in the order of its output; ``spoken`` (n,) bool, which of them are ever said (a region's species, not the
    version's own labels); ``vernacular_names`` per scientific name.
    ``slope`` and ``intercept`` turn the logit of a name's probability into that of its being right (Platt scaling);
    names are said from the calibrated probability ``least`` on.
    """

    size: int
    labels: tuple[str, ...]
    spoken: np.ndarray
    vernacular_names: Mapping[str, Mapping[str, str]]
    slope: float
    intercept: float
    least: float

    def looks_like(self, probabilities: np.ndarray) -> tuple[LooksLike, ...]:
        """Up to three names, the most probable first; none where the most probable name is not certain enough, or is one
        that is never said.
        """
        order = np.argsort(-probabilities, kind="stable")
        first = int(order[0])
        if not self.spoken[first] or self.calibrated(float(probabilities[first])) < self.least:
            return ()
        chosen = [int(index) for index in order[: 4 * MOST_NAMES] if self.spoken[index]][:MOST_NAMES]
        return tuple(
            LooksLike(
                self.labels[index],
                round(self.calibrated(float(probabilities[index])), 4),
                self.vernacular_names.get(self.labels[index], {}),
            )
            for index in chosen
            if index == first or probabilities[index] >= 0.05
        )

    def calibrated(self, probability: float) -> float:
        """How often a name with this probability is right."""
        inside = min(max(probability, _FLOOR), 1 - _FLOOR)
        return 1 / (1 + math.exp(-(self.slope * math.log(inside / (1 - inside)) + self.intercept)))


def read_names(folder: Path, part: Mapping[str, Any], own: tuple[str, ...]) -> NamesInfo:
    """The names of a version's folder.

    Args:
        folder: of the version.
        part: what its manifest says of the names.
        own: scientific names of the version's labels.

    Raises:
        KeyError, TypeError, ValueError, OSError: the files are malformed.
    """
    rows = read_json(folder / "names" / "labels.json")
    labels = tuple(str(row["scientific_name"]) for row in rows)
    spoken = np.array([bool(row["spoken"]) and row["scientific_name"] not in own for row in rows])
    return NamesInfo(
        size=int(part["size"]),
        labels=labels,
        spoken=spoken,
        vernacular_names={
            label: {str(code): str(name) for code, name in row["vernacular_names"].items()}
            for label, row in zip(labels, rows, strict=True)
        },
        slope=float(part["slope"]),
        intercept=float(part["intercept"]),
        least=float(part["least"]),
    )
