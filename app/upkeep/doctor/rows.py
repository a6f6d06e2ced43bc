"""Checks of the database: its schema, model versions, deletions, submissions without a verdict, the review desk, mail."""

from collections.abc import Iterator
from functools import partial

from sqlalchemy import ColumnElement, Connection, and_, exists, func, or_, select, text
from sqlalchemy.exc import SQLAlchemyError

from app.core import jobs, migrations
from app.core.db import reading, transaction
from app.core.errors import ModelUnavailable
from app.core.storage.deletions import Deletion, make_journal
from app.core.tables import Job, JobKind, JobStatus
from app.mail.rules import MailState
from app.mail.smtp import NotNow, connected
from app.mail.tables import Mail
from app.predictions.inference import ModelVersionError, read_version
from app.predictions.registry import folder_of, is_bundled
from app.predictions.tables import ModelVersion
from app.review import tasks
from app.review.rules import PhotoQuality, TaskState
from app.review.tables import ReviewTask
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import ClaimRecord, Photo, Submission, VerdictRecord
from app.upkeep.deletions import Undone
from app.upkeep.doctor.findings import Finding, Installation
from app.upkeep.doctor.work import ACTIVE, STUCK_AFTER, newest_jobs

_UNDECIDED = (SubmissionStatus.RECEIVED, SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED)
_FOR_REVIEW = (SubmissionStatus.SCREENED, SubmissionStatus.FLAGGED, SubmissionStatus.QUERIED)
_OPEN = (TaskState.OPEN, TaskState.ASKED)


# --- the database itself ------------------------------------------------------------------------------------------------


def check_database(installation: Installation) -> Iterator[Finding]:
    """Reachable, undamaged, newest schema. Most other checks depend on this one."""
    engine = installation.engine
    try:
        with engine.connect().execution_options(read_only=True) as connection:
            if connection.dialect.name == "sqlite":
                yield from _sqlite_damage(connection)
            if not migrations.is_current(connection):
                revision = migrations.current(connection) or "none"
                problem = "The database does not have the newest schema."
                yield Finding("schema", revision, problem, "Run 'wingcheck db upgrade'.")
    except SQLAlchemyError as error:
        reason = " ".join(str(getattr(error, "orig", None) or error).split())
        yield Finding("database", engine.url.render_as_string(), f"The database can't be used: {reason}.")


def _sqlite_damage(connection: Connection) -> Iterator[Finding]:
    for (message,) in connection.execute(text("PRAGMA integrity_check(20)")):
        if message != "ok":
            problem = f"The database file is damaged: {message}."
            yield Finding("integrity", "sqlite", problem, "Stop the service and restore a backup.")
    for table, row, parent, _ in connection.execute(text("PRAGMA foreign_key_check")).fetchmany(20):
        problem = f"A row of {table} refers to a row of {parent} that is not there."
        advice = "Restore a backup, or ask for help: what wrote this did not use Wingcheck."
        yield Finding("references", f"{table} {row}", problem, advice)


def check_models(installation: Installation) -> Iterator[Finding]:
    """A version is active, and every version's folder exists and holds what was registered."""
    with reading(installation.sessions) as session:
        versions = list(session.scalars(select(ModelVersion).order_by(ModelVersion.id)))
    if not any(version.active for version in versions):
        advice = "'wingcheck models list' shows what there is, 'wingcheck models activate' puts one into service."
        yield Finding("models", "none", "No model version is active: nothing is screened.", advice)
    for version in versions:
        name = f"{version.name} {version.version}"
        try:
            has_changed = read_version(folder_of(version, installation.settings)).digest != version.digest
        except (ModelUnavailable, ModelVersionError) as error:
            if version.active or not is_bundled(version):
                yield Finding("models", name, str(error), "Import it again, or restore its folder from a backup.")
            continue
        if has_changed and version.active:
            problem = "The folder of this model version holds another one."
            yield Finding("models", name, problem, "Start the service anew, or import it again.")


# --- mail -----------------------------------------------------------------------------------------------------------------


def check_mail(installation: Installation) -> Iterator[Finding]:
    """The mail server takes mails, and none waits for long."""
    settings = installation.settings
    if not settings.sends_mail:
        return
    try:
        with connected(settings):
            pass
    except NotNow as error:
        yield Finding(
            "mail", settings.smtp_host, f"Mail can't be sent: {error.detail}.", "Try 'wingcheck mail test ADDRESS'."
        )
    with reading(installation.sessions) as session:
        late = (Mail.state == MailState.PENDING, Mail.next_try_at < installation.now - STUCK_AFTER)
        waiting = session.scalar(select(func.count()).where(*late)) or 0
    if waiting:
        advice = "Is a worker running? ('wingcheck run' or 'wingcheck worker')"
        yield Finding("mail", f"{waiting} mails", "These mails are due and were not tried for half an hour.", advice)


