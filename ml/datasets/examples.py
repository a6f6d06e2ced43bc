"""Everything a config trains and is judged on, decoded and divided."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, cast

import numpy as np

from ml.config import Config, OutsiderData
from ml.datasets.arrays import decode, fingerprint, stored_again
from ml.datasets.folder import SEVERAL, DataError, Photo, labels_of
from ml.datasets.further import divided_species, further_others, further_species
from ml.datasets.review import Judgement, apply_review, read_review
from ml.datasets.sources import known_taxa, read_source, usable
from ml.datasets.splits import PARTS, Fold, Part, Split, split_fold, split_outsiders
from ml.datasets.survey import content_fingerprint, digests_of
from ml.datasets.synthetic import PLAIN_KINDS, plain_picture
from ml.datasets.thumbnails import Store, joined
from ml.inference import Square

OUTSIDER = -1
NAMELESS = -1
# Blurred cells and stripes are never trained on: they test whether any plain picture is turned away.
PLAIN_TRAINED = ("colour", "gradient", "noise")


@dataclass(frozen=True)
class Examples:
    """Labelled pixels; every array has a row per photo.

    ``pixels`` uint8 ``(n, size, size, 3)``, an array or :class:`ml.datasets.thumbnails.Thumbnails`; ``copies`` uint8
    ``(n, c, size, size, 3)``, the same photos saved again as JPEG, for training, with c = 0 elsewhere; ``classes`` int
    ``(n,)``, the label's index or OUTSIDER; where a photo may show several labels, a bit for each (:func:`shown_labels`);
    ``subjects`` int ``(n,)``, which other subject a photo shows, or NAMELESS; ``names``, what reports call a photo;
    ``kinds`` ("species", "moth", "plain", …); ``bundles``, photos that must be resampled together;
    ``unseen``, of a subject wholly kept out of training; ``pictures``, where each can be read again as it came: a
    :class:`ml.datasets.folder.Photo`, without the square that was found in it, or the pixels of a generated picture.
    """

    pixels: Any
    copies: Any
    classes: np.ndarray
    subjects: np.ndarray
    names: np.ndarray
    kinds: np.ndarray
    bundles: np.ndarray
    unseen: np.ndarray
    pictures: np.ndarray

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
    person changed or removed; empty without a review. ``taxa`` is what the data themselves say of their labels,
    ``sources`` the fingerprint of each data set as a whole, as ``wingcheck dataset fingerprint`` prints it.
    """

    train: Examples
    calibration: Examples
    test: Examples
    test_before_review: Examples
    fingerprint: str
    counts: dict[str, dict[str, int]]
    reviewed: dict[str, int]
    taxa: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    sources: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parts:
    """The photos that a config names, divided: ``photos`` with their ``judged`` form (None where a person took the label
    away), other subjects, and the part and bundle of each; ``unseen`` says which of the other subjects never train.
    """

    photos: list[Photo]
    judged: list[Photo | None]
    split: Split
    outsiders: list[Photo]
    outside: Split
    unseen: tuple[bool, ...]

    def of(self, part: Part) -> tuple[list[Photo], list[Photo]]:
        """Species photos whose label a person let stand, and other subjects, of one part."""
        own = zip(self.photos, self.judged, self.split.parts, strict=True)
        others = zip(self.outsiders, self.outside.parts, strict=True)
        return [photo for photo, judged, at in own if at == part and judged is not None], [
            photo for photo, at in others if at == part
        ]


def parts_of(config: Config, root: Path, fold: Fold | None = None) -> Parts:
    """Read and split what a config names, without decoding it. Raises DataError."""
    photos, split = _species(config, root, fold)
    judged = apply_review(photos, _review(config, root))
    outsiders, outside, unseen = _outsiders(config, root)
    return Parts(photos, list(judged), split, outsiders, outside, unseen)


# The square of a photo's animal as a finder sees it, or None.
FindSquare = Callable[[Photo], Square | None]


