"""The only door from the application to ``ml``: photos, model versions and answers, in the application's terms.

No database and no threads: ``registry`` knows which versions there are, ``classifiers`` keeps those loaded that answer.
"""

import hashlib
import math
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from PIL import Image

from app.core.settings import Settings
from app.predictions.rules import ErrorThreshold, Opinion, Policy, SquareOrigin
from ml.inference import (
    Found,
    LooksLike,
    ModelVersionError,
    ModelVersionInfo,
    Output,
    PhotoError,
    PhotoInfo,
    PixelLimits,
    Recogniser,
    Square,
    bundled_versions,
    holding,
    keep_large_blocks_apart,
    load_recogniser,
    network_input,
    open_photo,
    read_version,
    reduced,
    seen_box,
    square_for,
    turn,
)

__all__ = [
    "Answer",
    "Found",
    "FurtherAnimal",
    "LooksLike",
    "ModelVersionError",
    "ModelVersionInfo",
    "PhotoError",
    "PhotoInfo",
    "PixelLimits",
    "Recogniser",
    "Square",
    "ask",
    "bundled_versions",
    "find",
    "holding",
    "keep_large_blocks_apart",
    "load_recogniser",
    "look_at",
    "open_photo",
    "output_of",
    "pixel_limits",
    "policy_of",
    "read_version",
    "reduced",
    "seen_box",
    "shows_enough",
    "square_for",
    "turn",
]

_DIRECTIONS = 6


@dataclass(frozen=True)
class FurtherAnimal:
    """Another animal of a photo, clearly apart from the first."""

    square: Square
    opinion: Opinion


@dataclass(frozen=True)
class Answer:
    """One photo's prediction.

    ``opinion`` is in scientific names, and about ``square``, or about the middle of the photo where that is None. ``photo``
    is what was decoded, ``sha256`` the hash of its bytes, ``sketch`` the embedding seen from a few directions. ``searched``:
    the version looked for an animal. ``looks_like``: species outside its labels, the most probable first.
    """

    opinion: Opinion
    photo: PhotoInfo
    sha256: str
    sketch: tuple[float, ...] = ()
    square: Square | None = None
    origin: SquareOrigin = SquareOrigin.MIDDLE
    searched: bool = False
    others: tuple[FurtherAnimal, ...] = ()
    looks_like: tuple[LooksLike, ...] = ()


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
        confident_in_scope_threshold=policy.confident_in_scope_threshold,
    )


def ask(
    recogniser: Recogniser, data: bytes, square: Square | None, limits: PixelLimits, sha256: str = ""
) -> Answer | PhotoError:
    """What a version says of a photo's bytes, or why it can't say anything. Without a ``square`` it finds the animal itself.

    ``sha256``: of the bytes, where it is known already.
    """
    try:
        image, photo = open_photo(data, max_side=_decoding_side(recogniser, square), limits=limits)
    except PhotoError as error:
        return error
    return look_at(recogniser, image, photo, square, sha256 or hashlib.sha256(data).hexdigest())


def shows_enough(recogniser: Recogniser, image: Image.Image, photo: PhotoInfo, square: Square | None) -> bool:
    """Whether a photo that was decoded for another purpose has all the pixels that the version wants of the ``square``."""
    return max(image.size) >= min(_decoding_side(recogniser, square), max(photo.width, photo.height))


def look_at(recogniser: Recogniser, image: Image.Image, photo: PhotoInfo, square: Square | None, sha256: str) -> Answer:
    """What a version says of a decoded photo. Without a ``square`` it finds the animal itself."""
    image = reduced(image, _decoding_side(recogniser, square))
    found = recogniser.look(image, square)
    others = tuple(FurtherAnimal(other.square, _opinion(recogniser, other.output)) for other in found.others)
    origin = SquareOrigin(found.origin)
    opinion = replace(
        _opinion(recogniser, found.output),
        others=tuple(other.opinion for other in others),
        nothing_found=found.searched and origin is SquareOrigin.MIDDLE,
    )
    return Answer(
        opinion=opinion,
        photo=photo,
        sha256=sha256,
        sketch=_sketch(found.output.embedding),
        square=found.square,
        origin=origin,
        searched=found.searched,
        others=others,
        looks_like=found.looks_like,
    )


def _opinion(recogniser: Recogniser, output: Output) -> Opinion:
    names = [label.scientific_name for label in recogniser.info.labels]
    return Opinion(dict(zip(names, map(float, output.probabilities), strict=True)), float(output.in_scope))


def find(recogniser: Recogniser, data: bytes, limits: PixelLimits) -> list[Found] | PhotoError:
    """The animals in a photo's bytes, the surest first; none where the version can't search."""
    try:
        image, _ = open_photo(data, max_side=recogniser.decoding_side, limits=limits)
    except PhotoError as error:
        return error
    return recogniser.find(image)


def _sketch(embedding: np.ndarray) -> tuple[float, ...]:
    """An embedding ``(d,)`` as seen from a few fixed directions: enough to tell whether photos are still like those of before."""
    length = float(np.linalg.norm(embedding)) or 1.0
    return tuple(round(float(value), 4) for value in _directions(len(embedding)) @ embedding / length)


@cache
def _directions(size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((_DIRECTIONS, size))


def output_of(recogniser: Recogniser, data: bytes, square: Square | None, limits: PixelLimits) -> Output | PhotoError:
    """What the version's network makes of one square of a photo, or of its middle; nothing is searched for."""
    info = recogniser.info
    try:
        image, _ = open_photo(data, max_side=_decoding_side(recogniser, square), limits=limits)
    except PhotoError as error:
        return error
    pixels = network_input(
        image,
        square=square,
        size=info.input_size,
        training_resolution=info.training_resolution,
        resize=info.resize,
    )
    return recogniser.classifier.predict(pixels[np.newaxis])[0]


def _decoding_side(recogniser: Recogniser, square: Square | None) -> int:
    """Long side to decode to, in pixels: of the whole photo, or so that a square drawn on it has as many."""
    whole = recogniser.decoding_side
    return whole if square is None else math.ceil(whole / max(square.width, square.height))


def kept_names(answer: Answer) -> list[dict[str, Any]]:
    """Species outside the version's labels, as rows keep them."""
    return [
        {
            "scientific_name": name.scientific_name,
            "probability": float(name.probability),
            "vernacular_names": dict(name.vernacular_names),
        }
        for name in answer.looks_like
    ]
