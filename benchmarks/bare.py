"""What no service can do without: read the photo, no larger than needed, and one forward pass. One thread, Pillow and LiteRT.

Imports nothing of Wingcheck: the baseline's own environment runs it, too.
"""

import io
from pathlib import Path

import numpy as np
import pillow_heif
from ai_edge_litert.interpreter import Interpreter
from PIL import Image, ImageOps

pillow_heif.register_heif_opener()


def pixels(data: bytes, size: int) -> np.ndarray:
    """The middle square of an upright photo: float32 (1, size, size, 3), 0…255. A JPEG is read at reduced size."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft(None, (size, size))
        ImageOps.exif_transpose(image, in_place=True)
        square = ImageOps.fit(image.convert("RGB"), (size, size))
    return np.asarray(square, dtype=np.float32)[np.newaxis]


class Model:
    """A LiteRT file on one thread."""

    def __init__(self, file: Path) -> None:
        self._run = Interpreter(model_path=str(file), num_threads=1).get_signature_runner("serving_default")

    def __call__(self, batch: np.ndarray) -> dict[str, np.ndarray]:
        """Every output by its name."""
        found: dict[str, np.ndarray] = self._run(pixels=batch)
        return found
