"""Erasing an account: all that tells who it was goes, and what its holder decided stays, without a name.

Rows that belong to a user (their foreign key cascades) are deleted, whatever room they are in: sessions, keys, second factors,
saved filters. Rows that only name who did something keep the number.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import String, cast, delete, func, or_, select
from sqlalchemy.orm import Session

from app.accounts import audit, people, users
from app.accounts.tables import AccountLink, AuditEntry, User
from app.accounts.users import subject_of
from app.core.db import Base, SessionFactory, transaction, utcnow
from app.core.errors import Conflict
from app.core.storage.deletions import Deletion, Journal

USER = "user"
_SHORTEST_SEARCHED = 3


def erase(session: Session, by: int | None, user_id: int, journal: Journal | None) -> str:
    """Erase a deactivated account. Returns the name under which its decisions stay.

    ``by`` None: the command line, or the time it is kept is over. ``journal`` remembers it after a restore; None: whatever asks
    for it asks again then. Raises NotFound, Conflict while the account is active, and OSError where the journal can't be written.
    """
    user = users.get(session, user_id)
    if user.active:
        raise Conflict("This account is active. Deactivate it first.")
    if journal is not None:
        journal.note(USER, user)
    former = f"former reviewer {user.id}"
    _rename_in_log(session, user, former)
    _delete_belongings(session, user)
    user.email, user.name, user.password_hash = f"former-{user.id}@erased.invalid", former, ""
    user.must_change_password, user.last_seen_at, user.erased_at = False, None, utcnow()
    audit.record(session, by, "user.erased", subject_of(user_id))
    return former


def leave(session: Session, user_id: int, journal: Journal) -> None:
    """Deactivate and erase one's own account. Raises Conflict for the last admin, OSError as above."""
    people.deactivate(session, user_id, user_id)
    erase(session, user_id, user_id, journal)


class Erasures:
    """What an older database makes necessary to erase once more (app/upkeep/deletions.py)."""

    kinds = frozenset({USER})

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def lacks(self, session: Session, deletion: Deletion) -> bool:
        """Whether the account is there, with its name."""
        is_same = (User.id == deletion.id, User.created_at == deletion.made_at, User.erased_at.is_(None))
        return session.scalar(select(User.id).where(*is_same)) is not None

    def repeat(self, deletion: Deletion) -> None:
        """Erase it, also if it is the only admin's: whoever has the command line makes another."""
        with transaction(self._sessions) as session:
            users.get(session, deletion.id).active = False
            erase(session, None, deletion.id, None)


def _delete_belongings(session: Session, user: User) -> None:
    """Rows of every table that exist only for this user."""
    session.execute(delete(AccountLink).where(AccountLink.email == user.email))
    for table in reversed(Base.metadata.sorted_tables):
        for key in table.foreign_keys:
            if key.column is User.__table__.columns.id and key.ondelete == "CASCADE":
                session.execute(delete(table).where(key.parent == user.id))


# --- the audit log ------------------------------------------------------------------------------------------------------


def _rename_in_log(session: Session, user: User, former: str) -> None:
    """Replace the address and every name that the account had, wherever they stand in details of the log."""
    own = select(AuditEntry).where(AuditEntry.subject == subject_of(user.id))
    names = {user.name, user.email}
    for entry in session.scalars(own.where(AuditEntry.action == "user.renamed")):
        names |= {str(value) for value in entry.details.values()}

    def replaced(value: Any) -> Any:
        return former if isinstance(value, str) and value in names else value

    mentions = select(AuditEntry).where(or_(AuditEntry.subject == subject_of(user.id), *_mentions(names)))
    for entry in session.scalars(mentions):
        entry.details = _walk(entry.details, replaced)


def _mentions(names: set[str]) -> Iterator[Any]:
    """SQL: details that may contain one of the names. JSON escapes what is not ASCII, in some databases: its ASCII parts do."""
    text = func.lower(cast(AuditEntry.details, String))
    for name in names:
        part = max("".join(c if c.isascii() and c not in '"\\' else "\0" for c in name).split("\0"), key=len)
        if len(part) >= _SHORTEST_SEARCHED:
            yield text.contains(part.lower(), autoescape=True)


def _walk(value: Any, change: Callable[[Any], Any]) -> Any:
    """The same with every text in it changed."""
    if isinstance(value, dict):
        return {key: _walk(part, change) for key, part in value.items()}
    if isinstance(value, list):
        return [_walk(part, change) for part in value]
    return change(value)
