"""Everything that an expert sees of one item, without what is hidden until the expert has answered."""

from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.predictions.rules import Animal, SquareOrigin
from app.review import answers, questions, tasks
from app.review.desk import ItemState, state_of
from app.review.rules import IdentificationKind, PhotoQuality, ReviewReason, TaskState
from app.review.tables import Identification, ReviewQuestion, ReviewTask
from app.submissions import looks
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, Photo, StatusLog, Submission, VerdictRecord
from app.taxa import names as taxa
from app.taxa.tables import Taxon

EXAMPLES = 4


@dataclass(frozen=True)
class ItemPhoto:
    """One photo. ``square``: what a person drew. ``looked_at``: what the version looked at; None: the middle of the photo.

    The prediction is left out while hidden: ``predictions`` (scientific name → probability, highest first; also empty if the
    photo shows none of these), ``in_scope``, ``searched`` (it looked for an animal) and ``others`` (further animals).
    """

    token: str
    position: int
    width: int
    height: int
    square: list[float] | None
    seen_before: bool
    taken_at: str | None
    predictions: dict[str, float]
    in_scope: float | None
    looked_at: list[float] | None
    square_origin: SquareOrigin | None
    searched: bool
    others: list[Animal]


@dataclass(frozen=True)
class VolunteerRecord:
    """What else the same volunteer sent. ``right`` and ``wrong``: claims of a species that experts confirmed, or did not."""

    sent: int
    right: int
    wrong: int
    waiting: int


@dataclass(frozen=True)
class Reference:
    """A species that this could be, with photos that experts accepted as it: tokens, the latest first."""

    taxon: Taxon
    examples: list[str]


@dataclass(frozen=True)
class Item:
    """``hidden``: claim, verdict, note and the answers of others are left out until this user has answered.

    ``claim`` is then None, and so is ``verdict``; ``looks_like``, ``identifications``, ``log`` and ``questions`` are empty.
    """

    state: ItemState
    submission_id: int
    token: str
    hidden: bool
    blind: bool
    reason: ReviewReason | None
    quality: PhotoQuality
    photos: list[ItemPhoto]
    claim: ClaimRecord | None
    first_claim: ClaimRecord | None
    claimed: Taxon | None
    predicted: Taxon | None
    verdict: VerdictRecord | None
    looks_like: list[dict[str, Any]]
    individual_count: int
    event_date: date | None
    event_date_source: Source
    place: str
    latitude: float | None
    longitude: float | None
    coordinate_source: Source
    note: str
    language: str
    created_at: datetime
    waiting_since: datetime
    status: SubmissionStatus
    verification_status: VerificationStatus
    answers: int
    needed: int
    disputed: bool
    outcome_kind: IdentificationKind | None
    outcome_taxon: Taxon | None
    volunteer: VolunteerRecord
    references: list[Reference]
    identifications: list[Identification]
    questions: list[ReviewQuestion]
    log: list[StatusLog]


def load(session: Session, user_id: int, submission_id: int) -> Item:
    """One item as this user may see it. Raises NotFound."""
    task = tasks.get(session, submission_id)
    row = session.get_one(Submission, submission_id)
    hidden = answers.is_hidden(session, task, user_id)
    verdict = row.verdict
    show = not hidden
    return Item(
        state=state_of(session, task, user_id, utcnow()),
        submission_id=row.id,
        token=row.token,
        hidden=hidden,
        blind=task.blind,
        reason=task.reason if show else None,
        quality=task.quality,
        photos=[_photo(photo, verdict if show else None) for photo in row.photos if photo.removed_at is None],
        claim=row.claim if show else None,
        first_claim=row.claims[0] if show and len(row.claims) > 1 else None,
        claimed=task.claimed if show else None,
        predicted=task.predicted if show else None,
        verdict=verdict if show else None,
        looks_like=looks.looks_like(verdict) if verdict and show else [],
        individual_count=row.individual_count,
        event_date=row.event_date,
        event_date_source=row.event_date_source,
        place=row.place,
        latitude=row.latitude,
        longitude=row.longitude,
        coordinate_source=row.coordinate_source,
        note=row.note if show else "",
        language=row.volunteer.language,
        created_at=row.created_at,
        waiting_since=task.waiting_since,
        status=row.status,
        verification_status=row.verification_status,
        answers=task.answers,
        needed=task.needed,
        disputed=task.disputed if show else False,
        outcome_kind=task.outcome_kind if show else None,
        outcome_taxon=task.outcome_taxon if show else None,
        volunteer=volunteer_record(session, row.volunteer_id, row.id),
        references=_references(session, task, row, show),
        identifications=answers.identifications(session, row.id) if show else [],
        questions=questions.of_submission(session, row.id) if show else [],
        log=list(row.log) if show else [],
    )


