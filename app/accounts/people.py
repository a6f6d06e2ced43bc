"""What admins do with accounts. There is always an admin: the last one can be neither demoted nor deactivated."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit, links, sessions, users
from app.accounts.tables import User
from app.accounts.users import Passwords, subject_of
from app.core.errors import Conflict
from app.core.roles import Role

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5


def everybody(session: Session, *, erased: bool = False) -> list[User]:
    """All users, the active ones first, by name; with ``erased`` also those of whom only a number is left."""
    query = select(User).order_by(User.active.desc(), User.name, User.id)
    return list(session.scalars(query if erased else query.where(User.erased_at.is_(None))))


def add(session: Session, by: int | None, user: User, passwords: Passwords) -> str:
    """Add a user. Returns a first password, which must be changed after signing in. Raises InvalidInput."""
    password = _first_password()
    user.password_hash, user.must_change_password = passwords.hash(password), True
    users.create(session, user)
    audit.record(session, by, "user.added", subject_of(user.id), {"role": user.role.value, "email": user.email})
    return password


def _first_password() -> str:
    """99 random bits, in letters and digits that are not mistaken for each other."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def change_role(session: Session, by: int | None, user_id: int, role: Role) -> None:
    """Give a user another role. Raises NotFound, and Conflict for the last admin."""
    admins = lock_admins(session)
    user = users.get(session, user_id)
    if user.role is role:
        return
    if role is not Role.ADMIN:
        check_not_the_last(admins, user)
        links.revoke_all_by(session, user_id)
    audit.record(session, by, "user.role_changed", subject_of(user_id), {"from": user.role.value, "to": role.value})
    user.role = role


def deactivate(session: Session, by: int | None, user_id: int) -> None:
    """End a user's access: sessions end, API keys stop working, open links that they made are revoked.

    Raises NotFound, and Conflict for the last admin.
    """
    admins = lock_admins(session)
    user = users.get(session, user_id)
    if not user.active:
        return
    check_not_the_last(admins, user)
    user.active = False
    links.revoke_all_by(session, user_id)
    sessions.revoke_all(session, user_id)
    audit.record(session, by, "user.deactivated", subject_of(user_id))


def activate(session: Session, by: int | None, user_id: int) -> None:
    """Give a user access again, with the same password. Raises NotFound."""
    user = users.get(session, user_id)
    if not user.active:
        user.active = True
        audit.record(session, by, "user.activated", subject_of(user_id))


def rename(session: Session, by: int | None, user_id: int, name: str) -> None:
    """Change a user's name. Raises NotFound, InvalidInput."""
    user, name = users.get(session, user_id), users.checked_name(name)
    if user.name != name:
        audit.record(session, by, "user.renamed", subject_of(user_id), {"from": user.name, "to": name})
        user.name = name


def require_new_password(session: Session, by: int | None, user_id: int) -> None:
    """Make a user choose another password before anything else. Raises NotFound."""
    user = users.get(session, user_id)
    if not user.must_change_password:
        user.must_change_password = True
        audit.record(session, by, "user.new_password_required", subject_of(user_id))


def end_session(session: Session, by: int, user_id: int, session_id: int) -> None:
    """Sign a user out in one browser. Raises NotFound."""
    sessions.revoke(session, user_id, session_id)
    audit.record(session, by, "user.session_ended", subject_of(user_id), {"sessions": 1})


def end_all_sessions(session: Session, by: int | None, user_id: int) -> None:
    """Sign a user out everywhere. Raises NotFound."""
    users.get(session, user_id)
    if count := sessions.revoke_all(session, user_id):
        audit.record(session, by, "user.session_ended", subject_of(user_id), {"sessions": count})


def lock_admins(session: Session) -> set[int]:
    """Ids of all admins, locked until the end of the transaction: two who demote each other at once take turns."""
    query = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id).with_for_update()
    return set(session.scalars(query))


def check_not_the_last(admins: set[int], user: User) -> None:
    """Raise Conflict where there would be no admin without this user."""
    if admins == {user.id}:
        raise Conflict("This is the last admin. Make somebody else an admin first.")
