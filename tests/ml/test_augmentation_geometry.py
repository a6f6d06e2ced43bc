"""Random moves, point by point: where in the picture a point of the result comes from.

Pictures are 11 pixels wide and 7 high, so their middle is (5, 3). The random numbers are given, by the place each is drawn from.
"""

import math
from typing import Any

import numpy as np
import pytest
import tensorflow as tf

from ml.augmentation import geometry
from ml.config import Augmentation

WIDTH, HEIGHT = 11.0, 7.0
ANGLE, SHEAR, ZOOM_X, ZOOM_Y, SHIFT_X, SHIFT_Y, MIRROR = range(1, 8)
UPSIDE, TURNS, LOST, RIGHT, BELOW = range(11, 16)
AFFINE = range(16, 20)
CORNERS = range(20, 28)


def drawing(monkeypatch: pytest.MonkeyPatch, drawn: dict[int, float]) -> dict[int, tuple[float, float]]:
    """Let ``draw`` give the number of its place, or what changes least; returns the ranges asked for, by place."""
    ranges = {}

    def draw(count: Any, _: Any, place: int, low: float, high: float) -> Any:
        ranges[place] = (low, high)
        value = drawn.get(place, max(low, 0.0))
        assert low <= value <= high
        return tf.fill([count], float(value))

    monkeypatch.setattr(geometry, "draw", draw)
    return ranges


def source(config: Augmentation, point: tuple[float, float], extra: Any = None) -> tuple[float, float]:
    """Where ``point`` (x, y) of the result lies in the picture, by the formula of ImageProjectiveTransformV3."""
    maps = np.asarray(geometry.maps(2, tf.constant(HEIGHT), tf.constant(WIDTH), None, config, extra))
    assert maps.shape == (2, 8)
    a0, a1, a2, b0, b1, b2, c0, c1 = maps[1]
    x, y = point
    scale = c0 * x + c1 * y + 1
    return (a0 * x + a1 * y + a2) / scale, (b0 * x + b1 * y + b2) / scale


