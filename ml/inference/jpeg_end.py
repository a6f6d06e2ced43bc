"""A JPEG whose end marker is missing: is the picture all there?

libjpeg paints grey what is missing, and tells Pillow nothing of it. So such a file is decoded twice, with different data
behind it. Where that makes no difference, nothing was read from there, so nothing was missing.
"""

from __future__ import annotations

import hashlib
import io

from PIL import Image

from ml.inference import jpeg_scans

MARKER = bytes((0xFF, jpeg_scans.END))
_RESTARTS = [bytes((0xFF, marker)) for marker in range(0xD0, 0xD8)]
_COEFFICIENTS, _UNSEEN = 64, 99
# Noise, without markers. Regular bytes will not do: to many a picture two kinds of them say alike that nothing follows.
_CONTINUATIONS = [hashlib.sha512(bytes((seed,))).digest().replace(b"\xff", b"") for seed in (1, 2)]
_ROWS = 64


def unended(content: bytes) -> bytes | None:
    """``content`` without half a marker at its end, where the file ends in the data of the last scan that its first picture
    needs; else None.
    """
    missing: dict[int, list[int]] = {}  # per component, by how many bits each coefficient is still too coarse
    last = 0
    for segment in jpeg_scans.segments(content):
        body = content[segment.body + 2 : segment.body + segment.length]
        if segment.marker in jpeg_scans.FRAMES and len(body) >= 6:
            missing = {component: [_UNSEEN] * _COEFFICIENTS for component in body[6 : 6 + 3 * body[5] : 3]}
        if segment.marker == jpeg_scans.START_OF_SCAN and len(body) >= 6:
            first, to, bits = body[-3], min(body[-2], _COEFFICIENTS - 1), body[-1] & 15
            for component in body[1:-3:2]:
                missing.get(component, [])[first : to + 1] = [bits] * (to + 1 - first)
        if segment.marker == 0:
            complete = last == jpeg_scans.START_OF_SCAN and missing and not any(map(any, missing.values()))
            return content.rstrip(b"\xff") if complete else None
        last = segment.marker
    return None


def is_whole(picture: bytes, most_pixels: int) -> bool:
    """Whether nothing is missing in the last scan of what ``unended`` gave. Pictures of more than ``most_pixels`` are
    compared at reduced size.

    Raises:
        OSError, SyntaxError and whatever else Pillow raises where the file can't be decoded at all.
    """
    scan = picture.rfind(bytes((0xFF, jpeg_scans.START_OF_SCAN)))
    restart = max(_RESTARTS, key=lambda marker: picture.rfind(marker, scan))
    following = _RESTARTS[(_RESTARTS.index(restart) + 1) % 8] if picture.rfind(restart, scan) >= 0 else _RESTARTS[0]
    digests = {_digest(picture + data + following + data + MARKER, most_pixels) for data in _CONTINUATIONS}
    return len(digests) == 1


def _digest(content: bytes, most_pixels: int) -> bytes:
    """A hash of the picture's pixels."""
    digest = hashlib.sha256()
    with Image.open(io.BytesIO(content), formats=["JPEG"]) as image:
        shrink = next((n for n in (1, 2, 4) if image.width * image.height <= most_pixels * n * n), 8)
        image.draft(None, (image.width // shrink, image.height // shrink))
        for top in range(0, image.height, _ROWS):
            digest.update(image.crop((0, top, image.width, min(top + _ROWS, image.height))).tobytes())
    return digest.digest()
