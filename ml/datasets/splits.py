"""Splitting photos so that no test photo has a sibling in training.

Photos taken in one burst, or copies of each other, are nearly the same picture; on both sides of a random split they
turn a test into a memory exercise. So photos are tied together by blocks of sequence numbers and by near-duplicate
groups, and whole bundles go to one part.
"""

from __future__ import annotations

import hashlib
import random
from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

from ml.datasets.folder import Photo

Part = Literal["train", "calibration", "test"]
PARTS: tuple[Part, ...] = ("train", "calibration", "test")


@dataclass(frozen=True)
class Split:
    """Part and bundle of every photo, in the photos' order. Photos of one ``bundle`` share a part."""

    parts: tuple[Part, ...]
    bundles: tuple[str, ...]


class Union:
    """Union-find over hashable keys: which of them are tied together, directly or through others."""

    def __init__(self) -> None:
        self._parent: dict[Hashable, Hashable] = {}

    def root(self, key: Hashable) -> Hashable:
        """The representative of ``key``'s bundle."""
        parent = self._parent.setdefault(key, key)
        if parent != key:
            self._parent[key] = parent = self.root(parent)
        return parent

    def tie(self, one: Hashable, other: Hashable) -> None:
        """Put both in the same bundle."""
        self._parent[self.root(one)] = self.root(other)


def bundle(photos: Sequence[Photo], block: int) -> list[str]:
    """A bundle name per photo: those in one block of ``block`` sequence numbers of a label, and near duplicates, share
    it, also through each other. A photo with neither number nor group is a bundle of its own.
    """
    union = Union()
    for photo in photos:
        own = ("photo", photo.path)
        if photo.sequence is not None:
            union.tie(own, ("block", photo.label, (photo.sequence - 1) // block))
        if photo.group is not None:
            union.tie(own, ("near", photo.group))
    names: dict[Hashable, str] = {}
    roots = [union.root(("photo", photo.path)) for photo in photos]
    for photo, root in zip(photos, roots, strict=True):
        names[root] = min(names.get(root, photo.path), photo.path)
    return [names[root] for root in roots]


def split_species(photos: Sequence[Photo], *, block: int, calibration: float, test: float, seed: int) -> Split:
    """Divide species photos into train, calibration and test, label by label, whole bundles at a time.

    Args:
        photos: of the species to tell apart.
        block: sequence numbers per block.
        calibration, test: shares of each label's photos, 0…1; the rest trains.
        seed: another seed, another split; the same seed and photos, the same split.
    """
    bundles = bundle(photos, block)
    sizes: dict[str, int] = defaultdict(int)
    labels: dict[str, str] = {}
    for photo, name in zip(photos, bundles, strict=True):
        sizes[name] += 1
        labels.setdefault(name, photo.label)
    chosen: dict[str, Part] = {}
    for label in sorted(set(labels.values())):
        own = sorted(name for name in sizes if labels[name] == label)
        random.Random(f"{seed}/{label}").shuffle(own)
        chosen.update(_fill(own, sizes, calibration, test))
    return Split(tuple(chosen[name] for name in bundles), tuple(bundles))


def _fill(names: Sequence[str], sizes: dict[str, int], calibration: float, test: float) -> dict[str, Part]:
    total = sum(sizes[name] for name in names)
    wanted = {"test": test * total, "calibration": calibration * total}
    chosen: dict[str, Part] = {}
    filled = {"test": 0, "calibration": 0}
    for name in names:
        part: Part = "train"
        for candidate in ("test", "calibration"):
            if filled[candidate] + sizes[name] / 2 <= wanted[candidate]:
                part = "test" if candidate == "test" else "calibration"
                filled[candidate] += sizes[name]
                break
        chosen[name] = part
    return chosen


def split_outsiders(
    photos: Sequence[Photo], *, held_out: float, calibration: float, test: float, seed: int
) -> tuple[Split, tuple[bool, ...]]:
    """Divide photos of other subjects, and keep some subjects wholly for the test.

    Whether a network knows *any* other subject, or only those it saw, shows on labels it never met: of each kind a
    share ``held_out`` of the labels goes to the test as a whole. The others' photos are divided one by one.

    Returns:
        the split, and for each photo whether its label is held out.
    """
    hidden = {(photo.kind, photo.label) for photo in photos if _draw(seed, "label", photo.kind, photo.label) < held_out}
    parts: list[Part] = []
    for photo in photos:
        draw = _draw(seed, "photo", photo.path)
        if (photo.kind, photo.label) in hidden or draw < test:
            parts.append("test")
        else:
            parts.append("calibration" if draw < test + calibration else "train")
    bundles = tuple(photo.path for photo in photos)
    return Split(tuple(parts), bundles), tuple((photo.kind, photo.label) in hidden for photo in photos)


def _draw(seed: int, *words: str) -> float:
    """A number in 0…1 that depends on the words alone, so that adding a photo moves no other."""
    digest = hashlib.sha256("/".join((str(seed), *words)).encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
