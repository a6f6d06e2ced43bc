"""Drawing, moving and removing the square of a photo that was sent. The photo is screened again; old predictions stay."""

from dataclasses import astuple

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, transaction
from app.core.errors import Conflict, NotFound
from app.core.tables import JobKind
from app.predictions.inference import Square
from app.review import tasks
from app.review.answers import lock
from app.review.decisions import refuse_stale
from app.submissions import status
from app.submissions.rules import UNDECIDED
from app.submissions.tables import Submission


class Squares:
    """``number`` counts a submission's photos from 1; the square None removes it. The same square again changes nothing."""

    def __init__(self, sessions: SessionFactory, send_message: jobs.Send) -> None:
        self._sessions = sessions
        self._send = send_message

    def of_volunteer(self, token: str, number: int, square: Square | None) -> None:
        """Move a square; whoever has the submission's link may.

        Raises NotFound, Conflict once a person has decided on it or it was withdrawn.
        """
        with transaction(self._sessions) as session:
            query = select(Submission).where(Submission.token == token).with_for_update(of=Submission)
            submission = session.scalar(query)
            if submission is None:
                raise NotFound("There is no submission at this link.")
            job_id = _move(session, submission, number, square, "volunteer")
        self._screen(job_id)

    def of_reviewer(self, user_id: int, submission_id: int, revision: int, number: int, square: Square | None) -> None:
        """Move a square of an item that a reviewer has opened. Raises NotFound, Stale, Conflict."""
        with transaction(self._sessions) as session:
            item = lock(session, submission_id, user_id)
            refuse_stale(item, revision)
            job_id = _move(session, item.submission, number, square, f"user:{user_id}")
        self._screen(job_id)

    def _screen(self, job_id: int | None) -> None:
        if job_id is not None:
            reach("square-moved")
            jobs.send(self._sessions, self._send, job_id)


def _move(session: Session, submission: Submission, number: int, square: Square | None, actor: str) -> int | None:
    """Change the square in the caller's transaction; the id of the screening job, None where nothing changes."""
    if submission.status not in UNDECIDED:
        raise Conflict("This submission can no longer be changed.")
    photo = next((photo for photo in submission.photos if photo.position == number - 1), None)
    if photo is None:
        raise NotFound("This submission has no photo with this number.")
    new = [float(value) for value in astuple(square)] if square else None
    if photo.square == new:
        return None
    photo.square = new
    photo.square_changes += 1
    status.note_event(submission, event="square_moved", actor=actor)
    tasks.after_change(session, submission, "square_moved")
    return jobs.create(session, JobKind.SCREENING, submission.id).id
