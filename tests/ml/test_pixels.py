"""Network input: square, resolution, size; and that training sees what serving sees."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.datasets.arrays import decode
from ml.datasets.folder import read_folder
from ml.inference import Square, network_input, open_photo, seen_box


def striped(width: int, height: int) -> Image.Image:
    """Red grows from left to right, green from top to bottom."""
    rows, columns = np.mgrid[0:height, 0:width]
    pixels = np.zeros((height, width, 3), np.uint8)
    pixels[..., 0] = columns * 255 // max(1, width - 1)
    pixels[..., 1] = rows * 255 // max(1, height - 1)
    return Image.fromarray(pixels)


def test_shape_type_and_range() -> None:
    pixels = network_input(striped(300, 200), square=None, size=96, training_resolution=75)

    assert pixels.shape == (96, 96, 3)
    assert pixels.dtype == np.float32
    assert pixels.min() >= 0
    assert pixels.max() <= 255
    assert np.array_equal(pixels, pixels.round())


def test_takes_the_middle_without_a_square() -> None:
    pixels = network_input(striped(300, 100), square=None, size=75, training_resolution=75)

    assert pixels[:, 0, 0].mean() == pytest.approx(85, abs=3)
    assert pixels[:, -1, 0].mean() == pytest.approx(170, abs=3)


def test_takes_the_square_that_was_drawn() -> None:
    square = Square(x=0.5, y=0.0, width=0.25, height=0.5)
    pixels = network_input(striped(200, 100), square=square, size=75, training_resolution=75)

    assert pixels[:, 0, 0].mean() == pytest.approx(128, abs=4)
    assert pixels[:, -1, 0].mean() == pytest.approx(191, abs=4)
    assert pixels[-1, :, 1].mean() == pytest.approx(128, abs=4)


def test_leaves_a_photo_of_the_right_size_alone() -> None:
    image = striped(75, 75)

    assert np.array_equal(
        network_input(image, square=None, size=75, training_resolution=75), np.asarray(image, np.float32)
    )


def test_sharp_photos_lose_what_training_photos_never_had() -> None:
    """A checkerboard finer than the training resolution turns grey, even where the input would be larger."""
    board = (np.indices((600, 600)).sum(0) % 2 * 255).astype(np.uint8)
    pixels = network_input(Image.fromarray(board).convert("RGB"), square=None, size=96, training_resolution=75)

    assert pixels.std() < 3


@given(
    st.integers(1, 300),
    st.integers(1, 300),
    st.floats(-1, 2),
    st.floats(-1, 2),
    st.floats(0, 3),
    st.floats(0, 3),
)
def test_any_square_gives_pixels(width: int, height: int, x: float, y: float, w: float, h: float) -> None:
    square = Square(x, y, w, h)
    pixels = network_input(Image.new("RGB", (width, height), (9, 9, 9)), square=square, size=12, training_resolution=8)

    assert (pixels == 9).all()


def test_training_sees_what_serving_sees(drawn_data: Path) -> None:
    photos = read_folder(drawn_data / "pair")[:5]
    trained = decode(photos, size=32, training_resolution=24).values

    for photo, pixels in zip(photos, trained, strict=True):
        image, _ = open_photo(photo.file.read_bytes(), max_side=None)
        served = network_input(image, square=None, size=32, training_resolution=24)
        assert np.array_equal(pixels.astype(np.float32), served)


HALVES = np.concatenate([np.full((20, 20, 3), 250), np.full((20, 20, 3), 10)], axis=1).astype(np.uint8)


@pytest.mark.parametrize(
    ("resize", "left", "right", "top"),
    [("crop", 250, 10, 250), ("stretch", 250, 10, 250), ("pad", 250, 10, 128)],
)
def test_a_photo_that_is_not_square_becomes_so_in_three_ways(resize: str, left: int, right: int, top: int) -> None:
    """A wide photo, white and black: its middle, all of it pulled square, or all of it with grey above and below."""
    seen = network_input(Image.fromarray(HALVES), square=None, size=16, training_resolution=16, resize=resize)

    assert seen.shape == (16, 16, 3)
    assert abs(seen[8, 2].mean() - left) < 12
    assert abs(seen[8, 13].mean() - right) < 12
    assert abs(seen[1, 2].mean() - top) < 12


def test_a_square_that_was_drawn_wins_over_padding() -> None:
    drawn = Square(0.5, 0, 0.5, 1)
    seen = network_input(Image.fromarray(HALVES), square=drawn, size=16, training_resolution=16, resize="pad")

    assert np.abs(seen - 10).max() < 12


@pytest.mark.parametrize("resize", ["crop", "pad", "stretch"])
def test_the_graph_that_takes_bytes_squares_photos_in_the_same_way(resize: str) -> None:
    import io

    from ml.config import load_config
    from ml.export import decode_in_graph

    stream = io.BytesIO()
    Image.fromarray(HALVES).save(stream, "PNG")
    config = load_config("tiny").with_changes(resize=resize)
    expected = network_input(Image.fromarray(HALVES), square=None, size=24, training_resolution=24, resize=resize)

    assert np.abs(decode_in_graph(stream.getvalue(), config).numpy() - expected).mean() < 3


SEEN: list[tuple[Any, Any, dict[Any, Any]]] = [
    # photo, square drawn (x, y, width, height), what the network sees in pixels (left, top, right, bottom)
    # --- without one, in three ways: wide, tall, odd sides, square
    ((300, 100), None, {"crop": (100, 0, 200, 100), "pad": (0, -100, 300, 200), "stretch": (0, 0, 300, 100)}),
    ((100, 300), None, {"crop": (0, 100, 100, 200), "pad": (-100, 0, 200, 300), "stretch": (0, 0, 100, 300)}),
    ((7, 4), None, {"crop": (1.5, 0, 5.5, 4), "pad": (0, -1.5, 7, 5.5), "stretch": (0, 0, 7, 4)}),
    ((50, 50), None, {"crop": (0, 0, 50, 50), "pad": (0, 0, 50, 50), "stretch": (0, 0, 50, 50)}),
    # --- a square counts whatever would become of the whole photo
    ((400, 200), (0.25, 0.3, 0.1, 0.2), dict.fromkeys(("crop", "pad", "stretch"), (100, 60, 140, 100))),
    # --- a rectangle grows about its middle to its longer side
    ((400, 200), (0.25, 0.3, 0.2, 0.2), {"crop": (100, 40, 180, 120)}),
    ((400, 200), (0.25, 0.3, 0.1, 0.4), {"crop": (80, 60, 160, 140)}),
    # --- past an edge it is moved inside, never cut
    ((400, 200), (-0.1, -0.1, 0.2, 0.4), {"crop": (0, 0, 80, 80)}),
    ((400, 200), (0.95, 0.9, 0.2, 0.4), {"crop": (320, 120, 400, 200)}),
    # --- never larger than the short side, never smaller than a pixel
    ((400, 200), (0.2, 0, 0.8, 1), {"crop": (140, 0, 340, 200)}),
    ((200, 400), (0, 0.2, 1, 0.8), {"crop": (0, 140, 200, 340)}),
    ((400, 200), (0.5, 0.5, 0, 0), {"crop": (199.5, 99.5, 200.5, 100.5)}),
]


@pytest.mark.parametrize(
    ("photo", "drawn", "resize", "expected"),
    [(photo, drawn, resize, box) for photo, drawn, boxes in SEEN for resize, box in boxes.items()],
)
def test_what_the_network_sees_of_a_photo(photo: Any, drawn: Any, resize: Any, expected: Any) -> None:
    assert seen_box(photo, Square(*drawn) if drawn else None, resize) == pytest.approx(expected)


STEPS = [
    # photo, square drawn, training resolution, input size, the steps from one to the other: side, box of the step before
    # --- sharper than the training photos: first down to theirs, even where the input is larger
    ((60, 60), None, 24, 96, [(24, (0, 0, 60, 60)), (96, (0, 0, 24, 24))]),
    ((60, 60), None, 24, 12, [(24, (0, 0, 60, 60)), (12, (0, 0, 24, 24))]),
    ((60, 60), None, 24, 24, [(24, (0, 0, 60, 60))]),
    ((80, 40), (0.375, 0.25, 0.375, 0.75), 24, 12, [(24, (30, 10, 60, 40)), (12, (0, 0, 24, 24))]),
    # --- as sharp as they, or less: straight to the input
    ((100, 60), None, 60, 24, [(24, (20, 0, 80, 60))]),
    ((24, 24), None, 50, 48, [(48, (0, 0, 24, 24))]),
    # --- pixels that fit already, but of another part of the photo
    ((40, 24), (0, 0, 0.6, 1), 24, 24, [(24, (0, 0, 24, 24))]),
    ((24, 24), (0.5, 0.5, 0.5, 0.5), 24, 24, [(24, (12, 12, 24, 24))]),
    # --- nothing to do
    ((24, 24), None, 24, 24, []),
]


@pytest.mark.parametrize(("photo", "drawn", "resolution", "size", "steps"), STEPS)
def test_the_way_to_the_input(photo: Any, drawn: Any, resolution: int, size: int, steps: Any) -> None:
    noise = np.random.default_rng(4).integers(0, 256, (photo[1], photo[0], 3)).astype(np.uint8)
    expected = image = Image.fromarray(noise)
    for side, box in steps:
        expected = expected.resize((side, side), Image.Resampling.BICUBIC, box=box, reducing_gap=3.0)
    square = Square(*drawn) if drawn else None
    pixels = network_input(image, square=square, size=size, training_resolution=resolution)

    np.testing.assert_array_equal(pixels, np.asarray(expected, np.float32))


PADDED = [
    # photo, training resolution, side of the padded photo, first and last white row (wide) or column (tall) within the grey
    ((30, 10), 30, 30, 10, 19),
    ((10, 30), 30, 30, 10, 19),
    ((30, 11), 30, 30, 9, 19),  # the odd row of grey goes below
    ((60, 20), 30, 30, 10, 19),  # made smaller
    ((300, 26), 30, 30, 13, 15),  # 2.6 rows are 3
    ((300, 2), 30, 30, 14, 14),  # at least one is left
    ((30, 10), 50, 30, 10, 19),  # never made larger
]


@pytest.mark.parametrize(("photo", "resolution", "side", "first", "last"), PADDED)
def test_the_grey_around_a_padded_photo(photo: Any, resolution: int, side: int, first: int, last: int) -> None:
    white = Image.new("RGB", photo, (255, 255, 255))
    pixels = network_input(white, square=None, size=side, training_resolution=resolution, resize="pad")
    expected = np.full((side, side, 3), 128, np.float32)
    expected[first : last + 1] = 255

    np.testing.assert_array_equal(pixels if photo[0] > photo[1] else pixels.swapaxes(0, 1), expected)


def test_a_stretched_photo_is_pulled_no_larger_than_the_training_photos() -> None:
    """A wide photo of 60 by 20 with training photos of 30: pulled to 30 by 30, which is the input already."""
    image = Image.fromarray(np.random.default_rng(4).integers(0, 256, (20, 60, 3)).astype(np.uint8))
    pixels = network_input(image, square=None, size=30, training_resolution=30, resize="stretch")

    expected = image.resize((30, 30), Image.Resampling.BICUBIC, reducing_gap=3.0)
    np.testing.assert_array_equal(pixels, np.asarray(expected, np.float32))
