"""Figures against scikit-learn, and against sums done by hand."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as reference

from ml.evaluation import metrics
from ml.evaluation.bootstrap import interval

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
