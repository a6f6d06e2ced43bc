"""Temperature, and thresholds that promise no more than the photos support."""

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
