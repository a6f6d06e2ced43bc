"""Submissions with their photos, claims, predictions, verdicts and log. Decisions are appended, never edited."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, CheckConstraint, Date, ForeignKey, Index, Integer, String, Text, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.domain.submission import ClaimKind, Source, SubmissionStatus
from app.domain.verdict import Outcome, Reason
from app.domain.verification import VerificationStatus
from app.models.columns import text_enum
from app.models.model_version import ModelVersion
from app.models.taxon import Taxon
from app.models.volunteer import Volunteer


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
    token: Mapped[str] = mapped_column(String(40), unique=True)
    volunteer_id: Mapped[int] = mapped_column(ForeignKey("volunteers.id"))
    idempotency_key: Mapped[str] = mapped_column(String(100))
    content_digest: Mapped[str] = mapped_column(
        String(80), index=True, doc="hash over photos and answers: tells a repeat from a reuse"
    )
    status: Mapped[SubmissionStatus] = mapped_column(text_enum(SubmissionStatus), default=SubmissionStatus.RECEIVED)
    verification_status: Mapped[VerificationStatus] = mapped_column(
        text_enum(VerificationStatus), default=VerificationStatus.PENDING
    )
    individual_count: Mapped[int] = mapped_column(Integer, default=1)
    event_date: Mapped[date | None] = mapped_column(Date)
    event_date_source: Mapped[Source] = mapped_column(text_enum(Source), default=Source.MISSING)
    place: Mapped[str] = mapped_column(String(300), default="")
    latitude: Mapped[float | None]
    longitude: Mapped[float | None]
    coordinate_source: Mapped[Source] = mapped_column(text_enum(Source), default=Source.MISSING)
    note: Mapped[str] = mapped_column(Text, default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    withdrawn_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

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

    @property
    def verdict(self) -> "VerdictRecord | None":
        """The verdict on the claim that stands, if it was screened already."""
        return next((v for v in reversed(self.verdicts) if v.claim_id == self.claims[-1].id), None)


class ClaimRecord(Base):
    """The taxon the volunteer chose. A claim changed at the second look is a new row; the first one stays."""

    __tablename__ = "claims"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    kind: Mapped[ClaimKind] = mapped_column(text_enum(ClaimKind))
    taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"))
    verbatim: Mapped[str] = mapped_column(String(200), default="", doc="Darwin Core verbatimIdentification")
    informed: Mapped[bool] = mapped_column(default=False, doc="made after seeing a verdict")
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, doc="kept at the second look")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    submission: Mapped[Submission] = relationship(back_populates="claims")
    taxon: Mapped[Taxon | None] = relationship(lazy="joined")


class Photo(Base):
    """One picture of a submission. Files lie in the storage under the content hash; several rows may share them.

    After withdrawal the row stays, without file name, place and square; the files are gone when no other row needs them.
    """

    __tablename__ = "photos"
    __table_args__ = (UniqueConstraint("submission_id", "position"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    token: Mapped[str] = mapped_column(String(40), unique=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    position: Mapped[int] = mapped_column(Integer)
    sha256: Mapped[str] = mapped_column(String(64), index=True)
    filename: Mapped[str] = mapped_column(String(255), default="")
    format: Mapped[str] = mapped_column(String(10))
    byte_size: Mapped[int] = mapped_column(Integer)
    width: Mapped[int] = mapped_column(Integer, doc="pixels, upright")
    height: Mapped[int] = mapped_column(Integer, doc="pixels, upright")
    square: Mapped[list[float] | None] = mapped_column(
        JSON, doc="x, y, width, height as fractions of the upright photo"
    )
    taken_at: Mapped[str | None] = mapped_column(String(32), doc="EXIF local time, ISO without zone")
    seen_before: Mapped[bool] = mapped_column(default=False)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    original_removed_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, doc="when its time was over; the copies stay"
    )

    submission: Mapped[Submission] = relationship(back_populates="photos")
    predictions: Mapped[list["PredictionRecord"]] = relationship(
        back_populates="photo", order_by="PredictionRecord.id", lazy="selectin"
    )


class PredictionRecord(Base):
    """A model version's probabilities for one photo."""

    __tablename__ = "predictions"
    __table_args__ = (UniqueConstraint("photo_id", "model_version_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    photo_id: Mapped[int] = mapped_column(ForeignKey("photos.id", ondelete="CASCADE"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"), index=True)
    probabilities: Mapped[dict[str, float]] = mapped_column(JSON, doc="scientific name → calibrated probability")
    in_scope: Mapped[float]
    sketch: Mapped[list[float] | None] = mapped_column(
        JSON(none_as_null=True),
        doc="the embedding seen from a few directions: whether photos are still like those of before",
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    photo: Mapped[Photo] = relationship(back_populates="predictions")
    model_version: Mapped[ModelVersion] = relationship(lazy="joined")


class VerdictRecord(Base):
    """What the policy made of one claim and one model version's predictions. One row per (claim, version)."""

    __tablename__ = "verdicts"
    __table_args__ = (UniqueConstraint("claim_id", "model_version_id"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    claim_id: Mapped[int] = mapped_column(ForeignKey("claims.id", ondelete="CASCADE"))
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id"))
    outcome: Mapped[Outcome] = mapped_column(text_enum(Outcome))
    reason: Mapped[Reason] = mapped_column(text_enum(Reason))
    photo_position: Mapped[int] = mapped_column(Integer)
    support: Mapped[float | None] = mapped_column(doc="probability that the claim is right")
    suggested: Mapped[str | None] = mapped_column(String(200), doc="scientific name")
    within_error_bound: Mapped[bool] = mapped_column(default=False)
    machine_accepted: Mapped[bool] = mapped_column(default=False)
    policy: Mapped[dict[str, Any]] = mapped_column(JSON, doc="the numbers that were in force")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    submission: Mapped[Submission] = relationship(back_populates="verdicts")
    model_version: Mapped[ModelVersion] = relationship(lazy="joined")


class StatusLog(Base):
    """Every status change and second look, with who did it. Rows are only ever added."""

    __tablename__ = "status_log"

    id: Mapped[int] = mapped_column(primary_key=True)
    submission_id: Mapped[int] = mapped_column(ForeignKey("submissions.id", ondelete="CASCADE"), index=True)
    event: Mapped[str] = mapped_column(String(40))
    actor: Mapped[str] = mapped_column(String(40), doc="'volunteer', 'machine', or 'user:ID'")
    from_status: Mapped[SubmissionStatus | None] = mapped_column(text_enum(SubmissionStatus))
    to_status: Mapped[SubmissionStatus] = mapped_column(text_enum(SubmissionStatus))
    verification_status: Mapped[VerificationStatus] = mapped_column(text_enum(VerificationStatus))
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    submission: Mapped[Submission] = relationship(back_populates="log")
