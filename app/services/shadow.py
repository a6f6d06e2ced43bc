"""A candidate in the shadow of the version that serves: it looks at the same live photos, and nobody is shown what it says."""

import logging

from sqlalchemy import select, update

from app.db import SessionFactory, reading, transaction
from app.domain.errors import Conflict
from app.models import ModelVersion, Photo
from app.services import audit
from app.services.candidates import Candidates
from app.services.classifiers import lock_task
from app.services.promotion import get

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
        session.execute(
            update(ModelVersion).where(ModelVersion.task == version.task, ModelVersion.shadow).values(shadow=False)
        )
        session.flush()
        session.refresh(version)
        version.shadow = on
        audit.record(session, user_id, "model.shadow_began" if on else "model.shadow_ended", f"model:{version.id}")


class Shadow:
    """What the worker does after each screening."""

    def __init__(self, sessions: SessionFactory, candidates: Candidates) -> None:
        self._sessions = sessions
        self._candidates = candidates

    def look(self, submission_id: int) -> None:
        """Let the shadow look at the photos of a submission that was screened. It disturbs nobody when it can't."""
        try:
            with reading(self._sessions) as session:
                shadows = list(
                    session.scalars(select(ModelVersion.id).where(ModelVersion.shadow, ~ModelVersion.active))
                )
                photos = (
                    list(session.scalars(select(Photo).where(Photo.submission_id == submission_id))) if shadows else []
                )
            for version_id in shadows:
                self._candidates.ask(version_id, photos)
        except Exception:  # the submission is screened; whatever is wrong with a candidate is no error of the job
            log.warning("the shadow of submission %s failed", submission_id, exc_info=True)
