"""What a volunteer can do: send, look at, reconsider and withdraw a submission.

Order matters in ``submit``: the photos are on the disk before a row says so, row and job are one transaction, and the
message follows the commit. A crash anywhere leaves either nothing that anyone was promised, or everything.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict, FieldError, IdempotencyMismatch, InvalidSubmission, NotFound
from app.core.settings import Settings
from app.core.storage import Storage
from app.core.storage.deletions import make_journal
from app.core.tables import JobKind
from app.predictions.classifiers import Classifiers
from app.predictions.inference import PhotoError, holding, pixel_limits, square_for
from app.predictions.rules import ClaimKind
from app.review import questions, tasks
from app.screening.at_once import ScreeningAtOnce
from app.submissions import photos, status, volunteers
from app.submissions.form import NewPhoto, NewSubmission
from app.submissions.new_submission import (
    Sender,
    add_photos,
    claimed_taxon,
    content_digest,
    known_photos,
    mistakes_in,
    write,
)
from app.submissions.rules import BUTTERFLIES, ONE_BUTTERFLY, TWO_BUTTERFLIES, UNDECIDED, SubmissionStatus
from app.submissions.tables import ClaimRecord, Submission, Volunteer
from app.versions import shadow
from app.volunteers.deleting import Deleting

PAGE = 24


class Show(StrEnum):
    """Which of their submissions a volunteer looks at."""

    ALL = "all"
    QUESTION = "question"
    DECIDED = "decided"
    WAITING = "waiting"


_S = SubmissionStatus
SHOWN: dict[Show, tuple[SubmissionStatus, ...]] = {
    Show.QUESTION: (_S.QUERIED,),
    Show.DECIDED: (_S.VERIFIED, _S.AUTO_ACCEPTED),
    Show.WAITING: (_S.RECEIVED, _S.SCREENED, _S.FLAGGED),
}


@dataclass(frozen=True)
class Receipt:
    """``duplicate``: this had been sent before, and nothing new was made."""

    token: str
    volunteer_key: str
    duplicate: bool


class Submissions:
    """The volunteer's use cases. Errors are those of app.core.errors."""

    def __init__(
        self,
        sessions: SessionFactory,
        storage: Storage,
        classifiers: Classifiers,
        send_message: jobs.Send,
        settings: Settings,
    ) -> None:
        self._sessions = sessions
        self._storage = storage
        self._classifiers = classifiers
        self._limits = pixel_limits(settings)
        self._send = send_message
        self._deleting = Deleting(sessions, storage, make_journal(settings))
        self._max_photos = settings.max_photos_per_submission
        self._max_file_bytes = settings.max_file_megabytes * 1_000_000
        self._sends_mail = settings.sends_mail
        self._screening_seconds = settings.screen_at_once_seconds
        self._places = threading.BoundedSemaphore(settings.prepared_together)

    def submit(self, new: NewSubmission, sender: Sender) -> Receipt:
        """Take a submission, or find the one that this is a repeat of.

        Raises InvalidSubmission (nothing is kept), IdempotencyMismatch (same key, other content), OSError when the photos
        can't be written.
        """
        if not self._sends_mail:  # nobody would ever write to it
            new = replace(new, fields=new.fields.model_copy(update={"email": None}))
        screening = ScreeningAtOnce(self._classifiers, self._screening_seconds)
        prepared, unreadable = self._prepare_photos(new.photos, screening)
        with reading(self._sessions) as session:
            mistakes = [*mistakes_in(session, new, self._max_photos), *unreadable]
            if mistakes:
                raise InvalidSubmission(mistakes)
            digest = content_digest(new.fields, prepared)
            repeat = _find_repeat(session, sender, digest)
        if repeat is not None:
            with transaction(self._sessions) as session:  # perhaps it was sent again to add the address
                volunteer = volunteers.find(session, repeat.volunteer_key)
                if volunteer is not None:
                    volunteers.add_email(session, volunteer, new.fields.email, new.fields.outcome_mails)
            return repeat
        self._keep_files(new.photos, prepared)
        reach("all-photos-stored")

        def write_once() -> tuple[Receipt, int | None]:
            """The receipt, and the job that screens it where that could not be done at once, or where a shadow looks too."""
            with transaction(self._sessions) as session:
                repeat = _find_repeat(session, sender, digest)
                if repeat is not None:
                    return repeat, None
                submission = write(session, new, prepared, sender, digest)
                job_id = None
                if not screening.record(session, submission) or shadow.versions(session):
                    job_id = jobs.create(session, JobKind.SCREENING, submission.id).id
                reach("row-written")
                return Receipt(submission.token, submission.volunteer.key, duplicate=False), job_id

        try:
            receipt, job_id = write_once()
        except IntegrityError:
            # The other half of a double click was quicker, or another first submission of the same volunteer.
            receipt, job_id = write_once()
        if not receipt.duplicate:
            reach("committed")
            self._keep_files(
                new.photos, prepared
            )  # somebody may have withdrawn the same photo before our row kept its files
        if job_id is not None:
            jobs.send(self._sessions, self._send, job_id)
        return receipt

    def get(self, session: Session, token: str, *, lock: bool = False) -> Submission:
        """The submission behind an unguessable link; with ``lock`` nobody else changes it meanwhile. Raises NotFound."""
        query = select(Submission).where(Submission.token == token)
        submission = session.scalar(query.with_for_update(of=Submission) if lock else query)
        if submission is None:
            raise NotFound("There is no submission at this link.")
        return submission

    def of_volunteer(self, session: Session, volunteer: Volunteer, show: Show, page: int) -> list[Submission]:
        """One page of a volunteer's submissions, from 1; the newest first."""
        query = select(Submission).where(Submission.volunteer_id == volunteer.id)
        if show is not Show.ALL:
            query = query.where(Submission.status.in_(SHOWN[show]))
        query = query.order_by(Submission.created_at.desc(), Submission.id.desc())
        return list(session.scalars(query.offset((page - 1) * PAGE).limit(PAGE)))

    def counts_of(self, session: Session, volunteer: Volunteer) -> dict[Show, int]:
        """How many submissions a volunteer has sent, by what a list may show; withdrawn ones are only among all."""
        query = select(Submission.status, func.count()).where(Submission.volunteer_id == volunteer.id)
        by_status = {row[0]: row[1] for row in session.execute(query.group_by(Submission.status))}
        counts = {show: sum(by_status.get(status, 0) for status in statuses) for show, statuses in SHOWN.items()}
        return {Show.ALL: sum(by_status.values()), **counts}

    def reconsider(self, token: str, kind: ClaimKind, scientific_name: str | None, verbatim: str = "") -> None:
        """The second look: keep the claim (the same one again) or change it. Both claims stay on record. ``verbatim``: the name
        of another species.

        Raises Conflict once a person has verified it, or while it waits for its verdict.
        """
        with transaction(self._sessions) as session:
            submission = self.get(session, token, lock=True)
            old = submission.claim
            taxon = claimed_taxon(session, kind, scientific_name)
            same = (old.kind, old.taxon_id) == (kind, taxon.id if taxon else None) and verbatim in {"", old.verbatim}
            if same and old.informed and submission.status is SubmissionStatus.FLAGGED and submission.verdict is None:
                return  # whoever asks for the same change again never got the answer
            if submission.status is not SubmissionStatus.FLAGGED or submission.verdict is None:
                raise Conflict("This submission can no longer be changed.")
            if same:
                if old.confirmed_at is None:
                    old.confirmed_at = utcnow()
                    status.note_event(submission, event="claim_kept", actor="volunteer")
                return
            taxon_id = taxon.id if taxon else None
            submission.claims.append(ClaimRecord(kind=kind, taxon_id=taxon_id, verbatim=verbatim, informed=True))
            status.note_event(submission, event="claim_changed", actor="volunteer")
            tasks.after_change(session, submission, "claim_changed")
            job_id = jobs.create(session, JobKind.SCREENING, submission.id).id
        reach("claim-changed")
        jobs.send(self._sessions, self._send, job_id)

    def say_how_many(self, token: str, *, two: bool) -> None:
        """Tell the experts whether the photos show two butterflies. Idempotent. Raises NotFound, and Conflict once an expert
        has decided, or it was withdrawn.
        """
        event = TWO_BUTTERFLIES if two else ONE_BUTTERFLY
        with transaction(self._sessions) as session:
            submission = self.get(session, token, lock=True)
            if submission.status not in UNDECIDED:
                raise Conflict("This submission can no longer be changed.")
            said = [line.event for line in submission.log if line.event in BUTTERFLIES]
            if said[-1:] != [event]:
                status.note_event(submission, event=event, actor="volunteer")
                tasks.after_change(session, submission, event)

    def withdraw(self, token: str) -> None:
        """Delete what is personal, and keep the log. Raises NotFound, and OSError where nothing can be written. Idempotent."""
        with reading(self._sessions) as session:
            submission = self.get(session, token)
        self._deleting.withdraw(submission)

    def answer(self, token: str, text: str, new: Sequence[NewPhoto] = ()) -> None:
        """Answer an expert's question, with words or ``new`` photos, which are screened with those that were there.

        Raises NotFound, InvalidInput, Conflict where no question waits (any more), OSError when photos can't be written.
        """
        prepared: list[photos.PreparedPhoto] = []
        if new:
            with reading(self._sessions) as session:
                self._check_room(self.get(session, token), len(new))
            prepared, unreadable = self._prepare_photos(new, ScreeningAtOnce(self._classifiers, 0))
            if unreadable:
                raise InvalidSubmission(unreadable)
            self._keep_files(new, prepared)
        with transaction(self._sessions) as session:
            submission = questions.take_answer(session, token, text, with_photos=bool(new))
            known = {photo.sha256 for photo in submission.photos}
            added = {photo.sha256: (sent.filename, photo) for sent, photo in zip(new, prepared, strict=True)}
            added = {sha256: both for sha256, both in added.items() if sha256 not in known}
            job_id = self._add(session, submission, list(added.values())) if added else None
        if job_id is not None:
            self._keep_files(new, prepared)  # somebody may have withdrawn the same photo before our row kept its files
            jobs.send(self._sessions, self._send, job_id)

    def _check_room(self, submission: Submission, number: int) -> None:
        room = self._max_photos - len(submission.remaining_photos)
        if number > room:
            raise InvalidSubmission([FieldError("file", "too_many_photos", (("max", room),))])

    def _add(self, session: Session, submission: Submission, added: Sequence[tuple[str, photos.PreparedPhoto]]) -> int:
        """Add photos to a submission; the id of the job that screens it anew."""
        before = len(submission.photos)
        self._check_room(submission, len(added))
        names, prepared = [name for name, _ in added], [photo for _, photo in added]
        add_photos(submission, names, prepared, known_photos(session, prepared), later=True)
        changes = {"photos": [before, len(submission.photos)]}
        status.note_event(submission, event="photos_added", actor="volunteer", changes=changes)
        return jobs.create(session, JobKind.SCREENING, submission.id).id

    # --- steps of submit --------------------------------------------------------------------------------------------

    def _prepare_photos(
        self, new: Sequence[NewPhoto], screening: ScreeningAtOnce
    ) -> tuple[list[photos.PreparedPhoto], list[FieldError]]:
        prepared, errors = [], []
        for sent in new[: self._max_photos]:
            if sent.size > self._max_file_bytes:
                limit = self._max_file_bytes // 1_000_000
                errors.append(FieldError("file", "photo_too_many_bytes", (("max", limit),), sent.filename))
                continue
            try:
                with self._places, holding(sent.size):
                    photo = photos.prepare(sent.read(), self._limits, keep_picture=screening.wants_pictures)
                    square = square_for(sent.square, sent.shown, photo.info)
                    prepared.append(replace(screening.look(photo, square), square=square))
            except PhotoError as error:
                errors.append(FieldError("file", f"photo_{error.kind}", (), sent.filename))
        return prepared, errors

    def _keep_files(self, new: Sequence[NewPhoto], prepared: Sequence[photos.PreparedPhoto]) -> None:
        for photo, sent in zip(prepared, new, strict=True):
            photos.keep(self._storage, photo, sent.read)


def _find_repeat(session: Session, sender: Sender, digest: str) -> Receipt | None:
    volunteer = volunteers.find(session, sender.volunteer_key)
    if volunteer is None:
        return None
    mine = select(Submission).where(Submission.volunteer_id == volunteer.id)
    same_key = session.scalar(mine.where(Submission.idempotency_key == sender.idempotency_key))
    if same_key is not None and same_key.content_digest != digest:
        raise IdempotencyMismatch("This key has already been used for another submission.")
    same = same_key or session.scalar(
        mine.where(Submission.content_digest == digest, Submission.status != SubmissionStatus.WITHDRAWN)
    )
    return None if same is None else Receipt(same.token, volunteer.key, duplicate=True)