def divide(
    config: Config,
    root: Path,
    fold: Fold | None = None,
    store: Store | None = None,
    *,
    to_train: bool = True,
    find: FindSquare | None = None,
) -> Divided:
    """Read, split and decode what a config names.

    Args:
        config: the run.
        root: folder that holds the config's folders.
        fold: for cross-validation: the test part is this fold of the photos, those that a screening found doubtful too,
            though they teach nothing. Photos that the data set itself keeps for a test take no part.
        store: where decoded photos are kept; as this machine's environment says by default.
        to_train: False where nothing will train: the train part then has no copies, which take most of the time.
        find: where the animal is in a photo on which nobody drew a square; such photos are cut there.

    Raises:
        DataError: photos are missing, unreadable, or too few to divide.
    """
    if fold is not None and config.species.several:
        raise DataError("Cross-validation wants photos of one label each.")
    divided_photos = parts_of(config, root, fold)
    photos, split, judged = divided_photos.photos, divided_photos.split, divided_photos.judged
    outsiders, outside, unseen = divided_photos.outsiders, divided_photos.outside, divided_photos.unseen
    every = [*photos, *outsiders]
    parts = np.array([*split.parts, *outside.parts])
    store = store or Store.of_this_machine()
    cut = [photo if find is None or photo.square else replace(photo, square=find(photo)) for photo in every]
    pixels = decode(cut, store=store, **_shape(config))
    examples = Examples(
        pixels=pixels.values,
        copies=_no_copies(pixels.values),
        classes=np.array([_class(config, photo) for photo in every], np.int64),
        subjects=_subjects(config, every),
        names=np.array([photo.path for photo in every]),
        kinds=np.array([photo.kind if _class(config, photo) == OUTSIDER else "species" for photo in every]),
        bundles=np.array([*split.bundles, *outside.bundles]),
        unseen=np.array([*([False] * len(photos)), *unseen]),
        pictures=_objects(every),
    )
    reviewed = replace(examples, classes=np.array([*_judged_classes(config, judged), *examples.classes[len(photos) :]]))
    kept = np.array([*(photo is not None for photo in judged), *([True] * len(outsiders))])
    test = _with_plain(reviewed.where(kept & (parts == "test")), config, "test")
    train = reviewed.where(kept & (parts == "train"))
    if to_train:
        train = _without_artefact_clue(config, cut, pixels.digests, reviewed, kept & (parts == "train"), store)
    divided = Divided(
        train=_with_plain(train, config, "train"),
        calibration=_with_plain(reviewed.where(kept & (parts == "calibration")), config, "calibration"),
        test=test,
        test_before_review=_with_plain(examples.where(parts == "test"), config, "test"),
        fingerprint=fingerprint(every, pixels.digests, parts.tolist()),
        counts={},
        reviewed=_changed(config, photos, judged, split),
        taxa=known_taxa(root / config.species.folder),
        sources=_source_fingerprints(config, root),
    )
    _check(config, divided)
    parts_by_name = {"train": divided.train, "calibration": divided.calibration, "test": divided.test}
    return replace(
        divided,
        counts={
            name: count_by_name(part, config.species.labels, several=bool(config.species.several))
            for name, part in parts_by_name.items()
        },
    )


def _shape(config: Config) -> dict[str, Any]:
    return {"size": config.input_size, "training_resolution": config.training_resolution, "resize": config.resize}


def species_photos(config: Config, root: Path, *, doubtful: bool) -> list[Photo]:
    """The photos of a config's labels, without exact copies; those that a screening found doubtful if so wished."""
    species = config.species
    photos = read_source(root / species.folder, depth=species.label_depth)
    taking_part = [photo for photo in photos if not photo.duplicate] if doubtful else usable(photos)
    return [
        photo
        for photo in taking_part
        if _class(config, photo) != OUTSIDER and (species.kind is None or photo.kind == species.kind)
    ]


def _species(config: Config, root: Path, fold: Fold | None) -> tuple[list[Photo], Split]:
    species = config.species
    if fold is not None:
        return _species_of_fold(config, root, fold)
    photos = species_photos(config, root, doubtful=species.doubtful)
    return divided_species(species, photos, further_species(config, root))


def _species_of_fold(config: Config, root: Path, fold: Fold) -> tuple[list[Photo], Split]:
    species = config.species
    candidates = [*species_photos(config, root, doubtful=True), *further_species(config, root)]
    photos = [photo for photo in candidates if photo.part != "test"]
    # Calibration only settles a temperature here, so half of what thresholds need is enough; the rest trains.
    split = split_fold(photos, fold, block=species.block, calibration=species.calibration / 2, seed=species.split_seed)
    rows = [
        row
        for row, (photo, part) in enumerate(zip(photos, split.parts, strict=True))
        if part == "test" or species.doubtful or photo.screening == "ok"
    ]
    kept = Split(tuple(split.parts[row] for row in rows), tuple(split.bundles[row] for row in rows))
    return [photos[row] for row in rows], kept


def _outsiders(config: Config, root: Path) -> tuple[list[Photo], Split, tuple[bool, ...]]:
    outsiders = config.outsiders
    if outsiders is None:
        return [], Split((), ()), ()
    own = [photo for folder in (outsiders.folder, *outsiders.more) for photo in read_source(root / folder)]
    candidates = [*own, *further_others(config, root)]
    photos = [photo for photo in candidates if _is_outsider(config, outsiders, photo)]
    split, unseen = split_outsiders(
        photos,
        held_out=outsiders.held_out,
        calibration=outsiders.calibration,
        test=outsiders.test,
        seed=config.species.split_seed,
    )
    parts = tuple(cast("Part", photo.part or part) for photo, part in zip(photos, split.parts, strict=True))
    return photos, replace(split, parts=parts), unseen


def _is_outsider(config: Config, outsiders: OutsiderData, photo: Photo) -> bool:
    excluded = {*outsiders.exclude_labels, *config.species.labels}
    return excluded.isdisjoint(labels_of(photo)) and photo.kind not in outsiders.exclude_kinds


