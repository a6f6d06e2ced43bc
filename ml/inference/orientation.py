"""Which way up a photo is, by the browser's rule: a square has to lie where it was drawn, on the photo as the browser showed it.

Measured in Chromium (`tests/browser/test_same_as_the_browser.py` repeats it): a JPEG is turned by the first Exif segment, a
PNG by its eXIf chunk before the pixels, in both by a tag of type SHORT with one value in the first directory or in the Exif
directory. XMP is ignored, as is everything in a WebP. A HEIC is turned by libheif before anybody sees it.
"""

from __future__ import annotations

import re
import struct

from PIL import Image

from ml.inference.photos import PhotoInfo
from ml.inference.pixels import Square

_ORIENTATION, _EXIF_DIRECTORY = 0x0112, 0x8769
_SHORT, _LONG = 3, 4
_BYTE_ORDERS = {b"II*\0": "<", b"MM\0*": ">"}
_LARGEST_EXIF = 1_000_000
_XMP_ORIENTATION = re.compile(rb'tiff:Orientation(?:="|>)([1-8])')
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def upright(image: Image.Image, orientation: int) -> Image.Image:
    """The picture turned as an EXIF orientation (1…8) asks; the same object where it asks for nothing."""
    return image.transpose(_TURNS[orientation]) if orientation in _TURNS else image


def swaps_sides(orientation: int) -> bool:
    """Whether width and height change places."""
    return orientation >= 5


def exif_block(image: Image.Image) -> bytes:
    """The EXIF of an opened photo, from its byte order mark on; empty for none, or for more than a megabyte. That of a PNG may
    stand behind the pixels, and is not there before they are loaded.
    """
    if image.format in {"JPEG", "MPO"}:
        segments = getattr(image, "applist", [])
        return next((body[6:] for name, body in segments if name == "APP1" and body[:5] == b"Exif\0" and body[6:]), b"")
    exif = image.info.get("exif")
    return exif.removeprefix(b"Exif\0\0") if isinstance(exif, bytes) and len(exif) <= _LARGEST_EXIF else b""


def followed_by_browsers(image: Image.Image) -> int:
    """EXIF orientation, 1…8, that a browser turns an opened photo by. Ask before its pixels are loaded."""
    return in_exif(exif_block(image)) if image.format in {"JPEG", "MPO", "PNG"} else 1


def ignored_by_browsers(image: Image.Image) -> int:
    """The orientation that stands where browsers do not look, and some other programs do: XMP, and the EXIF of a WebP."""
    if image.format == "WEBP" and (found := in_exif(exif_block(image))) != 1:
        return found
    xmp = image.info.get("xmp") if image.format in {"JPEG", "MPO", "PNG", "WEBP"} else None
    match = _XMP_ORIENTATION.search(xmp) if isinstance(xmp, bytes) else None
    return int(match[1]) if match else 1


def in_exif(tiff: bytes) -> int:
    """The orientation in a block of EXIF without its "Exif" prefix; 1 where it says none, or is damaged."""
    order = _BYTE_ORDERS.get(tiff[:4])
    if order is None or len(tiff) < 8:
        return 1
    (start,) = struct.unpack_from(order + "I", tiff, 4)
    return _in_directory(tiff, order, start, nested=True) or 1


def _in_directory(tiff: bytes, order: str, start: int, *, nested: bool) -> int:
    """The first valid orientation in a directory, and with ``nested`` in the Exif directory below it; 0 for none."""
    if start + 2 > len(tiff):
        return 0
    (entries,) = struct.unpack_from(order + "H", tiff, start)
    for at in range(start + 2, min(start + 2 + 12 * entries, len(tiff) - 11), 12):
        tag, kind, count = struct.unpack_from(order + "HHI", tiff, at)
        if (tag, kind, count) == (_ORIENTATION, _SHORT, 1):
            (found,) = struct.unpack_from(order + "H", tiff, at + 8)
            if 1 <= found <= 8:
                return int(found)
        elif nested and (tag, kind, count) == (_EXIF_DIRECTORY, _LONG, 1):
            nested = False
            (below,) = struct.unpack_from(order + "I", tiff, at + 8)
            if found := _in_directory(tiff, order, below, nested=False):
                return found
    return 0


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
