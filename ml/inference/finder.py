"""Finding the animal: a light network that looks at the whole photo and says where a butterfly is, and how large.

Its input is the whole photo, scaled so that the longer side fits and laid on grey at the top left. Its output is a grid:
per cell how sure it is that an animal's middle lies there, and the square around that animal. The strongest cells that
are not neighbours of stronger ones are the animals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PIL import Image

from ml.inference.networks import Network
from ml.inference.pixels import Square

GREY = 128
# Two squares that overlap more than this, as a share of the smaller one, are the same animal.
SAME_ANIMAL = 0.3
_MOST_ANIMALS = 5


@dataclass(frozen=True)
class FinderInfo:
    """``size``: side of the network's input in pixels. ``threshold``: score from which a cell counts as an animal."""

    size: int
    threshold: float


@dataclass(frozen=True)
class Found:
    """An animal: the square around it, in fractions of the photo, and how sure the finder is, 0…1."""

    square: Square
    score: float


class Finder:
    """A loaded finder. Thread-safe."""

    def __init__(self, network: Network, info: FinderInfo) -> None:
        self._network = network
        self._info = info

    def find(self, image: Image.Image) -> list[Found]:
        """The animals of a photo, the surest first; see :func:`animals`."""
        answer = self._network(finder_input(image, self._info.size)[np.newaxis])
        return animals(answer["scores"][0], answer["boxes"][0], image.size, self._info.threshold)


def finder_input(image: Image.Image, size: int) -> np.ndarray:
    """The whole photo as the finder sees it: float32 ``(size, size, 3)``, RGB, 0…255."""
    scale = size / max(image.size)
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    canvas = np.full((size, size, 3), GREY, np.float32)
    canvas[:height, :width] = np.asarray(small, np.float32)
    return canvas


def animals(scores: np.ndarray, boxes: np.ndarray, photo: tuple[int, int], threshold: float) -> list[Found]:
    """The animals in a finder's output, the surest first.

    Args:
        scores: ``(g, g)``, 0…1.
        boxes: ``(g, g, 3)``: middle x, middle y and side, as shares of the input's side.
        photo: width and height of the photo in pixels.
        threshold: least score of an animal.

    Returns:
        Squares inside the photo, of which no two overlap by more than SAME_ANIMAL.
    """
    longest = max(photo)
    candidates = np.argwhere(scores >= threshold)
    order = np.argsort([-scores[row, column] for row, column in candidates], kind="stable")
    chosen: list[Found] = []
    for row, column in candidates[order]:
        x, y, side = (float(value) * longest for value in boxes[row, column])
        square = _inside(x, y, side, photo)
        if all(_overlap(square, other.square) <= SAME_ANIMAL for other in chosen):
            chosen.append(Found(square, float(scores[row, column])))
        if len(chosen) == _MOST_ANIMALS:
            break
    return chosen


def _inside(x: float, y: float, side: float, photo: tuple[int, int]) -> Square:
    """A true square around (x, y), in pixels, moved inside the photo; in fractions of its sides."""
    width, height = photo
    side = min(max(side, 1.0), float(min(photo)))
    left, top = min(max(x - side / 2, 0.0), width - side), min(max(y - side / 2, 0.0), height - side)
    return Square(left / width, top / height, side / width, side / height)


def _overlap(one: Square, other: Square) -> float:
    """Shared area as a share of the smaller square's."""
    across = min(one.x + one.width, other.x + other.width) - max(one.x, other.x)
    down = min(one.y + one.height, other.y + other.height) - max(one.y, other.y)
    if across <= 0 or down <= 0:
        return 0.0
    return across * down / min(one.width * one.height, other.width * other.height)
