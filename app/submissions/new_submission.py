"""A new submission: what is wrong with it, what makes it a repeat, and the rows that it becomes."""

import hashlib
import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.errors import FieldError, InvalidSubmission
from app.organisation import details as organisation
from app.predictions.rules import ClaimKind
from app.submissions import status, volunteers
from app.submissions.form import NO_LICENCE, NewSubmission, RecordFields, SubmissionFields
from app.submissions.photos import PreparedPhoto
from app.submissions.rules import Source, SubmissionStatus, VerificationStatus
from app.submissions.tables import ClaimRecord, Photo, Submission
from app.taxa import names as taxa
from app.taxa.tables import Taxon

# Of keys that make a repeat known.
SHORTEST_KEY, LONGEST_KEY = 16, 100


@dataclass(frozen=True)
class Sender:
    """Who sends; ``volunteer_key`` None: somebody new. The same content under the same ``idempotency_key`` is a repeat."""

    volunteer_key: str | None
    idempotency_key: str

    @classmethod
    def of(cls, volunteer_key: str | None, idempotency_key: str | None) -> Self:
        """Whoever has no cookie is known by a key that can't be guessed: a repeat under it is theirs."""
        if not idempotency_key or len(idempotency_key) < SHORTEST_KEY:
            return cls(volunteer_key, idempotency_key or secrets.token_urlsafe(18))
        return cls(volunteer_key or "key-" + hashlib.sha256(idempotency_key.encode()).hexdigest()[:32], idempotency_key)


def mistakes_in(session: Session, new: NewSubmission, max_photos: int) -> list[FieldError]:
    """What is wrong with the fields; what is wrong with the photos shows when they are read."""
    errors = list(new.mistakes)
    if not new.photos:
        errors.append(FieldError("file", "photo_missing"))
    if len(new.photos) > max_photos:
        errors.append(FieldError("file", "too_many_photos", (("max", max_photos),)))
    if not new.fields.claim:
        errors.append(FieldError("claim", "claim_missing"))
    return [*errors, *mistakes_between(session, new.fields)]


def mistakes_between(session: Session, fields: RecordFields) -> list[FieldError]:
    """What single fields can't know: whether the species is on the list, and the coordinates belong together."""
    errors = []
    kind, name = fields.claimed
    if fields.claim and kind is ClaimKind.TAXON and taxa.find(session, name or "") is None:
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
    known = known_photos(session, photos)
    volunteer = volunteers.find_or_create(session, sender.volunteer_key, new.language)
    volunteer.language = new.language
    volunteers.add_email(session, volunteer, fields.email, fields.outcome_mails)
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
        **_permissions(session, fields),
        **_origin(fields, photos),
    )
    taxon = claimed_taxon(session, kind, name)
    submission.claims.append(ClaimRecord(kind=kind, taxon=taxon, verbatim=fields.claim_verbatim))
    session.add(submission)
    add_photos(submission, [photo.filename for photo in new.photos], photos, known)
    status.note_event(submission, event="received", actor="volunteer")
    session.flush()
    return submission


def _permissions(session: Session, fields: SubmissionFields) -> dict[str, object]:
    """What may be done with the photos: as the volunteer said, else as the organisation proposes."""
    proposed = organisation.current(session)
    licence = proposed.photo_licence if fields.photo_licence is None else fields.photo_licence
    return {
        "training": proposed.training if fields.training is None else fields.training,
        "photo_licence": None if licence == NO_LICENCE else licence,
    }


def claimed_taxon(session: Session, kind: ClaimKind, scientific_name: str | None) -> Taxon | None:
    """The taxon of a claim; None where it names none. Raises InvalidSubmission for one that is not on the list."""
    if kind is not ClaimKind.TAXON:
        return None
    taxon = taxa.find(session, scientific_name or "")
    if taxon is None:
        raise InvalidSubmission([FieldError("claim", "claim_unknown")])
    return taxon


def _origin(fields: SubmissionFields, photos: Sequence[PreparedPhoto]) -> dict[str, object]:
    """Date and coordinates with where they came from: what was given, else the first photo whose EXIF has it, unless the
    sender says that there is to be none.
    """
    day, spot = fields.day, fields.spot
    if day["event_date"] is None and fields.event_date_source is not Source.MISSING:
        taken = next((photo.origin.taken_at for photo in photos if photo.origin.taken_at), None)
        day = {"event_date": taken.date(), "event_date_source": Source.EXIF} if taken else day
    if spot["latitude"] is None and fields.coordinate_source is not Source.MISSING and not fields.place:
        found = next((photo.origin for photo in photos if photo.origin.latitude is not None), None)
        if found is not None:
            spot = {"latitude": found.latitude, "longitude": found.longitude, "coordinate_source": Source.EXIF}
    return day | spot


def known_photos(session: Session, photos: Sequence[PreparedPhoto]) -> set[str]:
    """The hashes of those that were sent before, by anyone."""
    return set(session.scalars(select(Photo.sha256).where(Photo.sha256.in_([p.sha256 for p in photos])).distinct()))


def add_photos(
    submission: Submission,
    filenames: Sequence[str],
    photos: Sequence[PreparedPhoto],
    known: set[str],
    *,
    later: bool = False,
) -> None:
    """Add rows for photos; ``known``: the hashes of those that were sent before. Those that come ``later`` count as a change
    of squares: what was said of the others alone no longer stands.
    """
    for position, (filename, photo) in enumerate(zip(filenames, photos, strict=True), len(submission.photos)):
        submission.photos.append(
            Photo(
                token=secrets.token_urlsafe(18),
                position=position,
                sha256=photo.sha256,
                filename=filename[:255],
                format=photo.info.format,
                byte_size=photo.size,
                width=photo.info.width,
                height=photo.info.height,
                square=list(vars(photo.square).values()) if photo.square else None,
                square_changes=int(later),
                taken_at=photo.origin.taken_at.isoformat() if photo.origin.taken_at else None,
                seen_before=photo.sha256 in known,
                predictions=[],
            )
        )
