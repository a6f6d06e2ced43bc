"""Whether what a service keeps is whole: every row with all that belongs to it, every file that a row needs, and no more."""

import hashlib
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from PIL import Image
from sqlalchemy import select

from app.core.db import SessionFactory, reading
from app.core.tables import Job, JobKind, JobStatus
from app.submissions.photos import VARIANTS, key_of
from app.submissions.rules import SubmissionStatus
from app.submissions.tables import Photo, Submission

_OPEN = {JobStatus.QUEUED, JobStatus.RUNNING}
_KINDS = ("original", *VARIANTS)


def working(sessions: SessionFactory) -> int:
    """Jobs that are not at an end yet."""
    with reading(sessions) as session:
        return len(session.scalars(select(Job.id).where(Job.status.in_(_OPEN))).all())


def faults(sessions: SessionFactory, files: Path, *, settled: bool = True) -> list[str]:
    """What is half there, or twice, in words. ``settled``: no job is open any more, so every verdict must be there."""
    with reading(sessions) as session:
        rows = session.scalars(select(Submission).order_by(Submission.id)).all()
        jobs = session.scalars(select(Job)).all()
        found = [f"submission {row.id}: {fault}" for row in rows for fault in _faults_of(row, files, settled)]
        screenings = Counter(job.subject_id for job in jobs if job.kind is JobKind.SCREENING)
        for row in rows:
            missing = len(row.claims) + row.square_changes - screenings.pop(row.id, 0)
            if missing != 0 and not (missing == 1 and row.verdicts):  # the first is done without a job where it can be
                found.append(f"submission {row.id}: not one job per claim and moved square")
        found += [f"a job about submission {number}, which is not there" for number in screenings]
        if settled:
            found += [f"job {job.id} is {job.status}: {job.error}" for job in jobs if job.status is not JobStatus.DONE]
        contents = Counter(
            (row.volunteer_id, row.content_digest) for row in rows if row.status is not SubmissionStatus.WITHDRAWN
        )
        found += [
            f"volunteer {who} has one submission {times} times" for (who, _), times in contents.items() if times > 1
        ]
        return found


def _faults_of(row: Submission, files: Path, settled: bool) -> Iterator[str]:
    if not row.claims:
        yield "no claim"
    if not row.log or row.log[0].event != "received" or row.log[-1].to_status is not row.status:
        yield f"the log does not tell its way to {row.status}: {[entry.event for entry in row.log]}"
    if not row.photos or [photo.position for photo in row.photos] != list(range(len(row.photos))):
        yield "photos are missing"
    for photo in row.photos:
        yield from _faults_of_photo(photo, files)
    if settled and row.status is not SubmissionStatus.WITHDRAWN:
        yield from _faults_of_verdicts(row)


def _faults_of_verdicts(row: Submission) -> Iterator[str]:
    verdicts = Counter((verdict.claim_id, verdict.square_changes) for verdict in row.verdicts)
    if set(verdicts.values()) != {1} or len(verdicts) != len(row.claims) + row.square_changes:
        yield f"verdicts per claim and moved square: {dict(verdicts)}"
    if any(len(photo.predictions) != 1 + photo.square_changes for photo in row.photos):
        yield f"predictions per photo: {[len(photo.predictions) for photo in row.photos]}"
    screened = [
        entry for entry in row.log if entry.to_status is SubmissionStatus.SCREENED and entry.event == "screened"
    ]
    if len(screened) != len(row.verdicts):
        yield f"{len(row.verdicts)} verdicts, screened {len(screened)} times"


def _faults_of_photo(photo: Photo, files: Path) -> Iterator[str]:
    if photo.removed_at is not None:
        return
    original = files / key_of(photo.sha256, "original")
    if not original.is_file():
        yield f"the file of photo {photo.position} is missing"
    elif hashlib.sha256(original.read_bytes()).hexdigest() != photo.sha256:
        yield f"the file of photo {photo.position} is another one"
    for variant in VARIANTS:
        try:
            Image.open(io.BytesIO((files / key_of(photo.sha256, variant)).read_bytes())).load()
        except OSError as error:
            yield f"the {variant} of photo {photo.position} can't be read: {error}"


def leftovers(sessions: SessionFactory, files: Path) -> set[str]:
    """Files that no row needs, as paths under ``files``."""
    with reading(sessions) as session:
        hashes = session.scalars(select(Photo.sha256).where(Photo.removed_at.is_(None)))
        needed = {key_of(sha256, kind) for sha256 in hashes for kind in _KINDS}
    return {path.relative_to(files).as_posix() for path in files.rglob("*") if path.is_file()} - needed
