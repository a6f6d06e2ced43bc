"""Moves: every one a 3×3 matrix from output to input pixels, multiplied together and applied once."""

from __future__ import annotations

import math
from typing import Any

from ml.augmentation.draws import about_one, about_zero, draw, from_zero
from ml.augmentation.settings import Augmentation
from ml.backend import tensorflow

_CORNERS = ((-1.0, -1.0), (1.0, -1.0), (1.0, 1.0), (-1.0, 1.0))


def move(pictures: Any, seed: Any, config: Augmentation, extra: Any = None) -> Any:
    """Float pictures ``(n, h, w, c)`` after their random moves, interpolated once.

    ``extra``: further maps ``(n, 3, 3)`` of a square from −1 to 1, None for none.
    """
    tf = tensorflow()
    if not _moves(config) and extra is None:
        return pictures
    size = tf.shape(pictures)
    height, width = tf.cast(size[1], tf.float32), tf.cast(size[2], tf.float32)
    return tf.raw_ops.ImageProjectiveTransformV3(
        images=pictures,
        transforms=maps(size[0], height, width, seed, config, extra),
        output_shape=size[1:3],
        fill_value=config.fill_value,
        interpolation="BILINEAR",
        fill_mode=config.fill.upper(),
    )


def _moves(config: Augmentation) -> bool:
    return bool(config.flip or _affine_moves(config) or _further_moves(config))


def _affine_moves(config: Augmentation) -> bool:
    return any((config.rotation, config.shift, config.shift_x, config.shift_y, config.shear, config.zoom))


def _further_moves(config: Augmentation) -> bool:
    return any((config.flip_vertical, config.quarter_turns, config.crop, config.affine, config.perspective))


def maps(count: Any, height: Any, width: Any, seed: Any, config: Augmentation, extra: Any = None) -> Any:
    """Random maps from output to input pixels, ``(count, 8)``."""
    first = affine(count, height, width, seed, config)
    if not _further_moves(config) and extra is None:
        return first
    matrix = _square(first)
    if _further_moves(config):
        matrix @= _in_pixels(_further(count, seed, config), height, width)
    if extra is not None:
        matrix @= _in_pixels(extra, height, width)
    return tensorflow().reshape(matrix / matrix[:, 2:, 2:], (-1, 9))[:, :8]


def affine(count: Any, height: Any, width: Any, seed: Any, config: Augmentation) -> Any:
    """Random rotation, shear, zoom, shift and mirror image about the middle of the picture, ``(count, 8)``."""
    tf = tensorflow()
    across = config.shift if config.shift_x is None else config.shift_x
    down = config.shift if config.shift_y is None else config.shift_y
    angle = draw(count, seed, 1, *map(math.radians, about_zero(config.rotation)))
    shear = draw(count, seed, 2, *map(math.radians, about_zero(config.shear)))
    # Like ImageDataGenerator: zoom is drawn for each axis by itself.
    zoom_x = draw(count, seed, 3, *about_one(config.zoom))
    zoom_y = draw(count, seed, 4, *about_one(config.zoom))
    shift_x = draw(count, seed, 5, *about_zero(across)) * width
    shift_y = draw(count, seed, 6, *about_zero(down)) * height
    mirror = tf.where(draw(count, seed, 7, 0.0, 1.0) < 0.5, -1.0, 1.0) if config.flip else tf.ones([count])
    a0 = zoom_x * tf.cos(angle) * mirror
    a1 = -zoom_y * tf.sin(angle + shear)
    b0 = zoom_x * tf.sin(angle) * mirror
    b1 = zoom_y * tf.cos(angle + shear)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    a2 = middle_x + shift_x - a0 * middle_x - a1 * middle_y
    b2 = middle_y + shift_y - b0 * middle_x - b1 * middle_y
    none = tf.zeros([count])
    return tf.stack([a0, a1, a2, b0, b1, b2, none, none], axis=1)


