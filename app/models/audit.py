"""The audit log: what coordinators and admins did. Rows are only ever added."""

from datetime import datetime
from typing import Any

from sqlalchemy import JSON, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column, relationship

from app.db import Base, UtcDateTime, utcnow
from app.models.account import User


class AuditEntry(Base):
    """One thing that somebody did. ``user_id`` NULL: whoever has the command line of the server."""

    __tablename__ = "audit_log"
    __table_args__ = (
        Index("ix_audit_log_user", "user_id", "id"),
        Index("ix_audit_log_action", "action", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int | None] = mapped_column(ForeignKey("users.id", ondelete="SET NULL"))
    action: Mapped[str] = mapped_column(String(60), doc="as in 'user.deactivated'")
    subject: Mapped[str] = mapped_column(String(200), doc="what it was done to, as in 'user:7'")
    details: Mapped[dict[str, Any]] = mapped_column(JSON, doc="what was different before and after; never a secret")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)

    user: Mapped[User | None] = relationship(lazy="joined")
