"""A loaded model version that looks at whole photos: it finds the animal, names it, and says what else it may be."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ml.inference.classifier import Classifier, Output, Runtime, load_classifier
from ml.inference.finder import Found
from ml.inference.pixels import Square, network_input
from ml.inference.versions import ModelVersionInfo

# Where the square came from: drawn by a person, found by the version, or the middle of the photo, because the version
# found no animal or can't search.
SquareOrigin = Literal["given", "found", "middle"]


@dataclass(frozen=True)
class LooksLike:
    """A species outside the version's labels that a photo may show, with its calibrated probability."""

    scientific_name: str
    probability: float
    vernacular_names: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Animal:
    """One animal of a photo: its square (fractions of the upright photo), and what the version says of it."""

    square: Square
    output: Output


@dataclass(frozen=True)
class Look:
    """What a version says of a photo.

    ``output`` is about ``square``, or about the middle of the photo where ``square`` is None. ``searched`` tells whether the
    version looked for an animal: with an ``origin`` of "middle" it then found none. ``others`` are further animals that lie
    clearly apart from the first. ``looks_like`` are up to three names outside the labels, the most probable first; none
    where the photo shows one of the labels, or where the version is unsure.
    """

    output: Output
    square: Square | None
    origin: SquareOrigin
    searched: bool = False
    others: tuple[Animal, ...] = ()
    looks_like: tuple[LooksLike, ...] = ()


class Recogniser:
    """Looks at whole photos with everything that a version has. Thread-safe."""

    def __init__(self, classifier: Classifier) -> None:
        self.classifier = classifier

    @property
    def info(self) -> ModelVersionInfo:
        """What is known of the version."""
        return self.classifier.info

    @property
    def runtime(self) -> str:
        """``litert`` or ``savedmodel``."""
        return self.classifier.runtime

    @property
    def decoding_side(self) -> int:
        """Long side in pixels to which a photo should be decoded for :meth:`look`; more never helps.

        Where a square is given, multiply by 1 / its larger side.
        """
        return 4 * max(self.info.training_resolution, self.info.input_size)

    def look(self, image: Image.Image, square: Square | None = None) -> Look:
        """Look at an upright photo, mode RGB.

        Args:
            image: from ``open_photo``.
            square: what a person drew; it always wins. None has the version find the animal.
        """
        return Look(self._output(image, square), square, "given" if square else "middle")

    def find(self, image: Image.Image) -> list[Found]:
        """The animals of a photo, the surest first; none where the version can't search."""
        return []

    def _output(self, image: Image.Image, square: Square | None) -> Output:
        info = self.info
        pixels = network_input(
            image,
            square=square,
            size=info.input_size,
            training_resolution=info.training_resolution,
            resize=info.resize,
        )
        return self.classifier.predict(pixels[np.newaxis])[0]


def load_recogniser(folder: Path, runtime: Runtime = "auto", threads: int = 1) -> Recogniser:
    """Load a model version with its finder and its names, where it has them. Arguments and errors as ``load_classifier``."""
    return Recogniser(load_classifier(folder, runtime, threads))
