"""Whether what a model sees, or says, is still what it was: the population stability index."""

import math
from bisect import bisect_right
from collections.abc import Sequence

FEWEST = 200
"""Values below which chance alone moves the index too far: by 0.06 for so many against 500 of before."""
_BINS = 10
# A bin that is empty on one side would count without end.
_FLOOR = 1e-3


def population_stability(reference: Sequence[float], present: Sequence[float]) -> float | None:
    """How far the values of now are from those of then; None where either are fewer than FEWEST.

    Below 0.1 they are alike, above 0.25 they are others (a rule of thumb from credit scoring). Bins hold a tenth of the
    reference each; values that are all the same share one.
    """
    if len(reference) < FEWEST or len(present) < FEWEST:
        return None
    ordered = sorted(reference)
    edges = sorted({ordered[len(ordered) * number // _BINS] for number in range(1, _BINS)})
    before, now = _shares(reference, edges), _shares(present, edges)
    return math.fsum((new - old) * math.log(new / old) for old, new in zip(before, now, strict=True))


def _shares(values: Sequence[float], edges: Sequence[float]) -> list[float]:
    counts = [0] * (len(edges) + 1)
    for value in values:
        counts[bisect_right(edges, value)] += 1
    return [max(_FLOOR, count / len(values)) for count in counts]
