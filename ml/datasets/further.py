"""Further sources of photos beside a config's own: verified photos, above all, each with a part of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from ml.config import Config, SpeciesData
from ml.datasets.folder import Photo
from ml.datasets.sources import read_source, usable
from ml.datasets.splits import Split, split_given, split_species
from ml.datasets.survey import digests_of


def further_species(config: Config, root: Path) -> list[Photo]:
    """The photos of a config's labels in its further sources. Raises DataError."""
    return [photo for photo in _further(config, root) if photo.label in config.species.labels]


def further_others(config: Config, root: Path) -> list[Photo]:
    """What shows none of a config's labels in its further sources. Raises DataError."""
    photos = [photo for photo in _further(config, root) if photo.label not in config.species.labels]
    return [replace(photo, kind="none") if photo.kind == "species" else photo for photo in photos]


def _further(config: Config, root: Path) -> list[Photo]:
    return [photo for folder in config.species.more for photo in usable(read_source(root / folder))]


def divided_species(species: SpeciesData, own: Sequence[Photo], further: Sequence[Photo]) -> tuple[list[Photo], Split]:
    """A config's own photos and those of its further sources, each with its part.

    Own photos are divided as if there were no others, so that a model from before was tested on the same ones. A copy of a
    further photo among them is left out: it might teach what the other is to measure.

    Raises:
        DataError: some photos of a source have a part and others have none.
    """
    if further:
        known = set(digests_of(further))
        own = [photo for photo, digest in zip(own, digests_of(own), strict=True) if digest not in known]
    parted = [photo for photo in further if photo.part is not None]
    free = [photo for photo in further if photo.part is None]
    groups = [(own, species.test), (parted, 0.0 if own or free else species.test), (free, species.test)]
    splits = [_divided(species, photos, test) for photos, test in groups]
    return (
        [photo for photos, _ in groups for photo in photos],
        Split(
            tuple(part for split in splits for part in split.parts),
            tuple(name for split in splits for name in split.bundles),
        ),
    )


def _divided(species: SpeciesData, photos: Sequence[Photo], test: float) -> Split:
    divide_by = split_given if any(photo.part is not None for photo in photos) else split_species
    return divide_by(photos, block=species.block, calibration=species.calibration, test=test, seed=species.split_seed)