def _photo(photo: Photo, verdict: VerdictRecord | None) -> ItemPhoto:
    prediction = photo.prediction(verdict.model_version_id if verdict else None)
    shown = prediction if verdict else None
    return ItemPhoto(
        token=photo.token,
        position=photo.position,
        width=photo.width,
        height=photo.height,
        square=photo.square,
        seen_before=photo.seen_before,
        taken_at=photo.taken_at,
        predictions=looks.shares(shown.opinion, verdict) if shown and verdict else {},
        in_scope=shown.in_scope if shown else None,
        looked_at=prediction.square if prediction else photo.square,
        square_origin=prediction.square_origin if prediction else None,
        searched=bool(shown and shown.searched),
        others=looks.animals(shown, verdict) if shown and verdict else [],
    )


def volunteer_record(session: Session, volunteer_id: int, except_id: int) -> VolunteerRecord:
    """What else a volunteer sent, and how often the claim was right where experts decided."""
    claimed, outcome = ReviewTask.claimed_taxon_id, ReviewTask.outcome_taxon_id
    identified = (
        (ReviewTask.state == TaskState.DECIDED)
        & claimed.is_not(None)
        & (ReviewTask.outcome_kind != IdentificationKind.UNABLE)
    )
    query = (
        select(
            func.count(),
            func.count().filter(identified & (outcome == claimed)),
            func.count().filter(identified & (outcome.is_(None) | (outcome != claimed))),
            func.count().filter(ReviewTask.state == TaskState.OPEN),
        )
        .select_from(Submission)
        .outerjoin(ReviewTask, ReviewTask.submission_id == Submission.id)
        .where(
            Submission.volunteer_id == volunteer_id,
            Submission.id != except_id,
            Submission.status != SubmissionStatus.WITHDRAWN,
        )
    )
    return VolunteerRecord(*session.execute(query).one())


def _references(session: Session, task: ReviewTask, row: Submission, show: bool) -> list[Reference]:
    """Claimed and predicted species, then the others that the model knows, which all look alike.

    While hidden, in alphabetical order, which reveals nothing.
    """
    names = sorted(
        {name for photo in row.photos for prediction in photo.predictions for name in prediction.probabilities}
    )
    species = taxa.by_names(session, names)
    if show:
        first = [taxon for taxon in (task.claimed, task.predicted) if taxon is not None]
        species = list(dict.fromkeys([*first, *species]))
    return [Reference(taxon, examples_of(session, taxon.id, row.id)) for taxon in species[:EXAMPLES]]


def examples_of(session: Session, taxon_id: int, except_id: int | None = None) -> list[str]:
    """Tokens of photos that experts accepted as this species, the latest first."""
    query = (
        select(Photo.token)
        .join(ReviewTask, ReviewTask.submission_id == Photo.submission_id)
        .where(
            ReviewTask.outcome_taxon_id == taxon_id,
            ReviewTask.state == TaskState.DECIDED,
            ReviewTask.outcome_code == VerificationStatus.V1,
            ReviewTask.submission_id != (except_id or 0),
            Photo.position == 0,
            Photo.removed_at.is_(None),
        )
        .order_by(ReviewTask.position, ReviewTask.submission_id)
        .limit(EXAMPLES)
    )
    return list(session.scalars(query))
