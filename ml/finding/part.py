"""The finder as a part of a version: from the photos of a run to its folder, and to the squares of photos."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from ml.architectures.registry import Network
from ml.backend import tensorflow
from ml.config import Config, FinderData
from ml.datasets.examples import FindSquare, Parts
from ml.datasets.folder import Photo
from ml.export import round_to_half, write_part
from ml.finding.composites import Marked, Material
from ml.finding.network import finder_network, served_finder
from ml.finding.training import FinderError, Report, learn
from ml.inference import Found, PhotoError, Square, open_photo
from ml.inference.finder import Finder, FinderInfo, animals, finder_input
from ml.inference.networks import LiteRTNetwork

FOLDER = "finder"
# Files of a finished finder, in its folder while a run goes on.
_NETWORK, FACTS = "finder.keras", "part.json"
# Long side in pixels of photos that composites are made of, and that animals are looked for in.
_SIDE = 480
_PARITY_PHOTOS = 32
# A guess that is to teach needs this score, and one whose surroundings are to be backgrounds this one.
_LEAST_GUESS, _SURE_GUESS, _SMALL = 0.12, 0.35, 0.25
_LEAST_BACKGROUND = 80


def make_finder(
    config: Config,
    parts: Parts,
    folder: Path,
    *,
    report: Report | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> dict[str, Any] | None:
    """Train a config's finder and write it to ``folder``; one that is there already is kept.

    Returns:
        what the version's manifest says of it; None where the training was ``stopped``.

    Raises:
        FinderError: photos are missing or can't be read, or it can't be trained.
        ExportError: its conversion disagrees.
    """
    options = config.finder
    if options is None:
        raise FinderError("The config has no finder.")
    facts = folder / FACTS
    if facts.is_file():
        return dict(json.loads(facts.read_text(encoding="utf-8")))
    shutil.rmtree(folder, ignore_errors=True)
    network = _trained(config, options, parts, report, stopped)
    if network is None:
        return None
    round_to_half(network)
    photos = [picture(photo) for photo in _some(parts.of("calibration")[0] + parts.of("calibration")[1])]
    pixels = np.stack([finder_input(photo, options.size) for photo in photos])
    folder.mkdir(parents=True)
    parity = write_part(served_finder(network), folder, pixels, ("scores", "boxes"))
    network.save(folder / _NETWORK)
    description = {"size": options.size, "threshold": options.threshold, "parity": dataclasses.asdict(parity)}
    facts.write_text(json.dumps(description), encoding="utf-8")
    return description


def load_finder(folder: Path, part: dict[str, Any]) -> Finder:
    """The finder in a folder, under LiteRT."""
    return Finder(LiteRTNetwork(folder), FinderInfo(int(part["size"]), float(part["threshold"])))


def squares_with(finder: Finder) -> FindSquare:
    """How a photo's square is found: the surest animal's."""

    def square(photo: Photo) -> Square | None:
        animals_found = finder.find(picture(photo))
        return animals_found[0].square if animals_found else None

    return square


def picture(photo: Photo) -> Image.Image:
    """A photo as it is searched. Raises FinderError where it can't be read."""
    try:
        return open_photo(photo.read(), max_side=_SIDE)[0]
    except (OSError, PhotoError) as error:
        raise FinderError(f"{photo.path} can't be read: {error}") from error


def _trained(
    config: Config, options: FinderData, parts: Parts, report: Report | None, stopped: Callable[[], bool]
) -> Network | None:
    species, others = parts.of("train")
    material = Material(
        # The species' photos twice as often as those of other animals.
        animals=[picture(photo) for photo in (*species, *species, *_of_kinds(others, options.animal_kinds))],
        backgrounds=[picture(photo) for photo in _of_kinds(others, options.background_kinds)],
        distractors=[picture(photo) for photo in _of_kinds(others, options.distractor_kinds)],
    )
    weights = options.weights or config.architecture_options.get("weights")
    tensorflow().keras.utils.set_random_seed(config.seed)
    try:
        network = finder_network(options.size, weights)
    except ValueError as error:
        raise FinderError(f"The finder can't be built: {error}.") from error
    total = options.steps + (options.own_steps if options.photo_kinds else 0)

    def shifted(by: int, step: int, _: int, loss: float) -> None:
        if report is not None:
            report(by + step, total, loss)

    learn_from = partial(learn, network, seed=config.seed, stopped=stopped)
    if not learn_from(material, options, report=partial(shifted, 0)):
        return None
    if options.photo_kinds:
        photos = [picture(photo) for photo in _of_kinds(others, options.photo_kinds)]
        more = with_own_guesses(material, network, photos, options.size)
        second = dataclasses.replace(options, steps=options.own_steps, learning_rate=options.learning_rate / 2)
        if not learn_from(more, second, report=partial(shifted, options.steps)):
            return None
    return network


def with_own_guesses(material: Material, network: Network, photos: Sequence[Image.Image], size: int) -> Material:
    """Material with photos that show an animal somewhere, marked where the network itself sees it most; what lies beside
    small ones becomes background.
    """
    served = served_finder(network)
    answer = tensorflow().function(lambda pixels: served(pixels, training=False), autograph=False)
    marked, backgrounds = [], list(material.backgrounds)
    for photo in photos:
        outputs = answer(finder_input(photo, size)[np.newaxis])
        guess = animals(outputs["scores"][0].numpy(), outputs["boxes"][0].numpy(), photo.size, 0.0)[0]
        if guess.score >= _LEAST_GUESS:
            marked.append(Marked(photo, guess.square))
        if guess.score >= _SURE_GUESS and guess.square.width * guess.square.height < _SMALL:
            backgrounds += _beside(photo, guess)
    return dataclasses.replace(material, backgrounds=backgrounds, marked=marked)


def _beside(photo: Image.Image, guess: Found) -> list[Image.Image]:
    """What lies left, right, above and below of an animal."""
    width, height = photo.size
    square = guess.square
    left, right = int(square.x * width), int((square.x + square.width) * width)
    top, bottom = int(square.y * height), int((square.y + square.height) * height)
    boxes = ((0, 0, left, height), (right, 0, width, height), (0, 0, width, top), (0, bottom, width, height))
    return [photo.crop(box) for box in boxes if min(box[2] - box[0], box[3] - box[1]) >= _LEAST_BACKGROUND]


def _of_kinds(photos: Sequence[Photo], kinds: Sequence[str]) -> list[Photo]:
    return [photo for photo in photos if photo.kind in kinds]


def _some(photos: Sequence[Photo]) -> Sequence[Photo]:
    return photos[:: max(1, len(photos) // _PARITY_PHOTOS)][:_PARITY_PHOTOS]
