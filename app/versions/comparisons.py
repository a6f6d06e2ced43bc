"""Two versions on the photos that measure: who is right more often, by how much, and on which photos they differ.

Every photo that was flagged came before an expert, but only a share of what the machine accepted. So photos are weighted by
how many submissions each stands for; else a version would be judged on the hard ones alone.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.predictions.rules import Opinion
from app.predictions.tables import ModelVersion
from app.review.rules import TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from app.versions.candidates import opinions
from app.versions.rules import Difference, Part, PhotoSelection, VerifiedBy
from app.versions.snapshots import Verified, verified

_ROUNDS = 2000
_SOME = 500


@dataclass(frozen=True)
class Scores:
    """Shares right, weighted; ``difference`` is the first version's minus the second's, with its 95 % interval."""

    photos: int
    accuracy: float
    other_accuracy: float
    difference: float
    low: float
    high: float
    standard_error: float


@dataclass(frozen=True)
class Differing:
    """A photo that the two name differently."""

    photo_id: int
    submission_id: int
    scientific_name: str
    named: str
    probability: float
    other_named: str
    other_probability: float


@dataclass(frozen=True)
class Comparison:
    """What the photos that measure say of two versions; ``unanswered``: those that one of the two has not looked at."""

    overall: Scores
    per_species: dict[str, Scores]
    differing: list[Differing]
    unanswered: int

    @property
    def as_difference(self) -> Difference:
        """As the gate takes it."""
        found = self.overall
        return Difference(found.difference, found.standard_error, found.photos, paired=True)


def compare(session: Session, version: ModelVersion, other: ModelVersion) -> Comparison | None:
    """The comparison on those photos that both have looked at; None where there is none. A replay lets them look."""
    measuring = measuring_photos(session, [*version.labels, *other.labels])
    seen = said_of(session, version.id, measuring)
    other_seen = said_of(session, other.id, measuring)
    both = [each for each in measuring if each.photo.id in seen and each.photo.id in other_seen]
    if not both:
        return None
    weights = _weights(session, both)
    right = np.array([seen[each.photo.id].top == name_of(each) for each in both], float)
    other_right = np.array([other_seen[each.photo.id].top == name_of(each) for each in both], float)
    volunteers = np.array([each.volunteer_id for each in both])
    names = np.array([name_of(each) for each in both])
    return Comparison(
        overall=_scores(right, other_right, weights, volunteers),
        per_species={
            str(name): _scores(*(values[names == name] for values in (right, other_right, weights, volunteers)))
            for name in sorted(set(names))
        },
        differing=[
            _differing(each, seen[each.photo.id], other_seen[each.photo.id])
            for each in both
            if seen[each.photo.id].top != other_seen[each.photo.id].top
        ],
        unanswered=len(measuring) - len(both),
    )


def measuring_photos(session: Session, names: Sequence[str] | None = None) -> list[Verified]:
    """Verified photos that measure models and never teach them, of a taxon (of ``names`` where given), as they stand now."""
    found = [each for each in verified(session, PhotoSelection(), Part.TEST) if each.taxon is not None]
    return found if names is None else [each for each in found if name_of(each) in names]


def name_of(each: Verified) -> str:
    """What experts decided that it shows."""
    assert each.taxon is not None
    return each.taxon.scientific_name


def said_of(session: Session, version_id: int, photos: Sequence[Verified]) -> dict[int, Opinion]:
    """What the version said of these photos, by number; those that it has not looked at are left out."""
    found: dict[int, Opinion] = {}
    for start in range(0, len(photos), _SOME):
        found |= opinions(session, version_id, [each.photo.id for each in photos[start : start + _SOME]])
    return found


def _weights(session: Session, photos: Sequence[Verified]) -> np.ndarray:
    """For how many submissions each photo stands, ``(n,)``, with mean 1."""
    audited = _count(session, ReviewTask.audit, ReviewTask.state != TaskState.GONE)
    accepted = session.scalar(select(func.count()).where(Submission.status == SubmissionStatus.AUTO_ACCEPTED)) or 0
    stands_for = {
        VerifiedBy.AUDIT: max(1, audited, accepted),
        VerifiedBy.FLAGGED: max(1, _count(session, ~ReviewTask.audit, ReviewTask.state != TaskState.GONE)),
    }
    here = Counter(each.verified_by for each in photos)
    weights = np.array([stands_for[each.verified_by] / here[each.verified_by] for each in photos])
    return np.asarray(weights / weights.mean())


def _count(session: Session, *conditions: object) -> int:
    return session.scalar(select(func.count()).select_from(ReviewTask).where(*conditions)) or 0  # type: ignore[arg-type]


def _scores(right: np.ndarray, other: np.ndarray, weights: np.ndarray, volunteers: np.ndarray) -> Scores:
    """The paired difference, its interval by resampling volunteers: photos of one garden are no independent evidence."""
    _, groups = np.unique(volunteers, return_inverse=True)
    gains = np.bincount(groups, weights * (right - other))
    sizes = np.bincount(groups, weights)
    random = np.random.default_rng(1)
    drawn = random.multinomial(len(gains), np.full(len(gains), 1 / len(gains)), size=_ROUNDS)
    resampled = (drawn @ gains) / np.maximum(drawn @ sizes, 1e-12)
    low, high = np.percentile(resampled, [2.5, 97.5])
    return Scores(
        photos=len(right),
        accuracy=float(np.average(right, weights=weights)),
        other_accuracy=float(np.average(other, weights=weights)),
        difference=float(np.average(right - other, weights=weights)),
        low=float(low),
        high=float(high),
        standard_error=float(resampled.std()),
    )


def _differing(each: Verified, seen: Opinion, other: Opinion) -> Differing:
    return Differing(
        photo_id=each.photo.id,
        submission_id=each.submission_id,
        scientific_name=name_of(each),
        named=seen.top,
        probability=seen.top_probability,
        other_named=other.top,
        other_probability=other.top_probability,
    )