D30, D60, D90 = (math.radians(degrees) for degrees in (30, 60, 90))
R3 = math.sqrt(3)
ABOUT_THE_MIDDLE: list[Any] = [
    # what a config asks for, what is drawn, point of the result, point of the picture
    ({}, {}, (7, 4), (7, 4)),
    # --- rotation: (dx, dy) from the middle comes from (dx cos - dy sin, dx sin + dy cos)
    ({"rotation": 90}, {ANGLE: D90}, (7, 4), (4, 5)),
    ({"rotation": 90}, {ANGLE: -D90}, (7, 4), (6, 1)),
    ({"rotation": 40}, {ANGLE: D30}, (7, 3), (5 + R3, 4)),
    ({"rotation": 40}, {ANGLE: D30}, (5, 5), (4, 3 + R3)),
    # --- shear: rows stay, columns lean
    ({"shear": 40}, {SHEAR: D30}, (7, 3), (7, 3)),
    ({"shear": 40}, {SHEAR: D30}, (5, 5), (4, 3 + R3)),
    ({"rotation": 40, "shear": 60}, {ANGLE: D30, SHEAR: D60}, (5, 5), (3, 3)),
    ({"rotation": 40, "shear": 60}, {ANGLE: D30, SHEAR: D60}, (7, 3), (5 + R3, 4)),
    # --- zoom: by itself on each axis
    ({"zoom": (0.5, 2)}, {ZOOM_X: 2.0, ZOOM_Y: 0.5}, (7, 5), (9, 4)),
    ({"zoom": (0.5, 2), "rotation": 90}, {ZOOM_X: 2.0, ZOOM_Y: 0.5, ANGLE: D90}, (7, 5), (4, 7)),
    # --- shift: in shares of width and height; an axis may have its own
    ({"shift": 0.5}, {SHIFT_X: 0.5, SHIFT_Y: -0.25}, (7, 4), (12.5, 2.25)),
    ({"shift": 0.5, "shift_x": 0.0}, {SHIFT_Y: 0.5}, (7, 4), (7, 7.5)),
    ({"shift": 0.5, "shift_y": 0.0}, {SHIFT_X: 0.5}, (7, 4), (12.5, 4)),
    ({"shift": 0.5, "rotation": 90}, {SHIFT_X: 0.5, SHIFT_Y: -0.25, ANGLE: D90}, (7, 4), (9.5, 3.25)),
    # --- mirror image: drawn below one half
    ({"flip": True}, {MIRROR: 0.49}, (7, 4), (3, 4)),
    ({"flip": True}, {MIRROR: 0.5}, (7, 4), (7, 4)),
    ({"flip": True, "rotation": 90}, {MIRROR: 0.0, ANGLE: D90}, (7, 4), (4, 1)),
]
IN_A_SQUARE: list[Any] = [
    # the same; these moves take the picture as a square from -1 to 1, whose corners are the middles of the corner pixels
    ({"flip_vertical": True}, {UPSIDE: 0.49}, (7, 4), (7, 2)),
    ({"flip_vertical": True}, {UPSIDE: 0.5}, (7, 4), (7, 4)),
    # --- quarter turns: (0.4, 1/3) from (-1/3, 0.4), (-0.4, -1/3), (1/3, -0.4)
    ({"quarter_turns": True}, {TURNS: 0.99}, (7, 4), (7, 4)),
    ({"quarter_turns": True}, {TURNS: 1.0}, (7, 4), (5 - 5 / 3, 4.2)),
    ({"quarter_turns": True}, {TURNS: 2.5}, (7, 4), (3, 2)),
    ({"quarter_turns": True}, {TURNS: 3.99}, (7, 4), (5 + 5 / 3, 1.8)),
    # --- crop: what is lost is a share of the side; drawn at an end, the other end of the picture is lost
    ({"crop": 0.5}, {LOST: 0.5, RIGHT: 0.0, BELOW: 0.0}, (0, 0), (2.5, 1.5)),
    ({"crop": 0.5}, {LOST: 0.5, RIGHT: 1.0, BELOW: -1.0}, (10, 6), (10, 3)),
    ({"crop": 0.5}, {LOST: 0.2, RIGHT: -0.5, BELOW: 1.0}, (0, 0), (0.5, 1.2)),
    # --- affine: each number by itself
    ({"affine": 0.4}, {AFFINE[0]: 0.4}, (10, 6), (12, 6)),
    ({"affine": 0.4}, {AFFINE[1]: 0.4}, (10, 6), (12, 6)),
    ({"affine": 0.4}, {AFFINE[1]: 0.4}, (10, 0), (8, 0)),
    ({"affine": 0.4}, {AFFINE[2]: 0.4}, (10, 6), (10, 7.2)),
    ({"affine": 0.4}, {AFFINE[2]: 0.4}, (0, 6), (0, 4.8)),
    ({"affine": 0.4}, {AFFINE[3]: 0.4}, (0, 6), (0, 7.2)),
    # --- perspective: each corner by a share of the side, across and down; the others stay
    *[
        ({"perspective": 0.2}, {CORNERS[2 * moved]: 0.2, CORNERS[2 * moved + 1]: -0.1}, corner,
         (corner[0] + 2, corner[1] - 0.6) if number == moved else corner)
        for moved in range(4)
        for number, corner in enumerate([(0, 0), (10, 0), (10, 6), (0, 6)])
    ],
    # --- several: the last one of the list is done first, and those about the middle after all of them
    ({"quarter_turns": True, "crop": 0.5}, {TURNS: 1, LOST: 0.5, RIGHT: 0.5, BELOW: 0.0}, (7, 4), (5 - 5 / 6, 4.35)),
    ({"quarter_turns": True, "flip_vertical": True}, {TURNS: 1, UPSIDE: 0}, (7, 4), (5 - 5 / 3, 1.8)),
    ({"affine": 0.4, "crop": 0.5}, {AFFINE[0]: 0.4, LOST: 0.5, RIGHT: 1.0, BELOW: 0.0}, (10, 3), (11, 3)),
    ({"affine": 0.4, "perspective": 0.2}, {AFFINE[0]: 0.4, CORNERS[4]: 0.2}, (10, 6), (5 + 1.4 * 7, 6)),
    ({"rotation": 90, "flip_vertical": True}, {ANGLE: D90, UPSIDE: 0}, (7, 4), (6, 5)),
    ({"shift": 0.5, "perspective": 0.2}, {SHIFT_X: 0.5, CORNERS[4]: 0.2}, (10, 6), (17.5, 6)),
]  # fmt: skip


