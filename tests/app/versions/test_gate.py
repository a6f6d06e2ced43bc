"""The gate lets pass what is known not to be worse, and says of everything else why not."""

from dataclasses import replace

import pytest

from app.versions.rules import Check, CheckName, Difference, Figure, Limits, Measured, judge

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


def compared(difference, photos, least):
    return (
        f"Accuracy differs by {difference} from the version in service, on {photos}; "
        f"at 95% confidence by at least {least}, and -0.020 is allowed."
    )


PAIRED = Difference(-0.01, 0.004, 300, paired=True)
FEWER = replace(SERVING, photos=800)
NO_FIGURES = "It has no figures on photos it never learnt from."
ALONE = "No version is in service to compare with."
ACCURACIES = [
    # candidate's figure, labels in service, its figure, difference on the same photos; passed, least difference, words
    (None, ("a",), SERVING, None, False, None, NO_FIGURES),
    (None, (), None, None, False, None, NO_FIGURES),
    (GOOD.accuracy, (), None, None, True, None, ALONE),
    (GOOD.accuracy, (), SERVING, PAIRED, True, None, ALONE),
    (GOOD.accuracy, ("a",), None, None, False, None, "The version in service has no figures to compare with."),
    # errors of 0.04 / (2 * 1.96) each make 0.01443 together: 0.01 - 1.6449 * 0.01443
    (GOOD.accuracy, ("a",), FEWER, None, True, -0.013737, compared("+0.010", "different photos (800)", "-0.014")),
    # -0.01 - 1.6449 * 0.004, and 0.01 less
    (None, ("a",), None, PAIRED, True, -0.016579, compared("-0.010", "the same photos (300)", "-0.017")),
    (
        GOOD.accuracy, ("a",), SERVING, replace(PAIRED, value=-0.02),
        False, -0.026579, compared("-0.020", "the same photos (300)", "-0.027"),
    ),
]  # fmt: skip


@pytest.mark.parametrize(("figure", "labels", "serving", "paired", "passed", "least", "detail"), ACCURACIES)
def test_what_the_gate_says_of_accuracy(figure, labels, serving, paired, passed, least, detail):
    report = judge(replace(GOOD, accuracy=figure), labels, serving, LIMITS, paired)
    least = least and pytest.approx(least, abs=1e-6)
    assert report.checks[1] == Check(CheckName.ACCURACY, passed, least, -0.02, detail)


@pytest.mark.parametrize(("candidate", "serving"), [(1000, 800), (800, 1000)])
def test_figures_of_different_photos_count_as_the_fewer_of_them(candidate, serving):
    figure = replace(SERVING, value=0.95, photos=candidate)
    difference = judge(replace(GOOD, accuracy=figure), ("a",), replace(SERVING, photos=serving), LIMITS).difference
    assert difference == Difference(pytest.approx(0.01), pytest.approx(0.014431, abs=1e-6), 800, paired=False)


@pytest.mark.parametrize(
    ("labels", "detail"),
    [
        (("a", "b"), "It knows every taxon that the one in service knows."),
        ((), "It knows every taxon that the one in service knows."),
        (("a", "x", "y"), "It no longer knows x, y."),
    ],
)
def test_what_the_gate_says_of_labels(labels, detail):
    assert judge(GOOD, labels, SERVING, LIMITS).checks[0].detail == detail


def test_the_limits_themselves_are_allowed():
    at_limits = replace(GOOD, calibration_error=0.05, megabytes=50, milliseconds=50)
    assert [check.passed for check in judge(at_limits, ("a",), SERVING, LIMITS).checks] == [True] * 5
