"""The only door from the application to ``ml``: photos, model versions and answers, in the application's terms.

No database and no threads: ``registry`` knows which versions there are, ``classifiers`` keeps those loaded that answer.
"""

import hashlib
import math
from dataclasses import dataclass
from functools import cache

import numpy as np

from app.domain.verdict import ErrorThreshold, Opinion, Policy
from app.settings import Settings
from ml.inference import (
    Classifier,
    ModelVersionError,
    ModelVersionInfo,
    Output,
    PhotoError,
    PhotoInfo,
    PixelLimits,
    Square,
    bundled_versions,
    holding,
    keep_large_blocks_apart,
    load_classifier,
    network_input,
    open_photo,
    read_version,
    seen_box,
    square_for,
    turn,
)

__all__ = [
    "Answer",
    "Classifier",
    "ModelVersionError",
    "ModelVersionInfo",
    "PhotoError",
    "PhotoInfo",
    "PixelLimits",
    "Square",
    "ask",
    "bundled_versions",
    "holding",
    "keep_large_blocks_apart",
    "load_classifier",
    "look",
    "open_photo",
    "pixel_limits",
    "policy_of",
    "read_version",
    "seen_box",
    "square_for",
    "turn",
]

_DIRECTIONS = 6


@dataclass(frozen=True)
class Answer:
    """One photo's prediction: ``opinion`` in scientific names, what was decoded, the hash of its bytes, and its embedding
    seen from a few directions.
    """

    opinion: Opinion
    photo: PhotoInfo
    sha256: str
    sketch: tuple[float, ...] = ()


def pixel_limits(settings: Settings) -> PixelLimits:
    """The settings' megapixels as pixels, and megabytes as bytes."""
    million = 1_000_000
    return PixelLimits(
        jpeg=int(settings.max_jpeg_megapixels * million),
        progressive_jpeg=int(settings.max_progressive_jpeg_megapixels * million),
        png=int(settings.max_png_megapixels * million),
        webp=int(settings.max_webp_megapixels * million),
        heic=int(settings.max_heic_megapixels * million),
        alone_above=int(settings.decode_together_megabytes * million),
    )


def policy_of(info: ModelVersionInfo, wanted_error: float | None = None) -> Policy:
    """The version's thresholds for a wanted error rate (its own default where none is given)."""
    policy = info.policy
    thresholds = tuple(ErrorThreshold(t.error_rate, t.probability if t.supported else None) for t in policy.thresholds)
    return Policy(
        in_scope_threshold=policy.in_scope_threshold,
        disagree_below=policy.disagree_below,
        thresholds=thresholds,
        wanted_error=policy.default_error_rate if wanted_error is None else wanted_error,
    )


def ask(classifier: Classifier, data: bytes, square: Square | None, limits: PixelLimits) -> Answer | PhotoError:
    """What a classifier says of a photo's bytes, or why it can't say anything."""
    found = look(classifier, data, square, limits)
    if isinstance(found, PhotoError):
        return found
    output, photo = found
    names = [label.scientific_name for label in classifier.info.labels]
    probabilities = dict(zip(names, (float(p) for p in output.probabilities), strict=True))
    opinion = Opinion(probabilities, float(output.in_scope))
    return Answer(opinion, photo, hashlib.sha256(data).hexdigest(), _sketch(output.embedding))


def _sketch(embedding: np.ndarray) -> tuple[float, ...]:
    """An embedding ``(d,)`` as seen from a few fixed directions: enough to tell whether photos are still like those of before."""
    length = float(np.linalg.norm(embedding)) or 1.0
    return tuple(round(float(value), 4) for value in _directions(len(embedding)) @ embedding / length)


@cache
def _directions(size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((_DIRECTIONS, size))


def look(
    classifier: Classifier, data: bytes, square: Square | None, limits: PixelLimits
) -> tuple[Output, PhotoInfo] | PhotoError:
    """What comes out of the network for a photo's bytes, and what was decoded; or why nothing does."""
    info = classifier.info
    try:
        image, photo = open_photo(data, max_side=_decoding_side(info, square), limits=limits)
    except PhotoError as error:
        return error
    pixels = network_input(
        image,
        square=square,
        size=info.input_size,
        training_resolution=info.training_resolution,
        resize=info.resize,
    )
    return classifier.predict(pixels[np.newaxis])[0], photo


def _decoding_side(info: ModelVersionInfo, square: Square | None) -> int:
    """Long side to decode to, in pixels: a few times what the network sees of the photo, or of the square drawn on it."""
    wanted = 4 * max(info.training_resolution, info.input_size)
    return wanted if square is None else math.ceil(wanted / min(square.width, square.height))
