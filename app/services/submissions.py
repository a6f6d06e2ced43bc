"""What a volunteer can do: send, look at, reconsider and withdraw a submission.

Order matters in ``submit``: the photos are on the disk before a row says so, row and job are one transaction, and the
message follows the commit. A crash anywhere leaves either nothing that anyone was promised, or everything.
"""

import hashlib
import json
import logging
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.crash_points import reach
from app.db import SessionFactory, reading, transaction, utcnow
from app.domain.errors import Conflict, FieldError, IdempotencyMismatch, InvalidSubmission, NotFound
from app.domain.submission import ClaimKind, Source, SubmissionStatus
from app.models import ClaimRecord, JobKind, Photo, Submission, Taxon, Volunteer
from app.services import jobs, photos, status, taxa, volunteers
from app.services.inference import PhotoError, PixelLimits, Square
from app.services.removal import Removal
from app.services.review import tasks
from app.services.withdrawal import take_back
from app.storage import Storage

log = logging.getLogger(__name__)

MAX_COUNT = 999
MAX_TEXT = 2000
MAX_PLACE = 300
MAX_NAME = 200
# Somebody at the other side of the date line is a day ahead.
_CLOCK_TOLERANCE = timedelta(days=1)
_EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True)
class NewPhoto:
    """One file as it was sent. ``read`` is called when its turn comes, so that one photo at a time is in memory."""

    filename: str
    size: int
    read: Callable[[], bytes]
    square: Square | None = None


@dataclass(frozen=True)
class NewSubmission:
    """What the volunteer filled in. Empty date and place are filled from the first photo whose EXIF has them."""

    claim_kind: ClaimKind
    claimed_name: str | None = None
    claim_verbatim: str = ""
    individual_count: int = 1
    event_date: date | None = None
    event_date_source: Source = Source.TYPED
    place: str = ""
    latitude: float | None = None
    longitude: float | None = None
    coordinate_source: Source = Source.TYPED
    note: str = ""
    email: str | None = None
    language: str = "en"
    photos: Sequence[NewPhoto] = field(default_factory=tuple)
    # What could not even be read from the fields; told together with everything else that is wrong.
    mistakes: Sequence[FieldError] = field(default_factory=tuple)


@dataclass(frozen=True)
class Receipt:
    """``duplicate``: this had been sent before, and nothing new was made."""

    token: str
    volunteer_key: str
    duplicate: bool


