"""How well a photo shows its animal: light, sharpness and size, measured on the thumbnail."""

import io
from collections.abc import Iterable

import numpy as np
from PIL import Image

from app.core.storage import Storage
from app.predictions.inference import Square
from app.review.rules import PhotoQuality
from app.submissions import photos
from app.submissions.tables import Photo

# Short side of the square around the animal, in pixels of the original.
_SMALL = 200
# Mean lightness, of 255.
_DARK = 45.0
# Variance of the Laplacian over the variance of the picture itself; both grow with contrast, so their ratio does not.
_BLURRED = 0.004
_SIDE = 256
_ORDER = (PhotoQuality.GOOD, PhotoQuality.SMALL, PhotoQuality.DARK, PhotoQuality.BLURRED, PhotoQuality.UNKNOWN)


def best(qualities: Iterable[PhotoQuality]) -> PhotoQuality:
    """The quality of the best photo: that is the one an expert looks at. UNKNOWN without photos."""
    return min(qualities, key=_ORDER.index, default=PhotoQuality.UNKNOWN)


def of_stored(storage: Storage, photo: Photo, square: Square | None) -> PhotoQuality:
    """The quality of a stored photo with a ``square`` around its animal. UNKNOWN where its thumbnail can't be read."""
    try:
        thumb = storage.get(photos.key_of(photo.sha256, "thumb"))
        return of_thumbnail(thumb, photo.width, photo.height, square)
    except OSError:  # the file is missing, or is no picture any more: the doctor finds it
        return PhotoQuality.UNKNOWN


def of_thumbnail(thumb: bytes, width: int, height: int, square: Square | None) -> PhotoQuality:
    """The quality of a photo of ``width`` × ``height`` pixels, from its thumbnail. Raises OSError for no picture."""
    with Image.open(io.BytesIO(thumb), formats=("JPEG",)) as image:
        grey = image.convert("L")
    if min(width * (square.width if square else 1), height * (square.height if square else 1)) < _SMALL:
        return PhotoQuality.SMALL
    if square is not None:
        left, top = int(square.x * grey.width), int(square.y * grey.height)
        right, bottom = int((square.x + square.width) * grey.width), int((square.y + square.height) * grey.height)
        grey = grey.crop((left, top, right, bottom))
    grey.thumbnail((_SIDE, _SIDE))
    return of_pixels(np.asarray(grey, dtype=np.float32))


def of_pixels(grey: np.ndarray) -> PhotoQuality:
    """Light and sharpness of lightness values (height, width) in 0…255."""
    if min(grey.shape) < 3:
        return PhotoQuality.SMALL
    if float(grey.mean()) < _DARK:
        return PhotoQuality.DARK
    around = grey[:-2, 1:-1] + grey[2:, 1:-1] + grey[1:-1, :-2] + grey[1:-1, 2:]
    edges = float((around - 4 * grey[1:-1, 1:-1]).var())
    spread = float(grey.var())
    return PhotoQuality.BLURRED if edges < _BLURRED * max(spread, 1.0) else PhotoQuality.GOOD
