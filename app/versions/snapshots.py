"""Freezing what a run learns from: verified photos, each with its part for ever, and the base data sets as they are now.

Only what persons decided counts, never what the machine accepted. Part of the photos measures and never teaches: those of
every so many-th volunteer. Copies of one picture count once, and have one part wherever they turn up.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Select, func, or_, select
from sqlalchemy.orm import Session

from app.predictions.tables import ModelVersion
from app.review.rules import Answer, IdentificationKind, TaskState, present
from app.review.tables import Identification, ReviewTask
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, Submission
from app.taxa.tables import Taxon
from app.versions.base_data import BaseData
from app.versions.rules import Part, VerifiedBy, Wanted, bursts, measures
from app.versions.tables import PhotoPart, Snapshot, SnapshotPhoto, TrainingRun

NOTHING = "none"
"""What counts call photos in which a person saw none of the taxa."""
_SOME = 500


@dataclass(frozen=True)
class Verified:
    """A photo that persons decided on, and the record it belongs to."""

    photo: Photo
    submission_id: int
    volunteer_id: int
    sent_at: datetime
    taxon: Taxon | None
    code: VerificationStatus
    verified_by: VerifiedBy
    verified_at: datetime


@dataclass(frozen=True)
class Choice:
    """What a snapshot would hold. ``parts``: by content hash, also those drawn only now (``drawn``)."""

    photos: list[Verified]
    parts: dict[str, Part]
    drawn: dict[str, int]
    bases: list[BaseData]
    fingerprint: str
    new: frozenset[str]
    left: int

    @property
    def counts(self) -> dict[str, dict[str, int]]:
        """Photos per part and scientific name."""
        return self._counted(self.photos)

    @property
    def new_counts(self) -> dict[str, dict[str, int]]:
        """The same of those that no version learnt from, or was measured on, before."""
        return self._counted([each for each in self.photos if each.photo.sha256 in self.new])

    def _counted(self, photos: Sequence[Verified]) -> dict[str, dict[str, int]]:
        found: dict[str, Counter[str]] = {part.value: Counter() for part in Part}
        for each in photos:
            found[self.parts[each.photo.sha256].value][each.taxon.scientific_name if each.taxon else NOTHING] += 1
        return {part: dict(sorted(counter.items())) for part, counter in found.items()}


def verified(session: Session, wanted: Wanted, part: Part | None = None) -> list[Verified]:
    """The photos that persons decided on, as wanted, the earliest decision first; of copies the first one.

    ``part``: only those that have it already.
    """
    query = _decided(wanted)
    if part is not None:
        query = query.where(Photo.sha256.in_(select(PhotoPart.sha256).where(PhotoPart.part == part)))
    rows = session.execute(query).all()
    agreeing = _agreeing(session, wanted, {task.submission_id for _, _, task in rows})
    found: dict[str, Verified] = {}
    for photo, submission, task in rows:
        if task.outcome_code is None or task.closed_at is None:
            continue
        if agreeing is not None and task.submission_id not in agreeing:
            continue
        found.setdefault(
            photo.sha256,
            Verified(
                photo=photo,
                submission_id=submission.id,
                volunteer_id=submission.volunteer_id,
                sent_at=submission.created_at,
                taxon=task.outcome_taxon,
                code=task.outcome_code,
                verified_by=VerifiedBy.AUDIT if task.audit else VerifiedBy.FLAGGED,
                verified_at=task.closed_at,
            ),
        )
    return list(found.values())


def _decided(wanted: Wanted) -> Select[Photo, Submission, ReviewTask]:
    query = (
        select(Photo, Submission, ReviewTask)
        .join(Submission, Photo.submission_id == Submission.id)
        .join(ReviewTask, ReviewTask.submission_id == Submission.id)
        .where(
            Photo.removed_at.is_(None),
            Submission.status == SubmissionStatus.VERIFIED,
            ReviewTask.state == TaskState.DECIDED,
            ReviewTask.answers >= wanted.least_experts,
            ReviewTask.outcome_kind.in_([IdentificationKind.TAXON, IdentificationKind.NO_BUTTERFLY]),
            or_(
                ReviewTask.outcome_kind == IdentificationKind.NO_BUTTERFLY,
                ReviewTask.outcome_code.in_([VerificationStatus(code) for code in wanted.codes]),
            ),
        )
        .order_by(ReviewTask.closed_at, Photo.id)
    )
    if wanted.since is not None:
        query = query.where(ReviewTask.closed_at >= wanted.since)
    return query if wanted.until is None else query.where(ReviewTask.closed_at < wanted.until)


def _agreeing(session: Session, wanted: Wanted, submission_ids: set[int]) -> set[int] | None:
    """Submissions on which enough of the experts say the same; None where any agreement will do."""
    if wanted.least_agreement <= 0:
        return None
    query = select(Identification).where(Identification.is_standing_answer())
    said: dict[int, list[Answer]] = defaultdict(list)
    for numbers in _in_some(sorted(submission_ids)):
        for row in session.scalars(query.where(Identification.submission_id.in_(numbers)).order_by(Identification.id)):
            code = row.verification_status or VerificationStatus.PENDING
            said[row.submission_id].append(Answer(row.user_id, row.kind, row.taxon_id, code))
    return {number for number, answers in said.items() if _agreement(answers) >= wanted.least_agreement}


def _agreement(answers: Sequence[Answer]) -> float:
    votes = [(answer.kind, answer.taxon_id) for answer in present(answers)]
    return Counter(votes).most_common(1)[0][1] / len(votes)


def _in_some(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[start : start + _SOME] for start in range(0, len(numbers), _SOME))


def choose(session: Session, task: str, wanted: Wanted, bases: list[BaseData], test_share: float) -> Choice:
    """What a snapshot would hold now. Writes nothing."""
    photos = verified(session, wanted)
    parts, drawn = draw_parts(session, photos, test_share)
    before, latest = _learnt_from(session, task)
    hashes = {each.photo.sha256 for each in photos}
    return Choice(
        photos=photos,
        parts=parts,
        drawn=drawn,
        bases=bases,
        fingerprint=_fingerprint(task, photos, parts, bases),
        new=frozenset(hashes - before),
        left=len(latest - hashes),
    )


def draw_parts(
    session: Session, photos: Sequence[Verified], test_share: float
) -> tuple[dict[str, Part], dict[str, int]]:
    """The part of every photo: the one it has, that of its volunteer, or that of the volunteer's rank among all.

    Returns the parts by content hash, and the volunteers of those drawn only now. The photos come earliest first.
    """
    known = {row.sha256: row for row in session.scalars(select(PhotoPart))}
    volunteers = {row.volunteer_id: row.part for row in known.values() if row.volunteer_id is not None}
    rank = session.scalar(select(func.count(PhotoPart.volunteer_id.distinct()))) or 0
    parts = {sha256: row.part for sha256, row in known.items()}
    drawn = {}
    for each in photos:
        if each.photo.sha256 in parts:
            continue
        if each.volunteer_id not in volunteers:
            volunteers[each.volunteer_id] = Part.TEST if measures(rank, test_share) else Part.TRAIN
            rank += 1
        parts[each.photo.sha256] = volunteers[each.volunteer_id]
        drawn[each.photo.sha256] = each.volunteer_id
    return parts, drawn


def keep_parts(session: Session, parts: dict[str, Part], drawn: dict[str, int]) -> None:
    """Write down the parts that were drawn only now."""
    session.add_all(PhotoPart(sha256=sha, part=parts[sha], volunteer_id=who) for sha, who in drawn.items())
    session.flush()


def _learnt_from(session: Session, task: str) -> tuple[set[str], set[str]]:
    """Content hashes in any snapshot that a version came from, and in the latest of them."""
    runs = select(TrainingRun.snapshot_id).where(TrainingRun.task == task, TrainingRun.model_version_id.is_not(None))
    query = select(Photo.sha256).join(SnapshotPhoto, SnapshotPhoto.photo_id == Photo.id)
    latest = session.scalar(runs.order_by(TrainingRun.id.desc()).limit(1))
    return (
        set(session.scalars(query.where(SnapshotPhoto.snapshot_id.in_(runs)))),
        set(session.scalars(query.where(SnapshotPhoto.snapshot_id == latest))),
    )


def _fingerprint(task: str, photos: Sequence[Verified], parts: dict[str, Part], bases: Sequence[BaseData]) -> str:
    lines = sorted(
        json.dumps(
            [
                each.photo.sha256,
                each.photo.animal,
                each.taxon.scientific_name if each.taxon else None,
                each.code,
                parts[each.photo.sha256],
            ]
        )
        for each in photos
    )
    lines += [task, *(base.fingerprint for base in bases)]
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def freeze(session: Session, choice: Choice) -> Snapshot:
    """The snapshot of a choice: the one that is there already, or a new one, with the parts drawn for it."""
    found = session.scalar(select(Snapshot).where(Snapshot.fingerprint == choice.fingerprint))
    if found is not None:
        return found
    keep_parts(session, choice.parts, choice.drawn)
    snapshot = Snapshot(
        fingerprint=choice.fingerprint,
        bases=[base.as_json() for base in choice.bases],
        counts=choice.counts,
    )
    events = _events(choice.photos)
    snapshot.photos = [
        SnapshotPhoto(
            photo_id=each.photo.id,
            taxon_id=each.taxon.id if each.taxon else None,
            code=each.code,
            part=choice.parts[each.photo.sha256],
            verified_by=each.verified_by,
            verified_at=each.verified_at,
            volunteer=f"v-{each.volunteer_id}",
            event=f"e-{events[each.submission_id]}",
            is_new=each.photo.sha256 in choice.new,
            square=each.photo.animal,
        )
        for each in choice.photos
    ]
    session.add(snapshot)
    session.flush()
    return snapshot


def _events(photos: Sequence[Verified]) -> dict[int, int]:
    sent: dict[int, set[tuple[int, datetime]]] = defaultdict(set)
    for each in photos:
        sent[each.volunteer_id].add((each.submission_id, each.sent_at))
    return {number: first for moments in sent.values() for number, first in bursts(moments).items()}


def serving_version(session: Session, task: str) -> ModelVersion | None:
    """The version that serves; of the task of the settings, or else the one put into service last."""
    query = select(ModelVersion).where(ModelVersion.active).order_by(ModelVersion.activated_at.desc()).limit(1)
    return session.scalar(query.where(ModelVersion.task == task) if task else query)
