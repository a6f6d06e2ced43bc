"""Figures against scikit-learn, and against sums done by hand."""

import math
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from ml.evaluation import metrics
from ml.evaluation.metrics import interval

RANDOM = np.random.default_rng(7)


def random_answers(labels: int, photos: int = 200) -> tuple[np.ndarray, np.ndarray]:
    powers = RANDOM.exponential(size=(photos, labels))
    return powers / powers.sum(1, keepdims=True), RANDOM.integers(0, labels, photos)


@pytest.mark.parametrize("labels", [2, 3, 7])
def test_agrees_with_scikit_learn(labels: int) -> None:
    probabilities, classes = random_answers(labels)
    one_hot = np.eye(labels)[classes]

    assert metrics.accuracy(probabilities, classes) == pytest.approx(
        reference.accuracy_score(classes, probabilities.argmax(1))
    )
    assert metrics.log_loss(probabilities, classes) == pytest.approx(reference.log_loss(classes, probabilities))
    assert metrics.macro_auroc(probabilities, classes) == pytest.approx(
        reference.roc_auc_score(one_hot, probabilities, average="macro")
    )


@given(
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
    st.lists(st.integers(-5, 5), min_size=1, max_size=40),
)
def test_auroc_counts_ties_half(positive: list[int], negative: list[int]) -> None:
    expected = reference.roc_auc_score([1] * len(positive) + [0] * len(negative), positive + negative)

    assert metrics.auroc(np.array(positive), np.array(negative)) == pytest.approx(expected)


def test_calibration_error_by_hand() -> None:
    """Two groups of two: sure 0.9 and right half the time, sure 0.6 and always right: (0.4 + 0.4) / 2."""
    probabilities = np.array([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.6, 0.4]])

    assert metrics.calibration_error(probabilities, np.array([0, 1, 0, 0]), bins=2) == pytest.approx(0.4)


def test_a_model_that_means_what_it_says_has_no_calibration_error() -> None:
    top = RANDOM.uniform(0.5, 1, 40_000)
    classes = (RANDOM.uniform(size=40_000) > top).astype(int)

    assert metrics.calibration_error(np.stack([top, 1 - top], 1), classes) < 0.01


def test_coverage_by_hand() -> None:
    """Most certain first: right, right, wrong, right. At no error the first two; at 25 % all four."""
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.7, 0.3], [0.6, 0.4]])
    classes = np.array([0, 0, 1, 0])

    assert metrics.coverage_at_error(probabilities, classes, 0.0) == 0.5
    assert metrics.coverage_at_error(probabilities, classes, 0.25) == 1.0


def test_coverage_takes_equally_certain_photos_together() -> None:
    probabilities = np.array([[0.9, 0.1]] * 3)

    assert metrics.coverage_at_error(probabilities, np.array([0, 0, 1]), 0.0) == 0.0


def test_confident_needs_scope_and_certainty() -> None:
    top, scope = np.array([0.99, 0.99, 0.5, 0.5]), np.array([0.9, 0.1, 0.9, 0.1])

    assert metrics.share_confident(top, scope, 0.8, 0.5) == 0.25
    assert metrics.share_confident(top, scope, None, 0.5) == 0.0


def test_nothing_measured_is_no_number() -> None:
    none = np.zeros((0, 2)), np.zeros(0, int)

    for figure in (metrics.accuracy, metrics.log_loss, metrics.calibration_error):
        assert math.isnan(figure(*none))
    assert math.isnan(metrics.auroc(np.array([]), np.array([1.0])))
    assert math.isnan(metrics.coverage_at_error(*none, 0.05))
    assert math.isnan(metrics.share_confident(np.array([]), np.array([]), 0.5, 0.5))


def share_right(right: np.ndarray) -> float:
    return float(right.mean())


def test_interval_holds_the_value_and_repeats() -> None:
    right = RANDOM.uniform(size=300) < 0.9
    bundles = np.arange(300)

    one, two = (interval(share_right, right, bundles=bundles, rounds=200) for _ in range(2))

    assert one == two
    assert one["low"] < one["value"] < one["high"]
    assert one["photos"] == 300


def test_whole_bundles_make_wider_intervals() -> None:
    """Thirty copies of ten photos are ten photos."""
    right = np.repeat([True, False, True, True, True, False, True, True, True, True], 30)
    alone = interval(share_right, right, bundles=np.arange(300), rounds=300)
    bundled = interval(share_right, right, bundles=np.repeat(np.arange(10), 30), rounds=300)

    assert bundled["high"] - bundled["low"] > 3 * (alone["high"] - alone["low"])


def test_interval_of_nothing() -> None:
    nothing = interval(lambda right: float("nan"), np.array([]), bundles=np.array([]), rounds=10)

    assert nothing == {"value": None, "low": None, "high": None, "photos": 0}


def test_an_interval_is_the_middle_95_percent_of_a_thousand_resamples() -> None:
    """A figure that answers with 1/3, then with the number of the resample, or NaN for every other one."""
    for nan_every in (0, 2):
        calls: list[int] = []

        def figure(_: np.ndarray, nan_every: int = nan_every, calls: list[int] = calls) -> float:
            calls.append(len(calls))
            if len(calls) == 1:
                return 1 / 3
            return math.nan if nan_every and calls[-1] % nan_every else float(calls[-1])

        found = interval(figure, np.arange(4), bundles=np.arange(4))

        assert len(calls) == 1001
        assert (found["value"], found["photos"]) == (0.3333, 4)
        # 2.5 % of the way from 1 to 1000, or from 2 to 1000
        assert (found["low"], found["high"]) == ((26.95, 975.05) if nan_every else (25.975, 975.025))


