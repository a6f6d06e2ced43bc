"""Two versions on the photos that measure: who is right more often, by how much, and where they differ; and one's mistakes.

Every photo that was flagged came before an expert, but only a share of what the machine accepted. So photos are weighted by
how many submissions each stands for; else a version would be judged on the hard ones alone.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.predictions.rules import Opinion
from app.predictions.tables import ModelVersion
from app.review.rules import TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, Submission
from app.versions.candidates import opinions
from app.versions.rules import Difference, Figure, Part, PhotoSelection, VerifiedBy
from app.versions.snapshots import Verified, verified
from app.versions.tables import TrainingRun

MOST_LISTED = 60
"""So many photos of a list of mistakes or differences are shown at most."""
MISTAKES_SHOWN = 12
_RESAMPLINGS = 2000
_BATCH = 500


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
    """A photo that two versions name differently. ``photo``: None where it is not kept here; probabilities: None if unknown."""

    photo: Photo | None
    file_name: str
    scientific_name: str
    named: str
    probability: float | None
    other_named: str
    other_probability: float | None


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
        scores = self.overall
        return Difference(scores.difference, scores.standard_error, scores.photos, paired=True)


@dataclass(frozen=True)
class RunComparison:
    """Two versions on the test photos of the training run that made one of them: the first minus the second.

    None or empty is what the run did not measure. ``only_right``: photos on which only the first, only the second is right;
    ``differing``: the first of ``differing_count``.
    """

    accuracy: Figure | None
    only_right: tuple[int, int] | None
    recall: dict[str, Figure]
    differing: list[Differing]
    differing_count: int


def compare(session: Session, version: ModelVersion, other: ModelVersion) -> Comparison | None:
    """The comparison on those photos that both have looked at; None where there is none. A replay lets them look."""
    measuring = measuring_photos(session, [*version.labels, *other.labels])
    first, second = (opinions_of(session, asked.id, measuring) for asked in (version, other))
    both = [row for row in measuring if row.photo.id in first and row.photo.id in second]
    if not both:
        return None
    names = np.array([name_of(row) for row in both])
    values = (
        np.array([first[row.photo.id].top == name_of(row) for row in both], float),
        np.array([second[row.photo.id].top == name_of(row) for row in both], float),
        _weights(session, both),
        np.array([row.volunteer_id for row in both]),
    )
    pairs = [(row, first[row.photo.id], second[row.photo.id]) for row in both]
    return Comparison(
        overall=_scores(*values),
        per_species={str(name): _scores(*(array[names == name] for array in values)) for name in sorted(set(names))},
        differing=[
            Differing(row.photo, "", name_of(row), own.top, own.top_probability, its.top, its.top_probability)
            for row, own, its in pairs
            if own.top != its.top
        ],
        unanswered=len(measuring) - len(both),
    )


def measuring_photos(session: Session, names: Sequence[str] | None = None) -> list[Verified]:
    """Verified photos that measure models and never teach them, of a taxon (of ``names`` where given), as they stand now."""
    rows = [row for row in verified(session, PhotoSelection(), Part.TEST) if row.taxon is not None]
    return rows if names is None else [row for row in rows if name_of(row) in names]


def name_of(row: Verified) -> str:
    """The scientific name that experts decided on."""
    assert row.taxon is not None
    return row.taxon.scientific_name


def opinions_of(session: Session, version_id: int, photos: Sequence[Verified]) -> dict[int, Opinion]:
    """The version's opinion of these photos, by id; those that it has not looked at are left out."""
    answers: dict[int, Opinion] = {}
    for start in range(0, len(photos), _BATCH):
        answers |= opinions(session, version_id, [row.photo.id for row in photos[start : start + _BATCH]])
    return answers


def _weights(session: Session, photos: Sequence[Verified]) -> np.ndarray:
    """For how many submissions each photo stands, ``(n,)``, with mean 1."""
    audited = _count_tasks(session, audit=True)
    accepted = session.scalar(select(func.count()).where(Submission.status == SubmissionStatus.AUTO_ACCEPTED)) or 0
    stands_for = {
        VerifiedBy.AUDIT: max(1, audited, accepted),
        VerifiedBy.FLAGGED: max(1, _count_tasks(session, audit=False)),
    }
    present = Counter(row.verified_by for row in photos)
    weights = np.array([stands_for[row.verified_by] / present[row.verified_by] for row in photos])
    return np.asarray(weights / weights.mean())


def _count_tasks(session: Session, *, audit: bool) -> int:
    query = select(func.count()).where(ReviewTask.audit == audit, ReviewTask.state != TaskState.GONE)
    return session.scalar(query) or 0


