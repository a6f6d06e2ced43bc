"""Pictures to measure with, made here so that anyone gets the same."""

import io

import numpy as np
import pillow_heif
from PIL import Image

_QUALITY = 90
_TILE = (1024, 768)


def jpeg(width: int, height: int, seed: int = 0) -> bytes:
    """A JPEG that takes as long to read as a phone's photo of that size: 12 megapixels are about 3.5 MB."""
    out = io.BytesIO()
    _picture(width, height, seed).save(out, "JPEG", quality=_QUALITY)
    return out.getvalue()


def heic(width: int, height: int, seed: int = 0) -> bytes:
    """The same as HEIC, about half as many bytes. Writing 12 megapixels takes some seconds."""
    out = io.BytesIO()
    picture = _picture(width, height, seed).convert("RGB")
    pillow_heif.from_pillow(picture).save(out, quality=45, enc_params={"preset": "ultrafast"})
    return out.getvalue()


def _picture(width: int, height: int, seed: int) -> Image.Image:
    """YCbCr: much detail in the light, little in the colours, as in photos."""
    luck = np.random.default_rng(seed)
    light = _plane(luck, width, height, middle=120, smooth=40, detail=20, grain=4)
    half = max(1, width // 2), max(1, height // 2)
    colours = [_plane(luck, *half, middle=128, smooth=14, detail=6, grain=1) for _ in range(2)]
    return Image.merge("YCbCr", [light, *(each.resize((width, height), Image.Resampling.NEAREST) for each in colours)])


def _plane(
    luck: np.random.Generator, width: int, height: int, *, middle: float, smooth: float, detail: float, grain: float
) -> Image.Image:
    """Noise in octaves and grain, tiled, on smooth shapes as large as the picture; the arguments are standard deviations."""
    across, down = min(width, _TILE[0]), min(height, _TILE[1])
    octaves = sum(_noise(luck, (across, down), step) * step**0.5 for step in (2, 4, 8, 16, 32))
    octaves = octaves / np.std(octaves) * detail + luck.standard_normal((down, across), np.float32) * grain
    plane = np.tile(octaves, (-(-height // down), -(-width // across)))[:height, :width]
    plane += _noise(luck, (width, height), max(width, height) // 16 + 1) * smooth + middle
    return Image.fromarray(np.clip(plane, 0, 255).astype(np.uint8))


def _noise(luck: np.random.Generator, size: tuple[int, int], step: int) -> np.ndarray:
    """Random heights ``step`` pixels apart, smooth between them: float32 (height, width)."""
    points = luck.standard_normal((size[1] // step + 2, size[0] // step + 2), np.float32)
    return np.asarray(Image.fromarray(points).resize(size, Image.Resampling.BICUBIC))
