"""Tables without a room of their own: jobs, and the counts of rate limits."""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, UtcDateTime, text_enum, utcnow


class JobKind(StrEnum):
    """The kinds of background work."""

    SCREENING = "screening"
    REMOVAL = "removal"
    RETENTION = "retention"
    COMPACTION = "compaction"
    TRAINING = "training"
    REPLAY = "replay"
    WATCH = "watch"
    COLLECTION = "collection"
    PHOTOGRAPHER = "photographer"
    MAIL = "mail"
    MAIL_CARE = "mail_care"


class JobStatus(StrEnum):
    """Queued → running → done; back to queued after an error or a lost worker, or failed for good."""

    QUEUED = "queued"
    RUNNING = "running"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"


class WorkerBeat(Base):
    """A worker that runs, and when it last moved. It takes its row along when it leaves; what is old was killed, or hangs."""

    __tablename__ = "workers"

    name: Mapped[str] = mapped_column(String(100), primary_key=True, doc="machine and process")
    beat_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Job(Base):
    """Background work, written in the same transaction as its subject, so neither exists without the other.

    The message follows the commit; the sweep sends it again if ``sent_at`` is empty or old. An old ``heartbeat_at`` of a
    running job means that its worker is gone.
    """

    __tablename__ = "jobs"
    __table_args__ = (Index("ix_jobs_status_sent", "status", "sent_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[JobKind] = mapped_column(text_enum(JobKind))
    subject_id: Mapped[int] = mapped_column(Integer, index=True, doc="id of the row that the job is for")
    status: Mapped[JobStatus] = mapped_column(text_enum(JobStatus), default=JobStatus.QUEUED)
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    progress: Mapped[float] = mapped_column(default=0.0)
    cancel_requested: Mapped[bool] = mapped_column(default=False)
    worker: Mapped[str] = mapped_column(String(100), default="")
    error: Mapped[str] = mapped_column(Text, default="")
    problem: Mapped[dict[str, Any] | None] = mapped_column(
        JSON(none_as_null=True), doc="code and params of the error, for pages; NULL: there is only its text"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    not_before: Mapped[datetime | None] = mapped_column(UtcDateTime)
    heartbeat_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class RateLimitWindow(Base):
    """Requests counted until ``ends_at``. The key contains the client as a keyed hash, not as an address."""

    __tablename__ = "rate_limit_windows"

    key: Mapped[str] = mapped_column(String(100), primary_key=True)
    count: Mapped[int] = mapped_column(Integer)
    ends_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
