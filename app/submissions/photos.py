"""From a sent file to what is kept: the private original, and re-encoded copies without EXIF that pages may show."""

import hashlib
import io
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image
from PIL.TiffImagePlugin import IFDRational

from app.core.crash_points import reach
from app.core.db import latest_day
from app.core.storage import Storage
from app.predictions.inference import PhotoInfo, PixelLimits, Square, holding, open_photo, reduced, seen_box
from app.submissions.tables import Photo

# Long side of the copy for pages, in pixels, as it should be and may be. Phones' photos of 12 and 48 megapixels are left at a
# half and a quarter of their size: scaling them to a size of our own would double the time.
DISPLAY_SIDE, MOST_DISPLAY_SIDE = 1600, 2048
THUMB_SIDE = 480
_DISPLAY_QUALITY = 80
_THUMB_QUALITY = 80

VARIANTS = ("display", "thumb")
# The side of a cut, as a multiple of the square that it is made around.
_AROUND = 1.4


@dataclass(frozen=True)
class Origin:
    """What EXIF says of the moment (local time without zone) and the place (WGS 84 degrees); None where it says nothing."""

    taken_at: datetime | None = None
    latitude: float | None = None
    longitude: float | None = None


@dataclass(frozen=True)
class PreparedPhoto:
    """A photo that was decoded once: hash and ``size`` in bytes of the original, its copies, and its EXIF origin.

    ``picture`` is what the copies were made from, for a model to look at: upright, sRGB, at most MOST_DISPLAY_SIDE pixels long,
    which takes up to 13 MB; None unless it was asked for. ``square`` lies on the upright photo.
    """

    sha256: str
    size: int
    display: bytes
    thumb: bytes
    info: PhotoInfo
    origin: Origin
    picture: Image.Image | None = None
    square: Square | None = None


def prepare(data: bytes, limits: PixelLimits, *, keep_picture: bool = False) -> PreparedPhoto:
    """Decode ``data`` once and make the copies. Raises PhotoError for what can't be answered."""
    picture, info = open_photo(data, max_side=DISPLAY_SIDE, at_most=MOST_DISPLAY_SIDE, limits=limits)
    return PreparedPhoto(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        display=_encode(picture, _DISPLAY_QUALITY),
        thumb=_encode(reduced(picture, THUMB_SIDE), _THUMB_QUALITY),
        info=info,
        origin=read_origin(info.exif),
        picture=picture if keep_picture else None,
    )


def cut(display: bytes, square: Square) -> bytes:
    """The part of a photo around a square, with a margin: a JPEG of THUMB_SIDE pixels at most, made of the copy for pages."""
    with Image.open(io.BytesIO(display), formats=("JPEG",)) as image:
        wider = Square(
            square.x - square.width * (_AROUND - 1) / 2,
            square.y - square.height * (_AROUND - 1) / 2,
            square.width * _AROUND,
            square.height * _AROUND,
        )
        left, top, right, bottom = (round(edge) for edge in seen_box(image.size, wider))
        part = image.crop((left, top, right, bottom))
    return _encode(reduced(part, THUMB_SIDE), _THUMB_QUALITY)


def _encode(picture: Image.Image, quality: int) -> bytes:
    """A plain JPEG: a progressive one is 6 % smaller and takes four times as long."""
    out = io.BytesIO()
    picture.save(out, "JPEG", quality=quality)
    return out.getvalue()


def key_of(sha256: str, variant: str) -> str:
    """The storage key of a photo's original or of one of its copies."""
    suffix = "" if variant == "original" else ".jpg"
    return f"{variant}/{sha256[:2]}/{sha256}{suffix}"


def largest(photo: Photo) -> str:
    """The storage key of the original, or, where its time is over, of the copy that pages show."""
    return key_of(photo.sha256, "original" if photo.original_removed_at is None else "display")


def keep(storage: Storage, photo: PreparedPhoto, read: Callable[[], bytes]) -> None:
    """Write original and copies; on return they are on the disk. ``read`` gives the original once more: many of them are
    not in memory together. Raises OSError.
    """
    with holding(photo.size):
        storage.put(key_of(photo.sha256, "original"), read())
    reach("photo-stored")
    storage.put(key_of(photo.sha256, "display"), photo.display)
    storage.put(key_of(photo.sha256, "thumb"), photo.thumb)


def discard(storage: Storage, sha256: str) -> dict[str, bytes]:
    """Remove original and copies; returns what was there, in case it has to go back."""
    removed = {}
    for key in (key_of(sha256, variant) for variant in ("original", *VARIANTS)):
        if storage.exists(key):
            removed[key] = storage.get(key)
        storage.delete(key)
        reach("half-of-files-deleted")
    return removed


# --- EXIF ------------------------------------------------------------------------------------------------------------

_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")
# In this order. DateTime is not among them: it is the day of the last change. static/js/volunteers/exif.js reads the same way;
# docs/day-and-place.md says how, and tests/odd_exif.py holds both to it.
_TIMES = (ExifTags.Base.DateTimeOriginal, ExifTags.Base.DateTimeDigitized)


def read_origin(data: bytes) -> Origin:
    """Date and place from EXIF, given from its byte order mark on. Whatever is broken or absurd there counts as absent: EXIF is
    a hint, never a reason to refuse.
    """
    exif = Image.Exif()
    try:
        exif.load(data)
        times, gps = exif.get_ifd(ExifTags.IFD.Exif), exif.get_ifd(ExifTags.IFD.GPSInfo)
        moments = [_moment(times.get(tag, exif.get(tag))) for tag in _TIMES]
        numbers = [gps.get(tag) for tag in (ExifTags.GPS.GPSLatitude, ExifTags.GPS.GPSLongitude)]
        letters = [gps.get(tag) for tag in (ExifTags.GPS.GPSLatitudeRef, ExifTags.GPS.GPSLongitudeRef)]
    except Exception:  # Pillow's EXIF parser raises a dozen kinds on hostile bytes; all mean "no hint"
        return Origin()
    latitude, longitude = _degrees(numbers[0], letters[0], "NS", 90), _degrees(numbers[1], letters[1], "EW", 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        latitude = longitude = None
    return Origin(next(filter(None, moments), None), latitude, longitude)


def _moment(text: object) -> datetime | None:
    match = _EXIF_TIME.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    # A camera whose clock was never set, or is ahead.
    return moment if moment.year >= 1990 and moment.date() <= latest_day() else None


def _degrees(value: object, letter: object, letters: str, largest: int) -> float | None:
    """Degrees, negative for the second of the two ``letters``; None without a letter, as half of the globe is unknown then."""
    first = letter.strip(" \t\0")[:1].upper() if isinstance(letter, str) else ""
    if first not in set(letters) or not isinstance(value, tuple) or len(value) != 3:
        return None
    if not all(isinstance(part, IFDRational) and part.denominator and part >= 0 for part in value):
        return None
    degrees, minutes, seconds = map(float, value)
    total = degrees + minutes / 60 + seconds / 3600
    if total > largest:
        return None
    return round(-total if first == letters[1] else total, 6)
