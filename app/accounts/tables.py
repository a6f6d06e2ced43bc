"""Accounts of those who sign in, with their sessions, one-time links and API keys. Of every secret only a hash is kept."""

import re
from datetime import datetime
from enum import StrEnum
from typing import Any, Literal

from sqlalchemy import JSON, ForeignKey, Index, Integer, String
from sqlalchemy.orm import Mapped, mapped_column, relationship, validates

from app.core.db import Base, UtcDateTime, text_enum, utcnow
from app.core.roles import LEAST_ROLE, Role, Scope

_BROWSERS = {"Edg/": "Edge", "OPR/": "Opera", "Firefox/": "Firefox", "Chrome/": "Chrome", "Safari/": "Safari"}
_SYSTEMS = {
    "Android": "Android",
    "iPhone": "iPhone",
    "iPad": "iPad",
    "Windows": "Windows",
    "Mac OS X": "Mac",
    "CrOS": "Chromebook",
    "Linux": "Linux",
}


class DigestMails(StrEnum):
    """How often a user is mailed what waits for a decision."""

    NEVER = "never"
    DAILY = "daily"
    WEEKLY = "weekly"


class User(Base):
    """Whoever signs in. An address is kept in small letters, so that nobody has two accounts by writing it otherwise."""

    __tablename__ = "users"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
    name: Mapped[str] = mapped_column(String(200))
    password_hash: Mapped[str] = mapped_column(String(200))
    role: Mapped[Role] = mapped_column(text_enum(Role))
    active: Mapped[bool] = mapped_column(default=True)
    must_change_password: Mapped[bool] = mapped_column(default=False)
    language: Mapped[str] = mapped_column(String(12), default="en")
    digest_mails: Mapped[DigestMails] = mapped_column(text_enum(DigestMails), default=DigestMails.NEVER)
    alert_mails: Mapped[bool] = mapped_column(default=True, doc="of those that concern the role")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    last_seen_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    erased_at: Mapped[datetime | None] = mapped_column(
        UtcDateTime, doc="only its number is left, to which decisions point"
    )

    @validates("email")
    def _small_letters(self, _name: str, email: str) -> str:
        return normal_email(email)


def normal_email(email: str) -> str:
    """The address as accounts are found by."""
    return email.strip().lower()


class UserSession(Base):
    """One browser that a user signed in with. The cookie carries a token, the row its SHA-256."""

    __tablename__ = "user_sessions"

    id: Mapped[int] = mapped_column(primary_key=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_agent: Mapped[str] = mapped_column(String(300), default="")
    address: Mapped[str] = mapped_column(String(64), default="")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def browser(self) -> str:
        """As in "Firefox, Windows"; empty where it does not say. Helps to recognise a browser; any program may pretend."""
        browser = next((name for mark, name in _BROWSERS.items() if mark in self.user_agent), "")
        system = next((name for mark, name in _SYSTEMS.items() if mark in self.user_agent), "")
        return ", ".join(filter(None, (browser, system))) or re.sub(r"[/ ].*", "", self.user_agent)


class LinkKind(StrEnum):
    """What a one-time link is for."""

    FIRST_ADMIN = "first_admin"
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105


class AccountLink(Base):
    """A link that works once: it makes the first admin, an invited user, or a new password."""

    __tablename__ = "account_links"

    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[LinkKind] = mapped_column(text_enum(LinkKind))
    token_hash: Mapped[str] = mapped_column(String(64), unique=True)
    mailed_token_hash: Mapped[str | None] = mapped_column(
        String(64), unique=True, doc="of the same link as it was mailed: that one is made when the mail is sent"
    )
    role: Mapped[Role | None] = mapped_column(text_enum(Role), doc="that an invitation gives")
    email: Mapped[str] = mapped_column(String(254), default="", doc="of whom is invited; empty: whoever has the link")
    user_id: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="CASCADE"), index=True, doc="whose password it resets, or whom it made"
    )
    created_by: Mapped[int | None] = mapped_column(
        ForeignKey("users.id", ondelete="SET NULL"), doc="NULL: made on the command line"
    )
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User | None] = relationship(foreign_keys=[user_id], lazy="joined")
    creator: Mapped[User | None] = relationship(foreign_keys=[created_by], lazy="joined")

    @property
    def state(self) -> Literal["used", "revoked", "expired", "open"]:
        """Whether the link still works."""
        if self.used_at is not None:
            return "used"
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if self.expires_at <= utcnow() else "open"


class ApiKey(Base):
    """A program's way in, in the name of a user. ``prefix`` is the part that lists show, to tell keys apart.

    ``scopes`` is empty where all that the key was for is gone: it opens nothing, until somebody revokes it.
    """

    __tablename__ = "api_keys"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    prefix: Mapped[str] = mapped_column(String(16))
    key_hash: Mapped[str] = mapped_column(String(64), unique=True)
    user_id: Mapped[int] = mapped_column(ForeignKey("users.id", ondelete="CASCADE"), index=True)
    scopes: Mapped[list[Scope]] = mapped_column(JSON)
    requests_per_minute: Mapped[int] = mapped_column(Integer)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=utcnow)
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    user: Mapped[User] = relationship(lazy="joined")

    @property
    def state(self) -> Literal["revoked", "expired", "user_deactivated", "powerless", "active"]:
        """Whether the key works, and if not, why."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= utcnow():
            return "expired"
        if not self.user.active:
            return "user_deactivated"
        if not any(self.user.role.includes(LEAST_ROLE[scope]) for scope in self.scopes):
            return "powerless"
        return "active"


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
