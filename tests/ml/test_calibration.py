"""Temperature, and thresholds that promise no more than the photos support."""

import math
from typing import Any

import numpy as np
import pytest
from scipy import stats

from ml.evaluation.calibration import (
    binomial_tail,
    choose_scope_threshold,
    fewest_photos,
    fit_temperature,
    learn_threshold,
    probabilities_from,
    questions,
)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.5])
@pytest.mark.parametrize("labels", [2, 3])
def test_finds_the_temperature_that_was_put_in(temperature: float, labels: int) -> None:
    random = np.random.default_rng(3)
    logits = random.normal(0, 2, (20_000, 1 if labels == 2 else labels))
    chances = probabilities_from(logits)
    classes = (random.uniform(size=(20_000, 1)) > chances.cumsum(1)).sum(1)

    assert fit_temperature(logits * temperature, classes) == pytest.approx(temperature, rel=0.06)


def test_one_logit_is_the_second_labels() -> None:
    assert probabilities_from(np.array([[0.0], [np.log(3.0)]])) == pytest.approx(np.array([[0.5, 0.5], [0.25, 0.75]]))


def test_huge_logits_stay_finite() -> None:
    assert np.isfinite(probabilities_from(np.array([[1e6], [-1e6]]))).all()


@pytest.mark.parametrize(("errors", "photos", "rate"), [(0, 10, 0.1), (3, 50, 0.05), (12, 400, 0.02), (5, 5, 0.3)])
def test_binomial_tail_is_exact(errors: int, photos: int, rate: float) -> None:
    assert binomial_tail(errors, photos, rate) == pytest.approx(stats.binom.cdf(errors, photos, rate))


@pytest.mark.parametrize(("rate", "photos"), [(0.01, 299), (0.02, 149), (0.05, 59), (0.1, 29)])
def test_how_many_photos_without_error_a_promise_takes(rate: float, photos: int) -> None:
    assert fewest_photos(rate) == photos
    certain = np.linspace(0.999, 0.6, photos)
    assert learn_threshold(certain, np.zeros(photos, bool), rate).supported
    assert not learn_threshold(certain[1:], np.zeros(photos - 1, bool), rate).supported


def test_an_unsupported_threshold_has_no_probability() -> None:
    threshold = learn_threshold(np.linspace(1, 0.5, 100), np.zeros(100, bool), 0.01)

    assert (threshold.probability, threshold.supported, threshold.coverage) == (None, False, 0.0)


def test_the_threshold_stops_where_errors_begin() -> None:
    top = np.linspace(1.0, 0.5, 1000)
    wrong = np.arange(1000) >= 600

    threshold = learn_threshold(top, wrong, 0.05)

    assert threshold.probability is not None
    assert 0.57 < threshold.coverage < 0.64


def test_equally_certain_photos_are_never_parted() -> None:
    top = np.array([0.9] * 100)

    assert learn_threshold(top, np.zeros(100, bool), 0.05).coverage == 1.0
    assert not learn_threshold(top, np.arange(100) < 50, 0.05).supported


def test_the_promise_holds() -> None:
    """Draw many calibration sets; the true error above the threshold exceeds the rate in at most 5 % of them."""
    random = np.random.default_rng(11)
    broken = promised = 0
    for _ in range(300):
        top = 1 - random.uniform(size=400) ** 2 / 2
        wrong = random.uniform(size=400) > top
        threshold = learn_threshold(top, wrong, 0.1)
        if threshold.probability is not None:
            promised += 1
            broken += (1 - threshold.probability) / 3 > 0.1  # mean of 1 − p over p above the threshold
    assert promised > 100
    assert broken <= 0.05 * 300 + 6


def test_scope_threshold_keeps_the_asked_share() -> None:
    chosen = choose_scope_threshold(np.linspace(0, 1, 1001), np.array([0.01, 0.2]), keep=0.95)

    assert chosen.species_kept == pytest.approx(0.95, abs=0.002)
    assert chosen.others_let_in == 0.5


def test_without_outsiders_everything_is_in_scope() -> None:
    assert choose_scope_threshold(np.array([0.3]), np.array([]), keep=0.9).threshold == 0.0


def test_the_temperature_divides_the_logits() -> None:
    """Odds of 9 to 1, at a temperature of 2 of 3 to 1."""
    assert probabilities_from(np.array([[np.log(9.0)]]), 2.0) == pytest.approx(np.array([[0.25, 0.75]]))
    assert probabilities_from(np.log([[9.0, 1.0, 25.0]]), 2.0) == pytest.approx(np.array([[3, 1, 5]]) / 9)


@pytest.mark.parametrize(("classes", "temperature"), [([0, 1], 0.05), ([1, 0], 20.0)])
def test_the_temperature_stays_between_its_ends(classes: list[int], temperature: float) -> None:
    """Answers that are always right can't be certain enough, those that are always wrong not uncertain enough."""
    assert fit_temperature(np.array([[-1.0], [1.0]]), np.array(classes)) == pytest.approx(temperature)


