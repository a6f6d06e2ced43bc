"""The order in which a minute of an expert's time is worth most."""

import random
from datetime import UTC, datetime, timedelta

import pytest

from app.review.rules import ReviewReason as R
from app.review.rules import position, position_when_over

# From first to last: reason, probability that the claim is right.
ORDER = [
    (R.ANSWERED, None),
    (R.SECOND_OPINION, None),
    (R.DISAGREE, 0.01),
    (R.DISAGREE, 0.35),
    (R.UNCERTAIN, 0.5),
    (R.NO_CLAIM, None),
    (R.UNCERTAIN, 0.93),
    (R.OUT_OF_SCOPE, None),
    (R.AGREE_UNACCEPTED, 0.96),
]


def test_the_order():
    places = [position(reason, support) for reason, support in ORDER]
    assert places == sorted(places)
    assert len(set(places)) == len(places)


def test_a_level_leaves_something_to_age():
    assert position(R.DISAGREE, 0.02) == position(R.DISAGREE, 0.07)


def test_a_model_that_is_sure_of_what_was_not_claimed_comes_first():
    assert position(R.DISAGREE, None) == position(R.DISAGREE, 0.0)


def test_probabilities_at_the_ends_stay_in_their_band():
    for support in (0.0, 1.0):
        assert 200 <= position(R.DISAGREE, support) < 300 <= position(R.UNCERTAIN, support) < 400


def test_an_audit_stands_anywhere_among_what_is_doubtful():
    places = {position(R.AUDIT, 0.99) for _ in range(300)}
    assert min(places) >= position(R.DISAGREE, 0.0)
    assert max(places) < position(R.OUT_OF_SCOPE, None)
    assert len(places) > 20


def test_what_was_decided_last_stands_first():
    now = datetime(2026, 7, 14, tzinfo=UTC)
    assert position_when_over(now + timedelta(seconds=1)) < position_when_over(now)
    assert -(2**31) < position_when_over(datetime(2088, 1, 1, tzinfo=UTC))


POSITIONS = [
    # reason, probability that the claim is right, position
    (R.ANSWERED, None, 0),
    (R.ANSWERED, 0.9, 0),
    (R.SECOND_OPINION, 0.9, 100),
    # the less probable the claim, the sooner
    (R.DISAGREE, None, 200),
    (R.DISAGREE, 0.0, 200),
    (R.DISAGREE, 0.09, 200),
    (R.DISAGREE, 0.1, 201),
    (R.DISAGREE, 0.35, 203),
    (R.DISAGREE, 0.99, 209),
    (R.DISAGREE, 1.0, 209),
    # the nearer to one half, the sooner, on both sides of it; in the middle where nobody can say
    (R.UNCERTAIN, 0.5, 300),
    (R.UNCERTAIN, 0.56, 301),
    (R.UNCERTAIN, 0.44, 301),
    (R.UNCERTAIN, 0.93, 308),
    (R.UNCERTAIN, 0.0, 309),
    (R.UNCERTAIN, 1.0, 309),
    (R.UNCERTAIN, None, 305),
    (R.NO_CLAIM, None, 305),
    (R.NO_CLAIM, 0.56, 301),
    (R.OUT_OF_SCOPE, None, 400),
    (R.OUT_OF_SCOPE, 0.9, 400),
    (R.AGREE_UNACCEPTED, None, 500),
    (R.AGREE_UNACCEPTED, 0.12, 501),
    (R.AGREE_UNACCEPTED, 0.96, 509),
]


@pytest.mark.parametrize(("reason", "support", "expected"), POSITIONS)
def test_positions(reason, support, expected):
    assert position(reason, support) == expected


def test_an_audit_may_stand_at_any_position_from_200_on_and_below_400(monkeypatch):
    asked = []

    class Luck:
        def randrange(self, first, end):
            asked.append((first, end))
            return first

    monkeypatch.setattr(random, "SystemRandom", Luck)
    assert position(R.AUDIT, 0.99) == 200
    assert asked == [(200, 400)]


def test_positions_of_what_is_over_count_seconds_from_2020_on():
    assert position_when_over(datetime(2020, 1, 1, tzinfo=UTC)) == 0
    assert position_when_over(datetime(2020, 1, 2, 0, 0, 5, 900_000, tzinfo=UTC)) == -86_405
