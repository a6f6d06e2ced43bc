"""What a data set holds, and what is wrong with it: the figures of ``wingcheck dataset inspect``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.collection.deduplication import groups
from ml.datasets.splits import PARTS
from ml.datasets.survey import Look, content_fingerprint

# Classes further apart than this learn unevenly; the larger one's label becomes the safe guess.
_UNEVEN = 2.0
_SMALL = 64
_SHOWN = 20


def inspect(looks: Sequence[Look], *, distance: int = 6) -> dict[str, Any]:
    """Counts, sizes, duplicates, balance and what to do about them.

    Args:
        looks: every photo of the data set, looked at.
        distance: the most bits, of 64, in which near duplicates differ.

    Returns:
        a JSON-able table; ``remarks`` are sentences for a person.
    """
    readable = [look for look in looks if look.problem is None]
    figures: dict[str, Any] = {
        "photos": len(looks),
        "fingerprint": content_fingerprint([look.photo for look in looks], [look.sha256 for look in looks]),
        "classes": dict(sorted(Counter(look.photo.label for look in looks).items())),
        "kinds": dict(Counter(look.photo.kind for look in looks)),
        "parts": _parts(looks),
        "unreadable": [{"path": look.photo.path, "why": look.problem} for look in looks if look.problem is not None],
        "doubtful": sum(look.photo.screening != "ok" for look in looks),
        "photographers": _groups([look.photo.photographer for look in looks]),
        "events": _groups([look.photo.event for look in looks]),
        "formats": dict(Counter(look.format for look in readable).most_common()),
        "sizes": _sizes(readable),
        "exact_duplicates": _copies(readable),
        "near_duplicates": _near(readable, distance),
    }
    return figures | {"remarks": remarks(figures)}


def _parts(looks: Sequence[Look]) -> dict[str, dict[str, int]]:
    counts = Counter((look.photo.part, look.photo.label) for look in looks if look.photo.part is not None)
    table: dict[str, dict[str, int]] = {part: {} for part in PARTS if any(p == part for p, _ in counts)}
    for (part, label), count in sorted(counts.items()):
        table[str(part)][label] = count
    return table


def _groups(names: Sequence[str | None]) -> dict[str, Any] | None:
    known = Counter(name for name in names if name is not None)
    if not known:
        return None
    return {
        "number": len(known),
        "without": sum(name is None for name in names),
        "largest_share": known.most_common(1)[0][1] / len(names),
    }


def _sizes(readable: Sequence[Look]) -> dict[str, Any] | None:
    if not readable:
        return None
    sides = np.array([(look.width, look.height) for look in readable])
    shortest = sides.min(1)
    return {
        "width": _spread(sides[:, 0]),
        "height": _spread(sides[:, 1]),
        "kilobytes": _spread(np.array([look.bytes / 1000 for look in readable])),
        "square": float(np.mean(sides[:, 0] == sides[:, 1])),
        "below_64_pixels": int((shortest < _SMALL).sum()),
    }


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.percentile(values, [0, 50, 100])
    return {"smallest": round(float(low), 1), "median": round(float(middle), 1), "largest": round(float(high), 1)}


def _copies(readable: Sequence[Look]) -> list[dict[str, Any]]:
    """Groups of files with the same bytes."""
    by_content: dict[str, list[Look]] = defaultdict(list)
    for look in readable:
        by_content[look.sha256].append(look)
    return [_group(group) for group in by_content.values() if len(group) > 1]


def _near(readable: Sequence[Look], distance: int) -> list[dict[str, Any]]:
    """Groups that look the same and are not simply one file twice."""
    by_first: dict[int, list[Look]] = defaultdict(list)
    for look, first in zip(readable, groups([look.hash or 0 for look in readable], distance), strict=True):
        by_first[first].append(look)
    return [_group(group) for group in by_first.values() if len({look.sha256 for look in group}) > 1]


def _group(group: Sequence[Look]) -> dict[str, Any]:
    return {
        "paths": [look.photo.path for look in group],
        "classes": sorted({look.photo.label for look in group}),
        "parts": sorted({look.photo.part for look in group if look.photo.part is not None}),
    }


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def remarks(figures: dict[str, Any]) -> list[str]:
    """What a person should do before training on this, most important first; empty when nothing is wrong."""
    sentences = []
    copies = [*figures["exact_duplicates"], *figures["near_duplicates"]]
    torn = [group for group in copies if len(group["parts"]) > 1]
    if torn:
        sentences.append(
            f"The same or nearly the same photo lies in several parts ({len(torn)} times): figures on the test part would "
            "be too good. Divide anew, tied by near duplicates."
        )
    two_labels = [group for group in copies if len(group["classes"]) > 1]
    if two_labels:
        paths = ", ".join(two_labels[0]["paths"][:3])
        sentences.append(
            f"The same photo stands under different classes ({len(two_labels)} times), for example {paths}."
        )
    if figures["unreadable"]:
        paths = ", ".join(look["path"] for look in figures["unreadable"][:3])
        sentences.append(f"{_photos(len(figures['unreadable']))} can't be read ({paths}): take out what is damaged.")
    if figures["exact_duplicates"]:
        extra = sum(len(group["paths"]) - 1 for group in figures["exact_duplicates"])
        sentences.append(f"Exact copies of other photos: {extra}.")
    sizes = list(figures["classes"].values())
    if len(sizes) > 1 and max(sizes) > _UNEVEN * min(sizes):
        few = min(figures["classes"], key=figures["classes"].__getitem__)
        sentences.append(f"The classes are uneven: {few} has {_photos(min(sizes))}, the largest has {max(sizes)}.")
    if figures["sizes"] and figures["sizes"]["below_64_pixels"]:
        sentences.append(f"Photos with a side below {_SMALL} pixels: {figures['sizes']['below_64_pixels']}.")
    people = figures["photographers"]
    if people and people["largest_share"] > 0.25:
        sentences.append(
            f"One photographer took {people['largest_share']:.0%} of the photos: tie by photographer when dividing."
        )
    return sentences
