"""Lines of a list of the desk, with everything that a line shows."""

from dataclasses import dataclass
from datetime import date, datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session
from sqlalchemy.orm.util import identity_key

from app.accounts.tables import User
from app.review import leases, preferences
from app.review.rules import IdentificationKind, PhotoQuality, ReviewReason, TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import VerificationStatus
from app.submissions.tables import Photo, Submission
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class QueueItem:
    """A line of the queue. Of a blind item, ``reason``, ``claimed`` and ``predicted`` are None until it is decided."""

    submission_id: int
    token: str
    revision: int
    state: TaskState
    reason: ReviewReason | None
    blind: bool
    claimed: Taxon | None
    predicted: Taxon | None
    thumb_token: str | None
    photos: int
    event_date: date | None
    place: str
    quality: PhotoQuality
    waiting_since: datetime
    answers: int
    needed: int
    disputed: bool
    outcome_kind: IdentificationKind | None
    outcome_taxon: Taxon | None
    outcome_code: VerificationStatus | None
    last_user_name: str | None
    leased_by: int | None
    leased_by_name: str | None
    assigned_user_id: int | None


def items_of(session: Session, submission_ids: list[int], user_id: int, now: datetime) -> list[QueueItem]:
    """The lines of these submissions, in their order."""
    first = (
        select(Photo.submission_id, func.min(Photo.position).label("position"), func.count().label("count"))
        .where(Photo.submission_id.in_(submission_ids), Photo.removed_at.is_(None))
        .group_by(Photo.submission_id)
        .subquery()
    )
    query = (
        select(ReviewTask, Submission.token, Submission.place, Photo.token, first.c.count)
        .join(Submission, Submission.id == ReviewTask.submission_id)
        .outerjoin(first, first.c.submission_id == ReviewTask.submission_id)
        .outerjoin(Photo, (Photo.submission_id == ReviewTask.submission_id) & (Photo.position == first.c.position))
        .where(ReviewTask.submission_id.in_(submission_ids))
    )
    rows = {row[0].submission_id: row for row in session.execute(query)}
    taxa = _taxa(session, [row[0] for row in rows.values()])
    names = _names(session, [row[0] for row in rows.values()])
    always = preferences.of(session, user_id).blind
    found = []
    for submission_id in submission_ids:
        if submission_id in rows:
            task, token, place, thumb, photos = rows[submission_id]
            found.append(_item(task, token, place, thumb, photos, taxa, names, user_id, now, always))
    return found


def _item(
    task: ReviewTask,
    token: str,
    place: str,
    thumb: str | None,
    photos: int | None,
    taxa: dict[int, Taxon],
    names: dict[int, str],
    user_id: int,
    now: datetime,
    always_blind: bool,
) -> QueueItem:
    hidden = (task.blind or always_blind) and task.state is not TaskState.DECIDED and task.last_user_id != user_id
    holder = leases.holder(task, now) if task.state is TaskState.OPEN else None

    def taxon(number: int | None) -> Taxon | None:
        return taxa.get(number) if number is not None else None

    return QueueItem(
        submission_id=task.submission_id,
        token=token,
        revision=task.revision,
        state=task.state,
        reason=None if hidden else task.reason,
        blind=hidden,
        claimed=None if hidden else taxon(task.claimed_taxon_id),
        predicted=None if hidden else taxon(task.predicted_taxon_id),
        thumb_token=thumb,
        photos=photos or 0,
        event_date=task.event_date,
        place=place,
        quality=task.quality,
        waiting_since=task.waiting_since,
        answers=task.answers,
        needed=task.needed,
        disputed=task.disputed,
        outcome_kind=task.outcome_kind,
        outcome_taxon=taxon(task.outcome_taxon_id),
        outcome_code=task.outcome_code,
        last_user_name=names.get(task.last_user_id) if task.last_user_id else None,
        leased_by=holder,
        leased_by_name=names.get(holder) if holder else None,
        assigned_user_id=task.assigned_user_id,
    )


def _taxa(session: Session, tasks: list[ReviewTask]) -> dict[int, Taxon]:
    wanted = {n for t in tasks for n in (t.claimed_taxon_id, t.predicted_taxon_id, t.outcome_taxon_id) if n is not None}
    # Whoever shows them has usually loaded every taxon already, with all its names.
    found = {n: taxon for n in wanted if (taxon := session.identity_map.get(identity_key(Taxon, n))) is not None}
    missing = wanted - found.keys()
    if missing:
        found |= {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(missing)))}
    return found


def _names(session: Session, tasks: list[ReviewTask]) -> dict[int, str]:
    wanted = {n for task in tasks for n in (task.last_user_id, task.leased_by) if n is not None}
    if not wanted:
        return {}
    return {row[0]: row[1] for row in session.execute(select(User.id, User.name).where(User.id.in_(wanted)))}
