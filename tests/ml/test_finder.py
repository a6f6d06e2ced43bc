"""What the finder's network sees, and the animals in what it answers."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from ml.inference import finder
from ml.inference.finder import animals, finder_input

COVERED = [
    # photo (width, height), side of the input, rows and columns that the photo covers, from the top left
    ((40, 20), 16, 8, 16),
    ((20, 40), 16, 16, 8),
    ((16, 16), 16, 16, 16),
    ((8, 4), 16, 8, 16),  # a small photo is made larger
    ((40, 14), 16, 6, 16),  # 5.6 rows are 6
    ((400, 2), 16, 1, 16),  # at least one is left
    ((2, 400), 16, 16, 1),
]


@pytest.mark.parametrize(("photo", "size", "rows", "columns"), COVERED)
def test_the_whole_photo_lies_on_grey_at_the_top_left(
    photo: tuple[int, int], size: int, rows: int, columns: int
) -> None:
    image = Image.fromarray(np.random.default_rng(1).integers(0, 256, (photo[1], photo[0], 3)).astype(np.uint8))
    expected = np.full((size, size, 3), 128, np.float32)
    expected[:rows, :columns] = np.asarray(
        image.resize((columns, rows), Image.Resampling.BILINEAR, reducing_gap=2.0), np.float32
    )
    pixels = finder_input(image, size)

    assert pixels.dtype == np.float32
    np.testing.assert_array_equal(pixels, expected)


def search(photo: tuple[int, int], *cells: tuple[float, float, float, float], threshold: float = 0.5) -> list[Any]:
    """What is found in a finder's answer. Cells: score, middle x and y, side in pixels. Animals: score, left, top, side."""
    grid = 3
    scores, boxes = np.zeros((grid, grid)), np.zeros((grid, grid, 3))
    for number, (score, *box) in enumerate(cells):
        scores[divmod(number, grid)] = score
        boxes[divmod(number, grid)] = np.array(box) / max(photo)
    found = animals(scores, boxes, photo, threshold)
    squares = [each.square for each in found]
    for square in squares:
        assert square.width * photo[0] == pytest.approx(square.height * photo[1])
    return [
        pytest.approx((each.score, square.x * photo[0], square.y * photo[1], square.width * photo[0]))
        for each, square in zip(found, squares, strict=True)
    ]


WIDE, TALL = (400, 200), (200, 400)
ONE_ANIMAL = [
    # photo, middle x, middle y and side by the network, left, top and side of the square: all in pixels
    (WIDE, (200, 100, 40), (180, 80, 40)),
    (TALL, (100, 300, 40), (80, 280, 40)),
    # --- past an edge it is moved inside
    (WIDE, (10, 100, 40), (0, 80, 40)),
    (WIDE, (390, 100, 40), (360, 80, 40)),
    (WIDE, (200, 10, 40), (180, 0, 40)),
    (WIDE, (200, 250, 40), (180, 160, 40)),  # the middle lies in the grey below the photo
    (TALL, (250, 10, 40), (160, 0, 40)),
    # --- never larger than the short side, never smaller than a pixel
    (WIDE, (200, 100, 300), (100, 0, 200)),
    (TALL, (100, 300, 300), (0, 200, 200)),
    (WIDE, (200, 100, 0.5), (199.5, 99.5, 1)),
    (WIDE, (200, 100, -5), (199.5, 99.5, 1)),
]


@pytest.mark.parametrize(("photo", "cell", "square"), ONE_ANIMAL)
def test_the_square_around_an_animal(photo: Any, cell: Any, square: Any) -> None:
    assert search(photo, (0.9, *cell)) == [(0.9, *square)]


