"""Checks of the review desk: submissions that wait for a person whom nobody told, and items about what is gone."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import exists, select

from app.core.db import reading, transaction
from app.review import tasks
from app.review.rules import PhotoQuality, TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from app.upkeep.doctor.findings import Finding, Patient
from app.upkeep.doctor.verdicts import is_judged

_WAITING = (SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED, SubmissionStatus.QUERIED)
_OPEN = (TaskState.OPEN, TaskState.ASKED)


def check_desk(patient: Patient) -> Iterator[Finding]:
    """Every submission that waits for a person has an open item, and no other has."""
    yield from _without_item(patient)
    yield from _items_of_the_gone(patient)


def _without_item(patient: Patient) -> Iterator[Finding]:
    cared_for = exists().where(ReviewTask.submission_id == Submission.id, ReviewTask.state.in_(_OPEN))
    query = select(Submission.id, Submission.status).where(Submission.status.in_(_WAITING), is_judged(), ~cared_for)
    with reading(patient.sessions) as session:
        rows = session.execute(query.order_by(Submission.id)).all()
    for submission_id, status in rows:
        yield Finding(
            "forgotten items",
            f"submission {submission_id}",
            f"The submission is {status.value} and no item of the review desk says so: no expert will see it.",
            mend=partial(_open_item, patient, submission_id),
        )


def _open_item(patient: Patient, submission_id: int) -> str:
    with transaction(patient.sessions) as session:
        submission = session.get_one(Submission, submission_id, with_for_update={"of": Submission})
        verdict = submission.verdict
        if submission.status not in _WAITING or verdict is None:
            return "It has been decided in the meantime."
        task = tasks.of(session, submission_id, lock=True)
        tasks.after_screening(session, submission, verdict, task.quality if task else PhotoQuality.UNKNOWN)
    return "A review task was opened."


def _items_of_the_gone(patient: Patient) -> Iterator[Finding]:
    query = select(ReviewTask.submission_id).join(Submission, Submission.id == ReviewTask.submission_id)
    gone = (ReviewTask.state.in_(_OPEN), Submission.status == SubmissionStatus.WITHDRAWN)
    with reading(patient.sessions) as session:
        numbers = list(session.scalars(query.where(*gone).order_by(ReviewTask.submission_id)))
    for submission_id in numbers:
        yield Finding(
            "items of withdrawn submissions",
            f"submission {submission_id}",
            "The submission was withdrawn and still stands in the queue.",
            mend=partial(_close_item, patient, submission_id),
        )


def _close_item(patient: Patient, submission_id: int) -> str:
    with transaction(patient.sessions) as session:
        tasks.after_withdrawal(session, session.get_one(Submission, submission_id))
    return "The review task was closed."
