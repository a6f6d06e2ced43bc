"""From photos on disk to the pixels a network sees, through the very functions that serving uses."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

from ml.datasets.folder import DataError, Photo
from ml.datasets.survey import digests_of
from ml.datasets.thumbnails import Store, Thumbnails, on_disk
from ml.inference import PhotoError, Resize, network_input, open_photo


@dataclass(frozen=True)
class Pixels:
    """``values`` uint8 ``(n, size, size, 3)`` in the photos' order, an array or :class:`Thumbnails`; ``digests`` the sha256
    of each file's bytes.
    """

    values: Any
    digests: tuple[str, ...]


def decode(
    photos: Sequence[Photo],
    *,
    size: int,
    training_resolution: int,
    resize: Resize = "crop",
    store: Store | None = None,
) -> Pixels:
    """Decode every photo once. Network inputs are whole numbers, so uint8 loses nothing.

    Args:
        photos: to decode.
        size: side of the result in pixels.
        training_resolution: side in pixels that nothing is sharper than.
        resize: how a photo becomes square.
        store: where the result is kept; this machine's by default.

    Raises:
        DataError: a photo is missing or can't be read.
    """

    def pixels(row: int) -> np.ndarray:
        photo = photos[row]
        try:
            image, _ = open_photo(photo.read(), max_side=None)
        except (OSError, PhotoError) as error:
            raise DataError(f"{photo.path} can't be read: {error}") from error
        return network_input(
            image, square=photo.square, size=size, training_resolution=training_resolution, resize=resize
        )

    digests = _digests(photos)
    key = ["decoded", training_resolution, resize, *digests, *(photo.square for photo in photos)]
    values = (store or Store.of_this_machine()).keep(key, (len(photos), size, size, 3), pixels)
    return Pixels(Thumbnails([values]) if on_disk(values) else values, tuple(digests))


def _digests(photos: Sequence[Photo]) -> list[str]:
    try:
        return digests_of(photos)
    except OSError as error:
        raise DataError(f"{error.filename or 'A photo'} can't be read: {error.strerror}.") from error


def recompressed(
    photo: Photo, *, size: int, training_resolution: int, qualities: Sequence[int], resize: Resize = "crop"
) -> np.ndarray:
    """The photo as uint8 ``(size, size, 3)`` after being saved as a JPEG at the training resolution, once for each of
    ``qualities`` (1…95), one after the other.
    """
    image, _ = open_photo(photo.read(), max_side=None)
    small = network_input(
        image, square=photo.square, size=training_resolution, training_resolution=training_resolution, resize=resize
    )
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


_LUMA = np.array([0.299, 0.587, 0.114])


def mean_and_deviation(pixels: Any, *, grey: bool = False) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation over all pixels, per channel, or of the brightness alone.

    Args:
        pixels: uint8 ``(n, h, w, 3)``, read a few hundred photos at a time.
        grey: give one number of each instead of three.
    """
    count, total, squares = 0, np.zeros(1 if grey else 3), np.zeros(1 if grey else 3)
    for start in range(0, len(pixels), 256):
        values = np.asarray(pixels[start : start + 256], np.float64).reshape(-1, 3)
        values = values @ _LUMA[:, None] if grey else values
        count += len(values)
        total, squares = total + values.sum(0), squares + (values**2).sum(0)
    mean = total / max(count, 1)
    deviation = np.sqrt(np.maximum(squares / max(count, 1) - mean**2, 0))
    return tuple(round(float(value), 4) for value in mean), tuple(round(float(value), 4) for value in deviation)


COPIES = 2


def stored_again(
    photos: Sequence[Photo],
    digests: Sequence[str],
    pixels: Any,
    *,
    foreign: np.ndarray,
    shape: Mapping[str, Any],
    store: Store,
) -> tuple[Any, Any]:
    """Training photos as they are shown, and COPIES copies of each, saved again as JPEG.

    Args:
        photos: that train.
        digests: sha256 of each one's bytes.
        pixels: decoded, uint8 ``(n, size, size, 3)``.
        foreign: bool ``(n,)``, photos of none of the labels.
        shape: size, training resolution and resize policy.
        store: where the result is kept.

    Returns:
        uint8 ``(n, size, size, 3)`` and ``(n, COPIES, size, size, 3)``, arrays or :class:`Thumbnails`. A photo's
        qualities depend on its path alone.
    """

    def variants(row: int) -> np.ndarray:
        random = np.random.default_rng(int(hashlib.sha256(photos[row].path.encode()).hexdigest()[:12], 16))
        first = [int(random.integers(85, 96))] if foreign[row] else []
        shown = recompressed(photos[row], qualities=first, **shape) if first else np.asarray(pixels[row])
        later = [[*first, int(random.integers(45, 96))] for _ in range(COPIES)]
        return np.stack([shown, *(recompressed(photos[row], qualities=qualities, **shape) for qualities in later)])

    names = (f"{photo.path} {digest} {photo.square}" for photo, digest in zip(photos, digests, strict=True))
    key = ["stored again", sorted(shape.items()), *names, *foreign]
    values = store.keep(key, (len(photos), 1 + COPIES, shape["size"], shape["size"], 3), variants)
    if on_disk(values):
        return Thumbnails([values[:, 0]]), Thumbnails([values[:, 1:]])
    return values[:, 0], values[:, 1:]
