"""How a photo was stored must say nothing of what it shows.

The species photos were stored as JPEG at the training resolution, others are scaled down from larger files. Left alone, a
network would tell the two apart by their artefacts. So others are stored that way too; and, because two generations of
JPEG would then be the clue, copies of everything are stored once more, at any quality. The photos that measure a model
stay as they are served.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ml.datasets.arrays import recompressed
from ml.datasets.folder import Photo
from ml.datasets.thumbnails import Store, Thumbnails, on_disk

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
