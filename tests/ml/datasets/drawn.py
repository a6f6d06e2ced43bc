"""Small drawn pictures on disk, for data sets of every layout."""

from pathlib import Path

import numpy as np
from PIL import Image

from ml.datasets.synthetic import drawn_butterfly


def butterfly(seed: int, *, orange: bool = False, size: int = 48) -> Image.Image:
    return drawn_butterfly(orange=orange, spots=2 if orange else 1, size=size, random=np.random.default_rng(seed))


def draw(root: Path, *paths: str, seed: int = 0) -> Path:
    """A picture of its own for each path; orange where the path says gatekeeper."""
    for number, path in enumerate(paths):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        butterfly(seed + number, orange="gatekeeper" in path).save(file, quality=92)
    return root
