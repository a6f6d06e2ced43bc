"""API keys: a program's way in, in the name of a user and for named purposes."""

import logging
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import or_, select, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts import accounts, audit
from app.accounts.tables import ApiKey
from app.core.db import SessionFactory, reading, utcnow
from app.core.errors import Clash, FieldError, InvalidInput, NotFound
from app.core.roles import LEAST_ROLE, Scope
from app.core.secret_tokens import hash_of, new_token

log = logging.getLogger(__name__)
MARK = "wck_"
"""What every key begins with, so that people and programs that look for leaked secrets know one when they see it."""
LONGEST_NAME, MOST_REQUESTS = 100, 100_000
_SHOWN = 12
_TOUCH_EVERY = timedelta(minutes=1)
_PATIENCE_MS = 300


@dataclass(frozen=True)
class NewKey:
    """What a key is to be: for whom, for what, until when (None: for ever), and how often it may ask."""

    name: str
    user_id: int
    scopes: frozenset[Scope]
    requests_per_minute: int
    expires_at: datetime | None


class ApiKeys:
    """Finds the key that a program shows."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def find(self, key: str) -> ApiKey | None:
        """The key, with its user, where both are good for something; and note that it is used."""
        if not key.startswith(MARK):
            return None
        now = utcnow()
        unexpired = or_(ApiKey.expires_at.is_(None), ApiKey.expires_at > now)
        query = select(ApiKey).where(ApiKey.key_hash == hash_of(key), ApiKey.revoked_at.is_(None), unexpired)
        with reading(self._sessions) as session:
            found = session.scalar(query)
        if found is None or not found.user.active:
            return None
        if found.last_used_at is None or now - found.last_used_at > _TOUCH_EVERY:
            self._touch(found.id, now)
        return found

    def _touch(self, key_id: int, now: datetime) -> None:
        """A moment is not worth waiting for: where somebody else writes for long, the next request notes it."""
        try:
            with self._sessions() as session:
                session.connection(execution_options={"patience_ms": _PATIENCE_MS})
                session.execute(update(ApiKey).where(ApiKey.id == key_id).values(last_used_at=now))
                session.commit()
        except OperationalError as error:
            log.info("when an API key was last used could not be noted: %s", error.orig)


def make(session: Session, by: int | None, new: NewKey) -> tuple[ApiKey, str]:
    """A new key, and the secret itself, which is told now and never again.

    Raises InvalidInput, Clash for a scope that the owner's role does not reach, NotFound where there is no such owner.
    """
    owner = accounts.get(session, new.user_id)
    if errors := _mistakes(new):
        raise InvalidInput(errors)
    if any(not owner.role.includes(LEAST_ROLE[scope]) for scope in new.scopes):
        raise Clash([FieldError("scopes", "scope_above_role")])
    secret = MARK + new_token()
    key = ApiKey(
        name=" ".join(new.name.split()),
        prefix=secret[:_SHOWN],
        key_hash=hash_of(secret),
        user_id=owner.id,
        scopes=sorted(new.scopes),
        requests_per_minute=new.requests_per_minute,
        created_at=utcnow(),
        expires_at=new.expires_at,
    )
    session.add(key)
    session.flush()
    session.refresh(key)
    details = {"name": key.name, "scopes": list(key.scopes), "for": accounts.subject_of(owner.id)}
    audit.record(session, by, "api_key.made", subject_of(key.id), details)
    return key, secret


def _mistakes(new: NewKey) -> list[FieldError]:
    found = []
    name = " ".join(new.name.replace("\x00", "").split())
    if not name:
        found.append(FieldError("name", "key_name_missing"))
    if len(name) > LONGEST_NAME:
        found.append(FieldError("name", "text_too_long", (("max", LONGEST_NAME),)))
    if not new.scopes:
        found.append(FieldError("scopes", "scopes_missing"))
    if not 1 <= new.requests_per_minute <= MOST_REQUESTS:
        found.append(FieldError("requests_per_minute", "number_range", (("min", 1), ("max", MOST_REQUESTS))))
    if new.expires_at is not None and new.expires_at <= utcnow():
        found.append(FieldError("expires_on", "date_in_past"))
    return found


def all_keys(session: Session) -> list[ApiKey]:
    """Every key that there ever was; those that work first, then the newest."""
    return list(session.scalars(select(ApiKey).order_by(ApiKey.revoked_at.is_not(None), ApiKey.id.desc())))


def revoke(session: Session, by: int | None, key_id: int) -> None:
    """Make a key worthless. Raises NotFound."""
    key = session.get(ApiKey, key_id)
    if key is None:
        raise NotFound("There is no such API key.")
    if key.revoked_at is None:
        key.revoked_at = utcnow()
        audit.record(session, by, "api_key.revoked", subject_of(key_id), {"name": key.name})


def subject_of(key_id: int) -> str:
    """What the audit log calls a key."""
    return f"api_key:{key_id}"
