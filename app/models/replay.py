"""What versions that do not serve say: of live photos in their shadow, of a season in a replay, of the photos that measure."""

from datetime import datetime

from sqlalchemy import JSON, ForeignKey, Index, Integer, false
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.domain.verdict import Outcome
from app.models.account import User
from app.models.columns import text_enum
from app.models.job import Job
from app.models.looked import Looked
from app.models.model_version import ModelVersion
from app.models.submission import Submission


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
