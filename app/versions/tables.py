"""Snapshots of verified photos, and the training runs that learn from them. A run's state is that of its job."""

from datetime import date, datetime
from typing import Any

from sqlalchemy import JSON, Boolean, Date, ForeignKey, Index, Integer, String, UniqueConstraint, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.accounts.tables import User
from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.core.long_work import LongWorkRow
from app.core.tables import Job
from app.predictions.rules import Outcome
from app.predictions.tables import Looked, ModelVersion
from app.submissions.rules import VerificationStatus
from app.submissions.tables import Photo, Submission
from app.taxa.tables import Taxon
from app.versions.rules import Part, Start, Trigger, VerifiedBy


class PhotoPart(Base):
    """Whether a picture teaches or measures, drawn once and for ever. Kept by content: a copy of it has the same part."""

    __tablename__ = "photo_parts"

    sha256: Mapped[str] = mapped_column(String(64), primary_key=True, info={"stays": "fingerprint"})
    part: Mapped[Part] = mapped_column(text_enum(Part))
    volunteer_id: Mapped[int | None] = mapped_column(ForeignKey("volunteers.id", ondelete="SET NULL"), index=True)
    assigned_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Snapshot(Base):
    """What a run learns from and is measured on, frozen. ``fingerprint`` is over its photos and the files of base data."""

    __tablename__ = "snapshots"

    id: Mapped[int] = mapped_column(primary_key=True)
    fingerprint: Mapped[str] = mapped_column(String(80), unique=True)
    bases: Mapped[list[dict[str, Any]]] = mapped_column(JSON, doc="base data sets: path, files, fingerprint")
    counts: Mapped[dict[str, dict[str, int]]] = mapped_column(JSON, doc="part → scientific name → photos")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    photos: Mapped[list["SnapshotPhoto"]] = relationship(back_populates="snapshot", order_by="SnapshotPhoto.photo_id")