SEVERAL = [
    # scores with left, top and side of squares in a photo of 400 by 400 pixels; which of them are the animals, in their order
    # --- the surest first, equals as they stand in the grid; from the threshold of 0.5 on
    ([(0.6, 0, 0, 50), (0.9, 200, 0, 50), (0.7, 0, 200, 50)], [1, 2, 0]),
    ([(0.6, 0, 0, 50), (0.6, 200, 0, 50), (0.6, 0, 200, 50), (0.6, 200, 200, 50)], [0, 1, 2, 3]),
    ([(0.5, 0, 0, 50), (0.499, 200, 0, 50)], [0]),
    ([(0.4, 0, 0, 50)], []),
    ([], []),
    # --- squares that share more than 0.3 of their area are one animal: side by side, one above the other, diagonally
    ([(0.9, 0, 0, 100), (0.8, 71, 0, 100)], [0, 1]),
    ([(0.9, 0, 0, 100), (0.8, 69, 0, 100)], [0]),
    ([(0.9, 69, 0, 100), (0.8, 0, 0, 100)], [0]),
    ([(0.9, 0, 0, 100), (0.8, 0, 71, 100)], [0, 1]),
    ([(0.9, 0, 0, 100), (0.8, 0, 69, 100)], [0]),
    ([(0.9, 0, 69, 100), (0.8, 0, 0, 100)], [0]),
    ([(0.9, 0, 0, 100), (0.8, 40, 40, 100)], [0]),  # 0.36
    ([(0.9, 0, 0, 100), (0.8, 50, 50, 100)], [0, 1]),  # 0.25
    ([(0.9, 0, 0, 100), (0.8, 100, 0, 100)], [0, 1]),  # edge to edge
    ([(0.9, 0, 0, 50), (0.8, 300, 300, 50)], [0, 1]),  # far away in both directions
    ([(0.9, 0, 0, 50), (0.8, 0, 300, 50), (0.7, 300, 0, 50)], [0, 1, 2]),  # far away in one
    # --- the share is that of the smaller square
    ([(0.9, 100, 100, 200), (0.8, 150, 150, 20)], [0]),
    ([(0.9, 150, 150, 20), (0.8, 100, 100, 200)], [0]),
    # --- a square that was dropped drops no other: 1 is the same animal as 0, and 2 overlaps 1 only
    ([(0.9, 0, 0, 100), (0.8, 60, 0, 100), (0.7, 120, 0, 100)], [0, 2]),
    # --- each is compared with every animal before it, not only with the last
    ([(0.9, 0, 0, 100), (0.8, 200, 200, 100), (0.7, 5, 5, 100)], [0, 1]),
    # --- five at most, the surest
    ([(0.5 + number / 20, 60 * number, 0, 50) for number in range(6)], [5, 4, 3, 2, 1]),
]


@pytest.mark.parametrize(("squares", "expected"), SEVERAL)
def test_the_animals_among_several_squares(squares: Any, expected: Any) -> None:
    cells = [(score, left + side / 2, top + side / 2, side) for score, left, top, side in squares]
    assert search((400, 400), *cells) == [squares[number] for number in expected]


def test_exactly_the_allowed_overlap_is_two_animals(monkeypatch: pytest.MonkeyPatch) -> None:
    """A quarter, which sums of floats hit exactly."""
    monkeypatch.setattr(finder, "SAME_ANIMAL", 0.25)
    assert len(search((256, 256), (0.9, 32, 32, 64), (0.8, 80, 32, 64))) == 2
    assert len(search((256, 256), (0.9, 32, 32, 64), (0.8, 79, 32, 64))) == 1


@given(
    st.lists(st.floats(0, 1), min_size=9, max_size=9),
    st.lists(st.floats(-2, 3), min_size=27, max_size=27),
    st.tuples(st.integers(1, 500), st.integers(1, 500)),
)
def test_whatever_it_answers_squares_lie_inside(scores: Any, boxes: Any, photo: tuple[int, int]) -> None:
    found = animals(np.reshape(scores, (3, 3)), np.reshape(boxes, (3, 3, 3)), photo, 0.5)

    assert [each.score for each in found] == sorted((each.score for each in found), reverse=True)
    assert bool(found) == (max(scores) >= 0.5)
    for each in found:
        assert min(each.square.x, each.square.y) >= 0
        assert each.square.x + each.square.width <= 1 + 1e-9
        assert each.square.y + each.square.height <= 1 + 1e-9
