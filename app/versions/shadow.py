"""Shadow mode: a candidate looks at the same live photos as the version that serves, and nobody is shown what it says.

Its verdicts are kept as a live replay, which grows as long as both versions stay where they are. Another one begins each time
shadow mode is turned on, or another version serves.
"""

import logging

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, reading, transaction
from app.core.errors import Conflict
from app.predictions.registry import lock_task, serving_for
from app.predictions.tables import ModelVersion
from app.review import acceptance
from app.submissions.tables import Photo, Submission
from app.versions import replays
from app.versions.candidates import Candidates
from app.versions.promotion import get
from app.versions.tables import Replay

log = logging.getLogger(__name__)


def set_shadow(sessions: SessionFactory, version_id: int, user_id: int | None, *, on: bool) -> None:
    """Let a version look at live photos beside the one that serves, in place of whichever did; or no longer.

    Raises NotFound, Conflict for the version that serves.
    """
    with transaction(sessions) as session:
        version = get(session, version_id)
        if on and version.active:
            raise Conflict("This version serves; it can't be its own shadow.")
        lock_task(session, version.task)
        session.refresh(version)
        if version.shadow == on:
            return
        session.execute(
            update(ModelVersion).where(ModelVersion.task == version.task, ModelVersion.shadow).values(shadow=False)
        )
        session.flush()
        session.refresh(version)
        version.shadow = on
        serving = serving_for(session, version.task)
        if on and serving is not None:
            _begin(session, version_id, serving.id, user_id)
        audit.record(session, user_id, "model.shadow_began" if on else "model.shadow_ended", f"model:{version.id}")


def versions(session: Session) -> list[int]:
    """The versions that look at live photos beside the one that serves."""
    return list(session.scalars(select(ModelVersion.id).where(ModelVersion.shadow, ~ModelVersion.active)))


def _begin(session: Session, version_id: int, against_id: int, user_id: int | None) -> Replay:
    replay = Replay(model_version_id=version_id, against_id=against_id, live=True, submissions=0, user_id=user_id)
    session.add(replay)
    session.flush()
    return replay


class Shadow:
    """What the worker does after each screening."""

    def __init__(self, sessions: SessionFactory, candidates: Candidates) -> None:
        self._sessions = sessions
        self._candidates = candidates

    def look(self, submission_id: int) -> None:
        """Let the shadow look at the photos of a submission that was screened. It disturbs nobody when it can't."""
        try:
            with reading(self._sessions) as session:
                shadows = versions(session)
                photos = (
                    list(session.scalars(select(Photo).where(Photo.submission_id == submission_id))) if shadows else []
                )
            for version_id in shadows:
                self._candidates.ask(version_id, photos)
                self._note(version_id, submission_id)
        except Exception:  # the submission is screened; whatever is wrong with a candidate is no error of the job
            log.warning("the shadow of submission %s failed", submission_id, exc_info=True)

    def _note(self, version_id: int, submission_id: int) -> None:
        """Store its verdict on the submission; if that was screened before, in place of the earlier verdict."""
        with reading(self._sessions) as session:
            verdict = session.get_one(Submission, submission_id).verdict
            against_id = verdict.model_version_id if verdict else None
        if against_id is None or against_id == version_id:
            return
        before, after = self._candidates.served(against_id), self._candidates.served(version_id)
        with transaction(self._sessions) as session:
            submission = session.get_one(Submission, submission_id)
            row = replays.both_verdicts(session, submission, before, after, acceptance.accepted_taxa(session))
            if row is not None:
                row.replay_id = _current(session, version_id, against_id).id
                session.merge(row)


def _current(session: Session, version_id: int, against_id: int) -> Replay:
    """The live replay that is growing now. The version is locked, so that two workers do not begin two."""
    session.execute(select(ModelVersion.id).where(ModelVersion.id == version_id).with_for_update()).all()
    query = select(Replay).where(Replay.live, Replay.model_version_id == version_id).order_by(Replay.id.desc())
    newest = session.scalar(query.limit(1))
    if newest is not None and newest.against_id == against_id:
        return newest
    return _begin(session, version_id, against_id, None)
