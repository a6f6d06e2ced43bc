"""Whether workers move: each writes a row every few seconds, and whoever asks looks how old it is."""

from datetime import timedelta

from sqlalchemy import delete, func, select, update
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.core.tables import WorkerBeat

EVERY = timedelta(seconds=3)
SILENT_AFTER = 3 * EVERY
_FORGOTTEN_AFTER = timedelta(minutes=10)


def beat(session: Session, name: str) -> None:
    """The worker of that name moves. Rows of workers that died without a word go after a while."""
    now = utcnow()
    session.execute(delete(WorkerBeat).where(WorkerBeat.beat_at < now - _FORGOTTEN_AFTER))
    changed = session.execute(update(WorkerBeat).where(WorkerBeat.name == name).values(beat_at=now))
    if changed.rowcount == 0:  # type: ignore[attr-defined]
        session.add(WorkerBeat(name=name, beat_at=now))


def moves(session: Session, machine: str) -> bool:
    """Whether a worker of this machine moves."""
    of_the_machine = WorkerBeat.name.startswith(f"{machine}:", autoescape=True)
    newest = session.scalar(select(func.max(WorkerBeat.beat_at)).where(of_the_machine))
    return newest is not None and utcnow() - newest <= SILENT_AFTER


def leave(session: Session, name: str) -> None:
    """It stops."""
    session.execute(delete(WorkerBeat).where(WorkerBeat.name == name))


def silence(session: Session) -> timedelta | None:
    """How long no worker has moved though one was there; None where one moves, or where there never was one to miss."""
    newest = session.scalar(select(func.max(WorkerBeat.beat_at)))
    silence = utcnow() - newest if newest is not None else timedelta(0)
    return silence if silence > SILENT_AFTER else None