def matrix3(rows: Any) -> Any:
    """``(n, 3, 3)`` from three rows of three, each a number or ``(n,)``."""
    tf = tensorflow()
    count = next(tf.shape(entry)[0] for row in rows for entry in row if hasattr(entry, "shape"))
    wide = [entry if hasattr(entry, "shape") else tf.fill([count], float(entry)) for row in rows for entry in row]
    return tf.reshape(tf.stack(wide, axis=1), (-1, 3, 3))


def _further(count: Any, seed: Any, config: Augmentation) -> Any:
    """The other moves as maps ``(count, 3, 3)`` of a square from −1 to 1 about the middle."""
    tf = tensorflow()
    matrix = tf.eye(3, batch_shape=[count])
    if config.flip_vertical:
        upside = tf.where(draw(count, seed, 11, 0.0, 1.0) < 0.5, -1.0, 1.0)
        matrix @= matrix3([[1, 0, 0], [0, upside, 0], [0, 0, 1]])
    if config.quarter_turns:
        turns = tf.cast(tf.floor(draw(count, seed, 12, 0.0, 4.0)), tf.int32)
        cos, sin = tf.gather([1.0, 0.0, -1.0, 0.0], turns), tf.gather([0.0, 1.0, 0.0, -1.0], turns)
        matrix @= matrix3([[cos, -sin, 0], [sin, cos, 0], [0, 0, 1]])
    if config.crop:
        lost = draw(count, seed, 13, *from_zero(config.crop))
        right, below = (lost * draw(count, seed, place, -1.0, 1.0) for place in (14, 15))
        matrix @= matrix3([[1 - lost, 0, right], [0, 1 - lost, below], [0, 0, 1]])
    if config.affine:
        # The corners lie at distance 1 on both axes, half a side: so a share of the side counts once for each entry.
        moved = [draw(count, seed, place, *about_zero(config.affine)) for place in range(16, 20)]
        matrix @= matrix3([[1 + moved[0], moved[1], 0], [moved[2], 1 + moved[3], 0], [0, 0, 1]])
    if config.perspective:
        matrix @= _perspective(count, seed, about_zero(config.perspective))
    return matrix


def _perspective(count: Any, seed: Any, ends: tuple[float, float]) -> Any:
    """The maps that take the four corners to places up to a share of the side away, found from eight equations."""
    tf = tensorflow()
    rows, places = [], []
    zero, one = tf.zeros([count]), tf.ones([count])
    for number, (x, y) in enumerate(_CORNERS):
        across, down = (
            x + 2 * draw(count, seed, 20 + 2 * number, *ends),
            y + 2 * draw(count, seed, 21 + 2 * number, *ends),
        )
        rows.append(tf.stack([x * one, y * one, one, zero, zero, zero, -x * across, -y * across], axis=1))
        rows.append(tf.stack([zero, zero, zero, x * one, y * one, one, -x * down, -y * down], axis=1))
        places += [across, down]
    solved = tf.linalg.solve(tf.stack(rows, axis=1), tf.stack(places, axis=1)[..., None])[..., 0]
    return tf.reshape(tf.concat([solved, one[:, None]], axis=1), (-1, 3, 3))


def _square(rows: Any) -> Any:
    """``(n, 8)`` as ``(n, 3, 3)``."""
    tf = tensorflow()
    return tf.reshape(tf.concat([rows, tf.ones_like(rows[:, :1])], axis=1), (-1, 3, 3))


def _in_pixels(matrix: Any, height: Any, width: Any) -> Any:
    """Maps of a square from −1 to 1 as maps of pixel indices."""
    tf = tensorflow()
    # The square's corners are the middles of the corner pixels, so that a crop never reaches half a pixel outside.
    x, y = (width - 1) / 2, (height - 1) / 2
    to_pixels = tf.reshape(tf.stack([x, 0.0, x, 0.0, y, y, 0.0, 0.0, 1.0]), (1, 3, 3))
    from_pixels = tf.reshape(tf.stack([1 / x, 0.0, -1.0, 0.0, 1 / y, -1.0, 0.0, 0.0, 1.0]), (1, 3, 3))
    return to_pixels @ matrix @ from_pixels
