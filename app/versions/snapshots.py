"""Freezing what a run learns from: verified photos, each with its permanent part, and the base data sets as they are now.

Only what people decided counts, never what the machine accepted, and no photo whose volunteer objects. Some of the photos
evaluate and never teach: those of every n-th volunteer. Copies of one picture count once and have the same part everywhere.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Select, func, or_, select
from sqlalchemy.orm import Session

from app.review.rules import Answer, IdentificationKind, TaskState, present
from app.review.tables import Identification, ReviewTask
from app.submissions.rules import SubmissionStatus, VerificationStatus
from app.submissions.tables import Photo, Submission
from app.taxa.tables import Taxon
from app.versions.base_data import BaseData
from app.versions.rules import Part, PhotoSelection, VerifiedBy, bursts, measures
from app.versions.tables import PhotoPart, Snapshot, SnapshotPhoto, TrainingRun

NOTHING = "none"
"""The name in counts for photos in which a person saw none of the taxa."""
_BATCH = 500


@dataclass(frozen=True)
class Verified:
    """A photo that people decided on, and its record."""

    photo: Photo
    submission_id: int
    volunteer_id: int
    sent_at: datetime
    taxon: Taxon | None
    code: VerificationStatus
    verified_by: VerifiedBy
    verified_at: datetime

    @property
    def sha256(self) -> str:
        """Hash of the photo's content."""
        return self.photo.sha256


@dataclass(frozen=True)
class Choice:
    """What a snapshot would contain. ``parts``: by content hash, including those assigned only now (``drawn``)."""

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
        return self._counted([entry for entry in self.photos if entry.sha256 in self.new])

    def _counted(self, photos: Sequence[Verified]) -> dict[str, dict[str, int]]:
        counters: dict[str, Counter[str]] = {part.value: Counter() for part in Part}
        for entry in photos:
            counters[self.parts[entry.sha256].value][entry.taxon.scientific_name if entry.taxon else NOTHING] += 1
        return {part: dict(sorted(counter.items())) for part, counter in counters.items()}


