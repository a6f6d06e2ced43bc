"""The application's only access to ``ml``: photos, model versions and answers, in the application's terms.

No database and no threads here: ``registry`` lists the versions, ``classifiers`` keeps those loaded that answer.
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
from ml.inference import Found as Found
from ml.inference import LooksLike as LooksLike
from ml.inference import ModelVersionError as ModelVersionError
from ml.inference import ModelVersionInfo as ModelVersionInfo
from ml.inference import Output, network_input
from ml.inference import PhotoError as PhotoError
from ml.inference import PhotoInfo as PhotoInfo
from ml.inference import PixelLimits as PixelLimits
from ml.inference import Recogniser as Recogniser
from ml.inference import Square as Square
from ml.inference import bundled_versions as bundled_versions
from ml.inference import holding as holding
from ml.inference import keep_large_blocks_apart as keep_large_blocks_apart
from ml.inference import load_recogniser as load_recogniser
from ml.inference import open_photo as open_photo
from ml.inference import read_strangers_version as read_strangers_version
from ml.inference import read_version as read_version
from ml.inference import reduced as reduced
from ml.inference import seen_box as seen_box
from ml.inference import square_for as square_for
from ml.inference import try_out as try_out

_DIRECTIONS = 6


@dataclass(frozen=True)
class FurtherAnimal:
    """Another animal of a photo, clearly apart from the first."""

    square: Square
    opinion: Opinion


@dataclass(frozen=True)
class Answer:
    """One photo's prediction.

    ``opinion``: by scientific name, of ``square``, or where that is None, of the middle of the photo. ``photo``: as decoded.
    ``sha256``: of the file. ``sketch``: the embedding projected onto a few directions. ``searched``: the version looked for
    an animal. ``looks_like``: species outside its labels, the most probable first.
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
    """A version's answer about a photo's bytes, or why there is none. Without a ``square`` it finds the animal itself.

    ``sha256``: of the bytes, where it is known already.
    """
    try:
        image, photo = open_photo(data, max_side=_decoding_side(recogniser, square), limits=limits)
    except PhotoError as error:
        return error
    return look_at(recogniser, image, photo, square, sha256 or hashlib.sha256(data).hexdigest())


def shows_enough(recogniser: Recogniser, image: Image.Image, photo: PhotoInfo, square: Square | None) -> bool:
    """Whether a photo that was decoded for another purpose has enough pixels for the version to look at the ``square``."""
    return max(image.size) >= min(_decoding_side(recogniser, square), max(photo.width, photo.height))


def look_at(recogniser: Recogniser, image: Image.Image, photo: PhotoInfo, square: Square | None, sha256: str) -> Answer:
    """A version's answer about a decoded photo. Without a ``square`` it finds the animal itself."""
    image = reduced(image, _decoding_side(recogniser, square))
    look = recogniser.look(image, square)
    others = tuple(FurtherAnimal(other.square, _opinion(recogniser, other.output)) for other in look.others)
    origin = SquareOrigin(look.origin)
    opinion = replace(
        _opinion(recogniser, look.output),
        others=tuple(other.opinion for other in others),
        nothing_found=look.searched and origin is SquareOrigin.MIDDLE,
    )
    return Answer(
        opinion=opinion,
        photo=photo,
        sha256=sha256,
        sketch=_sketch(look.output.embedding),
        square=look.square,
        origin=origin,
        searched=look.searched,
        others=others,
        looks_like=look.looks_like,
    )


def _opinion(recogniser: Recogniser, output: Output) -> Opinion:
    names = [label.scientific_name for label in recogniser.info.labels]
    return Opinion(dict(zip(names, map(float, output.probabilities), strict=True)), float(output.in_scope))


def find(recogniser: Recogniser, data: bytes, limits: PixelLimits) -> list[Found] | PhotoError:
    """The animals in a photo's bytes, the most certain first; none where the version can't search."""
    try:
        image, _ = open_photo(data, max_side=recogniser.decoding_side, limits=limits)
    except PhotoError as error:
        return error
    return recogniser.find(image)


def _sketch(embedding: np.ndarray) -> tuple[float, ...]:
    """An embedding ``(d,)`` projected onto a few fixed directions: enough to tell whether photos drift."""
    length = float(np.linalg.norm(embedding)) or 1.0
    return tuple(round(float(value), 4) for value in _directions(len(embedding)) @ embedding / length)


@cache
def _directions(size: int) -> np.ndarray:
    return np.random.default_rng(1).standard_normal((_DIRECTIONS, size))


def output_of(recogniser: Recogniser, data: bytes, square: Square | None, limits: PixelLimits) -> Output | PhotoError:
    """The output of the version's network for one square of a photo, or for its middle; it does not search."""
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
    """Long side to decode to, in pixels, such that the whole photo, or the square drawn on it, has enough of them."""
    whole = recogniser.decoding_side
    return whole if square is None else math.ceil(whole / max(square.width, square.height))


def kept_names(answer: Answer) -> list[dict[str, Any]]:
    """Species outside the version's labels, as rows store them."""
    return [
        {
            "scientific_name": name.scientific_name,
            "probability": float(name.probability),
            "vernacular_names": dict(name.vernacular_names),
        }
        for name in answer.looks_like
    ]
