"""Everything a config trains and is judged on, decoded and divided."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ml.config import Config, OutsiderData
from ml.datasets.arrays import decode, fingerprint, recompressed
from ml.datasets.folder import DataError, Photo, read_folder
from ml.datasets.review import Judgement, apply_review, read_review
from ml.datasets.splits import PARTS, Part, Split, split_outsiders, split_species
from ml.datasets.synthetic import PLAIN_KINDS, plain_picture

OUTSIDER = -1
NAMELESS = -1
COPIES = 2
# Blurred cells and stripes are never trained on: they test whether any plain picture is turned away.
PLAIN_TRAINED = ("colour", "gradient", "noise")


@dataclass(frozen=True)
class Examples:
    """Labelled pixels; every array has a row per photo.

    ``pixels`` uint8 ``(n, size, size, 3)``; ``copies`` uint8 ``(n, c, size, size, 3)``, the same photos saved again as
    JPEG, for training, with c = 0 elsewhere; ``classes`` int ``(n,)``, the label's index or OUTSIDER; ``subjects`` int
    ``(n,)``, which other subject a photo shows, or NAMELESS; ``names``, what reports call a photo; ``kinds`` ("species",
    "moth", "plain", …); ``bundles``, photos that must be resampled together; ``unseen``, of a subject wholly kept out of
    training.
    """

    pixels: np.ndarray
    copies: np.ndarray
    classes: np.ndarray
    subjects: np.ndarray
    names: np.ndarray
    kinds: np.ndarray
    bundles: np.ndarray
    unseen: np.ndarray

    def __len__(self) -> int:
        return len(self.classes)

    def where(self, chosen: np.ndarray) -> Examples:
        """The photos that a mask or an index array picks."""
        return Examples(*(getattr(self, name)[chosen] for name in self.__dataclass_fields__))

    @property
    def species(self) -> Examples:
        """Those that show one of the labels."""
        return self.where(self.classes != OUTSIDER)

    @property
    def others(self) -> Examples:
        """Those that show none."""
        return self.where(self.classes == OUTSIDER)


@dataclass(frozen=True)
class Divided:
    """The parts of a config's data, with what to record about them. ``test_before_review`` has the labels as they were
    before a person judged them; equal to ``test`` without a review. ``reviewed`` counts per part the labels that a
    person changed or removed; empty without a review.
    """

    train: Examples
    calibration: Examples
    test: Examples
    test_before_review: Examples
    fingerprint: str
    counts: dict[str, dict[str, int]]
    reviewed: dict[str, int]


def divide(config: Config, root: Path) -> Divided:
    """Read, split and decode what a config names.

    Args:
        config: the run.
        root: folder that holds the config's folders.

    Raises:
        DataError: photos are missing, unreadable, or too few to divide.
    """
    photos, split = _species(config, root)
    judged = apply_review(photos, _review(config))
    outsiders, outside, unseen = _outsiders(config, root)
    every = [*photos, *outsiders]
    parts = np.array([*split.parts, *outside.parts])
    pixels = decode(every, size=config.input_size, training_resolution=config.training_resolution)
    examples = Examples(
        pixels=pixels.values,
        copies=_no_copies(pixels.values),
        classes=np.array([_class(config, photo) for photo in every], np.int64),
        subjects=_subjects(config, every),
        names=np.array([photo.path for photo in every]),
        kinds=np.array([photo.kind if _class(config, photo) == OUTSIDER else "species" for photo in every]),
        bundles=np.array([*split.bundles, *outside.bundles]),
        unseen=np.array([*([False] * len(photos)), *unseen]),
    )
    reviewed = replace(examples, classes=np.array([*_judged_classes(config, judged), *examples.classes[len(photos) :]]))
    kept = np.array([*(photo is not None for photo in judged), *([True] * len(outsiders))])
    test = _with_plain(reviewed.where(kept & (parts == "test")), config, "test")
    divided = Divided(
        train=_with_plain(_without_artefact_clue(config, every, reviewed, kept & (parts == "train")), config, "train"),
        calibration=_with_plain(reviewed.where(kept & (parts == "calibration")), config, "calibration"),
        test=test,
        test_before_review=_with_plain(examples.where(parts == "test"), config, "test"),
        fingerprint=fingerprint(every, pixels.digests, parts.tolist()),
        counts={},
        reviewed=_changed(config, photos, judged, split),
    )
    _check(config, divided)
    parts_by_name = {"train": divided.train, "calibration": divided.calibration, "test": divided.test}
    return replace(divided, counts={name: _counts(config, part) for name, part in parts_by_name.items()})


def _species(config: Config, root: Path) -> tuple[list[Photo], Split]:
    wanted = config.species
    photos = [
        photo
        for photo in read_folder(root / wanted.folder)
        if photo.label in wanted.labels
        and (wanted.kind is None or photo.kind == wanted.kind)
        and photo.screening == "ok"
        and not photo.duplicate
    ]
    split = split_species(
        photos, block=wanted.block, calibration=wanted.calibration, test=wanted.test, seed=wanted.split_seed
    )
    return photos, split


def _outsiders(config: Config, root: Path) -> tuple[list[Photo], Split, tuple[bool, ...]]:
    wanted = config.outsiders
    if wanted is None:
        return [], Split((), ()), ()
    photos = [photo for photo in read_folder(root / wanted.folder) if _is_outsider(config, wanted, photo)]
    split, unseen = split_outsiders(
        photos,
        held_out=wanted.held_out,
        calibration=wanted.calibration,
        test=wanted.test,
        seed=config.species.split_seed,
    )
    return photos, split, unseen


def _is_outsider(config: Config, wanted: OutsiderData, photo: Photo) -> bool:
    excluded = {*wanted.exclude_labels, *config.species.labels}
    return photo.label not in excluded and photo.kind not in wanted.exclude_kinds


def _review(config: Config) -> dict[str, Judgement]:
    name = config.species.review
    return {} if name is None else read_review(Path(__file__).parent.parent / "experiments" / name)


def _changed(config: Config, photos: Sequence[Photo], judged: Sequence[Photo | None], split: Split) -> dict[str, int]:
    if config.species.review is None:
        return {}
    changed = [part for part, photo, now in zip(split.parts, photos, judged, strict=True) if photo != now]
    return {part: changed.count(part) for part in PARTS}


def _class(config: Config, photo: Photo) -> int:
    return config.species.labels.index(photo.label) if photo.label in config.species.labels else OUTSIDER


def _subjects(config: Config, photos: Sequence[Photo]) -> np.ndarray:
    """Index of each outsider's label among those of the kinds that a config wants named."""
    wanted = config.outsiders
    kinds = wanted.subject_kinds if wanted is not None and wanted.subjects_weight > 0 else ()
    names = [
        f"{photo.kind}/{photo.label}" if photo.kind in kinds and _class(config, photo) == OUTSIDER else ""
        for photo in photos
    ]
    index = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return np.array([index.get(name, NAMELESS) for name in names], np.int64)


