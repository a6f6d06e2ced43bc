"""What a data set holds, and what is wrong with it: the figures of ``wingcheck dataset inspect``."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np

from ml.collection.deduplication import groups
from ml.datasets.splits import PARTS
from ml.datasets.survey import Seen, content_fingerprint

# Classes further apart than this learn unevenly; the larger one's label becomes the safe guess.
_UNEVEN = 2.0
_SMALL = 64
_SHOWN = 20


def inspect(seen: Sequence[Seen], *, distance: int = 6) -> dict[str, Any]:
    """Counts, sizes, duplicates, balance and what to do about them.

    Args:
        seen: every photo of the data set, looked at.
        distance: the most bits, of 64, in which near duplicates differ.

    Returns:
        a JSON-able table; ``remarks`` are sentences for a person.
    """
    readable = [each for each in seen if each.problem is None]
    found: dict[str, Any] = {
        "photos": len(seen),
        "fingerprint": content_fingerprint([each.photo for each in seen], [each.sha256 for each in seen]),
        "classes": dict(sorted(Counter(each.photo.label for each in seen).items())),
        "kinds": dict(Counter(each.photo.kind for each in seen)),
        "parts": _parts(seen),
        "unreadable": [{"path": each.photo.path, "why": each.problem} for each in seen if each.problem is not None],
        "doubtful": sum(each.photo.screening != "ok" for each in seen),
        "photographers": _groups([each.photo.photographer for each in seen]),
        "events": _groups([each.photo.event for each in seen]),
        "formats": dict(Counter(each.format for each in readable).most_common()),
        "sizes": _sizes(readable),
        "exact_duplicates": _copies(readable),
        "near_duplicates": _near(readable, distance),
    }
    return found | {"remarks": remarks(found)}


def _parts(seen: Sequence[Seen]) -> dict[str, dict[str, int]]:
    counts = Counter((each.photo.part, each.photo.label) for each in seen if each.photo.part is not None)
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


def _sizes(readable: Sequence[Seen]) -> dict[str, Any] | None:
    if not readable:
        return None
    sides = np.array([(each.width, each.height) for each in readable])
    shortest = sides.min(1)
    return {
        "width": _spread(sides[:, 0]),
        "height": _spread(sides[:, 1]),
        "kilobytes": _spread(np.array([each.bytes / 1000 for each in readable])),
        "square": float(np.mean(sides[:, 0] == sides[:, 1])),
        "below_64_pixels": int((shortest < _SMALL).sum()),
    }


def _spread(values: np.ndarray) -> dict[str, float]:
    low, middle, high = np.percentile(values, [0, 50, 100])
    return {"smallest": round(float(low), 1), "median": round(float(middle), 1), "largest": round(float(high), 1)}


def _copies(readable: Sequence[Seen]) -> list[dict[str, Any]]:
    """Groups of files with the same bytes."""
    by_content: dict[str, list[Seen]] = defaultdict(list)
    for each in readable:
        by_content[each.sha256].append(each)
    return [_group(group) for group in by_content.values() if len(group) > 1]


def _near(readable: Sequence[Seen], distance: int) -> list[dict[str, Any]]:
    """Groups that look the same and are not simply one file twice."""
    by_first: dict[int, list[Seen]] = defaultdict(list)
    for each, first in zip(readable, groups([each.hash or 0 for each in readable], distance), strict=True):
        by_first[first].append(each)
    return [_group(group) for group in by_first.values() if len({each.sha256 for each in group}) > 1]


def _group(group: Sequence[Seen]) -> dict[str, Any]:
    return {
        "paths": [each.photo.path for each in group],
        "classes": sorted({each.photo.label for each in group}),
        "parts": sorted({each.photo.part for each in group if each.photo.part is not None}),
    }


def _photos(count: int) -> str:
    return "1 photo" if count == 1 else f"{count} photos"


def remarks(found: dict[str, Any]) -> list[str]:
    """What a person should do before training on this, most important first; empty when nothing is wrong."""
    said = []
    copies = [*found["exact_duplicates"], *found["near_duplicates"]]
    torn = [group for group in copies if len(group["parts"]) > 1]
    if torn:
        said.append(
            f"The same or nearly the same photo lies in several parts ({len(torn)} times): figures on the test part would "
            "be too good. Divide anew, tied by near duplicates."
        )
    two_labels = [group for group in copies if len(group["classes"]) > 1]
    if two_labels:
        paths = ", ".join(two_labels[0]["paths"][:3])
        said.append(f"The same photo stands under different classes ({len(two_labels)} times), for example {paths}.")
    if found["unreadable"]:
        paths = ", ".join(each["path"] for each in found["unreadable"][:3])
        said.append(f"{_photos(len(found['unreadable']))} can't be read ({paths}): take out what is damaged.")
    if found["exact_duplicates"]:
        extra = sum(len(group["paths"]) - 1 for group in found["exact_duplicates"])
        said.append(f"Exact copies of other photos: {extra}.")
    sizes = list(found["classes"].values())
    if len(sizes) > 1 and max(sizes) > _UNEVEN * min(sizes):
        few = min(found["classes"], key=found["classes"].__getitem__)
        said.append(f"The classes are uneven: {few} has {_photos(min(sizes))}, the largest has {max(sizes)}.")
    if found["sizes"] and found["sizes"]["below_64_pixels"]:
        said.append(f"Photos with a side below {_SMALL} pixels: {found['sizes']['below_64_pixels']}.")
    people = found["photographers"]
    if people and people["largest_share"] > 0.25:
        said.append(
            f"One photographer took {people['largest_share']:.0%} of the photos: tie by photographer when dividing."
        )
    return said
