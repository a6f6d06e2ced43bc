"""How well a photo shows its animal: at the boundaries of light, sharpness and size, and of the right part of the photo."""

import io
from math import pi

import numpy as np
import pytest
from PIL import Image

from app.core.storage import LocalStorage
from app.predictions.inference import Square
from app.review.rules import PhotoQuality as Q
from app.screening.quality import best, of_pixels, of_stored, of_thumbnail
from app.submissions import photos
from app.submissions.tables import Photo


def stripes(middle, amplitude, shape=(8, 8)):
    """Columns of lightness that are ``amplitude`` above and below the middle in turn."""
    return np.tile(np.array([middle + amplitude, middle - amplitude], np.float32), (shape[0], shape[1] // 2))


def waves(period, periods=40):
    """Rows of a sine: by the Laplacian its variance becomes (2 - 2 cos(2 pi / period))^2 times as large."""
    row = 128 + 100 * np.sin(2 * pi * np.arange(period * periods) / period)
    return np.tile(row.astype(np.float32), (5, 1))


PIXELS = [
    # lightness, quality
    # --- at least 3 by 3 pixels
    (stripes(128, 50, (3, 4)), Q.GOOD),
    (stripes(128, 50, (2, 8)), Q.SMALL),
    (stripes(128, 50, (8, 2)), Q.SMALL),
    # --- a mean of at least 45
    (stripes(45, 20), Q.GOOD),
    (stripes(44.9, 20), Q.DARK),
    # --- edges of at least 0.004 of the variance: 0.00464 at a period of 24 pixels, 0.00338 at 26; across and down
    (waves(24), Q.GOOD),
    (waves(26), Q.BLURRED),
    (waves(24).T, Q.GOOD),
    (waves(26).T, Q.BLURRED),
    # --- where next to nothing varies, of a variance of 1: stripes have 16 times the square of their amplitude
    (stripes(128, 0), Q.BLURRED),
    (stripes(128, 0.015), Q.BLURRED),
    (stripes(128, 0.0163), Q.GOOD),
]


@pytest.mark.parametrize(("lightness", "quality"), PIXELS)
def test_light_and_sharpness(lightness, quality):
    assert of_pixels(lightness) is quality


@pytest.fixture
def storage(tmp_path):
    """The thumbnail of a photo that is dark, but for a flat grey field (second of four, below) and stripes (third, above)."""
    fields = np.full((128, 256), 20, np.float32)
    fields[64:, 64:128] = 128
    fields[:64, 128:192] = stripes(128, 100, (64, 64))
    storage = LocalStorage(tmp_path)
    keep(storage, "a" * 64, fields)
    return storage


def keep(storage, sha256, lightness):
    out = io.BytesIO()
    Image.fromarray(lightness.astype(np.uint8), "L").save(out, "JPEG", quality=95)
    storage.put(photos.key_of(sha256, "thumb"), out.getvalue())


def measured(storage, width, height, square=None, sha256="a" * 64):
    row = Photo(sha256=sha256, width=width, height=height)
    return of_stored(storage, row, Square(*square) if square else None)


GREY, STRIPED, DARK = (0.25, 0.5, 0.25, 0.5), (0.5, 0, 0.25, 0.5), (0.25, 0, 0.25, 0.5)
PARTS = [
    # photo in pixels, square drawn, quality
    ((2560, 1280), None, Q.GOOD),
    ((2560, 1280), GREY, Q.BLURRED),  # a pixel of the dark around it would be an edge
    ((2560, 1280), STRIPED, Q.GOOD),
    ((2560, 1280), DARK, Q.DARK),
    # --- a short side of at least 200 pixels, of the square where one is drawn
    ((200, 400), None, Q.GOOD),
    ((199, 400), None, Q.SMALL),
    ((400, 199), None, Q.SMALL),
    ((800, 400), STRIPED, Q.GOOD),
    ((796, 400), STRIPED, Q.SMALL),
    ((800, 398), STRIPED, Q.SMALL),
]


@pytest.mark.parametrize(("size", "square", "quality"), PARTS)
def test_what_is_drawn_around_is_looked_at(storage, size, square, quality):
    assert measured(storage, size[0], size[1], square) is quality
    thumb = storage.get(photos.key_of("a" * 64, "thumb"))
    assert of_thumbnail(thumb, size[0], size[1], Square(*square) if square else None) is quality


def test_sharpness_is_that_of_256_pixels(storage):
    """Waves of 32 pixels are blurred, but not once they are 16 long."""
    wide = np.repeat(waves(32, 16)[:1], 512, 0)
    keep(storage, "b" * 64, wide)
    assert of_pixels(wide) is Q.BLURRED
    assert measured(storage, 2000, 2000, sha256="b" * 64) is Q.GOOD


@pytest.mark.parametrize(
    ("squares", "quality"),
    [
        ([DARK, STRIPED, GREY], Q.GOOD),
        ([GREY, DARK], Q.DARK),
        ([GREY, (0, 0, 0.01, 0.01), DARK], Q.SMALL),
        ([GREY, "gone"], Q.BLURRED),
        (["gone", "no picture"], Q.UNKNOWN),
        ([], Q.UNKNOWN),
    ],
)
def test_the_best_photo_counts(storage, squares, quality):
    storage.put(photos.key_of("c" * 64, "thumb"), b"no picture")
    files = {"gone": "f" * 64, "no picture": "c" * 64}
    qualities = [
        measured(storage, 2560, 1280, sha256=files[each]) if each in files else measured(storage, 2560, 1280, each)
        for each in squares
    ]
    assert best(qualities) is quality
