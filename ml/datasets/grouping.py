"""Dividing any data set: stratified by class, whole bundles at a time, the same for the same seed.

Photos that are nearly the same picture belong on one side. What ties them is a choice: one photographer, one event,
near duplicates by perceptual hash, or a block of sequence numbers; several at once tie through each other.
"""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast, get_args

from ml.collection.deduplication import Union, groups
from ml.datasets.folder import DataError, Photo
from ml.datasets.splits import PARTS, Part

Tie = Literal["photographer", "event", "near-duplicate", "block"]
TIES: tuple[Tie, ...] = get_args(Tie)


@dataclass(frozen=True)
class Division:
    """Part and bundle of every photo, in the photos' order."""

    parts: tuple[Part, ...]
    bundles: tuple[str, ...]


def bundles_of(
    photos: Sequence[Photo],
    ties: Sequence[Tie],
    *,
    hashes: Sequence[int] | None = None,
    distance: int = 6,
    block: int = 25,
) -> list[str]:
    """A bundle name per photo: the first path among those that are tied to it.

    Args:
        photos: of a data set.
        ties: what keeps photos together; exact and noted duplicates always do.
        hashes: a perceptual hash per photo; only needed for near duplicates.
        distance: the most bits, of 64, in which near duplicates differ.
        block: sequence numbers per block.
    """
    union = Union()
    for row, photo in enumerate(photos):
        union.tie(row, row)
        keys = {
            "photographer": photo.photographer,
            "event": photo.event,
            "near-duplicate": photo.group,
            "block": None if photo.sequence is None else (photo.label, (photo.sequence - 1) // block),
        }
        for tie in ties:
            if keys[tie] is not None:
                union.tie(row, (tie, keys[tie]))
    if hashes is not None and "near-duplicate" in ties:
        for row, first in enumerate(groups(hashes, distance)):
            union.tie(row, first)
    names: dict[object, str] = {}
    for row, photo in enumerate(photos):
        root = union.root(row)
        names[root] = min(names.get(root, photo.path), photo.path)
    return [names[union.root(row)] for row in range(len(photos))]


def divide_bundles(
    photos: Sequence[Photo], bundles: Sequence[str], fractions: Mapping[Part, float], *, seed: int
) -> Division:
    """Divide photos so that each class has its fractions, as nearly as whole bundles allow.

    Bundles go one by one, the large ones first and in random order among equals, to the part that lacks most of what they
    hold. Photos that bring a part along keep it, with their whole bundle.

    Args:
        photos: to divide.
        bundles: name of each photo's bundle.
        fractions: what share of each class a part gets; they sum to 1.
        seed: another seed, another division.

    Raises:
        DataError: the fractions don't sum to 1, or a part stays empty of a class.
    """
    if abs(sum(fractions.values()) - 1) > 1e-6 or min(fractions.values()) < 0:
        raise DataError("The fractions must be shares that sum to 1, for example 0.7/0.15/0.15.")
    content: dict[str, Counter[str]] = defaultdict(Counter)
    fixed: dict[str, Part] = {}
    for photo, name in zip(photos, bundles, strict=True):
        content[name][photo.label] += 1
        if photo.part is not None:
            fixed[name] = max(fixed.get(name, "train"), cast("Part", photo.part), key=PARTS.index)
    totals = Counter(photo.label for photo in photos)
    lacking = {part: {label: fractions.get(part, 0.0) * totals[label] for label in totals} for part in PARTS}
    order = sorted(content)
    random.Random(seed).shuffle(order)
    order.sort(key=lambda name: (name not in fixed, -content[name].total()))
    offered = [part for part, share in fractions.items() if share > 0]
    chosen: dict[str, Part] = {}
    for name in order:
        chosen[name] = fixed.get(name) or _neediest(content[name], lacking, totals, offered)
        for label, count in content[name].items():
            lacking[chosen[name]][label] -= count
    division = Division(tuple(chosen[name] for name in bundles), tuple(bundles))
    _check(photos, division, fractions)
    return division


def _neediest(
    bundle: Counter[str], lacking: Mapping[Part, Mapping[str, float]], totals: Counter[str], offered: Sequence[Part]
) -> Part:
    """The part whose gap the bundle fills best; where it overfills all of them, the one that it overfills least."""

    def gain(part: Part) -> float:
        gaps = lacking[part]
        before = sum(abs(gaps[label]) / totals[label] for label in bundle)
        after = sum(abs(gaps[label] - count) / totals[label] for label, count in bundle.items())
        return before - after

    return max(offered, key=lambda part: (gain(part), max(lacking[part][label] for label in bundle)))


def _check(photos: Sequence[Photo], division: Division, fractions: Mapping[Part, float]) -> None:
    filled = {(part, photo.label) for photo, part in zip(photos, division.parts, strict=True)}
    for part, share in fractions.items():
        for label in sorted({photo.label for photo in photos}):
            if share > 0 and (part, label) not in filled:
                raise DataError(
                    f"No photo of {label} is left for the {part} part: there are too few bundles of it. "
                    "Tie less together, collect more, or choose other fractions."
                )
