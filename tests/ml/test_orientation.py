"""Up is where the browser has it, and a square lies where it was drawn."""

import io
import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from ml.inference import PhotoInfo, Square, open_photo, orientation, square_for
from ml.inference.orientation import turned
from tests import orientations
from tests.factories import encode
from tests.hostile.files import segment
from tests.orientations import CASES, HEIGHT, JPEG, SIX, WIDTH, XMP, corners, held, jpeg, tiff

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of damaged EXIF


@pytest.mark.parametrize("name", CASES)
def test_a_photo_is_turned_as_a_browser_turns_it(name: str) -> None:
    content, expected = CASES[name]

    image, info = open_photo(content, max_side=None)

    exif = Image.Exif()
    exif[0x0112] = expected
    upright = corners()
    upright.info["exif"] = exif.tobytes()
    upright = ImageOps.exif_transpose(upright)
    assert info.orientation == expected
    assert image.size == (info.width, info.height) == upright.size
    assert np.abs(np.asarray(image, int) - np.asarray(upright, int)).mean() < 8


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (JPEG, 1),
        (jpeg(SIX), 1),
        (CASES["JPEG, XMP only"][0], 6),
        (CASES["WebP 8"][0], 8),
        (CASES["WebP, with the prefix of a JPEG"][0], 6),
        (CASES["WebP, XMP"][0], 6),
        (JPEG[:2] + segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP.replace(b'"6"', b'"9"')) + JPEG[2:], 1),
    ],
    ids=["none", "EXIF of a JPEG", "XMP", "EXIF of a WebP", "with prefix", "XMP of a WebP", "impossible"],
)
def test_what_browsers_ignore_is_told(content: bytes, expected: int) -> None:
    assert open_photo(content, max_side=None)[1].ignored_orientation == expected


@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"MM\0*\0\0\0\x08"]))
def test_any_bytes_have_an_orientation(rest: bytes, start: bytes) -> None:
    assert 1 <= orientation.in_exif(start + rest) <= 8


def test_directories_that_point_at_each_other_end() -> None:
    loop = b"II*\0" + struct.pack("<IH", 8, 1) + orientations.entry(orientations.EXIF, orientations.LONG, 8) + bytes(4)

    assert orientation.in_exif(loop) == 1
    assert orientation.in_exif(tiff(held(6))) == 6


# --- squares ---------------------------------------------------------------------------------------------------------

DRAWN = Square(0.1, 0.2, 0.3, 0.25)


@pytest.mark.parametrize("value", range(1, 9))
def test_a_square_is_turned_with_its_photo(value: int) -> None:
    photo = Image.new("RGB", (200, 100))
    photo.paste((255, 0, 0), (20, 20, 80, 45))

    upright = orientation.upright(photo, value)

    square = turned(DRAWN, value)
    width, height = upright.size
    box = upright.getchannel("R").getbbox()
    assert box == pytest.approx(
        [square.x * width, square.y * height, (square.x + square.width) * width, (square.y + square.height) * height]
    )


@pytest.mark.parametrize("shown", [None, (400, 200), (4000, 2000), (161, 80), (160, 81), (0, 0), (0, 200)])
def test_a_square_on_the_photo_as_it_is_stays(shown: tuple[int, int] | None) -> None:
    assert square_for(DRAWN, shown, PhotoInfo(400, 200, "JPEG", 6)) == DRAWN


def test_no_square_stays_none() -> None:
    assert square_for(None, (200, 400), PhotoInfo(400, 200, "JPEG", 6)) is None


@pytest.mark.parametrize("shown", [(400, 300), (300, 400), (200, 200), (210, 400)])
def test_a_square_on_something_else_is_dropped(shown: tuple[int, int]) -> None:
    assert square_for(DRAWN, shown, PhotoInfo(200, 400, "JPEG", 6)) is None


@pytest.mark.parametrize("value", [5, 6, 7, 8])
def test_a_browser_that_does_not_turn_is_understood(value: int) -> None:
    """The square was drawn on the photo as it is stored."""
    assert square_for(DRAWN, (400, 200), PhotoInfo(200, 400, "JPEG", value)) == turned(DRAWN, value)


@pytest.mark.parametrize("value", [5, 6, 7, 8])
def test_a_browser_that_turns_by_what_others_ignore_is_understood(value: int) -> None:
    photo = PhotoInfo(400, 200, "WEBP", 1, ignored_orientation=value)

    back = square_for(turned(DRAWN, value), (200, 400), photo)

    assert back is not None
    assert vars(back) == pytest.approx(vars(DRAWN))


@pytest.mark.parametrize(
    "photo",
    [PhotoInfo(400, 200, "PNG"), PhotoInfo(400, 200, "PNG", 6, 3), PhotoInfo(400, 200, "PNG", 1, 3)],
    ids=["nothing says why", "two ways", "another turn"],
)
def test_a_square_that_could_lie_in_two_places_is_dropped(photo: PhotoInfo) -> None:
    assert square_for(DRAWN, (200, 400), photo) is None


@pytest.mark.parametrize("value", range(1, 9))
@pytest.mark.parametrize("shows_stored", [False, True])
def test_a_square_drawn_on_red_contains_red(value: int, shows_stored: bool) -> None:
    image, info = open_photo(jpeg(tiff(held(value))), max_side=None)
    red = Square(0, 0, 0.5, 0.5)
    drawn = red if shows_stored else turned(red, value)

    square = square_for(drawn, (WIDTH, HEIGHT) if shows_stored else image.size, info)

    if shows_stored and value in (2, 3, 4):
        return  # the sides are the same: nobody can tell
    assert square is not None
    middle = (int((square.x + square.width / 2) * image.width), int((square.y + square.height / 2) * image.height))
    assert np.abs(np.array(image.getpixel(middle)) - (200, 0, 0)).max() < 20


def test_a_square_on_a_photo_turned_by_a_heic_stays() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stream = io.BytesIO(encode(corners(), "HEIF", exif=exif.tobytes()))
    info = open_photo(stream.getvalue(), max_side=None)[1]

    assert square_for(DRAWN, (HEIGHT, WIDTH), info) == DRAWN
