"""Pictures to measure with, drawn here so that anyone gets the same."""

import io

import numpy as np
from PIL import Image


def jpeg(width: int, height: int, seed: int = 0) -> bytes:
    """A JPEG with as much detail as a photo of that size: smooth shapes, grain and edges, about 0.25 byte a pixel."""
    luck = np.random.default_rng(seed)
    coarse = Image.fromarray(luck.integers(0, 255, (12, 16, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.int16)
    grain = luck.integers(-12, 12, (height, width, 1), dtype=np.int16)
    out = io.BytesIO()
    Image.fromarray(np.clip(smooth + grain, 0, 255).astype(np.uint8)).save(out, "JPEG", quality=85)
    return out.getvalue()
