"""Rules about model versions: the gate before service, which photos teach and which measure, and drift.

A version passes the gate when it is not worse than the one that serves by more than a margin, at a stated confidence, and when
its probabilities mean what they say, its file is small and its answers are quick enough. Figures decide, never a feeling;
whoever knows better overrules the gate with a written reason.
"""

import itertools
import math
from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor
from statistics import NormalDist
from typing import Any

# Figures come with 95 % intervals; half of one is so many standard errors.
_HALF_WIDTH = NormalDist().inv_cdf(0.975)


class CheckName(StrEnum):
    """What the gate looks at."""

    LABELS = "labels"
    ACCURACY = "accuracy"
    CALIBRATION = "calibration"
    SIZE = "size"
    LATENCY = "latency"


@dataclass(frozen=True)
class Figure:
    """A measured figure with its 95 % interval, over ``photos`` photos that the version never learnt from."""

    value: float
    low: float
    high: float
    photos: int

    @classmethod
    def read(cls, written: Any) -> "Figure | None":
        """From what metrics.json or a comparison has of it; None where that is missing or has no interval."""
        if not isinstance(written, Mapping):
            return None
        value, low, high = (written.get(key) for key in ("value", "low", "high"))
        if value is None or low is None or high is None:
            return None
        return cls(float(value), float(low), float(high), int(written.get("photos") or 0))

    @property
    def standard_error(self) -> float:
        return (self.high - self.low) / (2 * _HALF_WIDTH)


@dataclass(frozen=True)
class Difference:
    """Accuracy of the candidate minus that of the version that serves. ``paired``: both were asked about the same photos."""

    value: float
    standard_error: float
    photos: int
    paired: bool

    def at_least(self, confidence: float) -> float:
        """The lower bound that holds with this (one-sided) confidence."""
        return self.value - NormalDist().inv_cdf(confidence) * self.standard_error


@dataclass(frozen=True)
class Limits:
    """What the gate allows. ``margin``: share of photos by which a candidate may be worse; ``confidence`` of knowing it."""

    margin: float
    confidence: float
    calibration_error: float
    megabytes: float
    milliseconds: float


@dataclass(frozen=True)
class Measured:
    """What is known of a version. None where its figures don't say. ``milliseconds``: of one answer, in this process."""

    labels: tuple[str, ...]
    accuracy: Figure | None
    calibration_error: float | None
    megabytes: float
    milliseconds: float


@dataclass(frozen=True)
class Check:
    """One thing looked at: ``value`` against ``limit``, None where there is no number; ``detail`` says it in words."""

    name: CheckName
    passed: bool
    value: float | None
    limit: float | None
    detail: str


@dataclass(frozen=True)
class GateReport:
    """What the gate says of a candidate, and what was served when it said so."""

    checks: tuple[Check, ...]
    difference: Difference | None

    @property
    def passed(self) -> bool:
        """Whether every check passed."""
        return all(check.passed for check in self.checks)

    @property
    def detail(self) -> str:
        """What stands against it, in words; empty when it passed."""
        return " ".join(check.detail for check in self.checks if not check.passed)


def judge(
    candidate: Measured,
    serving_labels: tuple[str, ...],
    serving_accuracy: Figure | None,
    limits: Limits,
    paired: Difference | None = None,
) -> GateReport:
    """What the gate says. With ``paired``, both versions were measured on the same photos, and nothing else counts.

    Without a version that serves (no labels), there is nothing to be worse than.
    """
    difference = paired if paired is not None else _unpaired(candidate.accuracy, serving_accuracy)
    checks = (
        _labels(candidate, serving_labels),
        _accuracy(candidate, difference, limits, alone=not serving_labels),
        _calibration(candidate, limits),
        _within(CheckName.SIZE, candidate.megabytes, limits.megabytes, "What is loaded has {} MB; {} are allowed."),
        _within(
            CheckName.LATENCY, candidate.milliseconds, limits.milliseconds, "An answer takes {} ms; {} are allowed."
        ),
    )
    return GateReport(checks, difference)


def _unpaired(candidate: Figure | None, serving: Figure | None) -> Difference | None:
    """From two figures on different photos, or on photos of which nobody kept the answers: their errors add up."""
    if candidate is None or serving is None:
        return None
    error = math.hypot(candidate.standard_error, serving.standard_error)
    return Difference(candidate.value - serving.value, error, min(candidate.photos, serving.photos), paired=False)


