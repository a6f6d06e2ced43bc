"""Splitting photos so that no test photo has a sibling in training.

Photos taken in one burst, or copies of each other, are nearly the same picture; on both sides of a random split they
turn a test into a memory exercise. So photos are tied together by blocks of sequence numbers and by near-duplicate
groups, and whole bundles go to one part.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, cast

from ml.collection.deduplication import Union
from ml.datasets.folder import DataError, Photo

Part = Literal["train", "calibration", "test"]
PARTS: tuple[Part, ...] = ("train", "calibration", "test")


@dataclass(frozen=True)
class Split:
    """Part and bundle of every photo, in the photos' order. Photos of one ``bundle`` share a part."""

    parts: tuple[Part, ...]
    bundles: tuple[str, ...]


def bundle(photos: Sequence[Photo], block: int) -> list[str]:
    """A bundle name per photo: those in one block of ``block`` sequence numbers of a label, near duplicates, and photos of
    one photographer or one event share it, also through each other. A photo without any of these is a bundle of its own.
    """
    union = Union()
    for photo in photos:
        own = ("photo", photo.path)
        if photo.sequence is not None:
            union.tie(own, ("block", photo.label, (photo.sequence - 1) // block))
        for what, name in (("near", photo.group), ("by", photo.photographer), ("event", photo.event)):
            if name is not None:
                union.tie(own, (what, name))
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
    sizes = Counter(bundles)
    chosen: dict[str, Part] = {}
    for own in _shuffled_by_label(photos, bundles, seed):
        chosen.update(_fill(own, sizes, calibration, test))
    return Split(tuple(chosen[name] for name in bundles), tuple(bundles))


@dataclass(frozen=True)
class Fold:
    """One of ``of`` folds, ``number`` from 1."""

    number: int
    of: int


def split_fold(photos: Sequence[Photo], fold: Fold, *, block: int, calibration: float, seed: int) -> Split:
    """Divide species photos for one fold of a cross-validation: its photos are the test part.

    Whole bundles are dealt out, each to the fold that has fewest photos of its label, so every photo is in the test part
    of exactly one fold. Of the others ``calibration`` times all photos of a label calibrate, and the rest trains.

    Args:
        photos: of the species to tell apart.
        fold: which one.
        block: sequence numbers per block.
        calibration: share of each label's photos, 0…1.
        seed: another seed, other folds.
    """
    bundles = bundle(photos, block)
    sizes = Counter(bundles)
    chosen: dict[str, Part] = {}
    for own in _shuffled_by_label(photos, bundles, seed):
        dealt = [0] * fold.of
        rest = []
        for name in own:
            number = dealt.index(min(dealt))
            dealt[number] += sizes[name]
            if number == fold.number - 1:
                chosen[name] = "test"
            else:
                rest.append(name)
        # Turned, so that the same bundles do not calibrate every fold.
        turned = rest[len(rest) * (fold.number - 1) // fold.of :] + rest[: len(rest) * (fold.number - 1) // fold.of]
        share = calibration * sum(dealt) / max(1, sum(sizes[name] for name in rest))
        chosen.update(_fill(turned, sizes, min(share, 0.5), 0.0))
    return Split(tuple(chosen[name] for name in bundles), tuple(bundles))


def _shuffled_by_label(photos: Sequence[Photo], bundles: Sequence[str], seed: int) -> Iterator[list[str]]:
    """The bundles of each label, in a random order; one of several labels counts for its first."""
    labels: dict[str, str] = {}
    for photo, name in zip(photos, bundles, strict=True):
        labels.setdefault(name, photo.label)
    for label in sorted(set(labels.values())):
        own = sorted(name for name in labels if labels[name] == label)
        random.Random(f"{seed}/{label}").shuffle(own)
        yield own


def split_given(photos: Sequence[Photo], *, block: int, calibration: float, test: float, seed: int) -> Split:
    """The division that the photos bring along. Where they have no calibration or no test part, those that train are
    divided once more for it, with the shares and the bundles of :func:`split_species`.

    Raises:
        DataError: some photos have a part and others have none.
    """
    own_parts = [photo.part for photo in photos]
    if None in own_parts:
        raise DataError("Some photos have a part (train, calibration, test) and others have none.")
    kept = {part for part in ("calibration", "test") if part in own_parts}
    rows = [row for row, part in enumerate(own_parts) if part == "train"]
    drawn = split_species(
        [photos[row] for row in rows],
        block=block,
        calibration=0.0 if "calibration" in kept else calibration,
        test=0.0 if "test" in kept else test,
        seed=seed,
    )
    parts = [cast("Part", part) for part in own_parts]
    for row, part in zip(rows, drawn.parts, strict=True):
        parts[row] = part
    return Split(tuple(parts), tuple(bundle(photos, block)))


def _fill(names: Sequence[str], sizes: Mapping[str, int], calibration: float, test: float) -> dict[str, Part]:
    total = sum(sizes[name] for name in names)
    goals = {"test": test * total, "calibration": calibration * total}
    chosen: dict[str, Part] = {}
    filled = {"test": 0, "calibration": 0}
    for name in names:
        part: Part = "train"
        for candidate in ("test", "calibration"):
            if filled[candidate] + sizes[name] / 2 <= goals[candidate]:
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
