"""Looking at every photo of a data set once: can it be read, how large is it, is it there twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ml.collection.deduplication import perceptual_hash
from ml.datasets.folder import Photo
from ml.inference import PhotoError, open_photo

_SIDE = 256


@dataclass(frozen=True)
class Look:
    """What a look at a photo gave. ``width`` and ``height`` are upright pixels; ``problem`` says why it can't be read, and
    then the sizes are 0 and the ``hash`` is None.
    """

    photo: Photo
    bytes: int = 0
    width: int = 0
    height: int = 0
    format: str = ""
    sha256: str = ""
    hash: int | None = None
    problem: str | None = None


def survey(photos: Sequence[Photo]) -> list[Look]:
    """Look at every photo, in their order, on all cores."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(_look, photos))


def _look(photo: Photo) -> Look:
    try:
        content = photo.read()
    except OSError as error:
        return Look(photo, problem=f"can't be read ({error.strerror})")
    digest = hashlib.sha256(content).hexdigest()
    try:
        image, info = open_photo(content, max_side=_SIDE)
    except PhotoError as error:
        return Look(photo, len(content), sha256=digest, problem=error.detail)
    return Look(photo, len(content), info.width, info.height, info.format, digest, perceptual_hash(image))


def content_fingerprint(photos: Sequence[Photo], digests: Sequence[str]) -> str:
    """``sha256:…`` of a data set: of every photo's content and class, and of nothing else.

    The order of the photos, their names, the layout and the place on disk don't matter; an extra copy does.

    Args:
        photos: of the data set.
        digests: sha256 of each one's bytes, hexadecimal.
    """
    lines = sorted(f"{digest} {photo.kind} {photo.label}" for photo, digest in zip(photos, digests, strict=True))
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def digests_of(photos: Sequence[Photo]) -> list[str]:
    """The sha256 of every photo's bytes, hexadecimal. Raises OSError where one can't be read."""
    with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
        return list(pool.map(lambda photo: hashlib.sha256(photo.read()).hexdigest(), photos))
