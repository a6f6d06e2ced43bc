"""The population stability index: nothing where nothing changed, much where much did, silence where there is too little."""

import math
import random

import pytest

from app.versions.rules import FEWEST, population_stability


def values(mean, count=2000, seed=1):
    luck = random.Random(seed)
    return [luck.gauss(mean, 1) for _ in range(count)]


def test_the_same_values_have_not_moved():
    assert population_stability(values(0), values(0)) == 0


def test_other_values_of_the_same_kind_are_alike():
    assert (population_stability(values(0), values(0, seed=2)) or 0) < 0.02


@pytest.mark.parametrize(("shift", "least", "most"), [(0.2, 0.02, 0.1), (0.6, 0.25, 0.6), (3, 4, 10)])
def test_the_further_they_move_the_more_it_says(shift, least, most):
    assert least < (population_stability(values(0), values(shift, seed=2)) or 0) < most


def test_against_numbers_worked_out_by_hand():
    """Half below and half above, then one in ten below."""
    reference, present = [0.0] * 100 + [1.0] * 100, [0.0] * 20 + [1.0] * 180
    expected = (0.1 - 0.5) * math.log(0.1 / 0.5) + (0.9 - 0.5) * math.log(0.9 / 0.5)
    assert population_stability(reference, present) == pytest.approx(expected, abs=1e-2)


def test_values_that_are_all_the_same_and_values_nobody_had_before():
    assert population_stability([1.0] * 200, [1.0] * 200) == 0
    assert math.isfinite(population_stability([1.0] * 200, [0.0] * 200) or 0)


def test_too_few_say_nothing():
    assert population_stability(values(0), values(0, FEWEST - 1)) is None
    assert population_stability(values(0, FEWEST - 1), values(0)) is None


TENTHS = list(range(200))  # as many below 20, from 20 to 40, and so on
MOVED = [
    # how many values now lie in each tenth, and the index: the sum of (now - then) * ln(now / then) over the tenths
    ([20] * 10, 0.0),
    ([40, 0, *[20] * 8], 0.1 * math.log(2) + (0.001 - 0.1) * math.log(0.001 / 0.1)),
    ([*[20] * 8, 0, 40], 0.1 * math.log(2) + (0.001 - 0.1) * math.log(0.001 / 0.1)),
    ([10, 30, *[20] * 8], -0.05 * math.log(0.5) + 0.05 * math.log(1.5)),
    ([*[0] * 9, 200], 0.9 * math.log(10) + 9 * (0.001 - 0.1) * math.log(0.001 / 0.1)),
]


@pytest.mark.parametrize(("counts", "expected"), MOVED)
@pytest.mark.parametrize("within", [0, 10, 19])
def test_values_that_moved_between_tenths(counts, expected, within):
    """Wherever in its tenth a value lies: at its lower end, which belongs to it, or at its upper."""
    present = [20 * tenth + within for tenth, count in enumerate(counts) for _ in range(count)]
    assert population_stability(TENTHS, present) == pytest.approx(expected)


def test_shares_are_compared_not_counts():
    assert population_stability(TENTHS, TENTHS * 3) == 0
