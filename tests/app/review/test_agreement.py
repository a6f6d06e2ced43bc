"""Intervals, kappa, and the rule that suspends a species."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.review.rules import Rate, audits_to_pass, cohens_kappa, must_suspend

INTERVALS = [
    # count, total, lower, upper: Wilson's, as in textbooks
    (0, 10, 0.0, 0.2775),
    (5, 10, 0.2366, 0.7634),
    (10, 10, 0.7225, 1.0),
    (1, 29, 0.0061, 0.1718),
    (81, 263, 0.2553, 0.3662),
]


@pytest.mark.parametrize(("count", "total", "lower", "upper"), INTERVALS)
def test_wilsons_interval(count, total, lower, upper):
    rate = Rate(count, total)
    assert rate.lower == pytest.approx(lower, abs=1e-4)
    assert rate.upper == pytest.approx(upper, abs=1e-4)


def test_of_nothing_nothing_is_known():
    assert (Rate(0, 0).value, Rate(0, 0).lower, Rate(0, 0).upper) == (None, 0.0, 1.0)


@given(st.integers(1, 500).flatmap(lambda total: st.tuples(st.integers(0, total), st.just(total))))
def test_the_interval_holds_the_share_and_stays_within_0_and_1(pair):
    rate = Rate(*pair)
    share = rate.count / rate.total
    assert 0 <= rate.lower <= share + 1e-12
    assert share <= rate.upper + 1e-12
    assert rate.upper <= 1


@pytest.mark.parametrize("limit", [0.01, 0.05, 0.1, 0.2, 0.5])
def test_a_faultless_record_passes_from_this_number_of_audits_on(limit):
    enough = audits_to_pass(limit)
    assert Rate(0, enough).upper <= limit
    assert Rate(0, enough - 1).upper > limit


SUSPENSIONS = [
    # wrong, audits; with 5 % wanted and 10 % the limit, 35 faultless audits pass
    (0, 0, False),
    (0, 3, False),
    (1, 1, False),  # one mistake is an accident
    (1, 34, False),
    (2, 2, True),  # two in so few are no accident
    (2, 11, True),
    (2, 34, False),
    (0, 35, False),
    (1, 35, True),  # from here on the upper bound decides
    (1, 60, False),
    (5, 100, True),
    (5, 150, False),
]


@pytest.mark.parametrize(("wrong", "audits", "suspended"), SUSPENSIONS)
def test_when_a_species_is_suspended(wrong, audits, suspended):
    assert must_suspend(Rate(wrong, audits), 0.05, 0.1, 0) is suspended


def test_a_coordinator_may_want_more_audits_first():
    assert must_suspend(Rate(2, 40), 0.05, 0.1, 0)
    assert not must_suspend(Rate(2, 40), 0.05, 0.1, 100)


def test_a_rate_is_its_count_over_its_total():
    assert (Rate(1, 4).value, Rate(0, 4).value, Rate(4, 4).value) == (0.25, 0.0, 1.0)


@pytest.mark.parametrize(("limit", "audits"), [(0.01, 381), (0.05, 73), (0.1, 35), (0.2, 16), (0.5, 4)])
def test_how_many_faultless_audits_it_takes(limit, audits):
    """z²(1 - limit) / limit, rounded up, with z² = 3.8415."""
    assert audits_to_pass(limit) == audits


def test_an_exact_limit_takes_no_audit_more():
    """Rounding of floats must not turn 7 into 8."""
    limit = Rate(0, 7).upper
    assert audits_to_pass(limit) == 7
    assert not must_suspend(Rate(0, 7), 0.05, limit, 0)


BOUNDARIES = [
    # wrong, audits, wanted rate, limit, fewest audits, suspended
    (2, 40, 0.05, Rate(2, 40).upper, 0, False),  # exactly at the limit is within it
    (2, 11, Rate(2, 11).lower, 0.1, 0, False),  # exactly at the wanted rate as well
    (2, 11, Rate(2, 11).lower - 1e-9, 0.1, 0, True),
    (2, 40, 0.05, 0.1, 40, True),  # from the fewest audits on, that number included
    (2, 40, 0.05, 0.1, 41, False),
]


@pytest.mark.parametrize(("wrong", "audits", "wanted", "limit", "minimum", "suspended"), BOUNDARIES)
def test_suspension_at_its_boundaries(wrong, audits, wanted, limit, minimum, suspended):
    assert must_suspend(Rate(wrong, audits), wanted, limit, minimum) is suspended


KAPPAS = [
    ([], None),
    ([("a", "a"), ("b", "b")], 1.0),
    ([("a", "b"), ("b", "a")], -1.0),
    ([("a", "a"), ("a", "a")], None),  # without a choice there is no agreement beyond chance
    ([("a", "a")] * 20 + [("a", "b")] * 5 + [("b", "a")] * 10 + [("b", "b")] * 15, 0.4),
]


@pytest.mark.parametrize(("pairs", "expected"), KAPPAS)
def test_cohens_kappa(pairs, expected):
    assert cohens_kappa(pairs) == (None if expected is None else pytest.approx(expected))
