"""Writing mails down, and taking back those that have not left."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import ColumnElement, delete, func, inspect, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.db import SessionFactory, get_or_not_found, transaction, utcnow
from app.core.errors import Conflict
from app.core.tables import Job, JobKind, JobStatus
from app.mail.rules import ENDED_BADLY, LIFETIME, MailKind, MailState
from app.mail.tables import Mail

_INSERTS: dict[str, Callable[..., postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
_AT_A_TIME = 200
# Mails that anybody may ask for are sent to one address only so often, whoever asks.
MOST_ASKED_FOR, ASKED_FOR_WITHIN = 3, timedelta(days=1)


def add(session: Session, mail: Mail) -> bool:
    """Write a mail in the caller's transaction; False where one with its key is there already."""
    names = [column.key for column in inspect(Mail).column_attrs]
    given = {name: getattr(mail, name) for name in names if getattr(mail, name) is not None}
    insert = _INSERTS[session.get_bind().dialect.name](Mail).values(**given)
    return session.scalar(insert.on_conflict_do_nothing(index_elements=["key"]).returning(Mail.id)) is not None


def too_many(session: Session, kind: MailKind, recipient: str) -> bool:
    """Whether this address was sent such mails often enough: nobody's inbox is filled by whoever types its address."""
    since = utcnow() - ASKED_FOR_WITHIN
    query = select(func.count()).where(Mail.kind == kind, Mail.recipient == recipient, Mail.created_at > since)
    return (session.scalar(query) or 0) >= MOST_ASKED_FOR


def take_back(session: Session, *which: ColumnElement[bool]) -> None:
    """Remove those of these mails that have not left."""
    session.execute(delete(Mail).where(*which, Mail.state == MailState.PENDING))


def forget(session: Session, *which: ColumnElement[bool]) -> None:
    """Remove these mails, whatever became of them. One whose text is leaving at this moment still arrives."""
    session.execute(delete(Mail).where(*which))


# --- the worker's part ------------------------------------------------------------------------------------------------


def make_jobs(sessions: SessionFactory) -> None:
    """A job for each mail that is due and has none. Two workers may both make one: the row decides who sends."""
    is_open = select(Job.id).where(
        Job.kind == JobKind.MAIL,
        Job.subject_id == Mail.id,
        Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]),
    )
    due = (Mail.state == MailState.PENDING, Mail.next_try_at <= utcnow(), ~is_open.exists())
    query = select(Mail.id).where(*due).order_by(Mail.next_try_at, Mail.id).limit(_AT_A_TIME)
    with transaction(sessions) as session:
        for mail_id in list(session.scalars(query)):
            jobs.create(session, JobKind.MAIL, mail_id)


def give_up_lost(sessions: SessionFactory) -> None:
    """Mark mails as unknown whose job was given up while their text was leaving."""
    is_open = select(Job.id).where(Job.id == Mail.job_id, Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]))
    with transaction(sessions) as session:
        session.execute(
            update(Mail).where(Mail.state == MailState.SENDING, ~is_open.exists()).values(state=MailState.UNKNOWN)
        )


def is_idle(session: Session) -> bool:
    """Whether nothing is due or leaving, so that nothing has to be written."""
    due = (Mail.state == MailState.PENDING) & (Mail.next_try_at <= utcnow())
    return session.scalar(select(Mail.id).where(due | (Mail.state == MailState.SENDING)).limit(1)) is None


def tidy(session: Session, keep_days: int) -> int:
    """Remove mails older than that, with their jobs, and mark those as expired that waited too long. Returns how many went."""
    now = utcnow()
    late = (Mail.state == MailState.PENDING, Mail.expires_at < now)
    session.execute(update(Mail).where(*late).values(state=MailState.EXPIRED))
    old = select(Mail.id).where(
        Mail.created_at < now - timedelta(days=keep_days), Mail.state.not_in([MailState.PENDING, MailState.SENDING])
    )
    ids = list(session.scalars(old))
    session.execute(
        delete(Job).where(
            Job.kind == JobKind.MAIL,
            Job.finished_at < now - timedelta(days=1),
            Job.subject_id.not_in(select(Mail.id).where(Mail.state.in_([MailState.PENDING, MailState.SENDING]))),
        )
    )
    session.execute(delete(Mail).where(Mail.id.in_(ids)))
    return len(ids)


# --- what admins see --------------------------------------------------------------------------------------------------


def count_by_state(session: Session) -> dict[MailState, int]:
    """How many mails there are in each state."""
    rows = session.execute(select(Mail.state, func.count()).group_by(Mail.state))
    return {row[0]: row[1] for row in rows}


def newest(session: Session, states: frozenset[MailState], most: int = 100) -> list[Mail]:
    """Mails in these states, the newest first."""
    return list(session.scalars(select(Mail).where(Mail.state.in_(states)).order_by(Mail.id.desc()).limit(most)))


def send_again(session: Session, mail_id: int) -> Mail:
    """Have a mail sent that ended badly, as a person decided. Raises NotFound, Conflict."""
    mail = get_or_not_found(session, Mail, mail_id, "There is no such mail.", lock=True)
    if mail.state not in ENDED_BADLY:
        raise Conflict("This mail does not need to be sent again.")
    mail.state, mail.attempts, mail.error = MailState.PENDING, 0, ""
    mail.next_try_at = utcnow()
    mail.expires_at = mail.next_try_at + LIFETIME
    return mail