def verified(session: Session, selection: PhotoSelection, part: Part | None = None) -> list[Verified]:
    """The selected photos that people decided on, by the time of the decision; of copies only the first.

    ``part``: only those that have it already.
    """
    query = _decided(selection)
    if part is not None:
        query = query.where(Photo.sha256.in_(select(PhotoPart.sha256).where(PhotoPart.part == part)))
    rows = session.execute(query).all()
    agreeing = _agreeing(session, selection, {task.submission_id for _, _, task in rows})
    photos: dict[str, Verified] = {}
    for photo, submission, task in rows:
        if task.outcome_code is None or task.closed_at is None:
            continue
        if agreeing is not None and task.submission_id not in agreeing:
            continue
        photos.setdefault(
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
    return list(photos.values())


def may_train() -> ColumnElement[bool]:
    """SQL: nobody who sent this very photo objects to its use for training. Copies have the same content hash."""
    refused = select(Photo.sha256).join(Submission).where(Submission.training.is_(False), Photo.removed_at.is_(None))
    return Photo.sha256.not_in(refused)


def _decided(selection: PhotoSelection) -> Select[Photo, Submission, ReviewTask]:
    query = (
        select(Photo, Submission, ReviewTask)
        .join(Submission, Photo.submission_id == Submission.id)
        .join(ReviewTask, ReviewTask.submission_id == Submission.id)
        .where(
            Photo.removed_at.is_(None),
            may_train(),
            Submission.status == SubmissionStatus.VERIFIED,
            ReviewTask.state == TaskState.DECIDED,
            ReviewTask.answers >= selection.least_experts,
            ReviewTask.outcome_kind.in_([IdentificationKind.TAXON, IdentificationKind.NO_BUTTERFLY]),
            or_(
                ReviewTask.outcome_kind == IdentificationKind.NO_BUTTERFLY,
                ReviewTask.outcome_code.in_([VerificationStatus(code) for code in selection.codes]),
            ),
        )
        .order_by(ReviewTask.closed_at, Photo.id)
    )
    if selection.since is not None:
        query = query.where(ReviewTask.closed_at >= selection.since)
    return query if selection.until is None else query.where(ReviewTask.closed_at < selection.until)


def _agreeing(session: Session, selection: PhotoSelection, submission_ids: set[int]) -> set[int] | None:
    """Submissions on which enough of the experts agree; None where any agreement will do."""
    if selection.least_agreement <= 0:
        return None
    query = select(Identification).where(Identification.is_standing_answer())
    answers_to: dict[int, list[Answer]] = defaultdict(list)
    for numbers in _batches(sorted(submission_ids)):
        for row in session.scalars(query.where(Identification.submission_id.in_(numbers)).order_by(Identification.id)):
            code = row.verification_status or VerificationStatus.PENDING
            answers_to[row.submission_id].append(Answer(row.user_id, row.kind, row.taxon_id, code))
    return {number for number, answers in answers_to.items() if _agreement(answers) >= selection.least_agreement}


def _agreement(answers: Sequence[Answer]) -> float:
    votes = [(answer.kind, answer.taxon_id) for answer in present(answers)]
    return Counter(votes).most_common(1)[0][1] / len(votes)


def _batches(numbers: Sequence[int]) -> Iterable[Sequence[int]]:
    return (numbers[start : start + _BATCH] for start in range(0, len(numbers), _BATCH))


def choose(session: Session, task: str, selection: PhotoSelection, bases: list[BaseData], test_share: float) -> Choice:
    """What a snapshot would contain now. Writes nothing."""
    photos = verified(session, selection)
    parts, drawn = draw_parts(session, photos, test_share)
    before, latest = _learnt_from(session, task)
    hashes = {entry.sha256 for entry in photos}
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
    """The part of every photo: the one that it has, else its volunteer's, else the one for a new volunteer's rank.

    ``photos``: the earliest first. Returns parts by content hash, and the volunteers of those assigned only now.
    """
    known = {row.sha256: row for row in session.scalars(select(PhotoPart))}
    volunteers = {row.volunteer_id: row.part for row in known.values() if row.volunteer_id is not None}
    rank = session.scalar(select(func.count(PhotoPart.volunteer_id.distinct()))) or 0
    parts = {sha256: row.part for sha256, row in known.items()}
    drawn = {}
    for entry in photos:
        if entry.sha256 in parts:
            continue
        if entry.volunteer_id not in volunteers:
            volunteers[entry.volunteer_id] = Part.TEST if measures(rank, test_share) else Part.TRAIN
            rank += 1
        parts[entry.sha256] = volunteers[entry.volunteer_id]
        drawn[entry.sha256] = entry.volunteer_id
    return parts, drawn


def keep_parts(session: Session, parts: dict[str, Part], drawn: dict[str, int]) -> None:
    """Store the parts that were assigned only now."""
    session.add_all(PhotoPart(sha256=sha, part=parts[sha], volunteer_id=who) for sha, who in drawn.items())
    session.flush()


def _learnt_from(session: Session, task: str) -> tuple[set[str], set[str]]:
    """Content hashes in all snapshots that versions were trained on, and in the latest of them."""
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
                entry.sha256,
                entry.photo.animal,
                entry.taxon.scientific_name if entry.taxon else None,
                entry.code,
                parts[entry.sha256],
            ]
        )
        for entry in photos
    )
    lines += [task, *(base.fingerprint for base in bases)]
    return "sha256:" + hashlib.sha256("\n".join(lines).encode()).hexdigest()


def freeze(session: Session, choice: Choice) -> Snapshot:
    """The snapshot of a choice: an existing one, or a new one with the parts assigned for it."""
    existing = session.scalar(select(Snapshot).where(Snapshot.fingerprint == choice.fingerprint))
    if existing is not None:
        return existing
    keep_parts(session, choice.parts, choice.drawn)
    snapshot = Snapshot(
        fingerprint=choice.fingerprint,
        bases=[base.as_json() for base in choice.bases],
        counts=choice.counts,
    )
    events = _events(choice.photos)
    snapshot.photos = [
        SnapshotPhoto(
            photo_id=entry.photo.id,
            taxon_id=entry.taxon.id if entry.taxon else None,
            code=entry.code,
            part=choice.parts[entry.sha256],
            verified_by=entry.verified_by,
            verified_at=entry.verified_at,
            volunteer=f"v-{entry.volunteer_id}",
            event=f"e-{events[entry.submission_id]}",
            is_new=entry.sha256 in choice.new,
            square=entry.photo.animal,
        )
        for entry in choice.photos
    ]
    session.add(snapshot)
    session.flush()
    return snapshot


def _events(photos: Sequence[Verified]) -> dict[int, int]:
    sent: dict[int, set[tuple[int, datetime]]] = defaultdict(set)
    for entry in photos:
        sent[entry.volunteer_id].add((entry.submission_id, entry.sent_at))
    return {number: first for moments in sent.values() for number, first in bursts(moments).items()}
