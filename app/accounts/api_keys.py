"""API keys: they let a program act for a user, within the scopes that were chosen."""

from sqlalchemy import or_, select, update
from sqlalchemy.orm import Session

from app.accounts import audit, users
from app.accounts.sessions import TOUCH_INTERVAL, write_if_free
from app.accounts.tables import ApiKey
from app.core.db import SessionFactory, get_or_not_found, reading, utcnow
from app.core.errors import Clash, FieldError, InvalidInput
from app.core.roles import LEAST_ROLE
from app.core.secret_tokens import hash_of, new_token

MARK = "wck_"
"""The beginning of every key, by which people and programs that look for leaked secrets recognise one."""
LONGEST_NAME, MOST_REQUESTS = 100, 100_000
_PREFIX_LENGTH = 12


class ApiKeys:
    """Finds the key that a program sent."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def find(self, secret: str) -> ApiKey | None:
        """The valid key with that secret, and its active user; also notes that it was used."""
        if not secret.startswith(MARK):
            return None
        now = utcnow()
        unexpired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
        query = select(ApiKey).where(ApiKey.key_hash == hash_of(secret), ApiKey.revoked_at.is_(None), unexpired)
        with reading(self._sessions) as session:
            key = session.scalar(query)
        if key is None or not key.user.active:
            return None
        if key.last_used_at is None or now - key.last_used_at > TOUCH_INTERVAL:
            write_if_free(self._sessions, update(ApiKey).where(ApiKey.id == key.id).values(last_used_at=now))
        return key


def make(session: Session, by: int | None, key: ApiKey) -> str:
    """Add a new key. Returns its secret, which is shown now and never again.

    Raises InvalidInput, Clash for a scope that the owner's role does not reach, NotFound where there is no such owner.
    """
    owner = users.get(session, key.user_id)
    key.name = " ".join(key.name.replace("\x00", "").split())
    if errors := _errors(key):
        raise InvalidInput(errors)
    if any(not owner.role.includes(LEAST_ROLE[scope]) for scope in key.scopes):
        raise Clash([FieldError("scopes", "scope_above_role")])
    secret = MARK + new_token()
    key.prefix, key.key_hash = secret[:_PREFIX_LENGTH], hash_of(secret)
    key.scopes = sorted(set(key.scopes))
    session.add(key)
    session.flush()
    details = {"name": key.name, "scopes": list(key.scopes), "for": users.subject_of(owner.id)}
    audit.record(session, by, "api_key.made", _subject_of(key.id), details)
    return secret


def _errors(key: ApiKey) -> list[FieldError]:
    errors = []
    if not key.name:
        errors.append(FieldError("name", "key_name_missing"))
    if len(key.name) > LONGEST_NAME:
        errors.append(FieldError("name", "text_too_long", (("max", LONGEST_NAME),)))
    if not key.scopes:
        errors.append(FieldError("scopes", "scopes_missing"))
    if not 1 <= key.requests_per_minute <= MOST_REQUESTS:
        errors.append(FieldError("requests_per_minute", "number_range", (("min", 1), ("max", MOST_REQUESTS))))
    if key.expires_at is not None and key.expires_at <= utcnow():
        errors.append(FieldError("expires_on", "date_in_past"))
    return errors


def all_keys(session: Session) -> list[ApiKey]:
    """Every key, the revoked ones last, the newest first."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())))


def revoke(session: Session, by: int | None, key_id: int) -> None:
    """Make a key invalid for good. Raises NotFound."""
    key = get_or_not_found(session, ApiKey, key_id, "There is no such API key.")
    if key.revoked_at is None:
        key.revoked_at = utcnow()
        audit.record(session, by, "api_key.revoked", _subject_of(key_id), {"name": key.name})


def _subject_of(key_id: int) -> str:
    return f"api_key:{key_id}"
