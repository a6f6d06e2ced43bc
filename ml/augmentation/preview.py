"""A contact sheet of random changes: each alone, and all together."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from ml.augmentation.changes import augment
from ml.augmentation.mixing import mix, mixed
from ml.augmentation.settings import CHANGES, Augmentation
from ml.backend import tensorflow

COLUMNS = 6
_GAP, _LABEL, _MARGIN = 8, 200, 24
_PAPER, _INK, _PALE = (250, 246, 238), (58, 42, 30), (120, 104, 90)


@dataclass(frozen=True)
class Row:
    """One line of the sheet: what it shows, in two lines of text, and the changes."""

    title: str
    detail: str
    changes: Augmentation


def rows_of(config: Augmentation | None) -> list[Row]:
    """What a sheet shows: the changes that a config makes, or, without one, every change with a range that can be seen."""
    nothing = Augmentation(flip=False)
    if config is None:
        alone = {change.key: change.example for change in CHANGES}
        halves = {key: _half(value) for key, value in alone.items() if key not in {"shift_x", "shift_y"}}
        together = Row("all together", "each half as much", dataclasses.replace(nothing, **halves))
    else:
        alone = {change.key: getattr(config, change.key) for change in CHANGES}
        together = Row("all together", f"{config.share:.0%} of each batch", dataclasses.replace(config, share=1.0))
    text = {change.key: change.text for change in CHANGES}
    shared = {} if config is None else {key: getattr(config, key) for key in ("fill", "fill_value", "magnitude")}
    rows = [
        Row(text[key], _detail(value), dataclasses.replace(nothing, **shared, **{key: value}))
        for key, value in alone.items()
        if value
    ]
    return [*rows, together]


def sheet(photo: np.ndarray, config: Augmentation | None = None, *, seed: int = 1) -> Image.Image:
    """The contact sheet.

    Args:
        photo: uint8 or float ``(size, size, 3)``, 0…255.
        config: whose changes to show; without one, all that there are.
        seed: another seed, other changes.
    """
    rows, side = rows_of(config), photo.shape[0]
    width = 2 * _MARGIN + _LABEL + COLUMNS * (side + _GAP)
    page = Image.new("RGB", (width, 2 * _MARGIN + len(rows) * (side + _GAP) - _GAP), _PAPER)
    draw = ImageDraw.Draw(page)
    large, small = ImageFont.load_default(17), ImageFont.load_default(13)
    for number, row in enumerate(rows):
        top = _MARGIN + number * (side + _GAP)
        draw.text((_MARGIN, top + side / 2 - 20), row.title, fill=_INK, font=large)
        draw.text((_MARGIN, top + side / 2 + 4), row.detail, fill=_PALE, font=small)
        for column, picture in enumerate(examples(photo, row.changes, seed=seed)):
            place = (_MARGIN + _LABEL + column * (side + _GAP), top)
            page.paste(Image.fromarray(picture), place)
    return page


def examples(photo: np.ndarray, changes: Augmentation, *, seed: int = 1, count: int = COLUMNS) -> np.ndarray:
    """``count`` changed copies of a photo, uint8 ``(count, size, size, 3)``. MixUp mixes with the photo upside down."""
    tf = tensorflow()
    pictures = tf.repeat(tf.cast(photo, tf.float32)[None], count, axis=0)
    changed = augment(pictures, tf.constant([seed, 0]), changes)
    if changes.mixup:
        how = mix(count, tf.constant([seed, 0]), changes)
        upside_down = augment(pictures[:, ::-1], tf.constant([seed, 0]), changes)
        changed = mixed(tf.concat([changed, upside_down], 0), _with_the_other_half(how, count))[:count]
    return np.round(np.asarray(changed)).astype(np.uint8)


def _with_the_other_half(how: Any, count: int) -> Any:
    tf = tensorflow()
    partner = tf.concat([how.partner + count, how.partner], 0)
    return dataclasses.replace(how, partner=partner, share=tf.concat([how.share, how.share], 0))


def _half(value: Any) -> Any:
    if isinstance(value, bool | int):
        return value
    return tuple(end / 2 for end in value) if isinstance(value, tuple) else value / 2


def _detail(value: Any) -> str:
    if isinstance(value, bool):
        return ""
    if isinstance(value, tuple):
        return f"{value[0]:g} to {value[1]:g}"
    return f"{value:g}"
