"""Volunteers: pseudonymous, known by a signed cookie."""

from datetime import datetime

from sqlalchemy import String
from sqlalchemy.orm import Mapped, mapped_column

from app.db import Base, UtcDateTime, utcnow


class Volunteer(Base):
    """Whoever sends. ``key`` is what the signed cookie carries; the e-mail address is optional, for questions and outcomes."""

    __tablename__ = "volunteers"

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(40), unique=True)
    email: Mapped[str | None] = mapped_column(String(320))
    language: Mapped[str] = mapped_column(String(12), default="en")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
