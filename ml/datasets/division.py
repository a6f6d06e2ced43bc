"""Dividing a data set on disk: what ties its photos is found out, and the division is written beside them."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from ml.datasets.folder import DataError, Photo
from ml.datasets.grouping import TIES, Division, Tie, bundles_of, divide_bundles
from ml.datasets.snapshot import FILE as SNAPSHOT
from ml.datasets.sources import read_source, split_table, usable
from ml.datasets.splits import PARTS, Part
from ml.datasets.survey import Look, content_fingerprint, survey


@dataclass(frozen=True)
class DividedSource:
    """A data set's division: the photos that take part, where they go, which are left out, and the report on it all."""

    source: Path
    photos: tuple[Photo, ...]
    division: Division
    left_out: tuple[Photo, ...]
    report: dict[str, Any]

    @property
    def sentence(self) -> str:
        """What was done, for a person."""
        report = self.report
        tied = ", ".join(report["ties"]) or "nothing"
        left = sum(report["left_out"].values())
        rest = f"; {left} were left out (unreadable, exact copies, doubtful)" if left else ""
        return f"{report['photos']} photos in {report['bundles']} bundles, tied by {tied}{rest}. No bundle is in two parts."


def ties_from(names: Sequence[str] | None) -> tuple[Tie, ...]:
    """The ties of these names, all of them where none is given. Raises DataError for an unknown one."""
    for name in names or ():
        if name not in TIES:
            raise DataError(f"Photos can't be tied by {name!r}; there are {', '.join(TIES)}.")
    return tuple(cast("Tie", name) for name in names) if names else TIES


def fractions_from(text: str) -> dict[Part, float]:
    """``0.7/0.15/0.15`` or ``70/15/15`` as shares of train, calibration and test. Raises DataError."""
    try:
        values = [float(part) for part in text.split("/")]
    except ValueError as error:
        raise DataError(f"{text!r} are no fractions; write 0.7/0.15/0.15.") from error
    if len(values) != len(PARTS) or min(values) < 0 or sum(values) <= 0:
        raise DataError(f"{text!r} must be three shares: train/calibration/test.")
    total = sum(values)
    if not (abs(total - 1) < 1e-6 or abs(total - 100) < 1e-6):
        raise DataError(f"The fractions {text} must sum to 1 or to 100.")
    return dict(zip(PARTS, (value / total for value in values), strict=True))


def divide_source(
    source: Path,
    *,
    ties: Sequence[Tie] = TIES,
    fractions: Mapping[Part, float],
    seed: int = 1,
    block: int = 25,
    distance: int = 6,
    depth: int | None = None,
    anew: bool = False,
) -> DividedSource:
    """Divide a data set. Parts that it brings along stay as they are.

    Photos that can't be read, exact copies of earlier ones, and doubtful ones take no part.

    Raises:
        DataError: it is divided already and not to be ``anew``, or can't be divided so.
    """
    table = split_table(source)
    if table.is_file() and not anew:
        raise DataError(f"{source} is divided already ({table.name}); --anew divides it again.")
    if (source / SNAPSHOT).is_file():
        raise DataError(f"{source} is a snapshot: the application divided it, once and for all.")
    photos = read_source(source, depth=depth, with_split=False)
    looks = survey(photos)
    taking_part = _taking_part(looks)
    chosen = [look.photo for look in taking_part]
    if not chosen:
        raise DataError(f"No photo of {source} can take part.")
    hashes = [look.hash or 0 for look in taking_part]
    bundles = bundles_of(chosen, ties, hashes=hashes, distance=distance, block=block)
    division = divide_bundles(chosen, bundles, fractions, seed=seed)
    report = {
        "fingerprint": content_fingerprint(photos, [look.sha256 for look in looks]),
        "seed": seed,
        "ties": list(ties),
        "fractions": {part: round(share, 6) for part, share in fractions.items()},
        "photos": len(chosen),
        "bundles": len(set(bundles)),
        "largest_bundle": Counter(bundles).most_common(1)[0][1],
        "left_out": _left_out(looks),
        "classes": _classes(chosen, division),
    }
    taken = {id(look) for look in taking_part}
    left_out = tuple(look.photo for look in looks if id(look) not in taken)
    return DividedSource(source, tuple(chosen), division, left_out, report)


def write_split(divided: DividedSource) -> list[Path]:
    """Write split.csv, which every reader of the data set follows, and its report as JSON.

    Photos that are left out stand in it without a part, so that photos which come later are told from them.
    """
    table = split_table(divided.source)
    with table.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["path", "label", "part", "bundle"])
        rows = zip(divided.photos, divided.division.parts, divided.division.bundles, strict=True)
        writer.writerows([photo.path, photo.label, part, bundle] for photo, part, bundle in rows)
        writer.writerows([photo.path, photo.label, "", ""] for photo in divided.left_out)
    report = table.with_suffix(".json")
    report.write_text(json.dumps(divided.report, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return [table, report]


def _taking_part(looks: Sequence[Look]) -> list[Look]:
    first: dict[str, Look] = {}
    for look in looks:
        if look.problem is None and usable([look.photo]):
            first.setdefault(look.sha256, look)
    return list(first.values())


def _left_out(looks: Sequence[Look]) -> dict[str, int]:
    good = [look for look in looks if look.problem is None]
    marked = [look for look in good if not usable([look.photo])]
    fine = [look for look in good if usable([look.photo])]
    return {
        "unreadable": len(looks) - len(good),
        "marked": len(marked),
        "exact_copies": len(fine) - len({look.sha256 for look in fine}),
    }


def _classes(photos: Sequence[Photo], division: Division) -> dict[str, dict[str, int]]:
    counts = Counter((photo.label, part) for photo, part in zip(photos, division.parts, strict=True))
    return {label: {part: counts[label, part] for part in PARTS} for label in sorted({photo.label for photo in photos})}
