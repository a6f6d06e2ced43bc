"""How the hostile files are made: cheaply, so that a picture that takes gigabytes takes nobody gigabytes to write."""

import io
import random
import struct
import zipfile
import zlib
from functools import cache
from pathlib import Path

from PIL import Image

from tests.factories import butterfly, encode, photo
from tests.ml import icc

JPEG_END = b"\xff\xd9"


@cache
def png(width: int, height: int, depth: int = 8, colour: int = 2, lines: int | None = None) -> bytes:
    """A black PNG whose pixels are never in memory; ``lines`` fewer than the height cut it short in a well-formed way."""
    per_pixel = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}[colour] * depth
    row = bytes(1 + (width * per_pixel + 7) // 8)
    packer = zlib.compressobj(9 if depth == 1 else 1)
    parts = [packer.compress(row * 16) for _ in range((height if lines is None else lines) // 16)]
    parts += [packer.compress(row) for _ in range((height if lines is None else lines) % 16)]
    parts.append(packer.flush())
    palette = [chunk(b"PLTE", bytes(6))] if colour == 3 else []
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    chunks = [chunk(b"IHDR", header), *palette, chunk(b"IDAT", b"".join(parts)), chunk(b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def chunk(kind: bytes, body: bytes) -> bytes:
    """A chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def packed_comment(size: int) -> bytes:
    """A small PNG with a compressed comment that is as large as that when unpacked."""
    packer = zlib.compressobj()
    parts = [packer.compress(bytes(1_000_000)) for _ in range(size // 1_000_000)]
    content = photo(1, "PNG")
    body = b"Comment\0\0" + b"".join(parts) + packer.flush()
    return content[:33] + chunk(b"zTXt", body) + content[33:]


@cache
def webp(width: int, height: int, mode: str = "RGB") -> bytes:
    """A picture of one colour."""
    return encode(Image.new(mode, (width, height), "green"), "WEBP", method=0, quality=10)


def webp_claiming(width: int, height: int) -> bytes:
    """A small WebP whose header says that its canvas is as large as that."""
    data = bytearray(animated("WEBP"))
    at = data.index(b"VP8X") + 12
    data[at : at + 6] = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    return bytes(data)


def holed(content: bytes) -> bytes:
    """Zeros instead of a quarter of the data, as after a bad copy."""
    middle, quarter = len(content) // 2, len(content) // 4
    return content[:middle] + bytes(quarter) + content[middle + quarter :]


def with_text_chunk(content: bytes, text: bytes) -> bytes:
    """A PNG with a comment after its header."""
    return content[:33] + chunk(b"tEXt", b"Comment\0" + text) + content[33:]


def claiming(width: int, height: int) -> bytes:
    """A small JPEG whose header says that it is as large as that."""
    data = bytearray(photo(1))
    at = data.index(b"\xff\xc0") + 5
    data[at : at + 4] = struct.pack(">HH", height, width)
    return bytes(data)


@cache
def jpeg(width: int, height: int, mode: str = "RGB", **options: object) -> bytes:
    """A picture of one colour."""
    return encode(Image.new(mode, (width, height), 90 if mode == "L" else None), "JPEG", **options)


@cache
def one_by_one(width: int, height: int) -> bytes:
    """A baseline JPEG with one scan per colour: what a progressive one costs, without saying so in its header."""
    grey = jpeg(width, height, "L")
    frame, scan = grey.index(b"\xff\xc0"), grey.index(b"\xff\xda")
    size = grey[frame + 4 : frame + 9]
    parts = b"".join(bytes((n, 0x11, 0)) for n in (1, 2, 3))
    header = grey[:frame] + b"\xff\xc0" + struct.pack(">H", 17) + size + b"\x03" + parts
    tables = grey[frame + 2 + struct.unpack(">H", grey[frame + 2 : frame + 4])[0] : scan]
    data = grey[scan + 10 : -2]
    scans = b"".join(b"\xff\xda\x00\x08\x01" + bytes((n, 0)) + b"\x00\x3f\x00" + data for n in (1, 2, 3))
    return header + tables + scans + JPEG_END


@cache
def many_scans(count: int) -> bytes:
    """A progressive JPEG whose last pass is ordered again and again: small to send, slow to read."""
    data = jpeg(4000, 3000, "L", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + JPEG_END


def segment(marker: int, body: bytes) -> bytes:
    """A segment of a JPEG."""
    return bytes((0xFF, marker)) + struct.pack(">H", len(body) + 2) + body


# Colour profiles that are none.
PROFILES = {
    "random bytes": random.Random(1).randbytes(3000),
    "cut short": icc.matrix_profile(icc.SRGB)[:200],
    "everything black": icc.matrix_profile(icc.SRGB, brightness=0),
    "a negative": icc.table_profile(icc.SRGB, negative=True),
    "for four inks": icc.ink_profile(icc.SRGB),
    "5 MB": icc.matrix_profile(icc.SRGB) + bytes(5_000_000),
}
# Where it goes: behind the first bytes of a JPEG, into its scan, before its end; behind the header of a PNG, before its end.
MADE_OF_METADATA: dict[str, tuple[str, bytes]] = {
    "empty comments": ("JPEG start", segment(0xFE, b"")),
    "long comments": ("JPEG start", segment(0xFE, bytes(65_000))),
    "fill bytes": ("JPEG start", b"\xff"),
    "restart markers": ("JPEG start", b"\xff\xd0"),
    "EXIF": ("JPEG start", segment(0xE1, b"Exif\0\0" + bytes(65_000))),
    "short EXIF": ("JPEG start", segment(0xE1, b"Exif\0\0")),
    "quantisation tables": ("JPEG start", segment(0xDB, bytes(65))),
    "Huffman tables": ("JPEG start", segment(0xC4, bytes(17))),
    "fill bytes in the scan": ("JPEG scan", b"\xff"),
    "fill bytes at the end": ("JPEG end", b"\xff"),
    "texts in a PNG": ("PNG start", chunk(b"tEXt", b"")),
    "unknown chunks in a PNG": ("PNG start", chunk(b"abCd", b"")),
    "no pixels in a PNG": ("PNG end", chunk(b"IDAT", b"")),
}
METADATA = MADE_OF_METADATA | {
    "XMP": ("JPEG start", segment(0xE1, b"http://ns.adobe.com/xmp/extension/\0" + bytes(65_000)))
}


def made_of(name: str, size: int) -> bytes:
    """A small photo in ``size`` bytes of something else."""
    place, part = METADATA[name]
    content = photo(1, place.split()[0])
    scan = content.find(b"\xff\xda")
    at = {
        "JPEG start": 2,
        "JPEG scan": scan + 2 + int.from_bytes(content[scan + 2 : scan + 4], "big"),
        "JPEG end": len(content) - 2,
        "PNG start": 33,
        "PNG end": len(content) - 12,
    }[place]
    return content[:at] + part * (size // len(part)) + content[at:]


def animated(form: str) -> bytes:
    """Three frames."""
    return photo(1, form, save_all=True, append_images=[butterfly(2), butterfly(3)], duration=100)


def oriented(orientation: int) -> bytes:
    """A JPEG that says how it was held."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return photo(1, exif=exif)


def archive() -> bytes:
    """A ZIP with one file."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as file:
        file.writestr("butterfly.jpg", photo(1))
    return out.getvalue()


def heic() -> bytes:
    """48 megapixels of red, as ``Image.new("RGB", (8000, 6000), "red")`` and half a minute of an encoder make them."""
    return Path(__file__).with_name("48-megapixels.heic").read_bytes()


def script() -> bytes:
    """An SVG that runs."""
    return b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>"


def flipped(content: bytes, positions: list[int], value: int) -> bytes:
    """The bytes at these positions changed."""
    data = bytearray(content)
    for at in positions:
        data[at % len(data)] ^= value
    return bytes(data)
