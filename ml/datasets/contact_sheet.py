"""A contact sheet: a row of small pictures per class, drawn at random but always the same ones."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from PIL import Image, ImageDraw, ImageFont

from ml.datasets.folder import Photo
from ml.inference import PhotoError, network_input, open_photo

PAPER, INK, LINE = (255, 253, 248), (43, 27, 17), (226, 212, 188)
MOST_CLASSES = 60
_GAP, _HEAD, _MARGIN = 6, 30, 16
_MOST_PICTURES = 600


def thumbnail(photo: Photo, side: int) -> Image.Image | None:
    """The photo as a network is shown it, ``side`` pixels square; None where it can't be read."""
    try:
        image, _ = open_photo(photo.read(), max_side=4 * side)
    except (OSError, PhotoError):
        return None
    pixels = network_input(image, square=photo.square, size=side, training_resolution=side)
    return Image.fromarray(pixels.astype("uint8"))


def some_of_each(photos: Sequence[Photo], count: int, *, seed: int = 1) -> dict[str, list[Photo]]:
    """Up to ``count`` photos of every class, by class."""
    by_class: dict[str, list[Photo]] = defaultdict(list)
    for photo in photos:
        by_class[photo.label].append(photo)
    luck = random.Random(seed)
    return {label: luck.sample(own, min(count, len(own))) for label, own in sorted(by_class.items())}


def sheet(rows: Mapping[str, Sequence[Image.Image]], *, side: int, across: int) -> Image.Image:
    """Pictures of ``side`` pixels under the name of their row, at most ``across`` beside each other."""
    lines = {name: -(-max(1, len(pictures)) // across) for name, pictures in rows.items()}
    width = 2 * _MARGIN + across * (side + _GAP) - _GAP
    height = 2 * _MARGIN + sum(_HEAD + count * (side + _GAP) for count in lines.values())
    canvas = Image.new("RGB", (width, height), PAPER)
    draw, font = ImageDraw.Draw(canvas), ImageFont.load_default(15)
    top = _MARGIN
    for name, pictures in rows.items():
        draw.text((_MARGIN, top + 4), name, fill=INK, font=font)
        top += _HEAD
        for at, picture in enumerate(pictures):
            place = (_MARGIN + at % across * (side + _GAP), top + at // across * (side + _GAP))
            canvas.paste(picture.resize((side, side)) if picture.size != (side, side) else picture, place)
        top += lines[name] * (side + _GAP)
    return canvas


def contact_sheet(photos: Sequence[Photo], *, per_class: int = 24, side: int = 96, across: int = 12) -> Image.Image:
    """Some photos of each class, fewer where there are many classes, and of the largest MOST_CLASSES at most. Photos that
    can't be read are left out.
    """
    counts = Counter(photo.label for photo in photos)
    shown = {label for label, _ in counts.most_common(MOST_CLASSES)}
    count = min(per_class, max(across, _MOST_PICTURES // len(shown)))
    rows = {}
    for label, chosen in some_of_each([photo for photo in photos if photo.label in shown], count).items():
        pictures = [picture for photo in chosen if (picture := thumbnail(photo, side)) is not None]
        rows[f"{label}: {len(pictures)} of {counts[label]}"] = pictures
    return sheet(rows, side=side, across=across)
