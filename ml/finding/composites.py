"""Pictures with a small animal in them, made by laying close-ups into larger pictures.

Photos in which somebody marked the animal are rare; close-ups and pictures without an animal are not. Two things must
not give the animal away: the edges of what was laid in (so they are hard, soft or round, and things that are no animal
are laid in the same ways), and its sharpness (so both are blurred at times).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageEnhance, ImageFilter

from ml.inference import Square

# Width over height of the pictures that are made.
_ASPECTS = (4 / 3, 4 / 3, 3 / 4, 3 / 4, 1.0, 3 / 2, 2 / 3, 16 / 9, 9 / 16)
_EDGES = ("hard", "soft", "round")
_CLOSE_UPS, _NO_ANIMAL, _TWO_ANIMALS = 0.15, 0.12, 0.07
_MARKED = 0.35
_SMALLEST, _LARGEST, _LARGEST_OF_TWO = 0.012, 0.6, 0.08
_GREY = 128

# Middle x, middle y and side of an animal's square, as shares of the side of a finder's input.
Box = tuple[float, float, float]


@dataclass(frozen=True)
class Marked:
    """A photo with the square of its animal, in fractions of its sides."""

    picture: Image.Image
    square: Square


@dataclass(frozen=True)
class Material:
    """Pictures to learn from: close-ups of ``animals``, ``backgrounds`` without any, and ``distractors``, things that are no
    animal and are laid in like one; and whole photos in which the animal is ``marked``.
    """

    animals: Sequence[Image.Image]
    backgrounds: Sequence[Image.Image]
    distractors: Sequence[Image.Image]
    marked: Sequence[Marked] = ()


def training_picture(material: Material, size: int, random: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """A composite, or where there are marked photos, at times a part of one. Arguments and result as
    :func:`training_composite`.
    """
    if material.marked and random.random() < _MARKED:
        return _part_of(_any(material.marked, random), size, random)
    return training_composite(material, size, random)


def training_composite(material: Material, size: int, random: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """A picture to learn from.

    Args:
        material: what it is made of.
        size: side of the finder's input in pixels.
        random: draws everything.

    Returns:
        uint8 ``(size, size, 3)``, as ``finder_input`` lays a photo out, and the animals in it (none to two).
    """
    kind = random.random()
    if kind < _CLOSE_UPS:
        return _close_up(_any(material.animals, random), size, random)
    count = 0 if kind < _CLOSE_UPS + _NO_ANIMAL else 2 if kind > 1 - _TWO_ANIMALS else 1
    aspect = _ASPECTS[int(random.integers(len(_ASPECTS)))]
    width, height = (size, round(size / aspect)) if aspect >= 1 else (round(size * aspect), size)
    canvas = background(_any(material.backgrounds, random), (width, height), random)
    for _ in range(int(random.integers(0, 3))):
        side = round(_log_uniform(0.1, 0.5, random) * min(width, height))
        _lay_in(canvas, _middle_square(_any(material.distractors, random)), side, _corner(canvas, side, random), random)
    boxes: list[Box] = []
    for _ in range(count):
        share = _log_uniform(_SMALLEST, _LARGEST if count == 1 else _LARGEST_OF_TWO, random)
        side = min(round((share * width * height) ** 0.5), width, height)
        place = _free_corner(canvas, side, boxes, size, random)
        if place is not None:
            animal = _changed(_middle_square(_any(material.animals, random)), random)
            _lay_in(canvas, animal, side, place, random)
            boxes.append(((place[0] + side / 2) / size, (place[1] + side / 2) / size, side / size))
    return _on_grey(_changed(canvas, random), size), boxes


def measuring_composite(
    animal: Image.Image, backdrop: Image.Image, share: float, random: np.random.Generator, size: tuple[int, int]
) -> tuple[Image.Image, tuple[int, int, int]]:
    """A picture to measure a version with: one animal, away from the middle, on ``share`` of the area.

    Returns:
        the picture of ``size`` (width, height), and left, top and side of the animal's square in pixels.
    """
    canvas = background(backdrop, size, random)
    side = min(round((share * size[0] * size[1]) ** 0.5), *size)
    middle = np.array(size) / 2
    places = [_corner(canvas, side, random) for _ in range(8)]
    place = max(places, key=lambda corner: float(np.abs((np.array(corner) + side / 2 - middle) / middle).max()))
    _lay_in(canvas, _middle_square(animal), side, place, random)
    return canvas, (*place, side)


def background(picture: Image.Image, size: tuple[int, int], random: np.random.Generator) -> Image.Image:
    """A part of a picture, enlarged to ``size`` (width, height) where it must be; every second one mirrored."""
    width, height = size
    scale = max(width / picture.width, height / picture.height) * float(random.uniform(1.0, 1.8))
    large = picture.resize(
        (max(width, round(picture.width * scale)), max(height, round(picture.height * scale))), Image.Resampling.BICUBIC
    )
    left, top = int(random.integers(0, large.width - width + 1)), int(random.integers(0, large.height - height + 1))
    part = large.crop((left, top, left + width, top + height))
    return _mirrored(part) if random.random() < 0.5 else part


def _close_up(picture: Image.Image, size: int, random: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """The photo itself: its largest middle square is the animal's."""
    if random.random() < 0.5:
        picture = _middle_square(picture)
    scale = size / max(picture.size)
    width, height = (max(1, round(side * scale)) for side in picture.size)
    small = picture.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=2.0)
    return _on_grey(_changed(small, random), size), [(width / 2 / size, height / 2 / size, min(width, height) / size)]