def _labels(candidate: Measured, serving_labels: tuple[str, ...]) -> Check:
    lost = [label for label in serving_labels if label not in candidate.labels]
    detail = f"It no longer knows {', '.join(lost)}." if lost else "It knows every taxon that the one in service knows."
    return Check(CheckName.LABELS, not lost, None, None, detail)


def _accuracy(candidate: Measured, difference: Difference | None, limits: Limits, *, alone: bool) -> Check:
    if candidate.accuracy is None and difference is None:
        return Check(
            CheckName.ACCURACY, False, None, -limits.margin, "It has no figures on photos it never learnt from."
        )
    if alone:
        return Check(CheckName.ACCURACY, True, None, -limits.margin, "No version is in service to compare with.")
    if difference is None:
        return Check(
            CheckName.ACCURACY, False, None, -limits.margin, "The version in service has no figures to compare with."
        )
    least = difference.at_least(limits.confidence)
    how = "the same" if difference.paired else "different"
    detail = (
        f"Accuracy differs by {difference.value:+.3f} from the version in service, on {how} photos ({difference.photos}); "
        f"at {limits.confidence:.0%} confidence by at least {least:+.3f}, and {-limits.margin:+.3f} is allowed."
    )
    return Check(CheckName.ACCURACY, least >= -limits.margin, least, -limits.margin, detail)


def _calibration(candidate: Measured, limits: Limits) -> Check:
    error, limit = candidate.calibration_error, limits.calibration_error
    if error is None:
        return Check(CheckName.CALIBRATION, False, None, limit, "No calibration error was measured.")
    return _within(CheckName.CALIBRATION, error, limit, "The calibration error is {}; the limit is {}.")


def _within(name: CheckName, value: float, limit: float, sentence: str) -> Check:
    return Check(name, value <= limit, value, limit, sentence.format(f"{value:.3g}", f"{limit:.3g}"))


# A volunteer's submissions that follow one another this closely are one visit to one garden.
BURST = timedelta(hours=1)


class Part(StrEnum):
    """What a verified photo is for, for ever: nothing that measures a model ever teaches one."""

    TRAIN = "train"
    TEST = "test"


class VerifiedBy(StrEnum):
    """How a photo came before an expert: because somebody had to look, or drawn from what the machine accepted."""

    FLAGGED = "flagged"
    AUDIT = "audit"


class Start(StrEnum):
    """What a run's network starts from."""

    SCRATCH = "scratch"
    ACTIVE = "active"


class Trigger(StrEnum):
    """Who or what started a run."""

    PERSON = "person"
    COMMAND_LINE = "command_line"
    NIGHTLY = "nightly"
    NEW_PHOTOS = "new_photos"


def measures(rank: int, share: float) -> bool:
    """Whether the photos of the volunteer with this rank (from 0, by first verified photo) measure instead of teach.

    Every so many-th volunteer does, exactly in the wanted share, whatever they send: a draw could give all to one side.
    """
    return floor((rank + 1) * share) > floor(rank * share)


def bursts(moments: Iterable[tuple[int, datetime]]) -> dict[int, int]:
    """To each submission of one volunteer the first of its burst, from ids with the moments they were sent."""
    found: dict[int, int] = {}
    ordered = sorted(moments, key=lambda each: (each[1], each[0]))
    for before, (number, moment) in zip(itertools.chain([None], ordered), ordered, strict=False):
        follows = before is not None and moment - before[1] <= BURST
        found[number] = found[before[0]] if before is not None and follows else number
    return found


@dataclass(frozen=True)
class PhotoSelection:
    """Which verified photos a snapshot takes.

    ``codes``: verification statuses; ``since`` and ``until``: when they were verified, the end not included;
    ``least_experts``: how many answered at least; ``least_agreement``: the share of them who say what the record says.
    """

    codes: tuple[str, ...] = ("V1", "V2")
    since: datetime | None = None
    until: datetime | None = None
    least_experts: int = 1
    least_agreement: float = 0.0

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> "PhotoSelection":
        """What ``as_json`` wrote."""
        moments = {name: datetime.fromisoformat(stored[name]) if stored[name] else None for name in ("since", "until")}
        return cls(**(dict(stored) | moments | {"codes": tuple(stored["codes"])}))

    def as_json(self) -> dict[str, object]:
        """As a row keeps it."""
        moments = {"since": self.since, "until": self.until}
        return {
            "codes": list(self.codes),
            "least_experts": self.least_experts,
            "least_agreement": self.least_agreement,
            **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        }


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
