"""A version with a finder, for tests of everything that lies above the networks: it finds drawn butterflies by their colour.

The bundled network says what they are; ``looks_like`` is what the test makes it say of what it calls out of scope.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from app.predictions import classifiers
from ml.inference import Animal, Found, Look, LooksLike, Output, Recogniser, Square, load_classifier
from tests.factories import butterfly, encode

SIZE = (1200, 900)
SIDE = 240
RINGLET = LooksLike("Aphantopus hyperantus", 0.75, {"en": "ringlet", "nl": "koevinkje"})
UNNAMED = LooksLike("Genus ignotus", 0.125)
_GRASS = (104, 138, 72)
_GROUND = 40  # a blob of fewer pixels, of 300 across, is no animal


class ColourFinder(Recogniser):
    """Finds whatever is more red than green: on a drawing, the wings."""

    def __init__(self, folder, runtime="litert", threads=1, *, looks_like: Sequence[LooksLike] = ()):
        super().__init__(load_classifier(folder, runtime, threads))
        self._looks_like = tuple(looks_like)

    def find(self, image: Image.Image) -> list[Found]:
        small = image.copy()
        small.thumbnail((300, 300))
        pixels = np.asarray(small, np.int32)
        wings = ndimage.binary_dilation(pixels[..., 0] > pixels[..., 1] + 20, iterations=6)
        blobs, _count = ndimage.label(wings)
        found = []
        for number, (down, across) in enumerate(ndimage.find_objects(blobs), 1):
            area = int((blobs == number).sum())
            if area >= _GROUND:
                side = max(across.stop - across.start, down.stop - down.start)
                left, top = (across.start + across.stop - side) / 2, (down.start + down.stop - side) / 2
                width, height = small.size
                square = Square(left / width, top / height, side / width, side / height)
                found.append(Found(square, min(0.99, area / pixels.shape[0] / pixels.shape[1] * 10)))
        return sorted(found, key=lambda one: -one.score)

    def _output(self, image: Image.Image, square: Square | None) -> Output:
        return self.classifier.predict(self.pixels(image, square))[0]

    def look(self, image: Image.Image, square: Square | None = None) -> Look:
        if square is not None:
            return Look(self._output(image, square), square, "given", looks_like=self._looks_like)
        found = self.find(image)
        if not found:
            return Look(self._output(image, None), None, "middle", searched=True, looks_like=())
        first, *others = found
        animals = tuple(Animal(other.square, self._output(image, other.square)) for other in others)
        output = self._output(image, first.square)
        return Look(output, first.square, "found", True, animals, self._looks_like)


def use_finder(monkeypatch: pytest.MonkeyPatch, *looks_like: LooksLike) -> None:
    """From now on whatever version is loaded has a finder."""
    monkeypatch.setattr(classifiers, "load_recogniser", partial(ColourFinder, looks_like=looks_like))


def meadow(*places: tuple[float, float], seed: int = 1, side: int = SIDE) -> bytes:
    """A photo of grass, with a small butterfly around each place (fractions of width and height)."""
    image = Image.new("RGB", SIZE, _GRASS)
    for number, (x, y) in enumerate(places):
        drawn = butterfly(seed + number, (side, side))
        image.paste(drawn, (round(x * SIZE[0] - side / 2), round(y * SIZE[1] - side / 2)))
    return encode(image, quality=90)


def lies_on(square: object, place: tuple[float, float]) -> bool:
    """Whether a square (x, y, width, height) has this place near its middle and is about as large as the animal."""
    x, y, width, height = square if isinstance(square, list | tuple) else vars(square).values()
    near = abs(x + width / 2 - place[0]) < 0.05 and abs(y + height / 2 - place[1]) < 0.05
    return near and 0.08 < width < 0.3 and 0.1 < height < 0.4
