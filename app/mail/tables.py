"""The outbox."""

from datetime import datetime, timedelta

from sqlalchemy import Index, Integer, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.mail.rules import LIFETIME, MailKind, MailState


def _last_moment() -> datetime:
    return utcnow() + LIFETIME


class Mail(Base):
    """A mail to one reader, written in the transaction of what it is about. Its text is made when it is sent, so the row holds
    nobody's words.

    ``key`` names what is told and to whom: the same is never mailed twice.
    """

    __tablename__ = "mails"
    __table_args__ = (Index("ix_mails_due", "state", "next_try_at"),)

    id: Mapped[int] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(String(200), unique=True)
    kind: Mapped[MailKind] = mapped_column(text_enum(MailKind))
    state: Mapped[MailState] = mapped_column(text_enum(MailState), default=MailState.PENDING)
    recipient: Mapped[str] = mapped_column(String(320), index=True)
    language: Mapped[str] = mapped_column(String(12))
    subject_id: Mapped[int] = mapped_column(Integer, doc="id of the row that it is about; its kind says of which table")
    submission_id: Mapped[int | None] = mapped_column(Integer, index=True, doc="it is removed with that submission")
    volunteer_id: Mapped[int | None] = mapped_column(Integer, index=True, doc="who reads it")
    user_id: Mapped[int | None] = mapped_column(Integer, index=True, doc="who reads it")
    attempts: Mapped[int] = mapped_column(Integer, default=0)
    error: Mapped[str] = mapped_column(Text, default="", doc="what the server said last")
    job_id: Mapped[int | None] = mapped_column(Integer, doc="the job that sends it, or sent it")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    next_try_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, default=_last_moment)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def wait(self, pause: timedelta) -> None:
        """Send it no earlier than after this pause."""
        self.next_try_at = utcnow() + pause
        self.expires_at = self.next_try_at + LIFETIME
