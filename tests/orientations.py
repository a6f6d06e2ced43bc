"""Photos that say in every way, right and wrong, how they were held, with the orientation that browsers follow.

Measured in Chromium; tests/browser/test_same_as_the_browser.py asks it again.
"""

import struct

from PIL import Image

from tests.factories import encode
from tests.hostile.files import chunk, segment

WIDTH, HEIGHT = 80, 40
SHORT, LONG = 3, 4
ORIENTATION, EXIF, MAKE = 0x0112, 0x8769, 0x010F


def corners() -> Image.Image:
    """Red at the top left, green at the bottom right, blue elsewhere: no two orientations look alike."""
    image = Image.new("RGB", (WIDTH, HEIGHT), (0, 0, 200))
    image.paste((200, 0, 0), (0, 0, WIDTH // 2, HEIGHT // 2))
    image.paste((0, 200, 0), (WIDTH // 2, HEIGHT // 2, WIDTH, HEIGHT))
    return image


def entry(tag: int, kind: int, value: int, count: int = 1, order: str = "<") -> bytes:
    """One entry of a directory, its value in as many bytes as its kind has."""
    form = {1: "B3x", 2: "B3x", SHORT: "H2x", 6: "b3x", 7: "B3x", 8: "h2x"}.get(kind, "I")
    return struct.pack(order + "HHI" + form, tag, kind, count, value)


def tiff(*entries: bytes, below: tuple[bytes, ...] = (), order: str = "<") -> bytes:
    """EXIF with one directory, and ``below`` it another; an entry ``b"EXIF"`` points at that."""
    end = 8 + 2 + 12 * len(entries) + 4
    pointer = entry(EXIF, LONG, end, order=order)
    root = b"".join(pointer if part == b"EXIF" else part for part in entries)
    nested = struct.pack(order + "H", len(below)) + b"".join(below) + bytes(4)
    start = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(order + "IH", 8, len(entries))
    return start + root + bytes(4) + nested


def held(value: int, order: str = "<") -> bytes:
    """One SHORT, as cameras write it."""
    return entry(ORIENTATION, SHORT, value, order=order)


JPEG = encode(corners(), quality=95, subsampling=0)
AFTER_JFIF = 2 + 2 + struct.unpack(">H", JPEG[4:6])[0]
PNG = encode(corners(), "PNG")
XMP = b'<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'


def jpeg(*exifs: bytes, at: int = AFTER_JFIF) -> bytes:
    """A JPEG with a segment for each block of EXIF."""
    return with_segments(*(b"Exif\0\0" + exif for exif in exifs), at=at)


def with_segments(*bodies: bytes, at: int = AFTER_JFIF) -> bytes:
    """A JPEG with these APP1 segments."""
    return JPEG[:at] + b"".join(segment(0xE1, body) for body in bodies) + JPEG[at:]


def png(*exifs: bytes, at: int = 33) -> bytes:
    """A PNG with a chunk for each block of EXIF: behind its header, or before its last 12 bytes."""
    return PNG[:at] + b"".join(chunk(b"eXIf", exif) for exif in exifs) + PNG[at:]


SIX = tiff(held(6))
CASES: dict[str, tuple[bytes, int]] = {
    "JPEG without EXIF": (JPEG, 1),
    **{f"JPEG {value}": (jpeg(tiff(held(value))), value if 1 <= value <= 8 else 1) for value in range(11)},
    **{f"JPEG {value}, big endian": (jpeg(tiff(held(value, ">"), order=">")), value) for value in (3, 6)},
    **{f"JPEG, type {kind}": (jpeg(tiff(entry(ORIENTATION, kind, 6))), 1) for kind in (1, 2, 4, 5, 6, 7, 8, 9, 10, 13)},
    **{f"JPEG, {count} values": (jpeg(tiff(entry(ORIENTATION, SHORT, 6, count))), 1) for count in (0, 2, 3)},
    "JPEG, before JFIF": (jpeg(SIX, at=2), 6),
    "JPEG, before the scan": (jpeg(SIX, at=JPEG.index(b"\xff\xda")), 6),
    "JPEG, two blocks": (jpeg(SIX, tiff(held(1))), 6),
    "JPEG, the other way round": (jpeg(tiff(held(1)), SIX), 1),
    "JPEG, the second says it": (jpeg(tiff(entry(MAKE, SHORT, 1)), SIX), 1),
    "JPEG, the first is damaged": (jpeg(b"damaged!", SIX), 1),
    "JPEG, the first is empty": (jpeg(b"", SIX), 6),
    "JPEG, one block in two": (jpeg(SIX[:12], SIX[12:]), 1),
    "JPEG, two tags": (jpeg(tiff(held(6), held(8))), 6),
    "JPEG, the first tag is impossible": (jpeg(tiff(held(9), held(8))), 8),
    "JPEG, the first tag is LONG": (jpeg(tiff(entry(ORIENTATION, LONG, 6), held(8))), 8),
    "JPEG, below": (jpeg(tiff(b"EXIF", below=(held(8),))), 8),
    "JPEG, below first": (jpeg(tiff(b"EXIF", held(6), below=(held(8),))), 8),
    "JPEG, below last": (jpeg(tiff(held(6), b"EXIF", below=(held(8),))), 6),
    "JPEG, XMP only": (with_segments(b"http://ns.adobe.com/xap/1.0/\0" + XMP), 1),
    "JPEG, XMP and EXIF": (with_segments(b"http://ns.adobe.com/xap/1.0/\0" + XMP, b"Exif\0\0" + tiff(held(1))), 1),
    "JPEG, another padding": (with_segments(b"Exif\0\xff" + SIX), 6),
    "JPEG, cut before the value": (jpeg(SIX[:-14]), 1),
    "JPEG, cut behind the value": (jpeg(SIX[:22]), 6),
    "JPEG, more entries than there are": (jpeg(SIX[:8] + b"\xff\xff" + SIX[10:]), 6),
    "JPEG, no TIFF": (jpeg(b"II+\0" + SIX[4:]), 1),
    "progressive JPEG": (encode(corners(), progressive=True, exif=b"Exif\0\0" + SIX), 6),
    "MPO": (encode(corners(), "MPO", save_all=True, append_images=[corners()], exif=b"Exif\0\0" + SIX), 6),
    **{f"PNG {value}": (png(tiff(held(value))), value) for value in range(1, 9)},
    **{f"PNG, type {kind}": (png(tiff(entry(ORIENTATION, kind, 6))), 1) for kind in (1, 4, 8)},
    "PNG, big endian": (png(tiff(held(6, ">"), order=">")), 6),
    "PNG, with the prefix of a JPEG": (png(b"Exif\0\0" + SIX), 1),
    "PNG, behind the pixels": (png(SIX, at=-12), 1),
    "PNG, animated": (encode(corners(), "PNG", exif=SIX, save_all=True, append_images=[corners().rotate(180)]), 6),
    **{f"WebP {value}": (encode(corners(), "WEBP", lossless=True, exif=tiff(held(value))), 1) for value in range(1, 9)},
    "WebP, with the prefix of a JPEG": (encode(corners(), "WEBP", lossless=True, exif=b"Exif\0\0" + SIX), 1),
    "WebP, XMP": (encode(corners(), "WEBP", lossless=True, xmp=XMP), 1),
    "WebP, animated": (
        encode(corners(), "WEBP", lossless=True, exif=SIX, save_all=True, append_images=[corners().rotate(180)]),
        1,
    ),
}  # fmt: skip
