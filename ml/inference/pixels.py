"""From an upright photo to the pixels a network sees; the same for training and serving."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from PIL import Image

Box = tuple[float, float, float, float]
# How a photo that is not square becomes one: the middle is cut out, the rest is filled with grey, or its sides are pulled.
Resize = Literal["crop", "pad", "stretch"]
_GREY = (128, 128, 128)


@dataclass(frozen=True)
class Square:
    """The part of a photo that shows the animal, in fractions (0…1) of the upright photo's width and height."""

    x: float
    y: float
    width: float
    height: float


def network_input(
    image: Image.Image, *, square: Square | None, size: int, training_resolution: int, resize: Resize = "crop"
) -> np.ndarray:
    """Make it square, bring it to the resolution of the training photos, then to the network's input.

    A photo sharper than those the network learnt from would look foreign to it, so it first loses the detail that the
    training photos never had. Nothing is enlarged on the way to the training resolution.

    Args:
        image: upright picture, mode RGB.
        square: part to look at; None takes the largest square in the middle. Parts outside the photo are moved inside.
        size: side of the network's input in pixels.
        training_resolution: side of the training photos in pixels.
        resize: what happens to a photo on which no square is drawn: ``crop`` takes the largest square in the middle,
            ``pad`` keeps all of it and fills up with grey, ``stretch`` pulls it square.

    Returns:
        float32 of shape ``(size, size, 3)``, RGB, whole values 0…255.
    """
    if square is None and resize != "crop" and image.width != image.height:
        image = _made_square(image, min(max(image.size), training_resolution), pad=resize == "pad")
    box = _square_box(image.size, square)
    side = box[2] - box[0]
    if side > training_resolution:
        image = _resized(image, training_resolution, box)
        box = (0.0, 0.0, float(training_resolution), float(training_resolution))
    if box != (0.0, 0.0, float(size), float(size)) or image.size != (size, size):
        image = _resized(image, size, box)
    return np.asarray(image, dtype=np.float32)


def seen_box(size: tuple[int, int], square: Square | None, resize: Resize = "crop") -> Box:
    """What of an upright photo of ``size`` (width, height) the network sees: left, top, right, bottom in pixels.

    Where the photo is padded it reaches beyond the photo's edges; where it is stretched, it is the whole photo.
    """
    width, height = size
    if square is not None or resize == "crop":
        return _square_box(size, square)
    if resize == "stretch":
        return 0.0, 0.0, float(width), float(height)
    side = float(max(size))
    left, top = (width - side) / 2, (height - side) / 2
    return left, top, left + side, top + side


def _made_square(image: Image.Image, side: int, *, pad: bool) -> Image.Image:
    """The whole picture in a square of ``side`` pixels."""
    if not pad:
        return image.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0)
    scale = side / max(image.size)
    width, height = (max(1, round(side_of_photo * scale)) for side_of_photo in image.size)
    canvas = Image.new("RGB", (side, side), _GREY)
    small = image.resize((width, height), Image.Resampling.BICUBIC, reducing_gap=3.0)
    canvas.paste(small, ((side - width) // 2, (side - height) // 2))
    return canvas


def _resized(image: Image.Image, side: int, box: Box) -> Image.Image:
    return image.resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)


def _square_box(size: tuple[int, int], square: Square | None) -> Box:
    """Corners in pixels (left, top, right, bottom) of a true square inside the photo, at least one pixel wide."""
    width, height = size
    shortest = float(min(size))
    if square is None:
        left, top = (width - shortest) / 2, (height - shortest) / 2
        return left, top, left + shortest, top + shortest
    side = min(max(square.width * width, square.height * height, 1.0), shortest)
    left = (square.x + square.width / 2) * width - side / 2
    top = (square.y + square.height / 2) * height - side / 2
    left, top = min(max(left, 0.0), width - side), min(max(top, 0.0), height - side)
    return left, top, left + side, top + side
