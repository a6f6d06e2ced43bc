"""What else a photo may show: a network that knows many insects by name, asked beside the version's own.

It sees the same square with more detail than the version's own network. Its probabilities are used twice: they are
evidence on whether the photo shows one of the version's labels at all, and where it does not, they name what it probably is.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

MOST_NAMES = 3
_FLOOR = 1e-6
# One network's certainty must not outweigh everything else.
_MOST_EVIDENCE = 5.0


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
    version's own labels); ``own`` (n,) bool, which are the version's own labels; ``vernacular_names`` per scientific name.
    ``slope`` and ``intercept`` turn the logit of a name's probability into that of its being right (Platt scaling);
    names are said from the calibrated probability ``least`` on. ``scope`` (a, b, c) weighs the evidence of the names:
    in-scope logit = a × the version's own + b × evidence + c.
    """

    size: int
    labels: tuple[str, ...]
    spoken: np.ndarray
    own: np.ndarray
    vernacular_names: Mapping[str, Mapping[str, str]]
    slope: float
    intercept: float
    least: float
    scope: tuple[float, float, float] = (1.0, 0.0, 0.0)

    def in_scope(self, own: float, probabilities: np.ndarray) -> float:
        """The version's own in-scope score, 0…1, weighed together with what the names say."""
        inside = min(max(own, _FLOOR), 1 - _FLOOR)
        weight, by_names, offset = self.scope
        logit = weight * math.log(inside / (1 - inside)) + by_names * self.evidence(probabilities) + offset
        return 1 / (1 + math.exp(-min(max(logit, -30.0), 30.0)))

    def evidence(self, probabilities: np.ndarray) -> float:
        """How much speaks for one of the version's own labels: log odds against the most probable other name.

        Args:
            probabilities: of all names, ``(n,)``.
        """
        own = float(probabilities[self.own].sum())
        other = float(np.where(self.own, 0.0, probabilities).max())
        odds = math.log(max(own, _FLOOR)) - math.log(max(other, _FLOOR))
        return min(max(odds, -_MOST_EVIDENCE), _MOST_EVIDENCE)

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
    rows = json.loads((folder / "names" / "labels.json").read_text(encoding="utf-8"))
    labels = tuple(str(row["scientific_name"]) for row in rows)
    is_own = np.array([label in own for label in labels])
    spoken = np.array([bool(row["spoken"]) for row in rows]) & ~is_own
    return NamesInfo(
        size=int(part["size"]),
        labels=labels,
        spoken=spoken,
        own=is_own,
        vernacular_names={
            label: {str(code): str(name) for code, name in row["vernacular_names"].items()}
            for label, row in zip(labels, rows, strict=True)
        },
        slope=float(part["slope"]),
        intercept=float(part["intercept"]),
        least=float(part["least"]),
        scope=(float(part["scope"][0]), float(part["scope"][1]), float(part["scope"][2])),
    )
