"""A square that was drawn on a photo as somebody's browser showed it, on the photo as it is decoded here."""

from __future__ import annotations

from ml.inference.orientation import swaps_sides
from ml.inference.photos import PhotoInfo
from ml.inference.pixels import Square

_OPPOSITE = {6: 8, 8: 6}


def square_for(square: Square | None, shown: tuple[int, int] | None, photo: PhotoInfo) -> Square | None:
    """The square on the upright photo.

    A browser that turns a photo otherwise than ``open_photo`` does shows it with other sides. Then the square is turned back,
    if the file says in which way; otherwise nobody knows what was meant, and the square is dropped.

    Args:
        square: as drawn, in fractions of the photo as the browser showed it; None for none.
        shown: width and height at which the browser showed the photo, in pixels of any scale; None, or a side of no
            pixels, where it is not known: then the square is taken as it is.
        photo: from ``open_photo``.

    Returns:
        The square in fractions of the upright photo, or None.
    """
    if square is None or shown is None or min(shown) < 1 or _alike(shown, (photo.width, photo.height)):
        return square
    if not _alike(shown, (photo.height, photo.width)):
        return None
    possible = {
        orientation
        for orientation in (1, photo.ignored_orientation)
        if swaps_sides(orientation) != swaps_sides(photo.orientation)
    }
    if len(possible) != 1:
        return None
    by_the_browser = possible.pop()
    as_stored = turned(square, _OPPOSITE.get(by_the_browser, by_the_browser))
    return turned(as_stored, photo.orientation)


def turned(square: Square, orientation: int) -> Square:
    """Where a square lies once its photo is turned as an EXIF orientation (1…8) asks."""
    x, y, width, height = square.x, square.y, square.width, square.height
    right, below = 1 - x - width, 1 - y - height
    return {
        2: Square(right, y, width, height),
        3: Square(right, below, width, height),
        4: Square(x, below, width, height),
        5: Square(y, x, height, width),
        6: Square(below, x, height, width),
        7: Square(below, right, height, width),
        8: Square(y, right, height, width),
    }.get(orientation, square)


def _alike(shown: tuple[int, int], actual: tuple[int, int]) -> bool:
    """Whether they have the same proportions, but for one pixel of what was shown."""
    return abs(shown[0] * actual[1] - shown[1] * actual[0]) <= max(actual)
