"""From a sent file to what is kept: the private original, and re-encoded copies without EXIF that pages may show."""

import hashlib
import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from PIL import ExifTags, Image

from app.crash_points import reach
from app.models import Photo
from app.services.inference import PhotoInfo, PixelLimits, Square, holding, open_photo, seen_box, turn
from app.storage import Storage

DISPLAY_SIDE = 1600
THUMB_SIDE = 480
_DISPLAY_QUALITY = 85
_THUMB_QUALITY = 80
# Per pixel, while a progressive JPEG is written: its coefficients and its buffer.
_ENCODING_BYTES = 8

_places = threading.BoundedSemaphore(2)

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
    """A photo that was decoded once: hash and ``size`` in bytes of the original, its copies, and its EXIF origin."""

    sha256: str
    size: int
    display: bytes
    thumb: bytes
    info: PhotoInfo
    origin: Origin


@contextmanager
def preparing(size: int) -> Iterator[None]:
    """Wait for a place to prepare a photo of ``size`` bytes, and keep it: two in a process, whatever is sent at once."""
    with _places, holding(size):
        yield


def prepare(data: bytes, limits: PixelLimits) -> PreparedPhoto:
    """Decode ``data`` and make the copies. Raises PhotoError for what can't be answered."""
    image, info = open_photo(data, max_side=DISPLAY_SIDE, limits=limits)
    image.info.clear()  # no EXIF, no colour profile, no comment may travel along
    with turn(_ENCODING_BYTES * image.width * image.height, limits.alone_above):
        display = _encode(image, _DISPLAY_QUALITY)
        image.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
        thumb = _encode(image, _THUMB_QUALITY)
    return PreparedPhoto(
        sha256=hashlib.sha256(data).hexdigest(),
        size=len(data),
        display=display,
        thumb=thumb,
        info=info,
        origin=read_origin(data),
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
    part.thumbnail((THUMB_SIDE, THUMB_SIDE), Image.Resampling.LANCZOS)
    return _encode(part, _THUMB_QUALITY)


def _encode(image: Image.Image, quality: int) -> bytes:
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality, optimize=True, progressive=True)
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

_FORMATS = ("JPEG", "PNG", "WEBP", "HEIF")
_EXIF_TIME = re.compile(r"(\d{4}):(\d\d):(\d\d) (\d\d):(\d\d):(\d\d)")


def read_origin(data: bytes) -> Origin:
    """Date and place from EXIF. Whatever is broken or absurd there counts as absent: EXIF is a hint, never a reason to refuse."""
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            exif = image.getexif()
            taken = exif.get_ifd(ExifTags.IFD.Exif).get(ExifTags.Base.DateTimeOriginal) or exif.get(
                ExifTags.Base.DateTime
            )
            gps = exif.get_ifd(ExifTags.IFD.GPSInfo)
    except Exception:  # Pillow's EXIF parser raises a dozen kinds on hostile bytes; all mean "no hint"
        return Origin()
    latitude = _degrees(gps.get(ExifTags.GPS.GPSLatitude), gps.get(ExifTags.GPS.GPSLatitudeRef), 90)
    longitude = _degrees(gps.get(ExifTags.GPS.GPSLongitude), gps.get(ExifTags.GPS.GPSLongitudeRef), 180)
    if latitude is None or longitude is None or (latitude == 0 and longitude == 0):
        latitude = longitude = None
    return Origin(_moment(taken), latitude, longitude)


def _moment(text: object) -> datetime | None:
    match = _EXIF_TIME.match(text) if isinstance(text, str) else None
    if match is None:
        return None
    try:
        moment = datetime(*(int(part) for part in match.groups()))  # type: ignore[arg-type]
    except ValueError:
        return None
    return moment if moment.year >= 1990 else None  # a camera whose clock was never set


def _degrees(value: object, reference: object, largest: int) -> float | None:
    if not isinstance(value, tuple) or len(value) != 3:
        return None
    try:
        degrees, minutes, seconds = (float(part) for part in value)
    except (TypeError, ValueError, ZeroDivisionError):
        return None
    total = degrees + minutes / 60 + seconds / 3600
    if not 0 <= total <= largest:  # also refuses NaN
        return None
    return round(-total if str(reference).upper() in {"S", "W"} else total, 6)