def _judged_classes(config: Config, judged: Sequence[Photo | None]) -> list[int]:
    return [OUTSIDER if photo is None else _class(config, photo) for photo in judged]


def _without_artefact_clue(config: Config, photos: list[Photo], examples: Examples, chosen: np.ndarray) -> Examples:
    """The chosen rows for training, with copies, so that how a photo was stored says nothing of what it shows.

    The species photos were stored as JPEG at the training resolution, others are scaled down from larger files. Left
    alone, a network would tell the two apart by their artefacts. So others are stored that way too; and, because two
    generations of JPEG would then be the clue, copies of everything are stored once more, at any quality. The photos
    that measure a model stay as they are served.
    """
    rows = np.flatnonzero(chosen)
    train = examples.where(rows)
    pixels, copies = train.pixels.copy(), np.repeat(train.pixels[:, None], COPIES, axis=1)
    shape = {"size": config.input_size, "training_resolution": config.training_resolution}
    for number, row in enumerate(rows):
        random = np.random.default_rng(int(hashlib.sha256(photos[row].path.encode()).hexdigest()[:12], 16))
        first = [] if train.classes[number] != OUTSIDER else [int(random.integers(85, 96))]
        if first:
            pixels[number] = recompressed(photos[row], qualities=first, **shape)
        for copy in range(COPIES):
            copies[number, copy] = recompressed(photos[row], qualities=[*first, int(random.integers(45, 96))], **shape)
    return replace(train, pixels=pixels, copies=copies)


def _no_copies(pixels: np.ndarray) -> np.ndarray:
    return np.zeros((len(pixels), 0, *pixels.shape[1:]), np.uint8)


def _with_plain(examples: Examples, config: Config, part: Part) -> Examples:
    """Add generated pictures that show nothing: others for every part."""
    if config.outsiders is None or config.outsiders.plain == 0:
        return examples
    kinds = PLAIN_KINDS if part == "test" else PLAIN_TRAINED
    count = {"train": 5, "calibration": 1, "test": 2}[part] * config.outsiders.plain
    random = np.random.default_rng({"train": 11, "calibration": 12, "test": 13}[part])
    chosen = [kinds[index % len(kinds)] for index in range(count)]
    names = np.array([f"plain/{kind}/{part}/{index}" for index, kind in enumerate(chosen)])
    pixels = np.stack([plain_picture(kind, config.input_size, random) for kind in chosen])
    plain = Examples(
        pixels=pixels,
        copies=np.repeat(pixels[:, None], examples.copies.shape[1], axis=1),
        classes=np.full(count, OUTSIDER, np.int64),
        subjects=np.full(count, NAMELESS, np.int64),
        names=names,
        kinds=np.full(count, "plain"),
        bundles=names,
        unseen=np.array([kind not in PLAIN_TRAINED for kind in chosen]),
    )
    joined = {name: np.concatenate([getattr(examples, name), getattr(plain, name)]) for name in plain.__dict__}
    return Examples(**joined)


def _check(config: Config, divided: Divided) -> None:
    for name in ("train", "calibration", "test"):
        part: Examples = getattr(divided, name)
        for index, label in enumerate(config.species.labels):
            if not np.any(part.classes == index):
                raise DataError(f"No photo of {label} is left for the {name} part.")


def _counts(config: Config, part: Examples) -> dict[str, int]:
    names = [
        config.species.labels[index] if index != OUTSIDER else str(kind)
        for index, kind in zip(part.classes, part.kinds, strict=True)
    ]
    return dict(sorted(Counter(names).items()))
