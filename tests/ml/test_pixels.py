"""Network input: square, resolution, size; and that training sees what serving sees."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.datasets.arrays import decode
from ml.datasets.folder import read_folder
from ml.inference import Square, network_input, open_photo


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
