"""From a file to the network's input: our decode against opening the picture whole, the baseline."""

import io

import numpy as np
from PIL import Image, ImageOps

from benchmarks.pictures import jpeg
from benchmarks.timing import median_ms, table
from ml.inference import network_input, open_photo

SIZE, RESOLUTION = 96, 75


def ours(data: bytes) -> np.ndarray:
    """As the service does it."""
    image, _ = open_photo(data, max_side=4 * SIZE)
    return network_input(image, square=None, size=SIZE, training_resolution=RESOLUTION)


def whole(data: bytes) -> np.ndarray:
    """Decode every pixel, turn upright, cut the square, scale."""
    image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    return np.asarray(ImageOps.fit(image, (SIZE, SIZE)), dtype=np.float32)


def main() -> None:
    """Print the table."""
    rows: list[tuple[str, ...]] = [("JPEG", "whole decode, ms", "ours, ms", "ratio")]
    for name, width, height, repeats in (("75×75", 75, 75, 200), ("2 MP", 1632, 1224, 40), ("12 MP", 4000, 3000, 15)):
        data = jpeg(width, height)
        slow, fast = median_ms(lambda: whole(data), repeats), median_ms(lambda: ours(data), repeats)  # noqa: B023
        rows.append((name, f"{slow:.2f}", f"{fast:.2f}", f"{slow / fast:.1f}"))
    table(rows)