def test_questions_are_asked_photo_by_photo() -> None:
    """Photos of the labels 0 and 2 (bits 101), and of label 1 alone."""
    values, answers = questions(np.array([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]]), np.array([0b101, 0b010]))

    assert values.tolist() == [[0.1], [0.2], [0.3], [0.4], [0.5], [0.6]]
    assert answers.tolist() == [1, 0, 1, 0, 1, 0]


@pytest.mark.parametrize(
    ("errors", "photos", "rate", "chance"),
    [
        (0, 10, 0.0, 1.0),
        (9, 10, 1.0, 0.0),
        (10, 10, 1.0, 1.0),
        (0, 1, 0.25, 0.75),
        (0, 2, 0.5, 0.25),
        (1, 2, 0.5, 0.75),
    ],
)
def test_binomial_tails_by_hand(errors: int, photos: int, rate: float, chance: float) -> None:
    assert binomial_tail(errors, photos, rate) == pytest.approx(chance)


WALKS = [
    # photos, which of them (the most certain is 0) are wrong, error rate and confidence; how many are accepted
    # --- from the more certain half on: at most 1 of 50 to 60, at most 2 of 61 to 75 (binomial tail of 10 % within 5 %)
    (100, [], 0.1, 0.95, 100),
    (100, [10], 0.1, 0.95, 100),
    (100, [10, 20], 0.1, 0.95, 0),  # the walk ends where it begins, though 2 of 61 would do
    (100, [10, 50], 0.1, 0.95, 50),  # likewise
    (100, [10, 59], 0.1, 0.95, 59),
    (100, [10, 60], 0.1, 0.95, 100),
    (100, [10, 65, 75], 0.1, 0.95, 100),
    (100, [10, 65, 74], 0.1, 0.95, 74),
    # --- from 29 on where half are fewer: without any error that is enough for 10 %, and for 35 with one it isn't
    (40, [], 0.1, 0.95, 40),
    (40, [35], 0.1, 0.95, 35),
    (40, [0], 0.1, 0.95, 0),
    (28, [], 0.1, 0.95, 0),
    # --- another confidence, another rate: 22 for 10 % at 90 %, 59 for 5 % at 95 %
    (22, [], 0.1, 0.9, 22),
    (21, [], 0.1, 0.9, 0),
    (58, [], 0.05, 0.95, 0),
    (0, [], 0.1, 0.95, 0),
]


@pytest.mark.parametrize(("photos", "wrong", "rate", "confidence", "accepted"), WALKS)
def test_how_far_the_walk_goes(photos: int, wrong: list[int], rate: float, confidence: float, accepted: int) -> None:
    top = 1 - np.arange(photos) / 1000
    threshold = learn_threshold(top, np.isin(np.arange(photos), wrong), rate, confidence)

    assert (threshold.error_rate, threshold.supported, threshold.photos) == (rate, accepted > 0, photos)
    assert threshold.probability == (float(top[accepted - 1]) if accepted else None)
    assert threshold.coverage == (accepted / photos if accepted else 0.0)


def test_the_walk_sorts_photos_and_steps_over_equals() -> None:
    """Of 60 photos the 30 least certain are equals, one of them wrong: 30 without an error pass, 60 with two don't."""
    top = np.append(np.full(30, 0.6), 0.9 + np.arange(30) / 1000)
    two_wrong = np.isin(np.arange(60), [3, 4])

    assert learn_threshold(top, two_wrong, 0.1).coverage == 0.5
    assert learn_threshold(top, two_wrong, 0.1).probability == pytest.approx(0.9)
    assert learn_threshold(top, np.arange(60) == 3, 0.1).probability == 0.6


SCOPES = [
    # scores of the species, of others, share to keep, threshold, share kept, share let in
    ([0.1, 0.2, 0.3, 0.4, 0.5], [0.2, 0.19], 0.75, 0.2, 0.8, 0.5),  # exactly at the threshold is inside
    ([0.1, 0.2, 0.3, 0.4, 0.5], [0.6, 0.7], 0.5, 0.3, 0.6, 1.0),
    ([0.1, 0.2, 0.3, 0.4, 0.5], [0.0], 1.0, 0.1, 1.0, 0.0),
    ([0.3], [], 0.9, 0.0, 1.0, math.nan),
]


@pytest.mark.parametrize(("species", "others", "keep", "threshold", "kept", "let_in"), SCOPES)
def test_scope_thresholds(species: Any, others: Any, keep: float, threshold: float, kept: float, let_in: float) -> None:
    chosen = choose_scope_threshold(np.array(species), np.array(others), keep)

    assert (chosen.threshold, chosen.species_kept) == pytest.approx((threshold, kept))
    assert chosen.others_let_in == pytest.approx(let_in, nan_ok=True)
