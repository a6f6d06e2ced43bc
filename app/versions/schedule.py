"""When runs start by themselves: each night where something is new, or when enough newly verified photos have come."""

import logging
from datetime import datetime, time, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.core.db import SessionFactory, reading, utcnow
from app.core.errors import Conflict, WingcheckError
from app.core.long_work import OPEN
from app.core.settings import Settings
from app.core.tables import Job
from app.review.rules import IdentificationKind, TaskState
from app.review.tables import ReviewTask
from app.versions.rules import Trigger
from app.versions.runs import NothingNew, RunRequest, Runs
from app.versions.tables import TrainingRun

log = logging.getLogger(__name__)
# A worker that was down at that hour may still start the night's run this long afterwards.
_LATE = timedelta(hours=6)


class Schedule:
    """Every worker checks it again and again; the first one to come starts the run of an occasion."""

    def __init__(self, sessions: SessionFactory, settings: Settings, runs: Runs) -> None:
        self._sessions = sessions
        self._settings = settings
        self._runs = runs
        self._skipped: set[str] = set()

    def look(self, now: datetime | None = None) -> int | None:
        """Start the run that is due. Returns its number, or None where none is."""
        due = self._due(now or utcnow())
        if due is None:
            return None
        trigger, occasion = due
        try:
            return self._runs.start(RunRequest(), None, trigger, occasion)
        except NothingNew:
            log.info("nothing is new: no run is started")
        except Conflict as error:  # another worker was first, or there is nothing to learn from
            log.info("no run is started: %s", error.detail)
        except WingcheckError as error:
            log.warning("a run that is due can't be started: %s", error.detail)
        self._skipped.add(occasion)  # looking through all data takes long; wait for the next occasion
        return None

    def _due(self, now: datetime) -> tuple[Trigger, str] | None:
        if not self._settings.retrain_at and not self._settings.retrain_after_photos:
            return None
        with reading(self._sessions) as session:
            under_way = select(TrainingRun.id).join(TrainingRun.job).where(Job.status.in_(OPEN)).limit(1)
            if session.scalar(under_way) is not None:
                return None
            for trigger, occasion in (self._nightly(now), self._enough(session)):
                if occasion and occasion not in self._skipped and not self._was_used(session, occasion):
                    return trigger, occasion
        return None

    def _nightly(self, now: datetime) -> tuple[Trigger, str]:
        if not self._settings.retrain_at:
            return Trigger.NIGHTLY, ""
        hour = datetime.combine(now.date(), time.fromisoformat(self._settings.retrain_at), now.tzinfo)
        if now < hour:
            hour -= timedelta(days=1)  # late in the evening: midnight may have passed since
        return Trigger.NIGHTLY, f"nightly:{hour:%Y-%m-%d}" if now < hour + _LATE else ""

    def _enough(self, session: Session) -> tuple[Trigger, str]:
        """Counts records, which is quick; the plan finds out what is really new."""
        threshold = self._settings.retrain_after_photos
        newest = session.scalar(select(func.max(TrainingRun.created_at)))
        decided = select(func.count()).where(
            ReviewTask.state == TaskState.DECIDED,
            ReviewTask.outcome_kind.in_([IdentificationKind.TAXON, IdentificationKind.NO_BUTTERFLY]),
        )
        if newest is not None:
            decided = decided.where(ReviewTask.closed_at > newest)
        count = session.scalar(decided) or 0
        since = newest.isoformat() if newest is not None else "ever"
        return Trigger.NEW_PHOTOS, f"photos:{since}:{count // threshold}" if threshold and count >= threshold else ""

    @staticmethod
    def _was_used(session: Session, occasion: str) -> bool:
        return session.scalar(select(TrainingRun.id).where(TrainingRun.occasion == occasion)) is not None
