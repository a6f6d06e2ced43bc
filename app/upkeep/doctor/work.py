"""Checks of background work: jobs that failed or stand still, submissions that nobody is going to screen."""

from collections.abc import Iterator
from datetime import timedelta
from functools import partial

from sqlalchemy import Select, and_, exists, func, or_, select

from app.core import jobs
from app.core.db import reading, transaction, utcnow
from app.core.tables import Job, JobKind, JobStatus
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Submission
from app.upkeep.doctor.findings import Finding, Patient
from app.upkeep.doctor.verdicts import is_judged

_ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
_WAITING = (SubmissionStatus.RECEIVED, SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED)
# Longer than a worker that runs ever leaves a job alone.
STILL = timedelta(minutes=30)


def check_jobs(patient: Patient) -> Iterator[Finding]:
    """Jobs that were given up and not done since, and jobs that stand still."""
    with reading(patient.sessions) as session:
        failed = list(
            session.scalars(select(Job).where(Job.status == JobStatus.FAILED, Job.id.in_(_newest())).order_by(Job.id))
        )
        signs = (Job.created_at, Job.sent_at, Job.heartbeat_at, Job.not_before)
        silent = [or_(sign.is_(None), sign < patient.now - STILL) for sign in signs]
        still = list(session.scalars(select(Job).where(Job.status.in_(_ACTIVE), *silent).order_by(Job.id)))
    for job in failed:
        yield Finding(
            "failed jobs",
            f"job {job.id}",
            f"The {job.kind.value} of {job.subject_id} was given up after {job.attempts} attempts: {job.error}",
            "Mend the cause; --repair tries it again.",
            mend=partial(_queue, patient, job.id),
        )
    for job in still:
        yield Finding(
            "stuck jobs",
            f"job {job.id}",
            f"The {job.kind.value} of {job.subject_id} is {job.status.value} and nothing has happened for half an hour.",
            "Is a worker running? ('wingcheck run' or 'wingcheck worker')",
            mend=partial(_queue, patient, job.id),
        )


def _newest() -> Select[int]:
    """The last job of each kind about each subject: an earlier one that failed was made up for."""
    return select(func.max(Job.id)).group_by(Job.kind, Job.subject_id)


def _queue(patient: Patient, job_id: int) -> str:
    with transaction(patient.sessions) as session:
        job = session.get_one(Job, job_id)
        if job.status in {JobStatus.DONE, JobStatus.CANCELLED}:
            return "It has finished in the meantime."
        job.status = JobStatus.QUEUED
        job.attempts = 0
        job.sent_at = job.finished_at = None
        job.not_before = utcnow()
    return "It was queued."


def check_submissions(patient: Patient) -> Iterator[Finding]:
    """Submissions without a verdict on claim and squares as they stand, and without a job that will make one."""
    given_up = and_(Job.status == JobStatus.FAILED, Job.id.in_(_newest()))  # said by check_jobs
    cared_for = exists().where(
        Job.kind == JobKind.SCREENING, Job.subject_id == Submission.id, or_(Job.status.in_(_ACTIVE), given_up)
    )
    query = select(Submission.id, Submission.created_at).where(
        Submission.status.in_(_WAITING), ~is_judged(), ~cared_for
    )
    with reading(patient.sessions) as session:
        rows = session.execute(query.order_by(Submission.id)).all()
    for submission_id, created_at in rows:
        yield Finding(
            "forgotten submissions",
            f"submission {submission_id}",
            f"The submission of {created_at:%Y-%m-%d %H:%M} UTC has no verdict, and no job will make one.",
            mend=partial(_screen, patient, submission_id),
        )


def _screen(patient: Patient, submission_id: int) -> str:
    with transaction(patient.sessions) as session:
        job = jobs.create(session, JobKind.SCREENING, submission_id)
        return f"Job {job.id} was queued."
