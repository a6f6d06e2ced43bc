"""Alerts: a week in which something about the model in service crossed a limit."""

from datetime import date, datetime

from sqlalchemy import Date, ForeignKey, String, UniqueConstraint
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.models.account import User
from app.models.model_version import ModelVersion


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