@pytest.mark.parametrize(("asked", "drawn", "result", "picture"), ABOUT_THE_MIDDLE + IN_A_SQUARE)
def test_where_a_point_comes_from(
    asked: dict[str, Any], drawn: dict[int, float], result: Any, picture: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawing(monkeypatch, drawn)
    config = Augmentation(**({"flip": False} | asked))

    assert source(config, result) == pytest.approx(picture, abs=1e-4)


@pytest.mark.parametrize("asked", [{}, {"flip_vertical": True}])
def test_moves_of_randaugment_are_done_before_all_others(
    asked: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fifth of half the width to the right: to (8, 4), then perhaps upside down, then turned by a quarter."""
    drawing(monkeypatch, {ANGLE: D90, UPSIDE: 0.0})
    extra = tf.constant([[[1.0, 0.0, 0.2], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]] * 2)
    config = Augmentation(flip=False, rotation=90, **asked)

    assert source(config, (7, 4), extra) == pytest.approx((6, 6) if asked else (4, 6), abs=1e-4)


RANGES = [
    # what a config asks for, the ranges of what is drawn
    ({"rotation": 30}, {ANGLE: (-D30, D30)}),
    ({"shear": 30}, {SHEAR: (-D30, D30)}),
    ({"zoom": 0.2}, {ZOOM_X: (0.8, 1.2), ZOOM_Y: (0.8, 1.2)}),
    ({"shift": 0.1}, {SHIFT_X: (-0.1, 0.1), SHIFT_Y: (-0.1, 0.1)}),
    ({"shift": 0.1, "shift_x": 0.2}, {SHIFT_X: (-0.2, 0.2), SHIFT_Y: (-0.1, 0.1)}),
    ({"shift": 0.1, "shift_y": 0.2}, {SHIFT_X: (-0.1, 0.1), SHIFT_Y: (-0.2, 0.2)}),
    ({"flip": True}, {MIRROR: (0, 1)}),
    ({"flip_vertical": True}, {UPSIDE: (0, 1)}),
    ({"quarter_turns": True}, {TURNS: (0, 4)}),
    ({"crop": 0.3}, {LOST: (0, 0.3), RIGHT: (-1, 1), BELOW: (-1, 1)}),
    ({"affine": 0.1}, dict.fromkeys(AFFINE, (-0.1, 0.1))),
    ({"perspective": 0.1}, dict.fromkeys(CORNERS, (-0.1, 0.1))),
]


@pytest.mark.parametrize(("asked", "expected"), RANGES)
def test_what_is_drawn(asked: dict[str, Any], expected: dict[int, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every kind of move from places of its own, so that asking for one alters no other."""
    ranges = drawing(monkeypatch, {TURNS: 3.0})
    source(Augmentation(**({"flip": False} | asked)), (0, 0))

    nothing = {place: (1.0, 1.0) if place in (ZOOM_X, ZOOM_Y) else (0.0, 0.0) for place in range(ANGLE, MIRROR)}
    assert ranges == {place: pytest.approx(ends) for place, ends in (nothing | expected).items()}
