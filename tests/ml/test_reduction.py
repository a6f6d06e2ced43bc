"""A JPEG is decoded no larger than needed, and comes out as if every pixel had been decoded."""

import io
from typing import Any

import numpy as np
import pytest
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile

from ml.inference import open_photo, photos
from ml.inference.turns import turn
from tests.factories import butterfly, encode
from tests.hostile import files


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[int, int]]:
    """The sizes at which JPEGs were read."""
    sizes: list[tuple[int, int]] = []
    load = JpegImageFile.load

    def watched(image: JpegImageFile) -> object:
        if image.tile:
            sizes.append(image.size)
        return load(image)

    monkeypatch.setattr(JpegImageFile, "load", watched)
    return sizes


@pytest.mark.parametrize(
    ("max_side", "read", "size"),
    [
        (500, (500, 375), (500, 375)),
        (501, (1000, 750), (501, 376)),
        (1000, (1000, 750), (1000, 750)),
        (1600, (2000, 1500), (1600, 1200)),
        (2001, (4000, 3000), (2001, 1501)),
        (None, (4000, 3000), (4000, 3000)),
        (480, (500, 375), (500, 375)),  # a fifteenth more is no reason to scale
        (468, (500, 375), (468, 351)),
        (100, (500, 375), (100, 75)),
    ],
)
def test_a_jpeg_is_read_no_larger_than_needed(
    decoded: list[tuple[int, int]], max_side: int | None, read: tuple[int, int], size: tuple[int, int]
) -> None:
    image, info = open_photo(files.jpeg(4000, 3000, "L"), max_side=max_side)

    assert decoded == [read]
    assert image.size == size
    assert (info.width, info.height) == (4000, 3000)


@pytest.mark.parametrize(
    ("photo", "read", "size"),
    [
        ((4000, 3000), (2000, 1500), (2000, 1500)),
        ((4032, 3024), (2016, 1512), (2016, 1512)),
        ((6000, 8000), (1500, 2000), (1500, 2000)),
        ((4096, 3072), (2048, 1536), (2048, 1536)),
        ((3200, 2400), (1600, 1200), (1600, 1200)),
        # --- a half would be less than 1,600 pixels, or more than 2,048
        ((3198, 2398), (3198, 2398), (1600, 1200)),
        ((4098, 3072), (2049, 1536), (1600, 1199)),
        ((4608, 3456), (2304, 1728), (1600, 1200)),
        # --- small ones stay as they are
        ((1600, 1000), (1600, 1000), (1600, 1000)),
        ((1700, 1000), (1700, 1000), (1600, 941)),
        ((60, 40), (60, 40), (60, 40)),
        ((2, 4000), (1, 2000), (1, 2000)),
    ],
)
def test_what_the_decoder_gives_may_be_left_at_that(
    decoded: list[tuple[int, int]], photo: tuple[int, int], read: tuple[int, int], size: tuple[int, int]
) -> None:
    image, info = open_photo(files.jpeg(*photo, "L"), max_side=1600, at_most=2048)

    assert decoded == [read]
    assert image.size == size
    assert (info.width, info.height) == photo


@pytest.mark.parametrize("format", ["PNG", "WEBP", "HEIF"])
def test_other_formats_come_at_the_same_sizes(format: str) -> None:
    image, _ = open_photo(encode(butterfly(1, (1000, 750)), format), max_side=400, at_most=512)
    assert image.size == (500, 375)


@pytest.mark.parametrize(("max_side", "megabytes"), [(500, 1.6), (512, 4.0), (1000, 6.1), (1600, 20.0)])
def test_what_decoding_a_telephones_photo_takes_is_little(
    monkeypatch: pytest.MonkeyPatch, max_side: int, megabytes: float
) -> None:
    """It passes in the lane of small ones, two at a time with their copies for pages."""
    wanted: list[int] = []

    def watched(cost: int, most: int) -> Any:
        wanted.append(cost)
        return turn(cost, most)

    monkeypatch.setattr(photos, "turn", watched)

    open_photo(files.jpeg(4032, 3024), max_side=max_side)

    [cost] = wanted
    assert megabytes * 0.8 < cost / 1e6 <= megabytes
    assert cost <= photos.PixelLimits().alone_above // 3


def ramps(width: int, height: int) -> Image.Image:
    """Red grows from left to right, green from top to bottom: what is shifted is another colour."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0], pixels[..., 1] = columns * 255 // (width - 1), rows * 255 // (height - 1)
    return Image.fromarray(pixels)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": 0}], ids=str)
@pytest.mark.parametrize(("width", "height"), [(800, 600), (523, 401), (401, 523), (807, 45)])
@pytest.mark.parametrize("shrink", [2, 4, 8])
def test_nothing_is_shifted(width: int, height: int, shrink: int, options: dict[str, object]) -> None:
    """Neither where the sides are no multiples of the eight pixels of a block."""
    content = encode(ramps(width, height), quality=98, **options)
    side = max(width, height) // shrink

    image, _ = open_photo(content, max_side=side)

    whole = Image.open(io.BytesIO(content)).resize(image.size, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(image, int) - np.asarray(whole, int)).max() <= 6


@pytest.mark.parametrize(("shrink", "most"), [(2, 2.0), (4, 2.5), (8, 3.5)])
def test_little_is_lost_where_the_decoder_reduces(shrink: int, most: float) -> None:
    content = encode(butterfly(4, (1600, 1200)), quality=92)
    whole, _ = open_photo(content, max_side=None)
    target = (1600 // shrink, 1200 // shrink)

    image, _ = open_photo(content, max_side=target[0])

    reference = whole.resize(target, Image.Resampling.LANCZOS)
    assert np.abs(np.asarray(image, float) - np.asarray(reference, float)).mean() < most


def test_a_picture_may_be_reduced_later() -> None:
    """To about what opening it at that size gives."""
    content = encode(butterfly(4, (4000, 3000)), quality=92)
    large, _ = open_photo(content, max_side=1600, at_most=2048)

    image = photos.reduced(large, 480)

    expected, _ = open_photo(content, max_side=480)
    assert image.size == expected.size == (500, 375)
    assert np.abs(np.asarray(image, float) - np.asarray(expected, float)).mean() < 2
    assert photos.reduced(image, 480) is image
