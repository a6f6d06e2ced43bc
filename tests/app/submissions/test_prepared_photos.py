"""One decode of an original gives all that is made of it."""

import hashlib
import io

import numpy as np
import pytest
from PIL import Image, ImageFile

from app.submissions.photos import DISPLAY_SIDE, MOST_DISPLAY_SIDE, THUMB_SIDE, prepare
from ml.inference import PixelLimits, open_photo
from tests.factories import butterfly, encode, exif_photo
from tests.ml import icc
from tests.ml.test_colours import FILES, middles, stored

LARGE = encode(butterfly(1, (2400, 1800)))


def opened(copy: bytes) -> Image.Image:
    return Image.open(io.BytesIO(copy))


def test_the_original_is_opened_and_decoded_once(monkeypatch):
    done: list[str] = []
    open_image, load = Image.open, ImageFile.ImageFile.load

    def watched_load(image):
        if image.tile:
            done.append("decoded")
        return load(image)

    def watched_open(*args, **named):
        done.append("opened")
        return open_image(*args, **named)

    monkeypatch.setattr(Image, "open", watched_open)
    monkeypatch.setattr(ImageFile.ImageFile, "load", watched_load)

    prepared = prepare(exif_photo(1), PixelLimits(), keep_picture=True)

    assert done == ["opened", "decoded"]
    assert prepared.origin.latitude == pytest.approx(52.37)
    assert prepared.sha256 == hashlib.sha256(exif_photo(1)).hexdigest()


def test_the_copies_are_as_large_as_pages_show_them():
    prepared = prepare(LARGE, PixelLimits())

    assert opened(prepared.display).size == (DISPLAY_SIDE, 1200)
    assert opened(prepared.thumb).size == (THUMB_SIDE, 360)
    assert (prepared.info.width, prepared.info.height) == (2400, 1800)


@pytest.mark.parametrize("size", [(300, 200), (1, 1), (700, 3)])
def test_nothing_is_enlarged(size):
    prepared = prepare(encode(butterfly(1, size) if min(size) > 9 else Image.new("RGB", size)), PixelLimits())

    assert opened(prepared.display).size == size
    assert max(opened(prepared.thumb).size) == min(THUMB_SIDE, max(size))


def test_the_thumbnail_shows_what_the_copy_shows():
    prepared = prepare(LARGE, PixelLimits())
    reference = opened(prepared.display).resize((THUMB_SIDE, 360), Image.Resampling.LANCZOS)

    assert np.abs(np.asarray(opened(prepared.thumb), float) - np.asarray(reference, float)).mean() < 4


def test_a_model_may_look_at_the_picture_that_was_decoded():
    assert prepare(LARGE, PixelLimits()).picture is None
    picture = prepare(LARGE, PixelLimits(), keep_picture=True).picture

    expected, _ = open_photo(LARGE, max_side=DISPLAY_SIDE, at_most=MOST_DISPLAY_SIDE)
    assert picture is not None
    assert picture.mode == "RGB"
    assert np.array_equal(picture, expected)


@pytest.mark.parametrize("form", FILES)
def test_both_copies_have_the_colours_that_were_meant(form):
    space = icc.SPACES["Display P3"]
    prepared = prepare(encode(stored(space), icc_profile=icc.matrix_profile(space), **FILES[form]), PixelLimits())

    for copy in (prepared.display, prepared.thumb):
        assert np.abs(middles(opened(copy)) - icc.PATCHES).max() <= 4
