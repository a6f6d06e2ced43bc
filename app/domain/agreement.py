"""Small statistics of trust: intervals for rates, and agreement beyond chance."""

import math
from collections import Counter
from collections.abc import Hashable, Sequence
from dataclasses import dataclass

# 95 %, two-sided.
_Z = 1.959963984540054


@dataclass(frozen=True)
class Rate:
    """``count`` of ``total``, with the 95 % Wilson interval; without any observation it runs from 0 to 1."""

    count: int
    total: int

    @property
    def value(self) -> float | None:
        """The share itself; None where nothing was observed."""
        return self.count / self.total if self.total else None

    @property
    def lower(self) -> float:
        """Lower end of the interval."""
        return self._interval()[0]

    @property
    def upper(self) -> float:
        """Upper end of the interval."""
        return self._interval()[1]

    def _interval(self) -> tuple[float, float]:
        if not self.total:
            return 0.0, 1.0
        share, squared = self.count / self.total, _Z * _Z
        scale = 1 + squared / self.total
        middle = (share + squared / (2 * self.total)) / scale
        spread = _Z / scale * math.sqrt(share * (1 - share) / self.total + squared / (4 * self.total**2))
        return max(0.0, middle - spread), min(1.0, middle + spread)


def audits_to_pass(limit: float) -> int:
    """How many audits, none of them wrong, it takes until the upper bound is within ``limit`` (0 < limit < 1)."""
    return math.ceil(_Z * _Z * (1 - limit) / limit - 1e-9)


def must_suspend(wrong: Rate, wanted: float, limit: float, minimum: int) -> bool:
    """Whether a species loses machine acceptance: its upper bound passes ``limit``.

    With few audits the upper bound passes any limit, even when all were right. So it counts from the number on at which a
    faultless record would pass (or from ``minimum``, if that is more). Before, it takes two wrong ones and a lower bound
    above the wanted rate: then the species is too bad, however few were looked at.
    """
    if wrong.total >= max(minimum, audits_to_pass(limit)):
        return wrong.upper > limit
    return wrong.count >= 2 and wrong.lower > wanted


def cohens_kappa(pairs: Sequence[tuple[Hashable, Hashable]]) -> float | None:
    """Agreement of two reviewers on the same items beyond chance, from -1 to 1; None without items or without any choice."""
    if not pairs:
        return None
    total = len(pairs)
    observed = sum(one == other for one, other in pairs) / total
    first, second = Counter(one for one, _ in pairs), Counter(other for _, other in pairs)
    expected = sum(first[answer] * second[answer] for answer in first) / total**2
    if expected >= 1:
        return None
    return (observed - expected) / (1 - expected)
