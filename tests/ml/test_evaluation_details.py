"""What stands behind the headline figures, against textbook values and other people's code."""

import json
import math
import warnings

import numpy as np
import pytest
from mapie.risk_control import BinaryClassificationController
from sklearn import metrics as sk

from ml.evaluation import details
from ml.evaluation.breakdown import Answers
from ml.evaluation.calibration import binomial_tail, learn_threshold, probabilities_from
from ml.evaluation.paired import compare_paired, mcnemar, paired_sentence

LABELS = ("a", "b", "c")


@pytest.fixture(scope="module")
def answers() -> tuple[np.ndarray, np.ndarray]:
    """300 answers for three labels that are right more often than not."""
    random = np.random.default_rng(5)
    classes = random.integers(0, 3, 300)
    logits = random.normal(0, 1.2, (300, 3)) + 1.5 * np.eye(3)[classes]
    return probabilities_from(logits), classes


def test_figures_are_those_of_scikit_learn(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, classes = answers
    guesses = probabilities.argmax(1)

    assert np.array_equal(details.confusion(probabilities, classes), sk.confusion_matrix(classes, guesses))
    assert details.balanced_accuracy(probabilities, classes) == pytest.approx(
        sk.balanced_accuracy_score(classes, guesses)
    )
    ours = [details.precision(probabilities, classes, index) for index in range(3)]
    assert ours == pytest.approx(sk.precision_score(classes, guesses, average=None).tolist())
    ours = [details.recall(probabilities, classes, index) for index in range(3)]
    assert ours == pytest.approx(sk.recall_score(classes, guesses, average=None).tolist())
    for index in range(3):
        expected = sk.average_precision_score(classes == index, probabilities[:, index])
        assert details.average_precision(probabilities, classes, index) == pytest.approx(expected)
    assert details.brier(probabilities, classes) == pytest.approx(
        sk.brier_score_loss(classes, probabilities, scale_by_half=False)
    )


def test_the_area_under_the_drawn_roc_is_the_auroc(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, classes = answers
    found = details.curves(probabilities, classes, LABELS)

    for index, label in enumerate(LABELS):
        x, y = np.array(found[label]["roc"]).T
        assert np.trapezoid(y, x) == pytest.approx(
            sk.roc_auc_score(classes == index, probabilities[:, index]), abs=0.005
        )
        assert (x[0], y[0], x[-1], y[-1]) == (0, 0, 1, 1)
        assert len(found[label]["precision_recall"]) <= 200


@pytest.mark.parametrize(
    ("probabilities", "classes", "expected"),
    [
        ([[1.0, 0.0], [0.0, 1.0]], [0, 1], (1.0, 0.0)),
        ([[1.0, 0.0], [1.0, 0.0]], [0, 1], (0.5, 1.0)),
        ([[0.0, 1.0], [0.0, 1.0]], [0, 0], (0.0, 2.0)),
    ],
)
def test_balanced_accuracy_and_brier_by_hand(
    probabilities: list[list[float]], classes: list[int], expected: tuple[float, float]
) -> None:
    given = np.array(probabilities), np.array(classes)
    assert (details.balanced_accuracy(*given), details.brier(*given)) == expected


def test_temperature_is_undone_exactly() -> None:
    logits = np.random.default_rng(2).normal(0, 3, (50, 4))
    assert np.allclose(details.before_temperature(probabilities_from(logits, 1.7), 1.7), probabilities_from(logits))


def test_reliability_has_ten_groups_of_equal_size(answers: tuple[np.ndarray, np.ndarray]) -> None:
    found = details.reliability(*answers)

    assert [each["photos"] for each in found["bins"]] == [30] * 10
    assert found["error"] == pytest.approx(np.mean([abs(b["promised"] - b["held"]) for b in found["bins"]]), abs=1e-3)
    assert details.reliability(np.zeros((0, 2)), np.zeros(0, int)) == {"error": None, "bins": []}


def test_coverage_curve_ends_with_all_photos(answers: tuple[np.ndarray, np.ndarray]) -> None:
    probabilities, classes = answers
    curve = details.coverage_curve(probabilities, classes)

    assert curve[-1] == [1.0, pytest.approx(np.mean(probabilities.argmax(1) != classes), abs=1e-4)]
    assert [x for x, _ in curve] == sorted(x for x, _ in curve)


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("error_rate", [0.05, 0.1, 0.2])
def test_thresholds_are_those_of_mapie(seed: int, error_rate: float) -> None:
    """The same photos, the same order of thresholds, the same exact binomial bound: MAPIE accepts the same ones.

    MAPIE bounds the precision of "positive" answers; here a positive is an answer that is accepted, and it is right when
    the answer was right. It rounds photos × risk up, so where that product is a hair above a whole number it counts one
    mistake too many and is a little stricter.
    """
    random = np.random.default_rng(seed)
    top = np.round(random.beta(6, 1.5, 400), 3)
    right = random.random(400) < np.clip(top + 0.05, 0, 1)
    ends = np.unique(top)[::-1]
    started = ends[[np.sum(top >= each) >= 200 for each in ends]]
    counts = np.array([[np.sum(top >= each), np.sum(~right[top >= each])] for each in started])
    ours = learn_threshold(top, ~right, error_rate)

    controller = BinaryClassificationController(
        lambda scores: np.column_stack([1 - scores[:, 0], scores[:, 0]]),
        risk="precision",
        target_level=1 - error_rate,
        confidence_level=0.95,
        list_predict_params=started,
        fwer_method="fixed_sequence",
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # that no threshold holds, or that the risk is not monotonic
        controller.calibrate(top[:, None], right.astype(int))
    theirs = np.asarray(controller.valid_predict_params)

    one_more = np.array([math.ceil(n * (1 - (n - k) / n)) - k for n, k in counts])
    assert set(one_more.tolist()) <= {0, 1}
    expected = [binomial_tail(int(k + more), int(n), error_rate) for (n, k), more in zip(counts, one_more, strict=True)]
    assert controller.p_values[:, 0] == pytest.approx(expected)
    if not one_more.any() or not ours.supported:
        assert ours.supported == (len(theirs) > 0)
    if len(theirs):
        assert ours.probability is not None
        assert ours.probability <= theirs.min()
        rows = slice(0, int(np.flatnonzero(started == ours.probability)[0]) + 2)
        assert one_more[rows].any() or ours.probability == theirs.min()


@pytest.mark.parametrize(
    ("photos", "wrong", "said"),
    [
        (100, 0, "this needs 299 calibration photos without a single mistake, and there are 100."),
        (400, 40, "too many confident mistakes"),
        (400, 0, "At most 1 % wrong, with 95 % confidence"),
    ],
)
def test_what_the_data_support_is_said_in_words(photos: int, wrong: int, said: str) -> None:
    classes = np.zeros(photos, int)
    top = np.linspace(0.999, 0.6, photos)
    top[:wrong] = 1 - top[:wrong]  # sure and wrong
    probabilities = np.column_stack([top, 1 - top])

    found = details.learnt_threshold(probabilities, classes, 0.01)

    assert said in found["sentence"]
    assert found["fewest_photos"] == 299


def test_what_a_threshold_does_on_other_photos() -> None:
    probabilities = np.array([[0.9, 0.1], [0.8, 0.2], [0.6, 0.4]])
    held = details.held_on(0.7, probabilities, np.array([0, 1, 0]))

    assert held == {"coverage": 0.6667, "error": 0.5, "photos": 2, "wrong": 1}
    assert details.held_on(None, probabilities, np.array([0, 1, 0])) is None


@pytest.mark.parametrize(("one", "other", "expected"), [(0, 0, 1.0), (5, 5, 1.0), (0, 5, 0.0625), (9, 1, 0.02148)])
def test_mcnemar(one: int, other: int, expected: float) -> None:
    assert mcnemar(one, other) == pytest.approx(expected, abs=1e-4)


def paired(better: float, seed: int = 1) -> dict[str, object]:
    random = np.random.default_rng(seed)
    classes = random.integers(0, 2, 400)
    right = np.column_stack([random.random(400) < 0.7 + better, random.random(400) < 0.7])
    own, other = (np.eye(2)[np.where(right[:, column], classes, 1 - classes)] * 0.8 + 0.1 for column in (0, 1))
    names = tuple(str(n) for n in range(400))
    return compare_paired(Answers(own, classes, np.arange(400), names, False), other, ("a", "b"), rounds=300)


def test_the_better_of_two_is_told() -> None:
    found = paired(0.2)
    assert found["accuracy"]["low"] > 0  # type: ignore[index]
    assert "is better than" in paired_sentence(found, "one", "other")
    assert found["mcnemar"]["only_this_right"] > found["mcnemar"]["only_other_right"]  # type: ignore[index]
    assert json.loads(json.dumps(found)) == found


def test_equal_ones_are_not_told_apart() -> None:
    found = paired(0.0)
    assert found["accuracy"]["low"] < 0 < found["accuracy"]["high"]  # type: ignore[index]
    assert "No significant difference between one and other" in paired_sentence(found, "one", "other")
    assert "is worse than" in paired_sentence(paired(-0.2), "one", "other")
