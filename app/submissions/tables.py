"""Volunteers and what they send: submissions, claims, photos; and what model versions and the machine say of them."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    CheckConstraint,
    Date,
    ForeignKey,
    Index,
    Integer,
    ScalarSelect,
    String,
    Text,
    UniqueConstraint,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.organisation.rules import Licence
from app.predictions.rules import ClaimKind, Opinion, Outcome, Reason
from app.predictions.tables import Looked, ModelVersion
from app.submissions.rules import OutcomeMails, Source, SubmissionStatus, VerificationStatus
from app.taxa.tables import Taxon


class Volunteer(Base):
    """Whoever sends. ``key`` is what the signed cookie carries; the e-mail address is optional, for questions and outcomes."""

    __tablename__ = "volunteers"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True, info={"personal": "cookie"})
    email: Mapped[str | None] = mapped_column(String(320), info={"personal": "address"})
    email_confirmed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime,
        info={"personal": "address"},
        doc="NULL: nobody has shown that the address is theirs",
    )
    outcome_mails: Mapped[OutcomeMails] = mapped_column(text_enum(OutcomeMails), default=OutcomeMails.AT_ONCE)
    question_mails: Mapped[bool] = mapped_column(default=True)
    language: Mapped[str] = mapped_column(
        String(12), default="en", info={"personal": "cookie"}, doc="of the last submission"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Submission(Base):
    """What a volunteer sent. ``token`` is the unguessable part of its link."""

    __tablename__ = "submissions"
    __table_args__ = (
        UniqueConstraint("volunteer_id", "idempotency_key"),
        CheckConstraint("individual_count >= 1", name="count_positive"),
        CheckConstraint("latitude BETWEEN -90 AND 90", name="latitude_range"),
        CheckConstraint("longitude BETWEEN -180 AND 180", name="longitude_range"),
        Index("ix_submissions_status_created", "status", "created_at"),
        Index("ix_submissions_volunteer_created", "volunteer_id", "created_at"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True, info={"stays": "log"})
    volunteer_id: Mapped[int] = mapped_column(ForeignKey("volunteers.id"))
    idempotency_key: Mapped[str] = mapped_column(String(100), info={"personal": "sending"})
    content_digest: Mapped[str] = mapped_column(
        String(80),
        index=True,
        info={"personal": "sending"},  # place and note could be guessed from it
        doc="hash over photos and answers: tells a repeat from a reuse",
    )
    status: Mapped[SubmissionStatus] = mapped_column(text_enum(SubmissionStatus), default=SubmissionStatus.RECEIVED)
    verification_status: Mapped[VerificationStatus] = mapped_column(
        text_enum(VerificationStatus), default=VerificationStatus.PENDING
    )
    individual_count: Mapped[int] = mapped_column(Integer, default=1, info={"personal": "sighting"})
    event_date: Mapped[date | None] = mapped_column(Date, info={"personal": "sighting"})
    event_date_source: Mapped[Source] = mapped_column(
        text_enum(Source), default=Source.MISSING, info={"personal": "sighting"}
    )
    place: Mapped[str] = mapped_column(String(300), default="", info={"personal": "words"})
    latitude: Mapped[float | None] = mapped_column(info={"personal": "spot"})
    longitude: Mapped[float | None] = mapped_column(info={"personal": "spot"})
    coordinate_source: Mapped[Source] = mapped_column(
        text_enum(Source), default=Source.MISSING, info={"personal": "spot"}
    )
    note: Mapped[str] = mapped_column(Text, default="", info={"personal": "words"})
    training: Mapped[bool] = mapped_column(default=True, doc="the volunteer lets its photos train and test models")
    photo_licence: Mapped[Licence | None] = mapped_column(
        text_enum(Licence), doc="that the volunteer gave; NULL: nobody else may use its photos"
    )
    place_rounded_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, doc="when its time was over; the typed words went with it"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    outcome_seen_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, doc="when its volunteer last saw what experts decided"
    )

    volunteer: Mapped[Volunteer] = relationship(lazy="joined")
    photos: Mapped[list["Photo"]] = relationship(
        back_populates="submission", order_by="Photo.position", lazy="selectin"
    )
    claims: Mapped[list["ClaimRecord"]] = relationship(
        back_populates="submission", order_by="ClaimRecord.id", lazy="selectin"
    )
    verdicts: Mapped[list["VerdictRecord"]] = relationship(
        back_populates="submission", order_by="VerdictRecord.id", lazy="selectin"
    )
    log: Mapped[list["StatusLog"]] = relationship(back_populates="submission", order_by="StatusLog.id", lazy="selectin")

    @property
    def claim(self) -> "ClaimRecord":
        """The claim that stands: the latest."""
        return self.claims[-1]

    @classmethod
    def latest_claim_id(cls) -> ScalarSelect[int]:
        """SQL: the id of the claim that stands."""
        latest = select(func.max(ClaimRecord.id)).where(ClaimRecord.submission_id == cls.id)
        return latest.correlate(cls).scalar_subquery()

    @property
    def remaining_photos(self) -> list["Photo"]:
        """Those that were not withdrawn."""
        return [photo for photo in self.photos if photo.removed_at is None]

    @property
    def square_changes(self) -> int:
        """How often the squares of its photos were changed since it was sent."""
        return sum(photo.square_changes for photo in self.photos)

    @property
    def verdict(self) -> "VerdictRecord | None":
        """The verdict on claim and squares as they stand, if it was screened already."""
        stands = (self.claims[-1].id, self.square_changes)
        return next((v for v in reversed(self.verdicts) if (v.claim_id, v.square_changes) == stands), None)


class ClaimRecord(Base):
    """The taxon the volunteer chose. A claim changed at the second look is a new row; the first one stays."""

    __tablename__ = "claims"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    kind: Mapped[ClaimKind] = mapped_column(text_enum(ClaimKind), info={"stays": "opinions"})
    taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    verbatim: Mapped[str] = mapped_column(
        String(200), default="", info={"personal": "sighting"}, doc="Darwin Core verbatimIdentification"
    )
    informed: Mapped[bool] = mapped_column(default=False, doc="made after seeing a verdict")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, doc="kept at the second look")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    submission: Mapped[Submission] = relationship(back_populates="claims")
    taxon: Mapped[Taxon | None] = relationship(lazy="joined")


class Photo(Base):
    """One picture of a submission. Files lie in the storage under the content hash; several rows may share them.

    After withdrawal the row stays, without file name and square; the files are gone when no other row needs them.
    """

    __tablename__ = "photos"
    __table_args__ = (UniqueConstraint("submission_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True, info={"stays": "log"})
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64), index=True, info={"stays": "fingerprint"})
    filename: Mapped[str] = mapped_column(String(255), default="", info={"personal": "words"})
    format: Mapped[str] = mapped_column(String(10), info={"stays": "fingerprint"})
    byte_size: Mapped[int] = mapped_column(Integer)
    width: Mapped[int] = mapped_column(Integer, doc="pixels, upright")
    height: Mapped[int] = mapped_column(Integer, doc="pixels, upright")
    square: Mapped[list[float] | None] = mapped_column(
        JSON,
        info={"personal": "photos"},
        doc="drawn by a person: x, y, width, height as fractions of the upright photo",
    )
    square_changes: Mapped[int] = mapped_column(Integer, default=0, doc="how often it was changed since it was sent")
    taken_at: Mapped[str | None] = mapped_column(
        String(32), info={"personal": "photos"}, doc="EXIF local time, ISO without zone"
    )
    seen_before: Mapped[bool] = mapped_column(default=False)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    original_removed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, doc="when its time was over; the copies stay"
    )

    submission: Mapped[Submission] = relationship(back_populates="photos")
    predictions: Mapped[list["PredictionRecord"]] = relationship(
        back_populates="photo", order_by="PredictionRecord.id", lazy="selectin"
    )

    def prediction(self, model_version_id: int | None = None) -> "PredictionRecord | None":
        """The newest prediction for the square as it stands; of one version where it is named."""
        return next(
            (
                row
                for row in reversed(self.predictions)
                if row.square_changes == self.square_changes and model_version_id in {None, row.model_version_id}
            ),
            None,
        )

    @property
    def animal(self) -> list[float] | None:
        """The square around its animal: the one that a person drew, else the one that a model version found."""
        prediction = self.prediction()
        return self.square or (prediction.square if prediction else None)


class PredictionRecord(Looked, Base):
    """What a model version says of one photo. A square that is changed makes another row."""

    __tablename__ = "predictions"
    __table_args__ = (UniqueConstraint("photo_id", "model_version_id", "square_changes"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"), index=True)
    sketch: Mapped[list[float] | None] = mapped_column(
        JSON(none_as_null=True),
        doc="the embedding seen from a few directions: whether photos are still like those of before",
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    photo: Mapped[Photo] = relationship(back_populates="predictions")
    model_version: Mapped[ModelVersion] = relationship(lazy="joined")


class VerdictRecord(Base):
    """What the policy made of one claim and one model version's predictions. Another claim, version or square: another row."""

    __tablename__ = "verdicts"
    __table_args__ = (UniqueConstraint("claim_id", "model_version_id", "square_changes"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    outcome: Mapped[Outcome] = mapped_column(text_enum(Outcome))
    reason: Mapped[Reason] = mapped_column(text_enum(Reason))
    photo_position: Mapped[int] = mapped_column(Integer)
    square_changes: Mapped[int] = mapped_column(Integer, default=0, doc="the submission's when it was judged")
    support: Mapped[float | None] = mapped_column(doc="probability that the claim is right")
    suggested: Mapped[str | None] = mapped_column(String(200), info={"stays": "opinions"}, doc="scientific name")
    within_error_bound: Mapped[bool] = mapped_column(default=False)
    machine_accepted: Mapped[bool] = mapped_column(default=False)
    policy: Mapped[dict[str, Any]] = mapped_column(JSON, doc="the numbers that were in force")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    submission: Mapped[Submission] = relationship(back_populates="verdicts")
    model_version: Mapped[ModelVersion] = relationship(lazy="joined")

    @property
    def prediction(self) -> PredictionRecord | None:
        """What its version said of the photo that decided, with the squares as they stand; None after a withdrawal."""
        remaining, position = self.submission.remaining_photos, self.photo_position
        return remaining[position].prediction(self.model_version_id) if position < len(remaining) else None

    def leaves_out(self, opinion: PredictionRecord | Opinion) -> bool:
        """Whether a photo, or an animal of it, shows none of the version's species by the policy that was in force."""
        threshold: float = self.policy.get("in_scope_threshold", 0.0)
        return opinion.in_scope < threshold


class StatusLog(Base):
    """Every status change and second look, with who did it. Rows are only ever added."""

    __tablename__ = "status_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(40), info={"stays": "log"})
    actor: Mapped[str] = mapped_column(String(40), info={"stays": "log"}, doc="'volunteer', 'machine', or 'user:ID'")
    from_status: Mapped[SubmissionStatus | None] = mapped_column(text_enum(SubmissionStatus))
    to_status: Mapped[SubmissionStatus] = mapped_column(text_enum(SubmissionStatus))
    verification_status: Mapped[VerificationStatus] = mapped_column(text_enum(VerificationStatus))
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    changes: Mapped[dict[str, list[Any]] | None] = mapped_column(
        JSON(none_as_null=True),
        info={"personal": "words"},
        doc="what the volunteer corrected: field → value before and after",
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    submission: Mapped[Submission] = relationship(back_populates="log")
