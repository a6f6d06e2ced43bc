"""How well a photo shows its animal, as far as light, sharpness and size tell. Measured on the copy that lists show."""

import io
from collections.abc import Iterable
from dataclasses import astuple, dataclass

import numpy as np
from PIL import Image

from app.domain.review import PhotoQuality
from app.models import Photo
from app.services import photos
from app.services.inference import Square
from app.storage import Storage

# Short side, in pixels, of what shows the animal: less is a stamp on a screen.
_SMALL = 200
# Mean lightness, of 255.
_DARK = 45.0
# Variance of the Laplacian over the variance of the picture itself; both grow with contrast, so their ratio does not.
_BLURRED = 0.004
_SIDE = 256
_ORDER = (PhotoQuality.GOOD, PhotoQuality.SMALL, PhotoQuality.DARK, PhotoQuality.BLURRED, PhotoQuality.UNKNOWN)


@dataclass(frozen=True)
class Picture:
    """What is known of a photo without opening it: hash, size in pixels, square around the animal (fractions)."""

    sha256: str
    width: int
    height: int
    square: tuple[float, float, float, float] | None

    @classmethod
    def of(cls, photo: Photo, square: Square | None) -> "Picture":
        """A photo's row as that, with the square that was drawn or found."""
        return cls(photo.sha256, photo.width, photo.height, astuple(square) if square else None)


def best(storage: Storage, pictures: Iterable[Picture]) -> PhotoQuality:
    """The quality of the best photo: that is the one an expert looks at. UNKNOWN where no copy can be read."""
    return min((_measure(storage, picture) for picture in pictures), key=_ORDER.index, default=PhotoQuality.UNKNOWN)


def _measure(storage: Storage, picture: Picture) -> PhotoQuality:
    try:
        data = storage.get(photos.key_of(picture.sha256, "thumb"))
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            grey = image.convert("L")
    except OSError:  # the file is missing, or is no picture any more: the doctor finds it
        return PhotoQuality.UNKNOWN
    x, y, width, height = picture.square or (0.0, 0.0, 1.0, 1.0)
    if min(width * picture.width, height * picture.height) < _SMALL:
        return PhotoQuality.SMALL
    box = (x * grey.width, y * grey.height, (x + width) * grey.width, (y + height) * grey.height)
    part = grey.crop(tuple(int(edge) for edge in box)) if picture.square else grey  # type: ignore[arg-type]
    part.thumbnail((_SIDE, _SIDE))
    return of_pixels(np.asarray(part, dtype=np.float32))


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
