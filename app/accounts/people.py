"""What admins do with accounts. There is always an admin: the last one can be neither demoted nor deactivated."""

import secrets

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import accounts, audit
from app.accounts import links as account_links
from app.accounts.accounts import NewUser, subject_of
from app.accounts.passwords import Passwords
from app.accounts.sessions import UserSessions
from app.accounts.tables import User
from app.core.errors import Conflict
from app.core.roles import Role

_ALPHABET = "abcdefghjkmnpqrstuvwxyz23456789"
_GROUPS, _GROUP = 4, 5


def everybody(session: Session) -> list[User]:
    """All users: those who may sign in first, by name."""
    return list(session.scalars(select(User).order_by(User.active.desc(), User.name, User.id)))


def add(
    session: Session, hasher: Passwords, by: int | None, *, email: str, name: str, role: Role, language: str = "en"
) -> tuple[User, str]:
    """A user with a first password, which is told once and must be changed at the first visit. Raises InvalidInput."""
    password = first_password()
    user = accounts.create(session, NewUser(email, name, hasher.hash(password), role, language, True))
    audit.record(session, by, "user.added", subject_of(user.id), {"role": role.value, "email": user.email})
    return user, password


def first_password() -> str:
    """A password to hand over: 99 random bits, in letters and digits that are not taken for one another."""
    return "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))


def change_role(session: Session, by: int | None, user_id: int, role: Role) -> None:
    """Give a user another role. Raises NotFound, Conflict for the last admin."""
    admins = _hold_admins(session)
    user = accounts.get(session, user_id)
    if user.role is role:
        return
    if role is not Role.ADMIN:
        _check_another(admins, user)
        account_links.revoke_all_by(session, user_id)
    audit.record(session, by, "user.role_changed", subject_of(user_id), {"from": user.role.value, "to": role.value})
    user.role = role


def deactivate(session: Session, user_sessions: UserSessions, by: int | None, user_id: int) -> None:
    """Let a user in no longer: sessions end, API keys stop working, links that they made are void. Raises as ``change_role``."""
    admins = _hold_admins(session)
    user = accounts.get(session, user_id)
    if not user.active:
        return
    _check_another(admins, user)
    user.active = False
    account_links.revoke_all_by(session, user_id)
    user_sessions.revoke_all(session, user_id)
    audit.record(session, by, "user.deactivated", subject_of(user_id))


def activate(session: Session, by: int | None, user_id: int) -> None:
    """Let a user in again, with the old password. Raises NotFound."""
    user = accounts.get(session, user_id)
    if not user.active:
        user.active = True
        audit.record(session, by, "user.activated", subject_of(user_id))


def rename(session: Session, by: int | None, user_id: int, name: str) -> None:
    """Call a user otherwise. Raises NotFound, InvalidInput."""
    user, wanted = accounts.get(session, user_id), accounts.checked_name(name)
    if user.name != wanted:
        audit.record(session, by, "user.renamed", subject_of(user_id), {"from": user.name, "to": wanted})
        user.name = wanted


def require_new_password(session: Session, by: int | None, user_id: int) -> None:
    """Have a user choose another password before anything else. Raises NotFound."""
    user = accounts.get(session, user_id)
    if not user.must_change_password:
        user.must_change_password = True
        audit.record(session, by, "user.new_password_required", subject_of(user_id))


def end_session(session: Session, user_sessions: UserSessions, by: int, user_id: int, session_id: int) -> None:
    """Sign a user out in one browser. Raises NotFound."""
    user_sessions.revoke(session, user_id, session_id)
    audit.record(session, by, "user.session_ended", subject_of(user_id), {"sessions": 1})


def end_all_sessions(session: Session, user_sessions: UserSessions, by: int | None, user_id: int) -> int:
    """Sign a user out everywhere; of how many browsers. Raises NotFound."""
    accounts.get(session, user_id)
    count = user_sessions.revoke_all(session, user_id)
    if count:
        audit.record(session, by, "user.session_ended", subject_of(user_id), {"sessions": count})
    return count


def _hold_admins(session: Session) -> set[int]:
    """Ids of all admins, held until the end of the transaction: two who demote each other at once take turns."""
    query = select(User.id).where(User.role == Role.ADMIN, User.active).order_by(User.id).with_for_update()
    return set(session.scalars(query))


def _check_another(admins: set[int], user: User) -> None:
    if admins == {user.id}:
        raise Conflict("This is the last admin. Make somebody else an admin first.")
