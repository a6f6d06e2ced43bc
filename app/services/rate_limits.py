"""How often a client may ask, per group of routes; counted in memory, in Redis or in the database."""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from limits import RateLimitItem, RateLimitItemPerMinute, parse_many
from limits.storage import MemoryStorage, Storage, storage_from_string
from limits.strategies import FixedWindowRateLimiter
from sqlalchemy import case, delete, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError

from app.db import SessionFactory, reading, transaction, utcnow
from app.models import RateLimitWindow
from app.settings import Settings

log = logging.getLogger(__name__)
_WARN_EVERY = 60.0
_SWEEP_EVERY = 300.0


@dataclass(frozen=True)
class Standing:
    """Where a client stands in one group, after this request: the limit that leaves it least."""

    allowed: bool
    limit: int
    remaining: int
    window: int
    """Seconds of the whole window."""
    reset: int
    """Seconds until it begins anew."""


class RateLimits:
    """Counts requests. When the counter can't be reached, nobody is refused for it: a warning says so."""

    def __init__(self, settings: Settings, sessions: SessionFactory, secret: str) -> None:
        self._storage = _storage(settings.rate_limit_url, sessions)
        self._limiter = FixedWindowRateLimiter(self._storage)
        self._secret = secret.encode()
        self._warned = -_WARN_EVERY
        self.in_memory = isinstance(self._storage, MemoryStorage)
        self.groups: dict[str, list[RateLimitItem]] = {
            "predict": _items(settings.rate_limit_predict),
            "submissions": _items(settings.rate_limit_submissions),
            "writes": _items(settings.rate_limit_writes),
            "sign_in": _items(settings.rate_limit_sign_in),
            "sign_in_address": _items(settings.rate_limit_sign_in_address),
        }

    def hit(self, group: str, client: str) -> Standing | None:
        """Count one request; None where the group has no limit or the counter can't be reached."""
        return self._hit(self.groups[group], group, client)

    def hit_key(self, key_id: int, requests_per_minute: int) -> Standing | None:
        """Count one request of an API key, which has a limit of its own."""
        return self._hit([RateLimitItemPerMinute(requests_per_minute)], "api_key", str(key_id))

    def forget(self, group: str, client: str) -> None:
        """Begin anew for this client."""
        try:
            for item in self.groups[group]:
                self._limiter.clear(item, group, self._name(client))
        except self._storage.base_exceptions as error:
            self._warn(error)

    def _hit(self, items: list[RateLimitItem], group: str, client: str) -> Standing | None:
        who = self._name(client)
        try:
            standings = [self._count(item, group, who) for item in items]
        except self._storage.base_exceptions as error:
            self._warn(error)
            return None
        return min(standings, key=lambda s: (s.allowed, s.remaining, -s.reset), default=None)

    def _name(self, client: str) -> str:
        return hmac.new(self._secret, client.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def _count(self, item: RateLimitItem, group: str, who: str) -> Standing:
        allowed = self._limiter.hit(item, group, who)
        stats = self._limiter.get_window_stats(item, group, who)
        reset = max(1, round(stats.reset_time - time.time() + 0.5))
        return Standing(allowed, item.amount, stats.remaining, item.get_expiry(), min(reset, item.get_expiry()))

    def _warn(self, error: Exception) -> None:
        if time.monotonic() - self._warned > _WARN_EVERY:
            self._warned = time.monotonic()
            log.warning("requests can't be counted, so nobody is limited: %s", type(error).__name__)


def _items(text: str) -> list[RateLimitItem]:
    return parse_many(text) if text else []


def _storage(url: str, sessions: SessionFactory) -> Storage:
    if url == "database":
        return DatabaseStorage(sessions)
    if url.startswith("memory://"):
        return MemoryStorage()
    storage = storage_from_string(url, socket_timeout=1, socket_connect_timeout=1)
    assert isinstance(storage, Storage)
    return storage


class DatabaseStorage(Storage):
    """A counter per window as a row. One statement counts, so two processes never miss each other."""

    STORAGE_SCHEME = None
    base_exceptions = SQLAlchemyError

    def __init__(self, sessions: SessionFactory) -> None:
        super().__init__()
        self._sessions = sessions
        self._swept = 0.0

    def incr(self, key: str, expiry: int, amount: int = 1) -> int:
        """Count ``amount`` more; a window that is over begins anew."""
        now = utcnow()
        with transaction(self._sessions) as session:
            insert = _inserts[session.get_bind().dialect.name](RateLimitWindow)
            fresh = insert.values(key=key, count=amount, ends_at=now + timedelta(seconds=expiry))
            over = RateLimitWindow.ends_at <= now
            statement = fresh.on_conflict_do_update(
                index_elements=[RateLimitWindow.key],
                set_={
                    "count": case((over, amount), else_=RateLimitWindow.count + amount),
                    "ends_at": case((over, fresh.excluded.ends_at), else_=RateLimitWindow.ends_at),
                },
            ).returning(RateLimitWindow.count)
            counted = session.execute(statement).scalar_one()
            if time.monotonic() - self._swept > _SWEEP_EVERY:
                self._swept = time.monotonic()
                session.execute(delete(RateLimitWindow).where(RateLimitWindow.ends_at < now))
            return counted

    def get(self, key: str) -> int:
        """How often this window has counted."""
        row = self._row(key)
        return row.count if row else 0

    def get_expiry(self, key: str) -> float:
        """When this window ends, in seconds since 1970."""
        row = self._row(key)
        return row.ends_at.timestamp() if row else time.time()

    def _row(self, key: str) -> RateLimitWindow | None:
        with reading(self._sessions) as session:
            query = select(RateLimitWindow).where(RateLimitWindow.key == key, RateLimitWindow.ends_at > utcnow())
            return session.scalar(query)

    def check(self) -> bool:
        """Whether the database answers."""
        try:
            self._row("")
        except SQLAlchemyError:
            return False
        return True

    def reset(self) -> int | None:
        """Forget every client."""
        with transaction(self._sessions) as session:
            session.execute(delete(RateLimitWindow))
        return None

    def clear(self, key: str) -> None:
        """Forget one window."""
        with transaction(self._sessions) as session:
            session.execute(delete(RateLimitWindow).where(RateLimitWindow.key == key))


_inserts: dict[str, Callable[..., postgresql.Insert | sqlite.Insert]] = {
    "postgresql": postgresql.insert,
    "sqlite": sqlite.insert,
}
