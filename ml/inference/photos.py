"""The one decode: bytes of a photo to upright RGB pixels, the same for training and serving.

Everything a stranger can send goes through :func:`open_photo`. It looks at the content, never at a name; it refuses a
picture with too many pixels from its header, before anything is decoded; and whatever the bytes are, it raises nothing
but :class:`PhotoError`.
"""

from __future__ import annotations

import io
import logging
import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import numpy as np
import pillow_heif
from PIL import Image

from ml.inference import colours, jpeg_end, jpeg_scans, orientation, png_chunks
from ml.inference.turns import turn

pillow_heif.register_heif_opener(thumbnails=False)
# Pillow warns from 89 million pixels up, refuses from twice that. Our own limits, per format, say it first and better.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
# Damaged metadata of strangers' photos is not worth a line each in the server's log.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

ErrorKind = Literal["unsupported", "undecodable", "too_large"]

# How long a picture's longer side should be, and may be, in pixels; None keeps every pixel.
_Sides = tuple[int, int] | None
_SPARE = 15
_log = logging.getLogger(__name__)
_HEIC_BRANDS = {b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"}
# Rows that are laid on white at a time.
_STRIP = 256
# How much of a reduction is left to the last, good step, after plain averages over whole blocks.
_GAP = 2.0


class PhotoError(Exception):
    """A photo that can't be used. ``kind`` says which of three reasons; ``detail`` is a sentence for its sender."""

    def __init__(self, kind: ErrorKind, detail: str) -> None:
        super().__init__(detail)
        self.kind: ErrorKind = kind
        self.detail = detail


@dataclass(frozen=True)
class PhotoInfo:
    """What the file says of itself.

    Attributes:
        width: of the upright photo in pixels, before any reduction.
        height: likewise.
        format: JPEG, MPO, PNG, WEBP or HEIC.
        orientation: EXIF orientation (1…8) by which the photo was turned upright, as browsers do; 1 for not at all.
        ignored_orientation: the orientation that stands where browsers do not look and some programs do; 1 for none.
        exif: the EXIF, from its byte order mark on, unchecked; empty where there is none.
    """

    width: int
    height: int
    format: str
    orientation: int = 1
    ignored_orientation: int = 1
    exif: bytes = field(default=b"", repr=False)


@dataclass(frozen=True)
class PixelLimits:
    """The most pixels that are decoded, per format, because the cost differs by a factor of fifty.

    Memory measured, to a long side of 1600 pixels: for 120 million pixels as baseline JPEG, which is read at reduced size,
    157 MB; for 24 million as progressive JPEG 170 MB, in CMYK 290 MB; for 25 million as PNG 133 MB, with transparency 237 MB;
    for 16 million as WebP 257 MB; for 48 million as HEIC 225 MB. A JPEG whose colours come one after the other costs what a
    progressive one does, and counts as one; in CMYK such a one may have three quarters of the limit.

    Photos that take more than ``alone_above`` bytes are decoded one at a time in a process; see ml.inference.turns.
    """

    jpeg: int = 120_000_000
    progressive_jpeg: int = 25_000_000
    png: int = 26_000_000
    webp: int = 16_000_000
    heic: int = 50_000_000
    alone_above: int = 64_000_000


def open_photo(
    data: bytes | Path, *, max_side: int | None, at_most: int | None = None, limits: PixelLimits = PixelLimits()
) -> tuple[Image.Image, PhotoInfo]:
    """Decode a photo.

    Args:
        data: the encoded bytes, or a file that holds them.
        max_side: longest side of the returned picture in pixels, never enlarged; None keeps every pixel.
        at_most: a photo whose half, quarter or eighth lies between ``max_side`` and this is left at that, which for a JPEG costs
            no scaling: from 2000 pixels to 1600 takes as long as all before it. By default a fifteenth more than ``max_side``:
            480 leaves photos of 12 megapixels at 500 or 504.
        limits: the most pixels that are decoded, per format.

    Returns:
        The upright picture in sRGB, mode RGB, transparent parts on white, first frame of an animation, without metadata;
        and what the file says of itself.

    Raises:
        PhotoError: ``unsupported`` (no JPEG, MPO, PNG, WebP or HEIC), ``too_large`` (more pixels than the limit for
            its format, or more passes, comments and other additions than are read) or ``undecodable`` (truncated,
            damaged). No other exception, whatever the bytes are; only a ``Path`` that can't be read raises ``OSError``.
    """
    content = data.read_bytes() if isinstance(data, Path) else data
    plugin = _recognise(content)
    sides = None if max_side is None else (max_side, at_most or max_side + max_side // _SPARE)
    try:
        try:
            return _read(content, plugin, sides, limits)
        except OSError:  # the data end too early
            whole = _with_end_marker(content, limits) if plugin == "JPEG" else None
            if whole is None:
                raise
            return _read(whole, plugin, sides, limits)
    except PhotoError:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning, MemoryError) as error:
        raise PhotoError("too_large", "The photo has too many pixels.") from error
    except Exception as error:  # Pillow's readers raise almost anything on hostile bytes; the caller needs one answer.
        _log.info("undecodable %s: %r", plugin, error)
        raise PhotoError("undecodable", "The photo is damaged or cut short and can't be read.") from error


def reduced(picture: Image.Image, max_side: int) -> Image.Image:
    """A picture from :func:`open_photo`, about ``max_side`` pixels long, much as if it had been opened for that: most of
    the reduction is averages over whole blocks, as when a JPEG is read at reduced size, which takes a fifth of the time.
    """
    most = max_side + max_side // _SPARE
    if max(picture.size) <= most:
        return picture
    return picture.resize(_reduced(picture.size, (max_side, most)), Image.Resampling.LANCZOS, reducing_gap=1.0)


def _read(content: bytes, plugin: str, sides: _Sides, limits: PixelLimits) -> tuple[Image.Image, PhotoInfo]:
    layout = _checked_layout(content, plugin)
    with Image.open(io.BytesIO(content), formats=[plugin]) as image:
        cost = _checked_cost(image, layout, sides, limits)
        if cost <= limits.alone_above:
            with turn(cost, limits.alone_above):
                return _upright(image, sides)
    with turn(cost, limits.alone_above):  # opened anew, so that all of it is freed before the next one's turn
        return _decoded(content, plugin, sides)


def _with_end_marker(content: bytes, limits: PixelLimits) -> bytes | None:
    """The JPEG that lacks nothing but its end marker, with one; None for any other."""
    picture = jpeg_end.unended(content)
    if picture is None:
        return None
    with turn(limits.alone_above + 1, limits.alone_above):
        return picture + jpeg_end.MARKER if jpeg_end.is_whole(picture, limits.progressive_jpeg) else None


def _recognise(content: bytes) -> str:
    """Name of the Pillow reader for these bytes."""
    if content.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if content.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if content[:4] == b"RIFF" and content[8:12] == b"WEBP":
        return "WEBP"
    if content[4:8] == b"ftyp" and _is_heic(content):
        return "HEIF"
    raise PhotoError("unsupported", "Not a picture in a format we can read: send JPEG, PNG, WebP or HEIC.")


def _is_heic(content: bytes) -> bool:
    """AVIF has the same container and often lists ``mif1`` too, so its own brands rule it out."""
    end = min(int.from_bytes(content[:4], "big"), 256)
    brands = {content[8:12]} | {content[at : at + 4] for at in range(16, end, 4)}
    return bool(brands & _HEIC_BRANDS) and not brands & {b"avif", b"avis"}


def _checked_layout(content: bytes, plugin: str) -> jpeg_scans.Layout | None:
    """How a JPEG is laid out. Raises PhotoError for one, or a PNG, with more parts than are read: its reader would take
    minutes before the first pixel.
    """
    layout = jpeg_scans.layout(content) if plugin == "JPEG" else None
    excess = png_chunks.excess(content) if plugin == "PNG" else layout.excess if layout else ""
    if excess:
        raise PhotoError("too_large", excess)
    return layout


def _checked_cost(image: Image.Image, layout: jpeg_scans.Layout | None, sides: _Sides, limits: PixelLimits) -> int:
    """About how many bytes decoding takes. Raises PhotoError for more pixels than the limits."""
    name, pixels = _public_format(image), image.width * image.height
    if layout is not None:
        limit = limits.progressive_jpeg * 3 // max(3, len(image.getbands())) if layout.buffered else limits.jpeg
    else:
        limit = {"PNG": limits.png, "WEBP": limits.webp, "HEIC": limits.heic}[name]
    if pixels < 1:
        raise PhotoError("undecodable", "The photo has no pixels.")
    if pixels > limit:
        raise PhotoError(
            "too_large",
            f"The photo has {pixels / 1e6:.0f} million pixels; at most {limit / 1e6:g} million are read in this format.",
        )
    if layout is None:
        return pixels * {"PNG": 9, "WEBP": 18, "HEIC": 8}[name]
    target = _reduced(image.size, sides)
    shrink = _jpeg_shrink(image.size, target)
    return 4 * (pixels // shrink**2 + target[0] * target[1]) + (6 * pixels if layout.buffered else 0)


def _jpeg_shrink(size: tuple[int, int], target: tuple[int, int]) -> int:
    """The power of two, at most 8, by which a JPEG is reduced while it is read: to no less than the target."""
    least = min(size[0] // target[0], size[1] // target[1])
    return next(scale for scale in (8, 4, 2, 1) if scale <= least)


def _public_format(image: Image.Image) -> str:
    return {"HEIF": "HEIC"}.get(image.format or "", image.format or "")


def _decoded(content: bytes, plugin: str, sides: _Sides) -> tuple[Image.Image, PhotoInfo]:
    with Image.open(io.BytesIO(content), formats=[plugin]) as image:
        if plugin == "HEIF" and image.mode == "RGB" and sides is not None:
            return _heic_in_strips(content, image.size, sides, orientation.exif_block(image))
        return _upright(image, sides)


def _heic_in_strips(content: bytes, size: tuple[int, int], sides: _Sides, exif: bytes) -> tuple[Image.Image, PhotoInfo]:
    """As ``_upright`` would have it, in two thirds of the memory: the reader's own pixels are not copied as a whole."""
    file = pillow_heif.open_heif(io.BytesIO(content), convert_hdr_to_8bit=True)
    picture = file[file.primary_index]
    pixels = np.asarray(picture)[:, : size[0]]

    def strip(top: int, bottom: int) -> Image.Image:
        return Image.fromarray(np.ascontiguousarray(pixels[top:bottom]))

    small = _from_strips(strip, size, _reduced(size, sides))
    return colours.to_srgb(small, colours.profile_of(picture.info)), PhotoInfo(*size, "HEIC", exif=exif)


def _upright(image: Image.Image, sides: _Sides) -> tuple[Image.Image, PhotoInfo]:
    full, name = image.size, _public_format(image)
    target = _reduced(full, sides)
    turned, ignored = orientation.followed_by_browsers(image), orientation.ignored_by_browsers(image)
    drafted = image.draft(None, target) if name in {"JPEG", "MPO"} and target != full else None  # see _jpeg_shrink
    image.load()
    pixels = colours.to_srgb(_fitted(image, target, drafted[1] if drafted else None), colours.profile_of(image.info))
    pixels.info.clear()
    width, height = full[::-1] if orientation.swaps_sides(turned) else full
    exif = orientation.exif_block(image)
    return orientation.upright(pixels, turned), PhotoInfo(width, height, name, turned, ignored, exif)


def _reduced(size: tuple[int, int], sides: _Sides) -> tuple[int, int]:
    """The size of the picture that is returned; see ``open_photo`` for how long it should be and may be."""
    longest = max(size)
    if sides is None or longest <= sides[0]:
        return size
    for shrink in (2, 4, 8):
        if sides[0] <= longest // shrink <= sides[1]:
            return max(1, size[0] // shrink), max(1, size[1] // shrink)
    scale = sides[0] / longest
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def _fitted(image: Image.Image, target: tuple[int, int], box: tuple[float, float, float, float] | None) -> Image.Image:
    """A new picture of that size, grey, RGB or CMYK, on white. Laid on white strip by strip, so that a large one takes
    little more memory than it takes already. ``box``: what of a JPEG read at reduced size is photo, in fractions of pixels;
    the rest fills up its last row and column.
    """
    if image.mode in {"L", "RGB", "CMYK"} and not image.has_transparency_data:
        return image.resize(target, Image.Resampling.LANCZOS, box=box, reducing_gap=_GAP)

    def strip(top: int, bottom: int) -> Image.Image:
        return _on_white(image.crop((0, top, image.width, bottom)))

    return _from_strips(strip, image.size, target)


def _from_strips(
    strip: Callable[[int, int], Image.Image], size: tuple[int, int], target: tuple[int, int]
) -> Image.Image:
    """The picture that ``resize`` makes with its gap, from ``strip(top, bottom)``, which gives some rows."""
    width, height = size
    across, down = (max(1, int(size[i] / target[i] / _GAP)) for i in (0, 1))
    rows = down * max(1, _STRIP // down)
    small: Image.Image | None = None
    for top in range(0, height, rows):
        part = strip(top, min(top + rows, height)).reduce((across, down))
        if small is None:
            small = Image.new(part.mode, (math.ceil(width / across), math.ceil(height / down)))
        small.paste(part, (0, top // down))
    assert small is not None
    return small.resize(target, Image.Resampling.LANCZOS, box=(0, 0, width / across, height / down))


def _on_white(image: Image.Image) -> Image.Image:
    """Grey or RGB, 8 bits per channel; 16-bit greyscale is scaled down, transparency laid on white."""
    if image.mode.startswith("I") or image.mode == "F":
        wide = np.asarray(image).astype(np.float64) / 257.0
        return Image.fromarray(np.clip(wide.round(), 0, 255).astype(np.uint8))
    grey = image.mode in {"1", "L", "LA"}
    if image.has_transparency_data:
        layered = image.convert("LA" if grey else "RGBA")
        white = Image.new("L" if grey else "RGB", layered.size, "white")
        white.paste(layered.convert(white.mode), mask=layered.getchannel("A"))
        return white
    return image.convert("L" if grey else "RGB")
