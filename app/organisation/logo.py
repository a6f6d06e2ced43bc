"""The organisation's logo: decoded and written anew, small, without anything that the file carried beside its pixels."""

import hashlib
import io
from base64 import b64encode
from dataclasses import dataclass

from PIL import Image, ImageOps

from app.core.errors import FieldError, InvalidInput

MOST_BYTES = 4_000_000
_MOST_PIXELS = 16_000_000
# Twice as large as pages show it, for sharp screens.
_BOX = (640, 256)
_FORMATS = ("PNG", "JPEG", "WEBP")


@dataclass(frozen=True)
class Logo:
    """A PNG in base64, a digest of it, and its size in pixels."""

    data: str
    digest: str
    width: int
    height: int


def read_logo(data: bytes) -> Logo:
    """The logo out of an uploaded PNG, JPEG or WebP. Raises InvalidInput for ``logo``."""
    if len(data) > MOST_BYTES:
        raise InvalidInput([FieldError("logo", "photo_too_many_bytes", (("max", MOST_BYTES // 1_000_000),))])
    try:
        picture = _decoded(data)
    except InvalidInput:
        raise
    except Exception as error:  # decoders raise a dozen kinds on hostile bytes
        raise InvalidInput([FieldError("logo", "logo_unreadable")]) from error
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=True)
    written = out.getvalue()
    return Logo(b64encode(written).decode(), hashlib.sha256(written).hexdigest()[:16], *picture.size)


def _decoded(data: bytes) -> Image.Image:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        if image.width * image.height > _MOST_PIXELS:
            raise InvalidInput([FieldError("logo", "photo_too_large")])
        image.draft("RGB", _BOX)
        upright = ImageOps.exif_transpose(image).convert("RGBA")
    upright.thumbnail(_BOX)
    return Image.frombytes("RGBA", upright.size, upright.tobytes())  # pixels only: no profile, no text
