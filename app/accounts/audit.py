"""The audit log: what coordinators and admins did, written in the transaction that does it."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts.tables import AuditEntry

PAGE = 50
_ = str  # marks messages for extraction

ACTIONS: dict[str, str] = {
    "acceptance.changed": _("changed what the computer may accept"),
    "acceptance.lifted": _("lifted the suspension of a species"),
    "acceptance.suspended": _("suspended acceptance of a species because of its audits"),
    "account.password_changed": _("changed their password"),
    "account.password_link_asked": _("asked for a link to choose a new password"),
    "account.password_reset": _("reset their password with a link"),
    "api_key.made": _("created an API key"),
    "api_key.revoked": _("revoked an API key"),
    "collection.cancelled": _("cancelled a collection of photos"),
    "collection.deleted": _("deleted a collection of photos"),
    "collection.photographer_removed": _("removed all collected photos of a photographer"),
    "collection.retried": _("retried a collection of photos"),
    "collection.started": _("started a collection of photos"),
    "collection.taken_out": _("removed collected photos from training"),
    "collection.used": _("released collected photos for training"),
    "invitation.revoked": _("withdrew an invitation"),
    "mail.sent_again": _("had a mail sent again"),
    "model.overruled": _("put a model version into service despite failed checks"),
    "model.promoted": _("put a model version into service"),
    "model.replayed": _("started a replay of past submissions"),
    "model.rolled_back": _("rolled back to a model version"),
    "model.shadow_began": _("started shadow mode for a model version"),
    "model.shadow_ended": _("stopped shadow mode for a model version"),
    "organisation.changed": _("changed the details of the organisation"),
    "organisation.logo_changed": _("changed the logo"),
    "policy.changed": _("changed the decision policy of a species"),
    "records.described": _("described the records"),
    "records.downloaded": _("downloaded records"),
    "records.previewed": _("viewed records with their exact places"),
    "retention.applied": _("deleted what is no longer kept"),
    "review.rule_changed": _("changed how many experts a species needs"),
    "review.settings_changed": _("changed the review rules"),
    "run.cancelled": _("cancelled a training run"),
    "run.retried": _("retried a training run"),
    "run.started": _("started a training run"),
    "taxa.imported": _("imported a species list"),
    "taxa.undone": _("undid a change to the species list"),
    "taxon.edited": _("changed a species"),
    "template.deleted": _("deleted a question template"),
    "watch.seen": _("dismissed an alert about the model"),
    "user.activated": _("activated an account"),
    "user.added": _("added an account"),
    "user.deactivated": _("deactivated an account"),
    "user.erased": _("erased an account"),
    "user.invited": _("invited somebody"),
    "user.joined": _("joined with a link"),
    "user.new_password_required": _("required a new password"),
    "user.password_link_made": _("created a password link"),
    "user.renamed": _("renamed an account"),
    "user.role_changed": _("changed a role"),
    "user.session_ended": _("signed somebody out"),
}


def record(
    session: Session, user_id: int | None, action: str, subject: str, details: dict[str, Any] | None = None
) -> None:
    """Log what somebody does, in the transaction of ``session``.

    ``action``: one of ACTIONS; ``subject``: kind and id, as in "user:7"; ``details``: what is different, plain enough for
    JSON, and never a secret. ``user_id`` None: the command line.
    """
    session.add(AuditEntry(user_id=user_id, action=action, subject=subject, details=details or {}))


@dataclass(frozen=True)
class LogFilter:
    """Which entries to show; empty: any. ``before``: an id, for the page that follows it."""

    user_id: int | None = None
    action: str = ""
    subject: str = ""
    before: int | None = None


@dataclass(frozen=True)
class Page:
    """Entries, the newest first. ``next_before``: where the next page starts, None on the last one."""

    entries: list[AuditEntry]
    next_before: int | None


def page(session: Session, log_filter: LogFilter, size: int = PAGE) -> Page:
    """One page of the log."""
    query = select(AuditEntry).order_by(AuditEntry.id.desc()).limit(size + 1)
    if log_filter.user_id is not None:
        query = query.where(AuditEntry.user_id == log_filter.user_id)
    if log_filter.action:
        query = query.where(AuditEntry.action == log_filter.action)
    if log_filter.subject:
        query = query.where(AuditEntry.subject == log_filter.subject)
    if log_filter.before is not None:
        query = query.where(AuditEntry.id < log_filter.before)
    rows = list(session.scalars(query))
    return Page(rows[:size], rows[size - 1].id if len(rows) > size else None)


def actions(session: Session) -> list[str]:
    """The actions that are in the log."""
    return list(session.scalars(select(AuditEntry.action).distinct().order_by(AuditEntry.action)))
