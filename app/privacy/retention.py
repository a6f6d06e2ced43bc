"""What is deleted when its time is over: each kind with its setting, what is due, and how it is deleted.

A kind is a query for the ids of what is due and a function that deals with a few of them in one transaction. Whatever was dealt
with is not due any more, so a run that is stopped is gone on with by the next one.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Select, and_, delete, exists, func, or_, select
from sqlalchemy.orm import Session

from app.accounts import audit, erasure, people
from app.accounts.tables import AccountLink, ApiKey, AuditEntry, User, UserSession
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict
from app.core.roles import Role
from app.core.settings import Settings
from app.core.storage import Storage
from app.core.tables import Job, JobKind, JobStatus
from app.privacy.originals import Originals, decided_before
from app.submissions.tables import Submission, Volunteer
from app.volunteers.withdrawal import forget

_BATCH = 200
ORIGINALS = "originals"
# Decimals of a degree to which places are rounded: a kilometre, as records publish them unless told otherwise.
_DECIMALS = 2
EVERY = timedelta(days=1)


@dataclass(frozen=True)
class Kind:
    """``due``: ids of what is older than a moment; ``apply`` deals with some of them, and returns with how many."""

    name: str
    setting: str
    due: Callable[[datetime], Select[int]]
    apply: Callable[[Session, Sequence[int]], int]


@dataclass(frozen=True)
class Kept:
    """How a kind stands: for how many ``days`` it is kept (0: for ever), and how many rows are ``due`` now."""

    name: str
    days: int
    due: int


# --- places -----------------------------------------------------------------------------------------------------------


def _places(before: datetime) -> Select[int]:
    return select(Submission.id).where(Submission.place_rounded_at.is_(None), decided_before(before))


def _round_places(session: Session, ids: Sequence[int]) -> int:
    query = select(Submission).where(Submission.id.in_(ids)).with_for_update(of=Submission)
    for submission in session.scalars(query):
        forget(session, submission, "words")
        forget(session, submission, "sending")  # a hash from which the words could be guessed
        if submission.latitude is not None and submission.longitude is not None:
            submission.latitude = round(submission.latitude, _DECIMALS)
            submission.longitude = round(submission.longitude, _DECIMALS)
        submission.place_rounded_at = utcnow()
    return len(ids)


# --- volunteers -------------------------------------------------------------------------------------------------------


def _volunteers(before: datetime) -> Select[int]:
    later = exists().where(Submission.volunteer_id == Volunteer.id, Submission.created_at >= before)
    known = or_(Volunteer.email.is_not(None), Volunteer.key.not_like("deleted-%"))
    return select(Volunteer.id).where(Volunteer.created_at < before, known, ~later)


def _forget_volunteers(session: Session, ids: Sequence[int]) -> int:
    for volunteer in session.scalars(select(Volunteer).where(Volunteer.id.in_(ids))):
        forget(session, volunteer)
    for submission in session.scalars(select(Submission).where(Submission.volunteer_id.in_(ids))):
        forget(session, submission, "sending")
    return len(ids)


# --- users ------------------------------------------------------------------------------------------------------------


def _sessions(before: datetime) -> Select[int]:
    return select(UserSession.id).where(or_(UserSession.revoked_at < before, UserSession.expires_at < before))


def _links(before: datetime) -> Select[int]:
    return select(AccountLink.id).where(AccountLink.expires_at < before)


def _accounts(before: datetime) -> Select[int]:
    """Neither a sign-in nor a program with a key of theirs; the last admin stays."""
    used = exists().where(ApiKey.user_id == User.id, ApiKey.last_used_at >= before)
    admins = select(func.count()).where(User.role == Role.ADMIN, User.active).scalar_subquery()
    last_admin = and_(User.role == Role.ADMIN, User.active, admins == 1)
    unused = func.coalesce(User.last_seen_at, User.created_at) < before
    return select(User.id).where(User.erased_at.is_(None), unused, ~used, ~last_admin)


def _erase_accounts(session: Session, ids: Sequence[int]) -> int:
    erased = 0
    for user_id in ids:
        try:
            people.deactivate(session, None, user_id)
        except Conflict:  # of several idle admins, one stays
            continue
        erasure.erase(session, None, user_id, None)
        erased += 1
    return erased


def _log(before: datetime) -> Select[int]:
    return select(AuditEntry.id).where(AuditEntry.created_at < before)


def _delete(table: Any) -> Callable[[Session, Sequence[int]], int]:
    def apply(session: Session, ids: Sequence[int]) -> int:
        session.execute(delete(table).where(table.id.in_(ids)))
        return len(ids)

    return apply


KINDS = [
    Kind("place", "place_retention_days", _places, _round_places),
    Kind("volunteer", "volunteer_retention_days", _volunteers, _forget_volunteers),
    Kind("session", "session_retention_days", _sessions, _delete(UserSession)),
    Kind("link", "session_retention_days", _links, _delete(AccountLink)),
    Kind("account", "account_retention_days", _accounts, _erase_accounts),
    Kind("audit", "audit_retention_days", _log, _delete(AuditEntry)),
]
_SETTINGS = {ORIGINALS: "original_retention_days"} | {kind.name: kind.setting for kind in KINDS}


def periods(settings: Settings) -> dict[str, int]:
    """For how many days each kind is kept, by its name; 0: for ever."""
    return {name: getattr(settings, setting) for name, setting in _SETTINGS.items()}


def setting_of(name: str) -> str:
    """The environment variable that says for how long a kind is kept."""
    return f"WINGCHECK_{_SETTINGS[name].upper()}"


def next_run(session: Session) -> datetime | None:
    """When the daily job runs next; None: no worker has run it yet, and the first one does at once."""
    newest = session.scalar(
        select(Job).where(Job.kind == JobKind.RETENTION).order_by(Job.created_at.desc(), Job.id.desc()).limit(1)
    )
    if newest is None:
        return None
    return newest.created_at + EVERY if newest.status is JobStatus.DONE else newest.created_at


class Retention:
    """Handles RETENTION jobs."""

    def __init__(self, sessions: SessionFactory, storage: Storage, settings: Settings) -> None:
        self._sessions = sessions
        self._days = periods(settings)
        self._originals = Originals(sessions, storage, settings.original_retention_days)

    def run(self, job_id: int, _subject_id: int) -> None:
        """Delete and finish the job. Raises OSError if the storage can't be reached."""
        self.apply()
        with transaction(self._sessions) as session:
            jobs.finish(session, session.get_one(Job, job_id))

    def plan(self) -> list[Kept]:
        """Every kind, with how much ``apply`` would deal with now."""
        return [*map(self._planned, KINDS), self._kept(ORIGINALS, self._originals.plan().photos)]

    def _planned(self, kind: Kind) -> Kept:
        if not self._days[kind.name]:
            return self._kept(kind.name, 0)
        with reading(self._sessions) as session:
            due = select(func.count()).select_from(kind.due(self._before(kind)).subquery())
            return self._kept(kind.name, session.scalar(due) or 0)

    def apply(self) -> list[Kept]:
        """Deal with what is due, a few rows in each transaction. Returns how much of each kind it was; that is in the log."""
        done = [self._kept(kind.name, self._apply(kind)) for kind in KINDS]
        done.append(self._kept(ORIGINALS, self._originals.apply().photos))  # last: only this needs the storage
        with transaction(self._sessions) as session:
            for kept in done:
                if kept.due:
                    details = {"rows": kept.due, "days": kept.days}
                    audit.record(session, None, "retention.applied", f"kept:{kept.name}", details)
        return done

    def _apply(self, kind: Kind) -> int:
        count, last = 0, 0
        while self._days[kind.name]:
            with transaction(self._sessions) as session:
                query = kind.due(self._before(kind))
                [number] = query.selected_columns
                ids = list(session.scalars(query.where(number > last).order_by(number).limit(_BATCH)))
                count += kind.apply(session, ids)
            if not ids:
                break
            last = ids[-1]
        return count

    def _before(self, kind: Kind) -> datetime:
        return utcnow() - timedelta(days=self._days[kind.name])

    def _kept(self, name: str, due: int) -> Kept:
        return Kept(name, self._days[name], due)