class SnapshotPhoto(Base):
    """A verified photo in a snapshot, as it stood then. Once its photo is withdrawn, no folder is written with it."""

    __tablename__ = "snapshot_photos"
    __table_args__ = (Index("ix_snapshot_photos_photo", "photo_id"),)

    snapshot_id: Mapped[int] = mapped_column(
        ForeignKey("snapshots.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    taxon_id: Mapped[int | None] = mapped_column(ForeignKey("taxa.id"), doc="NULL: a person saw no butterfly in it")
    code: Mapped[VerificationStatus] = mapped_column(text_enum(VerificationStatus))
    part: Mapped[Part] = mapped_column(text_enum(Part))
    verified_by: Mapped[VerifiedBy] = mapped_column(text_enum(VerifiedBy))
    verified_at: Mapped[datetime] = mapped_column(UtcDateTime)
    volunteer: Mapped[str] = mapped_column(String(40), info={"stays": "opinions"}, doc="a pseudonym")
    event: Mapped[str] = mapped_column(String(40), info={"stays": "opinions"}, doc="photos of one burst share it")
    is_new: Mapped[bool] = mapped_column(Boolean, doc="no earlier snapshot that a version learnt from had it")
    square: Mapped[list[float] | None] = mapped_column(
        JSON(none_as_null=True),
        info={"personal": "photos"},
        doc="around the animal, drawn by a person or found by a version, as it was then",
    )

    snapshot: Mapped[Snapshot] = relationship(back_populates="photos")
    photo: Mapped[Photo] = relationship(lazy="joined")
    taxon: Mapped[Taxon | None] = relationship(lazy="joined")


class TrainingRun(LongWorkRow, Base):
    """One training, from its start to a registered version. What its process reports is written here as it goes."""

    __tablename__ = "training_runs"
    UNWATCHED = frozenset({"seconds_spent", "peak_megabytes"})

    task: Mapped[str] = mapped_column(String(100))
    snapshot_id: Mapped[int] = mapped_column(ForeignKey("snapshots.id"), index=True)
    cause: Mapped[Trigger] = mapped_column(text_enum(Trigger))
    occasion: Mapped[str | None] = mapped_column(String(100), unique=True, doc="a schedule starts one run per occasion")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    config: Mapped[str] = mapped_column(String(200), doc="name of an experiment, or path of a config file")
    start: Mapped[Start] = mapped_column(text_enum(Start))
    start_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"))
    options: Mapped[dict[str, Any]] = mapped_column(JSON, doc="epochs, seed and other values of the config")
    labels: Mapped[list[str]] = mapped_column(JSON, doc="scientific names in class-index order")
    wanted: Mapped[dict[str, Any]] = mapped_column(JSON, doc="which verified photos it was to take")
    model_name: Mapped[str] = mapped_column(String(100))
    time_limit_minutes: Mapped[int] = mapped_column(Integer)
    memory_limit_megabytes: Mapped[int] = mapped_column(Integer)

    epoch: Mapped[int] = mapped_column(Integer, default=0)
    epochs: Mapped[int] = mapped_column(Integer, default=0)
    curves: Mapped[list[dict[str, float]]] = mapped_column(JSON, default=list, doc="what each epoch reported")
    images_per_second: Mapped[float | None]
    seconds_left: Mapped[float | None]
    seconds_spent: Mapped[float] = mapped_column(default=0.0, doc="over all attempts")
    peak_megabytes: Mapped[float] = mapped_column(default=0.0)
    comparison: Mapped[dict[str, Any] | None] = mapped_column(
        JSON, doc="with the version that served then, on the photos that measure; NULL: not measured"
    )
    model_version_id: Mapped[int | None] = mapped_column(ForeignKey("model_versions.id"), unique=True)
    started_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    snapshot: Mapped[Snapshot] = relationship(lazy="joined")
    user: Mapped[User | None] = relationship(lazy="joined")
    model_version: Mapped[ModelVersion | None] = relationship(foreign_keys=[model_version_id], lazy="joined")
    start_version: Mapped[ModelVersion | None] = relationship(foreign_keys=[start_version_id], lazy="joined")


class CandidatePrediction(Looked, Base):
    """What a version says of one photo that it did not screen. Nobody is shown it, and nothing follows from it."""

    __tablename__ = "candidate_predictions"

    model_version_id: Mapped[int] = mapped_column(
        ForeignKey("model_versions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    photo_id: Mapped[int] = mapped_column(
        ForeignKey("photos.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    square_changes: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)


class Replay(Base):
    """A candidate asked about submissions of the past, beside the version that served when it was asked."""

    __tablename__ = "replays"

    id: Mapped[int] = mapped_column(primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"), index=True)
    against_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"))
    only_measuring: Mapped[bool] = mapped_column(
        default=False, doc="only photos that measure models and never teach them"
    )
    live: Mapped[bool] = mapped_column(
        default=False, server_default=false(), doc="grows by what is screened while the version stands in the shadow"
    )
    since: Mapped[datetime | None] = mapped_column(UtcDateTime, doc="when the first of the submissions was sent")
    submissions: Mapped[int] = mapped_column(Integer, doc="to look at; 0 where it is live")
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    model_version: Mapped[ModelVersion] = relationship(foreign_keys=[model_version_id], lazy="joined")
    against: Mapped[ModelVersion] = relationship(foreign_keys=[against_id], lazy="joined")
    user: Mapped[User | None] = relationship(lazy="joined")


class ReplayChunk(Base):
    """A part of a replay, small enough for one job; several workers share them."""

    __tablename__ = "replay_chunks"

    id: Mapped[int] = mapped_column(primary_key=True)
    replay_id: Mapped[int] = mapped_column(ForeignKey("replays.id", ondelete="CASCADE"), index=True)
    job_id: Mapped[int] = mapped_column(ForeignKey("jobs.id"), unique=True)
    submission_ids: Mapped[list[int]] = mapped_column(JSON)

    replay: Mapped[Replay] = relationship(lazy="joined")
    job: Mapped[Job] = relationship(lazy="joined")


class ReplayVerdict(Base):
    """What either version makes of one submission, by the policy of today. ``decided``: a person has decided on it."""

    __tablename__ = "replay_verdicts"
    __table_args__ = (Index("ix_replay_verdicts_flips", "replay_id", "before", "after"),)

    replay_id: Mapped[int] = mapped_column(
        ForeignKey("replays.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    submission_id: Mapped[int] = mapped_column(
        ForeignKey("submissions.id", ondelete="CASCADE"), primary_key=True, autoincrement=False, index=True
    )
    before: Mapped[Outcome] = mapped_column(text_enum(Outcome))
    after: Mapped[Outcome] = mapped_column(text_enum(Outcome))
    accepted_before: Mapped[bool]
    accepted_after: Mapped[bool]
    accepted_now: Mapped[bool] = mapped_column(doc="the record stands as accepted by the machine")
    decided: Mapped[bool]

    submission: Mapped[Submission] = relationship()


class WatchAlert(Base):
    """One figure of one week past its limit. It is told until somebody has seen it; ``sent_at``: the webhook took it."""

    __tablename__ = "watch_alerts"
    __table_args__ = (UniqueConstraint("model_version_id", "week", "figure"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    model_version_id: Mapped[int] = mapped_column(ForeignKey("model_versions.id", ondelete="CASCADE"))
    week: Mapped[date] = mapped_column(Date, doc="its Monday")
    figure: Mapped[str] = mapped_column(String(40))
    value: Mapped[float]
    limit: Mapped[float]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    seen_by: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))

    model_version: Mapped[ModelVersion] = relationship(lazy="joined")
    user: Mapped[User | None] = relationship(lazy="joined")
