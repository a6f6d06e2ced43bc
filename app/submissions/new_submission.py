"""A submission as it was sent: what may be wrong with it, what makes it a repeat, and the rows that it becomes."""

import hashlib
import json
import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.db import utcnow
from app.core.errors import FieldError, InvalidSubmission
from app.predictions.inference import Square, square_for
from app.predictions.rules import ClaimKind
from app.submissions import photos, status, volunteers
from app.submissions.rules import Source
from app.submissions.tables import ClaimRecord, Photo, Submission
from app.taxa import names as taxa
from app.taxa.tables import Taxon

MAX_COUNT = 999
MAX_TEXT = 2000
MAX_PLACE = 300
MAX_NAME = 200
# Somebody at the other side of the date line is a day ahead.
_CLOCK_TOLERANCE = timedelta(days=1)
_EARLIEST = date(1900, 1, 1)


@dataclass(frozen=True)
class NewPhoto:
    """One file as it was sent. ``read`` is called when its turn comes, so that one photo at a time is in memory.

    ``square`` is drawn on the photo as a browser showed it, with ``shown`` as its width and height in pixels; None where
    nobody says so.
    """

    filename: str
    size: int
    read: Callable[[], bytes]
    square: Square | None = None
    shown: tuple[int, int] | None = None


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


def mistakes_in(session: Session, new: NewSubmission, max_photos: int) -> list[FieldError]:
    """What is wrong with the fields; what is wrong with the photos shows when they are read."""
    errors = list(new.mistakes)
    if not new.photos:
        errors.append(FieldError("file", "photo_missing"))
    if len(new.photos) > max_photos:
        errors.append(FieldError("file", "too_many_photos", (("max", max_photos),)))
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
    if new.claim_kind is ClaimKind.TAXON and new.claimed_name and taxa.find(session, new.claimed_name) is None:
        errors.append(FieldError("claim", "claim_unknown"))
    return errors


def on_upright_photos(new: NewSubmission, prepared: Sequence[photos.PreparedPhoto]) -> NewSubmission:
    """With the squares where they lie on the photos as they were decoded, and without those of which nobody can know that."""
    turned = [
        replace(sent, square=square_for(sent.square, sent.shown, photo.info), shown=None)
        for sent, photo in zip(new.photos, prepared, strict=True)
    ]
    return replace(new, photos=turned)


def content_digest(new: NewSubmission, prepared: Sequence[photos.PreparedPhoto]) -> str:
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


def write(
    session: Session,
    new: NewSubmission,
    prepared: Sequence[photos.PreparedPhoto],
    volunteer_key: str | None,
    idempotency_key: str,
    content: str,
) -> Submission:
    """The row with its volunteer, claim and photos; nothing screens it yet."""
    volunteer = volunteers.find_or_create(session, volunteer_key, new.language)
    if new.email is not None:
        volunteers.set_email(session, volunteer, new.email)
    taxon = claimed_taxon(session, new.claim_kind, new.claimed_name)
    submission = Submission(
        token=secrets.token_urlsafe(18),
        volunteer=volunteer,
        idempotency_key=idempotency_key,
        content_digest=content,
        individual_count=new.individual_count,
        place=new.place,
        note=new.note,
        photos=[],
        verdicts=[],
        log=[],
        **_origin(new, prepared),
    )
    submission.claims.append(ClaimRecord(kind=new.claim_kind, taxon=taxon, verbatim=new.claim_verbatim))
    session.add(submission)
    session.flush()
    _add_photos(session, submission, new.photos, prepared)
    status.note_event(session, submission, event="received", actor="volunteer")
    return submission


def claimed_taxon(session: Session, kind: ClaimKind, scientific_name: str | None) -> Taxon | None:
    """The taxon of a claim; None where it names none. Raises InvalidSubmission for one that is not on the list."""
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
                predictions=[],
            )
        )
    session.flush()