def _part_of(marked: Marked, size: int, random: np.random.Generator) -> tuple[np.ndarray, list[Box]]:
    """A part of the photo that holds all of its animal; at times the whole photo, and every second time mirrored."""
    picture, square = marked.picture, marked.square
    width, height = picture.size
    x, y, side = square.x * width, square.y * height, square.width * width
    box = (0, 0, width, height)
    if random.random() >= 0.4:
        left, top, right, bottom = random.random(4)
        box = (
            int(left * x),
            int(top * y),
            int(np.ceil(width - right * max(0.0, width - x - side))),
            int(np.ceil(height - bottom * max(0.0, height - y - side))),
        )
    part = picture.crop(box)
    x, y = x - box[0], y - box[1]
    if random.random() < 0.5:
        part, x = _mirrored(part), part.width - x - side
    scale = size / max(part.size)
    small = part.resize(
        (max(1, round(part.width * scale)), max(1, round(part.height * scale))),
        Image.Resampling.BILINEAR,
        reducing_gap=2.0,
    )
    share = scale / size
    return _on_grey(_changed(small, random), size), [((x + side / 2) * share, (y + side / 2) * share, side * share)]


def _free_corner(
    canvas: Image.Image, side: int, taken: Sequence[Box], size: int, random: np.random.Generator
) -> tuple[int, int] | None:
    """A place that overlaps none of the animals; None where none was found in a few draws."""
    for _ in range(8):
        left, top = _corner(canvas, side, random)
        x, y, own = (left + side / 2) / size, (top + side / 2) / size, side / size
        if all(max(abs(x - box[0]), abs(y - box[1])) > 0.45 * (own + box[2]) for box in taken):
            return left, top
    return None


def _corner(canvas: Image.Image, side: int, random: np.random.Generator) -> tuple[int, int]:
    return (
        int(random.integers(0, max(1, canvas.width - side + 1))),
        int(random.integers(0, max(1, canvas.height - side + 1))),
    )


def _lay_in(
    canvas: Image.Image, picture: Image.Image, side: int, corner: tuple[int, int], random: np.random.Generator
) -> None:
    side = max(side, 4)
    small = picture.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=2.0)
    if random.random() < 0.5:
        small = _mirrored(small)
    edge = _EDGES[int(random.integers(len(_EDGES)))]
    if random.random() < 0.3:
        small = _towards(small, canvas.crop((*corner, corner[0] + side, corner[1] + side)), random)
    canvas.paste(small, corner, _mask(side, edge, random))


def _mask(side: int, edge: str, random: np.random.Generator) -> Image.Image:
    """How much of what is laid in shows at each place."""
    across = (np.arange(side) + 0.5) / side * 2 - 1
    if edge == "hard":
        return Image.new("L", (side, side), 255)
    if edge == "soft":
        shown = (1 - np.maximum(np.abs(across[:, None]), np.abs(across[None]))) / random.uniform(0.1, 0.5)
    else:
        shown = (1.08 - np.sqrt(across[:, None] ** 2 + across[None] ** 2)) / random.uniform(0.15, 0.5)
    return Image.fromarray((np.clip(shown, 0, 1) * 255).astype(np.uint8))


def _towards(picture: Image.Image, surroundings: Image.Image, random: np.random.Generator) -> Image.Image:
    """With its mean colour nearer to that of the surroundings."""
    own, other = (np.asarray(image, np.float32) for image in (picture, surroundings))
    moved = own + (other.mean((0, 1)) - own.mean((0, 1))) * random.uniform(0.2, 0.6)
    return Image.fromarray(np.clip(moved, 0, 255).astype(np.uint8))


def _changed(picture: Image.Image, random: np.random.Generator) -> Image.Image:
    """Another light, other colours, another sharpness."""
    for enhance, chance, low, high in (
        (ImageEnhance.Brightness, 0.5, 0.7, 1.25),
        (ImageEnhance.Contrast, 0.5, 0.7, 1.3),
        (ImageEnhance.Color, 0.3, 0.6, 1.4),
    ):
        if random.random() < chance:
            picture = enhance(picture).enhance(float(random.uniform(low, high)))
    if random.random() < 0.25:
        picture = picture.filter(ImageFilter.GaussianBlur(float(random.uniform(0.3, 1.2))))
    return picture


def _on_grey(picture: Image.Image, size: int) -> np.ndarray:
    canvas = np.full((size, size, 3), _GREY, np.uint8)
    canvas[: picture.height, : picture.width] = np.asarray(picture)
    return canvas


def _any(pictures: Sequence[Any], random: np.random.Generator) -> Any:
    return pictures[int(random.integers(len(pictures)))]


def _log_uniform(low: float, high: float, random: np.random.Generator) -> float:
    return float(np.exp(random.uniform(np.log(low), np.log(high))))


def _middle_square(picture: Image.Image) -> Image.Image:
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    return picture.crop((left, top, left + side, top + side))


def _mirrored(picture: Image.Image) -> Image.Image:
    return picture.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
