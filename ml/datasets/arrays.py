"""From photos on disk to the pixels a network sees, through the very functions that serving uses."""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from ml.datasets.folder import DataError, Photo
from ml.inference import PhotoError, network_input, open_photo

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Pixels:
    """``values`` uint8 ``(n, size, size, 3)`` in the photos' order; ``digests`` the sha256 of each file's bytes."""

    values: np.ndarray
    digests: tuple[str, ...]


def decode(photos: Sequence[Photo], *, size: int, training_resolution: int) -> Pixels:
    """Decode every photo once. Network inputs are whole numbers, so uint8 loses nothing.

    Raises:
        DataError: a photo is missing or can't be read.
    """
    values = np.empty((len(photos), size, size, 3), np.uint8)
    digests = []
    for index, photo in enumerate(photos):
        try:
            content = photo.file.read_bytes()
            image, _ = open_photo(content, max_side=None)
        except (OSError, PhotoError) as error:
            raise DataError(f"{photo.path} can't be read: {error}") from error
        values[index] = network_input(image, square=None, size=size, training_resolution=training_resolution)
        digests.append(hashlib.sha256(content).hexdigest())
    return Pixels(values, tuple(digests))


def recompressed(photo: Photo, *, size: int, training_resolution: int, qualities: Sequence[int]) -> np.ndarray:
    """The photo as uint8 ``(size, size, 3)`` after being saved as a JPEG at the training resolution, once for each of
    ``qualities`` (1…95), one after the other.
    """
    image, _ = open_photo(photo.file, max_side=None)
    small = network_input(image, square=None, size=training_resolution, training_resolution=training_resolution)
    for quality in qualities:
        stream = io.BytesIO()
        Image.fromarray(small.astype(np.uint8)).save(stream, "JPEG", quality=quality)
        again, _ = open_photo(stream.getvalue(), max_side=None)
        small = np.asarray(again)
    picture = Image.fromarray(small.astype(np.uint8))
    pixels = network_input(picture, square=None, size=size, training_resolution=training_resolution)
    return pixels.astype(np.uint8)


def fingerprint(photos: Sequence[Photo], digests: Sequence[str], parts: Sequence[str]) -> str:
    """``sha256:…`` over every photo's content, label and part, whatever their order or place on disk."""
    lines = sorted(
        f"{digest} {photo.kind} {photo.label} {photo.path} {part}"
        for photo, digest, part in zip(photos, digests, parts, strict=True)
    )
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()
