"""How often a client may do something, by group; counted in memory, in Redis, in the database or in a file that the web
processes of one machine share.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from limits import RateLimitItem, RateLimitItemPerMinute, parse_many
from limits.storage import MemoryStorage, Storage, storage_from_string
from sqlalchemy import Engine, Table, case, delete, event, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from app.core.db import SessionFactory, make_engine, utcnow
from app.core.settings import Settings
from app.core.tables import RateLimitWindow

log = logging.getLogger(__name__)
_WARN_EVERY = 60.0
_SWEEP_EVERY = 300.0


@dataclass(frozen=True)
class Usage:
    """A client's use of a group after this request, by the limit that leaves it least."""

    allowed: bool
    limit: int
    remaining: int
    window: int
    """Seconds of the whole window."""
    reset: int
    """Seconds until it starts again."""


class RateLimits:
    """Counts requests. While the counter can't be reached nobody is limited, and a warning says so."""

    def __init__(self, settings: Settings, sessions: SessionFactory, secret: str) -> None:
        self._storage = _storage(settings.rate_limit_url, sessions)
        errors = self._storage.base_exceptions
        self._errors = errors if isinstance(errors, tuple) else (errors,)
        self._secret = secret.encode()
        self._warned = -_WARN_EVERY
        rates = {
            "predict": settings.rate_limit_predict,
            "submissions": settings.rate_limit_submissions,
            "writes": settings.rate_limit_writes,
            "sign_in": settings.rate_limit_sign_in,
            "sign_in_address": settings.rate_limit_sign_in_address,
        }
        self.groups: dict[str, list[RateLimitItem]] = {
            group: parse_many(text) if text else [] for group, text in rates.items()
        }

    @property
    def in_memory(self) -> bool:
        """Whether counting takes no time."""
        return isinstance(self._storage, MemoryStorage)

    def hit(self, group: str, client: str) -> Usage | None:
        """Count one request; None if the group has no limit or the counter can't be reached."""
        return self._hit(self.groups[group], group, client)

    def hit_key(self, key_id: int, requests_per_minute: int) -> Usage | None:
        """Count one request of an API key, which has a limit of its own."""
        return self._hit([RateLimitItemPerMinute(requests_per_minute)], "api_key", str(key_id))

    def forget(self, group: str, client: str) -> None:
        """Start again for this client."""
        try:
            for item in self.groups[group]:
                self._storage.clear(item.key_for(group, self._name(client)))
        except self._errors as error:
            self._warn(error)

    def _hit(self, items: list[RateLimitItem], group: str, client: str) -> Usage | None:
        name = self._name(client)
        try:
            usages = [self._count(item, item.key_for(group, name)) for item in items]
        except self._errors as error:
            self._warn(error)
            return None
        return min(usages, key=lambda usage: (usage.allowed, usage.remaining, -usage.reset), default=None)

    def _name(self, client: str) -> str:
        """A keyed hash, so that no address is stored."""
        return hmac.new(self._secret, client.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def _count(self, item: RateLimitItem, key: str) -> Usage:
        window = item.get_expiry()
        count, ends_at = self._storage.incr(key, window), self._storage.get_expiry(key)
        reset = max(1, round(ends_at - time.time() + 0.5))
        return Usage(count <= item.amount, item.amount, max(0, item.amount - count), window, min(reset, window))

    def _warn(self, error: Exception) -> None:
        if time.monotonic() - self._warned > _WARN_EVERY:
            self._warned = time.monotonic()
            log.warning("requests can't be counted, so nobody is limited: %s", type(error).__name__)


_INSERTS: dict[str, Callable[..., postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}


class RowStorage:
    """The part of limits' Storage that is used here, with a row per window, for processes that count together."""

    base_exceptions = SQLAlchemyError

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._insert = _INSERTS[engine.dialect.name]
        self._swept = 0.0

    def incr(self, key: str, expiry: int) -> int:
        """Count one more, in one statement, and return the count in this window; a new one lasts ``expiry`` seconds."""
        row, now = RateLimitWindow, utcnow()
        ends_at = now + timedelta(seconds=expiry)
        is_over = row.ends_at <= now
        statement = (
            self._insert(row)
            .values(key=key, count=1, ends_at=ends_at)
            .on_conflict_do_update(
                index_elements=[row.key],
                set_={
                    "count": case((is_over, 1), else_=row.count + 1),
                    "ends_at": case((is_over, ends_at), else_=row.ends_at),
                },
            )
            .returning(row.count)
        )
        with self._engine.begin() as connection:
            count: int = connection.execute(statement).scalar_one()
            if time.monotonic() - self._swept > _SWEEP_EVERY:
                self._swept = time.monotonic()
                connection.execute(delete(row).where(row.ends_at < now))
        return count

    def get_expiry(self, key: str) -> float:
        """The end of the window, in seconds since 1970; now, if it was cleared."""
        query = select(RateLimitWindow.ends_at).where(RateLimitWindow.key == key)
        with self._engine.connect().execution_options(read_only=True) as connection:
            return (connection.scalar(query) or utcnow()).timestamp()

    def clear(self, key: str) -> None:
        """End the window."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateLimitWindow).where(RateLimitWindow.key == key))


def _storage(url: str, sessions: SessionFactory) -> Storage | RowStorage:
    if url == "database":
        return RowStorage(sessions.kw["bind"])
    if url.startswith("sqlite:///"):
        return RowStorage(_shared_file(url))
    if url.startswith("memory://"):
        return MemoryStorage()
    storage = storage_from_string(url, socket_timeout=1, socket_connect_timeout=1)
    assert isinstance(storage, Storage)
    return storage


def _shared_file(url: str) -> Engine:
    """A file that the web processes of this machine count in. It need not survive a power cut."""
    engine = make_engine(url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    assert isinstance(RateLimitWindow.__table__, Table)
    with engine.begin() as connection:
        connection.execute(CreateTable(RateLimitWindow.__table__, if_not_exists=True))
    return engine
