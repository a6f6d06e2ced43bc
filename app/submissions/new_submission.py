"""A new submission: what is wrong with it, what makes it a repeat, and the rows that it becomes."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import FieldError, InvalidSubmission
from app.predictions.rules import ClaimKind
from app.submissions import status, volunteers
from app.submissions.form import NewSubmission, SubmissionFields, latest_day
from app.submissions.photos import Origin, PreparedPhoto
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, Photo, Submission
from app.taxa import names as taxa
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class Sender:
    """Who sends; ``volunteer_key`` None: somebody new. The same content under the same ``idempotency_key`` is a repeat."""

    volunteer_key: str | None
    idempotency_key: str


def mistakes_in(session: Session, new: NewSubmission, max_photos: int) -> list[FieldError]:
    """What is wrong with the fields; what is wrong with the photos shows when they are read."""
    errors = list(new.mistakes)
    fields = new.fields
    kind, name = fields.claimed
    if not new.photos:
        errors.append(FieldError("file", "photo_missing"))
    if len(new.photos) > max_photos:
        errors.append(FieldError("file", "too_many_photos", (("max", max_photos),)))
    if not fields.claim:
        errors.append(FieldError("claim", "claim_missing"))
    elif kind is ClaimKind.TAXON and taxa.find(session, name or "") is None:
        errors.append(FieldError("claim", "claim_unknown"))
    if (fields.latitude is None) != (fields.longitude is None):
        errors.append(FieldError("latitude", "coordinates_half"))
    elif not (-90 <= (fields.latitude or 0) <= 90 and -180 <= (fields.longitude or 0) <= 180):
        errors.append(FieldError("latitude", "coordinates_range"))
    return errors


def content_digest(fields: SubmissionFields, photos: Sequence[PreparedPhoto]) -> str:
    """What makes two submissions the same: photos, squares and answers; not the e-mail address, not the file names."""
    content = {
        "photos": [
            (photo.sha256, None if photo.square is None else [round(v, 4) for v in vars(photo.square).values()])
            for photo in photos
        ],
        "claim": [*fields.claimed, fields.claim_verbatim],
        "record": fields.record,
    }
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


# --- its rows ---------------------------------------------------------------------------------------------------------


def write(
    session: Session, new: NewSubmission, photos: Sequence[PreparedPhoto], sender: Sender, digest: str
) -> Submission:
    """The row with its volunteer, claim and photos; nothing screens it yet."""
    fields = new.fields
    kind, name = fields.claimed
    known = _known(session, photos)
    volunteer = volunteers.find_or_create(session, sender.volunteer_key, new.language)
    if fields.email is not None and volunteer.email is None:  # one that is known changes only under My submissions
        volunteers.set_email(volunteer, fields.email)
    submission = Submission(
        token=secrets.token_urlsafe(18),
        volunteer=volunteer,
        idempotency_key=sender.idempotency_key,
        content_digest=digest,
        status=SubmissionStatus.RECEIVED,
        verification_status=VerificationStatus.PENDING,
        photos=[],
        verdicts=[],
        log=[],
        **fields.columns,
        **_origin(fields, photos),
    )
    taxon = claimed_taxon(session, kind, name)
    submission.claims.append(ClaimRecord(kind=kind, taxon=taxon, verbatim=fields.claim_verbatim))
    session.add(submission)
    _add_photos(submission, [photo.filename[:255] for photo in new.photos], photos, known)
    status.note_event(submission, event="received", actor="volunteer")
    session.flush()
    return submission


def claimed_taxon(session: Session, kind: ClaimKind, scientific_name: str | None) -> Taxon | None:
    """The taxon of a claim; None where it names none. Raises InvalidSubmission for one that is not on the list."""
    if kind is not ClaimKind.TAXON:
        return None
    taxon = taxa.find(session, scientific_name or "")
    if taxon is None:
        raise InvalidSubmission([FieldError("claim", "claim_unknown")])
    return taxon


def _origin(fields: SubmissionFields, photos: Sequence[PreparedPhoto]) -> dict[str, object]:
    """Date and coordinates with where they came from: what was given, else the first photo whose EXIF has it."""
    values: dict[str, object] = {}
    taken = next((photo.origin.taken_at for photo in photos if photo.origin.taken_at), None)
    if fields.event_date is not None:
        values |= {"event_date": fields.event_date, "event_date_source": fields.event_date_source}
    elif taken is not None and taken.date() <= latest_day():
        values |= {"event_date": taken.date(), "event_date_source": Source.EXIF}
    located = next((photo.origin for photo in photos if photo.origin.latitude is not None), None)
    spot: SubmissionFields | Origin | None = None
    source = fields.coordinate_source
    if fields.latitude is not None:
        spot = fields
    elif located is not None and not fields.place:
        spot, source = located, Source.EXIF
    if spot is not None:
        values |= {"latitude": spot.latitude, "longitude": spot.longitude, "coordinate_source": source}
    return values


def _known(session: Session, photos: Sequence[PreparedPhoto]) -> set[str]:
    """The hashes of those that were sent before, by anyone."""
    return set(session.scalars(select(Photo.sha256).where(Photo.sha256.in_([p.sha256 for p in photos])).distinct()))


def _add_photos(submission: Submission, filenames: list[str], photos: Sequence[PreparedPhoto], known: set[str]) -> None:
    for position, (filename, photo) in enumerate(zip(filenames, photos, strict=True)):
        submission.photos.append(
            Photo(
                token=secrets.token_urlsafe(18),
                position=position,
                sha256=photo.sha256,
                filename=filename,
                format=photo.info.format,
                byte_size=photo.size,
                width=photo.info.width,
                height=photo.info.height,
                square=list(vars(photo.square).values()) if photo.square else None,
                taken_at=photo.origin.taken_at.isoformat() if photo.origin.taken_at else None,
                seen_before=photo.sha256 in known,
                predictions=[],
            )
        )
