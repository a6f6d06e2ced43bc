"""A loaded model version that looks at whole photos: it finds the animal, names it, and says what else it may be."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

from ml.inference.classifier import Classifier, Runtime, load_classifier, load_network
from ml.inference.finder import Finder, Found
from ml.inference.names import LooksLike
from ml.inference.networks import Network, Output
from ml.inference.pixels import Square, network_input
from ml.inference.versions import ModelVersionInfo

# Where the square came from: drawn by a person, found by the version, or the middle of the photo, because the version
# found no animal or can't search.
SquareOrigin = Literal["given", "found", "middle"]
# Long side in pixels to which a photo is decoded: of an animal on four hundredths of a photo, 90 pixels are left.
_DECODED = 480
_MOST_OTHERS = 3


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
    where the photo shows one of the labels, where the version is unsure, and where it found no animal.
    """

    output: Output
    square: Square | None
    origin: SquareOrigin
    searched: bool = False
    others: tuple[Animal, ...] = ()
    looks_like: tuple[LooksLike, ...] = ()


class Recogniser:
    """Looks at whole photos with everything that a version has. Thread-safe.

    ``finder``, and the network of the ``names``, are None for a version without.
    """

    def __init__(self, classifier: Classifier, finder: Finder | None = None, names: Network | None = None) -> None:
        self.classifier = classifier
        self._finder = finder
        self._names = names

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
        return max(_DECODED, 2 * self.info.input_size)

    def look(self, image: Image.Image, square: Square | None = None) -> Look:
        """Look at an upright photo, mode RGB.

        Args:
            image: from ``open_photo``.
            square: what a person drew; it always wins. None has the version find the animal.
        """
        if square is not None or self._finder is None:
            output, looks_like = self._answer(image, square)
            return Look(output, square, "given" if square else "middle", looks_like=looks_like)
        animals = self.find(image)
        own = animals[0].square if animals else None
        if own is None:
            return Look(self._classified(self.pixels(image, None)), None, "middle", searched=True)
        output, looks_like = self._answer(image, own)
        others = tuple(
            Animal(other.square, self._answer(image, other.square)[0]) for other in animals[1 : 1 + _MOST_OTHERS]
        )
        return Look(output, own, "found", True, others, looks_like)

    def find(self, image: Image.Image) -> list[Found]:
        """The animals of a photo, the surest first; none where the version can't search."""
        return [] if self._finder is None else self._finder.find(image)

    def pixels(self, image: Image.Image, square: Square | None) -> np.ndarray:
        """What the classifier sees of a square, or of the middle of the photo: ``(1, size, size, 3)``."""
        info = self.info
        pixels = network_input(
            image,
            square=square,
            size=info.input_size,
            training_resolution=info.training_resolution,
            resize=info.resize,
        )
        return pixels[np.newaxis]

    def names(self, image: Image.Image, square: Square | None) -> np.ndarray | None:
        """Probabilities of all the names that the version knows, ``(n,)``; None for a version without."""
        part = self.info.names
        if self._names is None or part is None:
            return None
        pixels = network_input(image, square=square, size=part.size, training_resolution=part.size)
        return np.asarray(self._names(pixels[np.newaxis])["probabilities"][0])

    def _answer(self, image: Image.Image, square: Square | None) -> tuple[Output, tuple[LooksLike, ...]]:
        """What the version says of a square, or of the middle of the photo; and what else that may be."""
        output = self._classified(self.pixels(image, square))
        if output.in_scope >= self.info.policy.in_scope_threshold or self.info.names is None:
            return output, ()
        probabilities = self.names(image, square)
        return output, () if probabilities is None else self.info.names.looks_like(probabilities)

    def _classified(self, pixels: np.ndarray) -> Output:
        """The classifier's answer; where its first look is certain, that one."""
        certain = self.info.first_look
        if certain is not None and self.classifier.has_first_look:
            first = self.classifier.predict(pixels, first_look=True)[0]
            if certain.is_enough(first.in_scope, float(first.probabilities.max())):
                return first
        return self.classifier.predict(pixels)[0]


def load_recogniser(folder: Path, runtime: Runtime = "litert", threads: int = 1) -> Recogniser:
    """Load a model version with its finder and its names, where it has them. Arguments and errors as ``load_classifier``."""
    classifier = load_classifier(folder, runtime, threads)
    info = classifier.info

    def part(name: str) -> Network:
        return load_network(info, info.folder / name, runtime, threads)

    return Recogniser(
        classifier,
        Finder(part("finder"), info.finder) if info.finder is not None else None,
        part("names") if info.names is not None else None,
    )
