"""A photo here is what the browser shows: the same way up, so that a square lies where it was drawn, in the same colours."""

import base64
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from ml.inference import open_photo
from tests.factories import encode
from tests.ml import icc
from tests.ml.test_colours import FILES, SIDE, middles, patches, stored
from tests.orientations import CASES

pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")  # of damaged EXIF

LOOK = """async (url) => {
    const image = new Image();
    image.src = url;
    await image.decode();
    const canvas = document.createElement("canvas");
    canvas.width = image.naturalWidth;
    canvas.height = image.naturalHeight;
    const context = canvas.getContext("2d");
    context.drawImage(image, 0, 0);
    const pixels = context.getImageData(0, 0, canvas.width, canvas.height).data;
    return [canvas.width, canvas.height, btoa(Array.from(pixels, (byte) => String.fromCharCode(byte)).join(""))];
}"""


@pytest.fixture(scope="module")
def page(browser: Browser) -> Page:
    return browser.new_page()


def shown(page: Page, content: bytes) -> np.ndarray:
    """The photo as an ``img`` shows it: (height, width, 3)."""
    found: Any = page.evaluate(LOOK, "data:image/jpeg;base64," + base64.b64encode(content).decode())
    width, height, pixels = found
    return np.frombuffer(base64.b64decode(pixels), np.uint8).reshape(height, width, 4)[..., :3].astype(int)


@pytest.mark.parametrize("name", CASES)
def test_a_photo_is_the_same_way_up(page: Page, name: str) -> None:
    content, _ = CASES[name]

    here = np.asarray(open_photo(content, max_side=None)[0], int)

    there = shown(page, content)
    assert here.shape == there.shape
    assert np.abs(here - there).mean() < 8


@pytest.mark.parametrize("name", icc.SPACES)
@pytest.mark.parametrize("form", [form for form in FILES if form != "HEIC"])
def test_a_photo_has_the_same_colours(page: Page, form: str, name: str) -> None:
    space = icc.SPACES[name]
    content = encode(stored(space), icc_profile=icc.matrix_profile(space), **FILES[form])

    there = shown(page, content)[SIDE // 2, SIDE // 2 :: SIDE]

    assert np.abs(middles(open_photo(content, max_side=None)[0]) - there).max() <= 2
    assert np.abs(there - icc.PATCHES).max() <= 4


@pytest.mark.parametrize("form", ["JPEG", "PNG"])
@pytest.mark.parametrize(
    "profile",
    [icc.grey_profile(1.0), icc.matrix_profile(icc.SPACES["ProPhoto"]), icc.ink_profile(icc.SRGB), b"none"],
    ids=["for grey", "for colours", "for inks", "damaged"],
)
def test_a_grey_photo_has_the_same_shades(page: Page, form: str, profile: bytes) -> None:
    content = encode(patches([(30,), (128,), (220,)], "L"), form, icc_profile=profile)

    there = shown(page, content)[SIDE // 2, SIDE // 2 :: SIDE]

    assert np.abs(middles(open_photo(content, max_side=None)[0]) - there).max() <= 2
