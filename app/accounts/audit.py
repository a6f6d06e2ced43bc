"""The audit log: what coordinators and admins did, written in the transaction that does it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.tables import AuditEntry

PAGE = 50


def record(
    session: Session, user_id: int | None, action: str, subject: str, details: dict[str, Any] | None = None
) -> None:
    """Note what somebody does, in the transaction of ``session``.

    ``action``: kind and verb, as in "user.role_changed"; ``subject``: kind and id, as in "user:7"; ``details``: what is
    different, plain enough for JSON, and never a secret. ``user_id`` None: the command line.
    """
    session.add(AuditEntry(user_id=user_id, action=action, subject=subject, details=details or {}))


@dataclass(frozen=True)
class Wanted:
    """Which entries are looked for; empty: any. ``before``: an id, the page that follows it."""

    user_id: int | None = None
    action: str = ""
    subject: str = ""
    before: int | None = None


@dataclass(frozen=True)
class Page:
    """Entries, the newest first; ``next_before`` leads to the following page, None where this is the last."""

    entries: list[AuditEntry]
    next_before: int | None


def page(session: Session, wanted: Wanted, size: int = PAGE) -> Page:
    """One page of the log."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(size + 1)
    if wanted.user_id is not None:
        query = query.where(AuditEntry.user_id == wanted.user_id)
    if wanted.action:
        query = query.where(AuditEntry.action == wanted.action)
    if wanted.subject:
        query = query.where(AuditEntry.subject == wanted.subject)
    if wanted.before is not None:
        query = query.where(AuditEntry.id < wanted.before)
    found = list(session.scalars(query))
    return Page(found[:size], found[size - 1].id if len(found) > size else None)


def actions(session: Session) -> list[str]:
    """The kinds of things that were ever done."""
    return list(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))
