"""The gate lets pass what is known not to be worse, and says of everything else why not."""

from dataclasses import replace

import pytest

from app.domain.gate import CheckName, Difference, Figure, Limits, Measured, judge

LIMITS = Limits(margin=0.02, confidence=0.95, calibration_error=0.05, megabytes=50, milliseconds=50)
GOOD = Measured(("a", "b"), Figure(0.95, 0.93, 0.97, 1000), 0.02, 9.0, 2.0)
SERVING = Figure(0.94, 0.92, 0.96, 1000)


def failed(candidate=GOOD, labels=("a", "b"), serving=SERVING, paired=None):
    report = judge(candidate, labels, serving, LIMITS, paired)
    assert report.passed == (report.detail == "")
    return {check.name.value for check in report.checks if not check.passed}


@pytest.mark.parametrize(
    ("candidate", "expected"),
    [
        (GOOD, set()),
        (replace(GOOD, calibration_error=0.05), set()),  # the limit itself is allowed
        (replace(GOOD, calibration_error=0.051), {"calibration"}),
        (replace(GOOD, calibration_error=None), {"calibration"}),
        (replace(GOOD, megabytes=51), {"size"}),
        (replace(GOOD, milliseconds=51), {"latency"}),
        (replace(GOOD, labels=("a", "c")), {"labels"}),
        (replace(GOOD, labels=("c", "b", "a")), set()),  # it may know more, in any order
        (replace(GOOD, accuracy=None), {"accuracy"}),
        (replace(GOOD, accuracy=Figure(0.90, 0.88, 0.92, 1000)), {"accuracy"}),
        (replace(GOOD, accuracy=Figure(0.95, 0.80, 1.0, 30)), {"accuracy"}),  # better, but nobody knows it
    ],
)
def test_each_check_stands_for_itself(candidate, expected):
    assert failed(candidate) == expected


@pytest.mark.parametrize(
    ("difference", "error", "passes"),
    [
        (0.0, 0.0, True),
        (-0.02, 0.0, True),
        (-0.021, 0.0, False),
        (0.01, 0.018, True),  # 0.01 - 1.645 * 0.018 = -0.0196
        (0.01, 0.019, False),
    ],
)
def test_a_paired_difference_must_be_above_the_margin_at_the_confidence(difference, error, passes):
    paired = Difference(difference, error, 500, paired=True)
    assert failed(paired=paired) == (set() if passes else {"accuracy"})


def test_the_same_photos_count_more_than_two_figures():
    worse = replace(GOOD, accuracy=Figure(0.5, 0.4, 0.6, 100))
    assert failed(worse, paired=Difference(0.0, 0.001, 300, paired=True)) == set()


def test_without_a_version_in_service_there_is_nothing_to_be_worse_than():
    assert failed(labels=(), serving=None) == set()


def test_a_version_in_service_without_figures_can_not_be_compared_with():
    assert failed(serving=None) == {"accuracy"}


def test_what_it_says_has_the_numbers():
    report = judge(replace(GOOD, megabytes=51), ("a", "b"), SERVING, LIMITS)
    size = next(check for check in report.checks if check.name is CheckName.SIZE)
    assert (size.value, size.limit) == (51, 50)
    assert report.detail == "What is loaded has 51 MB; 50 are allowed."