def _source_fingerprints(config: Config, root: Path) -> dict[str, str]:
    """Of every photo of the data sets that a config names, whether it takes part or not."""
    depths = {config.species.folder: config.species.label_depth}
    if config.outsiders is not None:
        depths |= {folder: None for folder in (config.outsiders.folder, *config.outsiders.more) if folder not in depths}
    sources = {folder: read_source(root / folder, depth=depth) for folder, depth in depths.items()}
    sources |= {Path(folder).name: read_source(root / folder) for folder in config.species.more}
    return {_name_of(folder): content_fingerprint(photos, digests_of(photos)) for folder, photos in sources.items()}


def _name_of(folder: str) -> str:
    """A data set's name in a manifest; one that lies elsewhere shows no path of this machine."""
    return Path(folder).name if Path(folder).is_absolute() else folder


def _review(config: Config, root: Path) -> dict[str, Judgement]:
    name = config.species.review
    if name is None:
        return {}
    with_experiments = Path(__file__).parent.parent / "experiments" / name
    return read_review(with_experiments if with_experiments.is_file() else root / name)


def _changed(config: Config, photos: Sequence[Photo], judged: Sequence[Photo | None], split: Split) -> dict[str, int]:
    if config.species.review is None:
        return {}
    changed = [part for part, photo, now in zip(split.parts, photos, judged, strict=True) if photo != now]
    return {part: changed.count(part) for part in PARTS}


def _class(config: Config, photo: Photo) -> int:
    if config.species.several:
        shown = [config.species.labels.index(label) for label in labels_of(photo) if label in config.species.labels]
        return sum(1 << index for index in set(shown)) or OUTSIDER
    return config.species.labels.index(photo.label) if photo.label in config.species.labels else OUTSIDER


def shown_labels(classes: np.ndarray, labels: int) -> np.ndarray:
    """Which labels each photo shows, bool ``(n, labels)``, from the classes of a config with several labels per photo."""
    return (np.maximum(classes, 0)[:, None] >> np.arange(labels)) & 1 == 1


def _subjects(config: Config, photos: Sequence[Photo]) -> np.ndarray:
    """Index of each outsider's label among those of the kinds that a config wants named."""
    outsiders = config.outsiders
    kinds = outsiders.subject_kinds if outsiders is not None and outsiders.subjects_weight > 0 else ()
    names = [
        f"{photo.kind}/{photo.label}" if photo.kind in kinds and _class(config, photo) == OUTSIDER else ""
        for photo in photos
    ]
    index = {name: number for number, name in enumerate(sorted(set(names) - {""}))}
    return np.array([index.get(name, NAMELESS) for name in names], np.int64)


def _judged_classes(config: Config, judged: Sequence[Photo | None]) -> list[int]:
    return [OUTSIDER if photo is None else _class(config, photo) for photo in judged]


def _without_artefact_clue(
    config: Config, photos: list[Photo], digests: Sequence[str], examples: Examples, chosen: np.ndarray, store: Store
) -> Examples:
    """The chosen rows for training, with copies; see :mod:`ml.datasets.arrays`."""
    rows = np.flatnonzero(chosen)
    train = examples.where(rows)
    pixels, copies = stored_again(
        [photos[row] for row in rows],
        [digests[int(row)] for row in rows],
        train.pixels,
        foreign=train.classes == OUTSIDER,
        shape=_shape(config),
        store=store,
    )
    return replace(train, pixels=pixels, copies=copies)


def _objects(values: Sequence[Any]) -> np.ndarray:
    array = np.empty(len(values), object)
    for row, value in enumerate(values):  # assigned as a whole, equal pictures would become one array of numbers
        array[row] = value
    return array


def _no_copies(pixels: Any) -> np.ndarray:
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
        pictures=_objects(list(pixels)),
    )
    return Examples(*(joined(getattr(examples, name), getattr(plain, name)) for name in plain.__dataclass_fields__))


def _check(config: Config, divided: Divided) -> None:
    for name in ("train", "calibration", "test"):
        part: Examples = getattr(divided, name)
        for index, label in enumerate(config.species.labels):
            shown = part.classes == index
            if config.species.several:
                shown = shown_labels(part.classes, len(config.species.labels))[:, index]
            if not np.any(shown):
                raise DataError(f"No photo of {label} is left for the {name} part.")


def count_by_name(examples: Examples, labels: Sequence[str], *, several: bool) -> dict[str, int]:
    """How many photos show what: by label, or by all the labels that a photo shows, and other subjects by kind."""

    def name(index: int) -> str:
        if not several:
            return labels[index]
        return SEVERAL.join(label for number, label in enumerate(labels) if index >> number & 1)

    rows = zip(examples.classes, examples.kinds, strict=True)
    names = [name(int(index)) if index != OUTSIDER else str(kind) for index, kind in rows]
    return dict(sorted(Counter(names).items()))
