"""In which order a minute of an expert's time is worth most: a small number comes first.

Bands follow one another: what was answered, what lacks a second opinion, disagreement with a confident model, uncertainty,
photos of something else, and last what the model agrees with. Within a band there are ten levels, and within a level
the oldest submission comes first: finer levels would leave nothing to age.
"""

import random
from datetime import UTC, datetime

from app.domain.review import ReviewReason

_BAND = {
    ReviewReason.ANSWERED: 0,
    ReviewReason.SECOND_OPINION: 100,
    ReviewReason.DISAGREE: 200,
    ReviewReason.UNCERTAIN: 300,
    ReviewReason.NO_CLAIM: 300,
    ReviewReason.OUT_OF_SCOPE: 400,
    ReviewReason.AGREE_UNACCEPTED: 500,
}
_LEVELS = 10
# Seconds are counted from here, so that they fit into 32 bits until 2088.
_EPOCH = datetime(2020, 1, 1, tzinfo=UTC)


def position(reason: ReviewReason, support: float | None) -> int:
    """Where an open task stands. ``support``: the probability that the claim is right, None where nobody can say.

    An audit stands anywhere among what is doubtful, so that its place in the queue tells nothing.
    """
    if reason is ReviewReason.AUDIT:
        first, last = _BAND[ReviewReason.DISAGREE], _BAND[ReviewReason.OUT_OF_SCOPE]
        return random.SystemRandom().randrange(first, last)
    return _BAND[reason] + _level(reason, support)


def _level(reason: ReviewReason, support: float | None) -> int:
    if reason is ReviewReason.DISAGREE:
        return _tenth(support or 0.0)  # without a support the model is confident of what was not claimed
    if reason in {ReviewReason.UNCERTAIN, ReviewReason.NO_CLAIM}:
        return _LEVELS // 2 if support is None else _tenth(2 * abs(support - 0.5))
    if reason is ReviewReason.AGREE_UNACCEPTED:
        return _tenth(support or 0.0)
    return 0


def _tenth(value: float) -> int:
    return min(_LEVELS - 1, max(0, int(value * _LEVELS)))


def position_when_over(at: datetime) -> int:
    """Where a task stands that is nobody's turn any more: the latest first."""
    return -int((at - _EPOCH).total_seconds())