# --- submissions ----------------------------------------------------------------------------------------------------------


def _has_current_verdict() -> ColumnElement[bool]:
    """Whether a submission has a verdict on its current claim and squares: Submission.verdict, in SQL."""
    claim = select(func.max(ClaimRecord.id)).where(ClaimRecord.submission_id == Submission.id).correlate(Submission)
    changes = select(func.sum(Photo.square_changes)).where(Photo.submission_id == Submission.id).correlate(Submission)
    return exists().where(
        VerdictRecord.claim_id == claim.scalar_subquery(),
        VerdictRecord.square_changes == func.coalesce(changes.scalar_subquery(), 0),
    )


def check_submissions(installation: Installation) -> Iterator[Finding]:
    """Submissions without a current verdict, and without a job that will make one."""
    given_up = and_(Job.status == JobStatus.FAILED, Job.id.in_(newest_jobs()))  # reported by check_jobs
    has_job = exists().where(
        Job.kind == JobKind.SCREENING, Job.subject_id == Submission.id, or_(Job.status.in_(ACTIVE), given_up)
    )
    query = select(Submission.id, Submission.created_at)
    query = query.where(Submission.status.in_(_UNDECIDED), ~_has_current_verdict(), ~has_job)
    with reading(installation.sessions) as session:
        rows = session.execute(query.order_by(Submission.id)).all()
    for submission_id, created_at in rows:
        yield Finding(
            "forgotten submissions",
            f"submission {submission_id}",
            f"The submission of {created_at:%Y-%m-%d %H:%M} UTC has no verdict, and no job will make one.",
            mend=partial(_screen, installation, submission_id),
        )


def _screen(installation: Installation, submission_id: int) -> str:
    with transaction(installation.sessions) as session:
        job = jobs.create(session, JobKind.SCREENING, submission_id)
        return f"Job {job.id} was queued."


# --- deletions ----------------------------------------------------------------------------------------------------------------


def check_deletions(installation: Installation) -> Iterator[Finding]:
    """Whatever people had deleted is deleted. An older database still has it."""
    undone = Undone(installation.sessions, installation.storage, make_journal(installation.settings))
    try:
        lacking = undone.lacking()
    except OSError as error:
        yield Finding("deletions", "journal", f"The journal of deletions can't be read: {error.strerror or error}.")
        return
    for deletion in lacking:
        yield Finding(
            "deletions",
            f"{deletion.kind} {deletion.id}",
            f"It was deleted on {deletion.deleted_at:%Y-%m-%d %H:%M} UTC, and the database still has it.",
            "The database is probably an older one. --repair deletes it once more, as does a worker when it starts.",
            mend=partial(_delete_again, undone, deletion),
        )


def _delete_again(undone: Undone, deletion: Deletion) -> str:
    undone.repeat(deletion)
    return "It was deleted once more."


# --- the review desk --------------------------------------------------------------------------------------------------------


def check_desk(installation: Installation) -> Iterator[Finding]:
    """Every submission that needs a review has an open task, and no withdrawn one has."""
    has_task = exists().where(ReviewTask.submission_id == Submission.id, ReviewTask.state.in_(_OPEN))
    forgotten = select(Submission.id, Submission.status).where(
        Submission.status.in_(_FOR_REVIEW), _has_current_verdict(), ~has_task
    )
    withdrawn = select(Submission.id).where(Submission.status == SubmissionStatus.WITHDRAWN, has_task)
    with reading(installation.sessions) as session:
        rows = session.execute(forgotten.order_by(Submission.id)).all()
        ids = list(session.scalars(withdrawn.order_by(Submission.id)))
    for submission_id, status in rows:
        yield Finding(
            "forgotten items",
            f"submission {submission_id}",
            f"The submission is {status.value} and no item of the review desk says so: no expert will see it.",
            mend=partial(_open_task, installation, submission_id),
        )
    for submission_id in ids:
        yield Finding(
            "items of withdrawn submissions",
            f"submission {submission_id}",
            "The submission was withdrawn and still stands in the queue.",
            mend=partial(_close_task, installation, submission_id),
        )


def _open_task(installation: Installation, submission_id: int) -> str:
    with transaction(installation.sessions) as session:
        submission = session.get_one(Submission, submission_id, with_for_update={"of": Submission})
        verdict = submission.verdict
        if submission.status not in _FOR_REVIEW or verdict is None:
            return "It has been decided in the meantime."
        task = tasks.of(session, submission_id, lock=True)
        tasks.after_screening(session, submission, verdict, task.quality if task else PhotoQuality.UNKNOWN)
    return "A review task was opened."


def _close_task(installation: Installation, submission_id: int) -> str:
    with transaction(installation.sessions) as session:
        tasks.after_withdrawal(session, session.get_one(Submission, submission_id))
    return "The review task was closed."
