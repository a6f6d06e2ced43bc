"""Photos keep their colours: whatever space they are stored in, the patches come out as they were meant."""

import io
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from ml.inference import PixelLimits, network_input, open_photo
from tests.factories import encode
from tests.ml import icc

SIDE = 64
P3 = icc.SPACES["Display P3"]
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def patches(colours: list[tuple[int, ...]], mode: str = "RGB") -> Image.Image:
    """Squares side by side."""
    image = Image.new(mode, (SIDE * len(colours), SIDE))
    for number, colour in enumerate(colours):
        image.paste(colour if len(colour) > 1 else colour[0], (SIDE * number, 0, SIDE * (number + 1), SIDE))
    return image


def middles(image: Image.Image) -> np.ndarray:
    """The colours in the middle of the squares."""
    step = image.height
    return np.array([image.getpixel((step // 2 + step * n, step // 2)) for n in range(image.width // step)])


def stored(space: icc.Space, mode: str = "RGB") -> Image.Image:
    return patches([space.stored(colour) for colour in icc.PATCHES]).convert(mode)


FILES = {
    "JPEG": {"format": "JPEG", "quality": 95},
    "progressive JPEG": {"format": "JPEG", "quality": 95, "progressive": True},
    "MPO": {"format": "MPO", "quality": 95, "save_all": True, "append_images": [Image.new("RGB", (9, 9))]},
    "PNG": {"format": "PNG"},
    "WebP": {"format": "WEBP", "quality": 95},
    "lossless WebP": {"format": "WEBP", "lossless": True},
    "HEIC": {"format": "HEIF", "quality": 95},
}


@pytest.mark.parametrize("name", icc.SPACES)
@pytest.mark.parametrize("form", FILES)
def test_a_photo_in_another_space_comes_out_as_meant(form: str, name: str) -> None:
    space = icc.SPACES[name]
    content = encode(stored(space), icc_profile=icc.matrix_profile(space), **FILES[form])

    image, _ = open_photo(content, max_side=None)

    assert np.abs(middles(image) - icc.PATCHES).max() <= 4
    assert np.abs(middles(stored(space)) - icc.PATCHES).max() > 8  # or there would be nothing to see
    assert image.info == {}


@pytest.mark.parametrize(
    ("picture", "options"),
    [(stored(P3, "RGBA"), {}), (stored(P3).quantize(8), {}), (stored(P3).quantize(8), {"transparency": 7})],
    ids=["transparent", "palette", "transparent palette"],
)
def test_pictures_that_are_read_strip_by_strip_too(picture: Image.Image, options: dict[str, int]) -> None:
    content = encode(picture, "PNG", icc_profile=icc.matrix_profile(P3), **options)

    assert np.abs(middles(open_photo(content, max_side=None)[0]) - icc.PATCHES).max() <= 4


def test_a_costly_heic_too() -> None:
    content = encode(stored(P3), "HEIF", quality=95, icc_profile=icc.matrix_profile(P3))

    image, _ = open_photo(content, max_side=90, limits=PixelLimits(alone_above=1))

    assert np.abs(middles(image) - icc.PATCHES).max() <= 4


@pytest.mark.parametrize(("primaries", "name"), [(12, "Display P3"), (9, "Rec. 2020")])
def test_a_heic_that_only_names_its_primaries_too(primaries: int, name: str) -> None:
    numbers = {"color_primaries": primaries, "transfer_characteristics": 13, "matrix_coefficients": 6}
    space = icc.SPACES[name]
    linear = [np.linalg.solve(space.matrix, icc.SRGB.matrix @ icc.srgb_to_linear(np.array(c))) for c in icc.PATCHES]
    picture = patches([tuple(int(v) for v in np.round(icc.linear_to_srgb(colour))) for colour in linear])
    content = encode(picture, "HEIF", quality=95, full_range_flag=1, **numbers)

    image, _ = open_photo(content, max_side=None)

    assert np.abs(middles(image) - icc.PATCHES).max() <= 4
    assert np.abs(middles(picture) - icc.PATCHES).max() > 8


def test_the_network_sees_the_colours_that_were_meant() -> None:
    content = encode(stored(P3).resize((1536, 512)), quality=95, icc_profile=icc.matrix_profile(P3))
    image, _ = open_photo(content, max_side=192)

    for number, colour in enumerate(icc.PATCHES):
        part = image.crop((64 * number + 8, 8, 64 * number + 56, 56))
        pixels = network_input(part, square=None, size=32, training_resolution=32)
        assert np.abs(pixels - colour).max() <= 4


def test_a_profile_of_tables_is_followed() -> None:
    content = encode(stored(P3), "PNG", icc_profile=icc.table_profile(P3))

    assert np.abs(middles(open_photo(content, max_side=None)[0]) - icc.PATCHES).max() <= 4


@pytest.mark.parametrize("form", ["JPEG", "PNG", "transparent PNG", "16 bits"])
def test_grey_pictures_have_profiles_of_their_own(form: str) -> None:
    """Stored with the light itself, half of it stands for a light grey."""
    grey = patches([(0,), (128,), (255,)], "L")
    if form == "16 bits":
        grey = Image.fromarray(np.asarray(grey, np.uint16) * 257)
    elif form == "transparent PNG":
        grey = grey.convert("LA")
    content = encode(grey, "JPEG" if form == "JPEG" else "PNG", icc_profile=icc.grey_profile(1.0))

    colours = middles(open_photo(content, max_side=None)[0])

    assert np.abs(colours - np.array([[0] * 3, [188] * 3, [255] * 3])).max() <= 2


def test_a_grey_picture_may_have_a_profile_for_colours() -> None:
    """Browsers follow it."""
    linear = icc.matrix_profile(icc.Space(icc.SRGB.red, icc.SRGB.green, icc.SRGB.blue, gamma=1.0))
    content = encode(patches([(0,), (128,), (255,)], "L"), icc_profile=linear)

    assert np.abs(middles(open_photo(content, max_side=None)[0]) - np.array([[0] * 3, [188] * 3, [255] * 3])).max() <= 2


def test_inks_become_light() -> None:
    inks = [(30, 130, 220, 10), (100, 150, 190, 60), (150, 60, 200, 30)]
    content = encode(patches(inks, "CMYK"), quality=95, subsampling=0, icc_profile=icc.ink_profile(P3))
    lights = [tuple((255 - ink) * (255 - black) / 255**2 for ink in colours) for *colours, black in inks]

    shown = middles(open_photo(content, max_side=None)[0])

    assert np.abs(shown - np.array([P3.shown(light) for light in lights])).max() <= 4


WHOLE = icc.matrix_profile(P3)
UNUSABLE = {
    "empty": b"",
    "random bytes": bytes(range(256)) * 4,
    "only its header": WHOLE[:128],
    "cut in the middle": WHOLE[: len(WHOLE) // 2],
    "without its last bytes": WHOLE[:-20],
    "without its signature": WHOLE.replace(b"acsp", b"pcsa"),
    "for grey": icc.grey_profile(1.0),
    "for inks": icc.ink_profile(P3),
    "from device to device": WHOLE.replace(b"mntr", b"link"),
    "of named colours": WHOLE.replace(b"mntr", b"nmcl"),
    "too large": WHOLE + bytes(4_000_000),
    "everything black": icc.matrix_profile(P3, brightness=0),
    "a negative": icc.table_profile(P3, negative=True),
    "the darkest of gammas": icc.grey_profile(255),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_an_unusable_profile_counts_as_none(name: str) -> None:
    picture = stored(P3)
    content = encode(picture, icc_profile=UNUSABLE[name])

    assert np.array_equal(open_photo(content, max_side=None)[0], open_photo(encode(picture), max_side=None)[0])


@pytest.mark.parametrize("mode", ["L", "CMYK"])
def test_a_profile_for_something_else_counts_as_none(mode: str) -> None:
    picture = stored(P3, mode)
    other = icc.ink_profile(P3) if mode == "L" else icc.matrix_profile(P3)

    with_profile, _ = open_photo(encode(picture, icc_profile=other), max_side=None)

    assert np.array_equal(with_profile, open_photo(encode(picture), max_side=None)[0])


@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_a_profile_of_srgb_changes_nothing(mode: str) -> None:
    picture = Image.effect_mandelbrot((200, 100), (-2, -1, 1, 1), 60).convert(mode)

    with_profile, _ = open_photo(encode(picture, icc_profile=SRGB), max_side=None)

    assert np.array_equal(with_profile, open_photo(encode(picture), max_side=None)[0])


def test_transparency_is_laid_on_white_whatever_the_space() -> None:
    clear = stored(P3).convert("RGBA")
    clear.putalpha(0)
    content = encode(clear, "PNG", icc_profile=icc.matrix_profile(P3))

    assert (np.asarray(open_photo(content, max_side=None)[0]) == 255).all()


def test_many_threads_share_a_profile() -> None:
    content = encode(Image.effect_noise((400, 300), 90).convert("RGB"), "PNG", icc_profile=icc.table_profile(P3))
    expected = np.asarray(open_photo(content, max_side=None)[0])
    equal: list[bool] = []

    def read() -> None:
        equal.extend(np.array_equal(open_photo(content, max_side=None)[0], expected) for _ in range(10))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert equal == [True] * 80


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_a_damaged_profile_is_followed_or_ignored(data: st.DataObject) -> None:
    makers = st.sampled_from([icc.matrix_profile(P3), icc.table_profile(P3), icc.grey_profile(2.2)])
    damaged = bytearray(data.draw(makers))
    for _ in range(data.draw(st.integers(1, 8))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    stream = io.BytesIO()
    stored(P3).save(stream, "PNG", icc_profile=bytes(damaged))

    assert open_photo(stream.getvalue(), max_side=None)[0].size == (3 * SIDE, SIDE)