class Submissions:
    """The volunteer's use cases. Errors are those of app.domain.errors."""

    def __init__(
        self,
        sessions: SessionFactory,
        storage: Storage,
        limits: PixelLimits,
        send_message: jobs.Send,
        *,
        max_photos: int,
        max_file_bytes: int,
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._limits = limits
        self._send = send_message
        self._removal = Removal(sessions, storage)
        self._max_photos = max_photos
        self._max_file_bytes = max_file_bytes

    def submit(self, new: NewSubmission, volunteer_key: str | None, idempotency_key: str) -> Receipt:
        """Take a submission, or find the one that this is a repeat of.

        Raises InvalidSubmission (nothing is kept), IdempotencyMismatch (same key, other content), OSError when the photos
        can't be written.
        """
        prepared, unreadable = self._prepare_photos(new)
        mistakes = [*new.mistakes, *self._field_mistakes(new), *unreadable]
        if mistakes:
            raise InvalidSubmission(mistakes)
        content = _content_digest(new, prepared)
        with reading(self._sessions) as session:
            repeat = self._find_repeat(session, volunteer_key, idempotency_key, content)
        if repeat is not None:
            return repeat
        self._keep_files(new, prepared)
        reach("all-photos-stored")
        try:
            receipt, job_id = self._write_or_repeat(new, prepared, volunteer_key, idempotency_key, content)
        except IntegrityError:
            # The other half of a double click was quicker, or another first submission of the same volunteer.
            receipt, job_id = self._write_or_repeat(new, prepared, volunteer_key, idempotency_key, content)
        if job_id is not None:
            reach("committed")
            self._keep_files(new, prepared)  # somebody may have withdrawn the same photo before our row kept its files
            self._send_job(job_id)
        return receipt

    def _write_or_repeat(
        self,
        new: NewSubmission,
        prepared: Sequence[photos.PreparedPhoto],
        volunteer_key: str | None,
        idempotency_key: str,
        content: str,
    ) -> tuple[Receipt, int | None]:
        with transaction(self._sessions) as session:
            repeat = self._find_repeat(session, volunteer_key, idempotency_key, content)
            if repeat is not None:
                return repeat, None
            submission, job_id = self._write(session, new, prepared, volunteer_key, idempotency_key, content)
            reach("row-written")
            return Receipt(submission.token, submission.volunteer.key, duplicate=False), job_id

    def get(self, session: Session, token: str, *, lock: bool = False) -> Submission:
        """The submission behind an unguessable link; with ``lock`` nobody else changes it meanwhile. Raises NotFound."""
        query = select(Submission).where(Submission.token == token)
        submission = session.scalar(query.with_for_update(of=Submission) if lock else query)
        if submission is None:
            raise NotFound("There is no submission at this link.")
        return submission

    def of_volunteer(self, session: Session, volunteer: Volunteer, limit: int = 200) -> list[Submission]:
        """A volunteer's submissions, newest first."""
        query = select(Submission).where(Submission.volunteer_id == volunteer.id)
        return list(session.scalars(query.order_by(Submission.created_at.desc(), Submission.id.desc()).limit(limit)))

    def count_of(self, session: Session, volunteer: Volunteer) -> int:
        """How many submissions a volunteer has sent, withdrawn ones included."""
        query = select(func.count()).select_from(Submission).where(Submission.volunteer_id == volunteer.id)
        return session.scalar(query) or 0

    def reconsider(self, token: str, kind: ClaimKind, scientific_name: str | None, verbatim: str = "") -> None:
        """The second look: keep the claim (the same one again) or change it. Both claims stay on record.

        Raises Conflict once a person has verified it, or while it waits for its verdict.
        """
        with transaction(self._sessions) as session:
            submission = self.get(session, token, lock=True)
            old = submission.claim
            taxon = _claimed_taxon(session, kind, scientific_name)
            same = (old.kind, old.taxon_id) == (kind, taxon.id if taxon else None)
            if same and old.informed and submission.status is SubmissionStatus.FLAGGED and submission.verdict is None:
                return  # whoever asks for the same change again never got the answer
            if submission.status is not SubmissionStatus.FLAGGED or submission.verdict is None:
                raise Conflict("This submission can't be changed any more.")
            if same:
                if old.confirmed_at is None:
                    old.confirmed_at = utcnow()
                    status.note_event(session, submission, event="claim_kept", actor="volunteer")
                return
            submission.claims.append(
                ClaimRecord(kind=kind, taxon_id=taxon.id if taxon else None, verbatim=verbatim[:200], informed=True)
            )
            status.note_event(session, submission, event="claim_changed", actor="volunteer")
            tasks.after_claim_changed(session, submission)
            job_id = jobs.create(session, JobKind.SCREENING, submission.id).id
        reach("claim-changed")
        self._send_job(job_id)

    def withdraw(self, token: str) -> None:
        """Delete photos, place and note, and keep the log. Files that another submission shows stay. Idempotent."""
        with transaction(self._sessions) as session:
            submission = self.get(session, token, lock=True)
            if submission.status is SubmissionStatus.WITHDRAWN:
                return
            job_id = take_back(session, submission)
        reach("withdrawn-committed")
        try:
            self._removal.run(job_id, submission.id)
        except Exception:  # the withdrawal is committed: whatever fails now, the sweep sends the job
            log.warning("the files of submission %s wait to be removed", submission.id, exc_info=True)

    # --- steps of submit --------------------------------------------------------------------------------------------

    def _field_mistakes(self, new: NewSubmission) -> list[FieldError]:
        errors = []
        if not new.photos:
            errors.append(FieldError("file", "photo_missing"))
        if len(new.photos) > self._max_photos:
            errors.append(FieldError("file", "too_many_photos", (("max", self._max_photos),)))
        if not 1 <= new.individual_count <= MAX_COUNT:
            errors.append(FieldError("individual_count", "count_range", (("max", MAX_COUNT),)))
        if new.event_date is not None:
            if new.event_date > (utcnow() + _CLOCK_TOLERANCE).date():
                errors.append(FieldError("event_date", "date_in_future"))
            elif new.event_date < _EARLIEST:
                errors.append(FieldError("event_date", "date_too_early"))
        if (new.latitude is None) != (new.longitude is None):
            errors.append(FieldError("latitude", "coordinates_half"))
        elif not (-90 <= (new.latitude or 0) <= 90 and -180 <= (new.longitude or 0) <= 180):
            errors.append(FieldError("latitude", "coordinates_range"))
        for name, text, longest in (
            ("place", new.place, MAX_PLACE),
            ("note", new.note, MAX_TEXT),
            ("claim_text", new.claim_verbatim, MAX_NAME),
        ):
            if len(text) > longest:
                errors.append(FieldError(name, "text_too_long", (("max", longest),)))
        if new.claim_kind is ClaimKind.TAXON and new.claimed_name:
            with reading(self._sessions) as session:
                if taxa.find(session, new.claimed_name) is None:
                    errors.append(FieldError("claim", "claim_unknown"))
        return errors

    def _prepare_photos(self, new: NewSubmission) -> tuple[list[photos.PreparedPhoto], list[FieldError]]:
        prepared, errors = [], []
        for sent in new.photos[: self._max_photos]:
            if sent.size > self._max_file_bytes:
                limit = self._max_file_bytes // 1_000_000
                errors.append(FieldError("file", "photo_too_many_bytes", (("max", limit),), sent.filename))
                continue
            try:
                with photos.preparing(sent.size):
                    prepared.append(photos.prepare(sent.read(), self._limits))
            except PhotoError as error:
                errors.append(FieldError("file", f"photo_{error.kind}", (), sent.filename))
        return prepared, errors

    def _keep_files(self, new: NewSubmission, prepared: Sequence[photos.PreparedPhoto]) -> None:
        for photo, sent in zip(prepared, new.photos, strict=True):
            photos.keep(self._storage, photo, sent.read)

    def _find_repeat(
        self, session: Session, volunteer_key: str | None, idempotency_key: str, content: str
    ) -> Receipt | None:
        volunteer = volunteers.find(session, volunteer_key)
        if volunteer is None:
            return None
        mine = select(Submission).where(Submission.volunteer_id == volunteer.id)
        same_key = session.scalar(mine.where(Submission.idempotency_key == idempotency_key))
        if same_key is not None and same_key.content_digest != content:
            raise IdempotencyMismatch("This key was used for another submission already.")
        same = same_key or session.scalar(
            mine.where(Submission.content_digest == content, Submission.status != SubmissionStatus.WITHDRAWN)
        )
        return None if same is None else Receipt(same.token, volunteer.key, duplicate=True)

    def _write(
        self,
        session: Session,
        new: NewSubmission,
        prepared: Sequence[photos.PreparedPhoto],
        volunteer_key: str | None,
        idempotency_key: str,
        content: str,
    ) -> tuple[Submission, int]:
        volunteer = volunteers.find_or_create(session, volunteer_key, new.language)
        if new.email is not None:
            volunteers.set_email(session, volunteer, new.email)
        taxon = _claimed_taxon(session, new.claim_kind, new.claimed_name)
        submission = Submission(
            token=secrets.token_urlsafe(18),
            volunteer=volunteer,
            idempotency_key=idempotency_key,
            content_digest=content,
            individual_count=new.individual_count,
            place=new.place,
            note=new.note,
            **_origin(new, prepared),
        )
        submission.claims.append(ClaimRecord(kind=new.claim_kind, taxon=taxon, verbatim=new.claim_verbatim))
        session.add(submission)
        session.flush()
        _add_photos(session, submission, new.photos, prepared)
        status.note_event(session, submission, event="received", actor="volunteer")
        return submission, jobs.create(session, JobKind.SCREENING, submission.id).id

    def _send_job(self, job_id: int) -> None:
        try:
            jobs.send(self._sessions, self._send, job_id)
        except Exception:  # the submission is committed: whatever fails now, the sweep sends the job
            log.warning("job %s was not marked as sent", job_id, exc_info=True)


def _claimed_taxon(session: Session, kind: ClaimKind, scientific_name: str | None) -> Taxon | None:
    if kind is not ClaimKind.TAXON:
        return None
    taxon = taxa.find(session, scientific_name or "")
    if taxon is None:
        raise InvalidSubmission([FieldError("claim", "claim_unknown")])
    return taxon


def _origin(new: NewSubmission, prepared: Sequence[photos.PreparedPhoto]) -> dict[str, object]:
    """Date and coordinates with where they came from: what was given, else the first photo whose EXIF has it."""
    values: dict[str, object] = {"event_date_source": Source.MISSING, "coordinate_source": Source.MISSING}
    taken = next((p.origin.taken_at for p in prepared if p.origin.taken_at), None)
    if new.event_date is not None:
        values |= {"event_date": new.event_date, "event_date_source": new.event_date_source}
    elif taken is not None and taken.date() <= (utcnow() + _CLOCK_TOLERANCE).date():
        values |= {"event_date": taken.date(), "event_date_source": Source.EXIF}
    located = next((p.origin for p in prepared if p.origin.latitude is not None), None)
    if new.latitude is not None:
        values |= {
            "latitude": new.latitude,
            "longitude": new.longitude,
            "coordinate_source": new.coordinate_source,
        }
    elif located is not None and not new.place:
        values |= {
            "latitude": located.latitude,
            "longitude": located.longitude,
            "coordinate_source": Source.EXIF,
        }
    return values


def _add_photos(
    session: Session,
    submission: Submission,
    sent: Sequence[NewPhoto],
    prepared: Sequence[photos.PreparedPhoto],
) -> None:
    known = set(session.scalars(select(Photo.sha256).where(Photo.sha256.in_([p.sha256 for p in prepared])).distinct()))
    for position, (file, photo) in enumerate(zip(sent, prepared, strict=True)):
        square = file.square
        submission.photos.append(
            Photo(
                token=secrets.token_urlsafe(18),
                position=position,
                sha256=photo.sha256,
                filename=file.filename[:255],
                format=photo.info.format,
                byte_size=photo.size,
                width=photo.info.width,
                height=photo.info.height,
                square=[square.x, square.y, square.width, square.height] if square else None,
                taken_at=photo.origin.taken_at.isoformat() if photo.origin.taken_at else None,
                seen_before=photo.sha256 in known,
            )
        )
    session.flush()


def _content_digest(new: NewSubmission, prepared: Sequence[photos.PreparedPhoto]) -> str:
    """What makes two submissions the same: photos, squares and answers; not the e-mail address, not the file names."""
    content = {
        "photos": [
            (photo.sha256, None if file.square is None else [round(v, 4) for v in vars(file.square).values()])
            for file, photo in zip(new.photos, prepared, strict=True)
        ],
        "claim": [new.claim_kind, new.claimed_name, new.claim_verbatim],
        "record": [new.individual_count, str(new.event_date), new.place, new.latitude, new.longitude, new.note],
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
