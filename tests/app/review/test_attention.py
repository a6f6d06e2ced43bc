"""Where the network looked, as a picture over the photo: its size, its place, its colours."""

import io

import numpy as np
import pytest
from PIL import Image

from app.versions.attention import overlay


def laid_over(looked, size, box):
    with Image.open(io.BytesIO(overlay(np.array(looked, np.float32), size, box))) as image:
        assert image.mode == "RGBA"
        return np.asarray(image)


PLACES = [
    # photo in pixels, what the network saw (left, top, right, bottom); picture, what is coloured in it (likewise)
    # --- no larger than the photo
    ((400, 200), (100, 20, 250, 170), (400, 200), (100, 20, 250, 170)),
    ((480, 200), (140, 0, 340, 200), (480, 200), (140, 0, 340, 200)),
    # --- no longer than 480 pixels
    ((960, 480), (480, 0, 960, 480), (480, 240), (240, 0, 480, 240)),
    ((300, 1200), (0, 450, 300, 750), (120, 480), (0, 180, 120, 300)),
    # --- edges at the nearest pixel: 33.6 to 66.4 of a scale of 0.4
    ((1200, 300), (84, 50, 166, 132), (480, 120), (34, 20, 66, 53)),
    # --- what was seen of the grey around a padded photo is cut off
    ((400, 200), (0, -100, 400, 300), (400, 200), (0, 0, 400, 200)),
    ((200, 400), (-100, 0, 300, 400), (200, 400), (0, 0, 200, 400)),
    # --- at least a pixel each
    ((4800, 4), (2398, 0, 2402, 4), (480, 1), (240, 0, 241, 1)),
    ((4, 4800), (0, 2398, 4, 2402), (1, 480), (0, 240, 1, 241)),
]


@pytest.mark.parametrize(("photo", "seen", "picture", "coloured"), PLACES)
def test_where_the_map_lies(photo, seen, picture, coloured):
    pixels = laid_over(np.ones((4, 4)), photo, seen)
    expected = np.zeros((picture[1], picture[0]), bool)
    expected[coloured[1] : coloured[3], coloured[0] : coloured[2]] = True

    np.testing.assert_array_equal(pixels[..., 3] > 0, expected)
    np.testing.assert_array_equal(pixels[..., 3][expected], 178)  # seven tenths of 255


def test_the_map_is_the_right_way_up():
    """Only the quarter above, to the right, was looked at."""
    looked = np.kron([[0, 1], [0, 0]], np.ones((2, 2)))
    alpha = laid_over(looked, (100, 100), (0, 0, 100, 100))[..., 3]
    assert (alpha[10, 90], alpha[10, 10], alpha[90, 90], alpha[90, 10]) == (178, 0, 0, 0)


HEAT = [
    # how much it looked, red, green, blue, opacity: from yellow to red, from nothing to seven tenths
    (-1.0, 255, 214, 10, 0),
    (0.0, 255, 214, 10, 0),
    (0.5, 235, 127, 15, 89),
    (1.0, 214, 40, 20, 178),
    (2.0, 214, 40, 20, 178),
]


def test_colours():
    row = laid_over([[heat for heat, *_ in HEAT]], (len(HEAT), 1), (0, 0, len(HEAT), 1))
    assert row[0].tolist() == [list(colour) for _, *colour in HEAT]