def _scores(right: np.ndarray, other: np.ndarray, weights: np.ndarray, volunteers: np.ndarray) -> Scores:
    """The paired difference, its interval by resampling volunteers: photos of one garden are no independent evidence."""
    _, groups = np.unique(volunteers, return_inverse=True)
    gains = np.bincount(groups, weights * (right - other))
    sizes = np.bincount(groups, weights)
    random = np.random.default_rng(1)
    drawn = random.multinomial(len(gains), np.full(len(gains), 1 / len(gains)), size=_RESAMPLINGS)
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


# --- as a training run measured it ------------------------------------------------------------------------------------


def of_run(session: Session, version: ModelVersion, other: ModelVersion) -> RunComparison | None:
    """What the run that made one of them measured of both; None where neither's run compared it with the other."""
    for made, against in ((version, other), (other, version)):
        if compared := measured_by_run(session, made, against):
            return _read(session, compared, turned=made is other)
    return None


def measured_by_run(session: Session, version: ModelVersion, other: ModelVersion) -> dict[str, Any] | None:
    """What the run that made ``version`` wrote of it beside ``other``; None where it compared it with none or another one."""
    compared = session.scalar(select(TrainingRun.comparison).where(TrainingRun.model_version_id == version.id)) or {}
    against = compared.get("against") or {}
    return compared if (against.get("name"), against.get("version")) == (other.name, other.version) else None


def _read(session: Session, compared: Mapping[str, Any], *, turned: bool) -> RunComparison:
    """From what `wingcheck evaluate --against` wrote. ``turned``: it was measured for the second version."""

    def figure(measured: Any) -> Figure | None:
        gain = Figure.read(measured)
        return Figure(-gain.value, -gain.high, -gain.low, gain.photos) if gain and turned else gain

    recall = {label: figure(measured.get("recall")) for label, measured in (compared.get("per_label") or {}).items()}
    differing = compared.get("differing") or []
    shown = differing[:MOST_LISTED]
    photos = photos_by_hash(session, [str(row.get("path", "")) for row in shown])
    counts = compared.get("mcnemar")
    only_right = (counts.get("only_this_right", 0), counts.get("only_other_right", 0)) if counts else None
    return RunComparison(
        accuracy=figure(compared.get("accuracy")),
        only_right=only_right[::-1] if only_right and turned else only_right,
        recall={label: gain for label, gain in recall.items() if gain is not None},
        differing=[_differing(row, photos, ("other", "this") if turned else ("this", "other")) for row in shown],
        differing_count=len(differing),
    )


def _differing(row: Mapping[str, Any], photos: Mapping[str, Photo], keys: tuple[str, str]) -> Differing:
    path = PurePosixPath(str(row.get("path", "")))
    first, second = keys
    return Differing(
        photo=photos.get(path.stem),
        file_name=path.name,
        scientific_name=str(row.get("label", "?")),
        named=str(row.get(first, "?")),
        probability=row.get(f"{first}_probability"),
        other_named=str(row.get(second, "?")),
        other_probability=row.get(f"{second}_probability"),
    )


def photos_by_hash(session: Session, paths: Iterable[str]) -> dict[str, Photo]:
    """Photos that are still kept here, by the hash of their bytes, which is the name of their file in ``paths``."""
    hashes = {PurePosixPath(path).stem for path in paths}
    query = select(Photo).where(Photo.sha256.in_(hashes), Photo.removed_at.is_(None)).order_by(Photo.id.desc())
    return {photo.sha256: photo for photo in session.scalars(query)} if hashes else {}


# --- mistakes ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Mistake:
    """A photo that experts decided on (``scientific_name``) and the version took for something else (``named``)."""

    photo: Photo
    submission_id: int
    scientific_name: str
    named: str
    probability: float


@dataclass(frozen=True)
class Mistakes:
    """The ``worst`` of ``wrong`` mistakes on the ``looked_at`` photos that it knows the species of.

    ``unanswered``: such photos that it has not looked at; a replay of the photos that measure lets it.
    """

    worst: list[Mistake]
    wrong: int
    looked_at: int
    unanswered: int


def mistakes(session: Session, version: ModelVersion, most: int = MISTAKES_SHOWN) -> Mistakes:
    """Wrong answers on the photos that measure, the most certain first; at ``most`` so many of them."""
    measuring = measuring_photos(session, version.labels)
    answers = opinions_of(session, version.id, measuring)
    wrong = [
        Mistake(row.photo, row.submission_id, name_of(row), opinion.top, opinion.top_probability)
        for row in measuring
        if (opinion := answers.get(row.photo.id)) is not None and opinion.top != name_of(row)
    ]
    wrong.sort(key=lambda mistake: (-mistake.probability, mistake.photo.id))
    return Mistakes(wrong[:most], len(wrong), len(answers), len(measuring) - len(answers))