def test_resamples_draw_as_many_bundles_as_there_are_and_never_part_them() -> None:
    drawn: list[list[int]] = []

    def figure(rows: np.ndarray, doubled: np.ndarray) -> float:
        assert np.array_equal(doubled, 2 * rows)
        drawn.append([int((rows == row).sum()) for row in range(5)])
        return 0.0

    interval(figure, np.arange(5), 2 * np.arange(5), bundles=np.array(["x", "y", "x", "z", "y"]), rounds=200)

    assert drawn[0] == [1] * 5
    assert all((x, y) == (x2, y2) and x + y + z == 3 for x, y, x2, z, y2 in drawn)
    assert {tuple(counts[place] for place in (0, 1, 3)) for counts in drawn} == {
        (x, y, 3 - x - y) for x in range(4) for y in range(4 - x)
    }


def test_the_seed_settles_an_interval() -> None:
    values = RANDOM.uniform(size=50)
    by_default, one, two = (
        interval(lambda each: float(each.mean()), values, bundles=np.arange(50), rounds=50, **seed)
        for seed in ({}, {"seed": 1}, {"seed": 2})
    )

    assert by_default == one != two


def answers(top: list[float], right: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities of two labels with these top probabilities, and classes: R for right, W for wrong."""
    return np.array([[each, 1 - each] for each in top]), np.array([letter == "W" for letter in right], int)


CALIBRATION_ERRORS = [
    # top probabilities, which are right, bins, the error
    ([0.9, 0.9, 0.6, 0.6], "RWRR", 2, 0.4),  # 0.4 too sure and 0.4 not sure enough do not cancel each other
    ([0.9, 0.9, 0.6, 0.6], "RWRR", 1, 0.0),  # within one bin they do
    ([0.9, 0.6, 0.7], "WRR", 2, (2 * 0.35 + 0.9) / 3),  # by certainty, the larger group first, weighed by its size
    ([0.6], "R", 10, 0.4),  # no more groups than photos
    ([0.8, 0.7], "RW", 10, 0.45),
    (
        [0.5] * 20,
        "RW" * 10,
        10,
        0.0,
    ),  # equals in the order of the photos: one right and one wrong in each of ten groups
    ([0.5] * 20, "RW" * 10, 20, 0.5),
]


@pytest.mark.parametrize(("top", "right", "bins", "expected"), CALIBRATION_ERRORS)
def test_calibration_errors(top: list[float], right: str, bins: int, expected: float) -> None:
    assert metrics.calibration_error(*answers(top, right), bins=bins) == pytest.approx(expected)
    if bins == 10:
        assert metrics.calibration_error(*answers(top, right)) == pytest.approx(expected)


COVERAGES = [
    # top probabilities, which are right, the error allowed, the share of photos that may be answered
    ([0.9, 0.8, 0.7, 0.6], "RRWR", 0.0, 0.5),
    ([0.6, 0.7, 0.8, 0.9], "RWRR", 0.0, 0.5),  # the most certain first, wherever they stand
    ([0.9, 0.8, 0.7, 0.6], "RRWR", 0.24, 0.5),
    ([0.9, 0.8, 0.7, 0.6], "RRWR", 0.25, 1.0),
    ([0.9, 0.8, 0.7, 0.6], "RWRR", 0.25, 1.0),  # too many errors on the way do not matter
    ([0.9, 0.8, 0.7, 0.6], "WRRR", 0.2, 0.0),
    ([0.9, 0.8, 0.8, 0.6], "RRWR", 0.1, 0.25),  # equally certain photos go together
    ([1 - number / 1000 for number in range(100)], "R" * 71 + "W" * 29, 0.29, 1.0),  # 0.29 * 100 is 28.999999999999996
]


@pytest.mark.parametrize(("top", "right", "error", "expected"), COVERAGES)
def test_coverages(top: list[float], right: str, error: float, expected: float) -> None:
    assert metrics.coverage_at_error(*answers(top, right), error) == expected


def test_log_loss_by_hand() -> None:
    """Right at 0.5; right at 0.25 of four; and what was held impossible counts as a millionth of a millionth."""
    assert metrics.log_loss(np.array([[0.5, 0.5], [0.75, 0.25]]), np.array([0, 1])) == pytest.approx(math.log(8) / 2)
    assert metrics.log_loss(np.array([[0.0, 1.0]]), np.array([0])) == pytest.approx(12 * math.log(10))


CONFIDENT = [
    # top probabilities, in-scope scores, threshold, scope threshold, share answered "confident"
    ([0.8, 0.79, 0.8, 0.79], [0.5, 0.5, 0.49, 0.49], 0.8, 0.5, 0.25),  # exactly at both is enough
    ([0.9, 0.9], [0.9, 0.9], 0.8, 0.5, 1.0),
    ([0.9, 0.9], [0.9, 0.9], None, 0.5, 0.0),
]


@pytest.mark.parametrize(("top", "scope", "threshold", "scope_threshold", "expected"), CONFIDENT)
def test_how_many_are_confident(top: Any, scope: Any, threshold: Any, scope_threshold: float, expected: float) -> None:
    assert metrics.share_confident(np.array(top), np.array(scope), threshold, scope_threshold) == expected


def test_no_figure_of_nothing_is_a_number() -> None:
    some, none = np.array([0.5]), np.zeros(0)

    assert math.isnan(metrics.auroc(some, none))
    assert math.isnan(metrics.auroc(none, some))
    assert math.isnan(metrics.coverage_at_error(np.zeros((0, 2)), np.zeros(0, int), 0.1))
    assert math.isnan(metrics.share_confident(none, none, 0.8, 0.5))
