"""How often a client may ask, per group of routes; counted in memory, in a file of several processes, in Redis or in the
database.
"""

import hashlib
import hmac
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Protocol

from limits import RateLimitItem, RateLimitItemPerMinute, parse_many
from limits.storage import MemoryStorage, Storage, storage_from_string
from sqlalchemy import Engine, Executable, Table, bindparam, case, delete, event
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.schema import CreateTable

from app.core.db import SessionFactory, UtcDateTime, make_engine, utcnow
from app.core.settings import Settings
from app.core.tables import RateLimitWindow

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
        self._counter = _counter(settings.rate_limit_url, sessions)
        self._secret = secret.encode()
        self._warned = -_WARN_EVERY
        self.groups: dict[str, list[RateLimitItem]] = {
            "predict": _items(settings.rate_limit_predict),
            "submissions": _items(settings.rate_limit_submissions),
            "writes": _items(settings.rate_limit_writes),
            "sign_in": _items(settings.rate_limit_sign_in),
            "sign_in_address": _items(settings.rate_limit_sign_in_address),
        }

    @property
    def in_memory(self) -> bool:
        """Whether counting takes no time."""
        return self._counter.in_memory

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
                self._counter.forget(item.key_for(group, self._name(client)))
        except self._counter.errors as error:
            self._warn(error)

    def _hit(self, items: list[RateLimitItem], group: str, client: str) -> Standing | None:
        who = self._name(client)
        try:
            standings = [self._count(item, group, who) for item in items]
        except self._counter.errors as error:
            self._warn(error)
            return None
        return min(standings, key=lambda s: (s.allowed, s.remaining, -s.reset), default=None)

    def _name(self, client: str) -> str:
        return hmac.new(self._secret, client.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:32]

    def _count(self, item: RateLimitItem, group: str, who: str) -> Standing:
        window = item.get_expiry()
        count, ends = self._counter.count(item.key_for(group, who), window)
        reset = max(1, round(ends - time.time() + 0.5))
        return Standing(count <= item.amount, item.amount, max(0, item.amount - count), window, min(reset, window))

    def _warn(self, error: Exception) -> None:
        if time.monotonic() - self._warned > _WARN_EVERY:
            self._warned = time.monotonic()
            log.warning("requests can't be counted, so nobody is limited: %s", type(error).__name__)


def _items(text: str) -> list[RateLimitItem]:
    return parse_many(text) if text else []


class Counter(Protocol):
    """Counts in windows: one begins with the first count and is over, and forgotten, after its seconds."""

    in_memory: bool

    @property
    def errors(self) -> tuple[type[Exception], ...]:
        """What it raises when it can't be reached."""
        ...

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """Count one more: how many that makes in this window, and when it ends, in seconds since 1970."""
        ...

    def forget(self, key: str) -> None:
        """End this window."""
        ...


def _counter(url: str, sessions: SessionFactory) -> Counter:
    if url == "database":
        return RowCounter(sessions.kw["bind"])
    if url.startswith("sqlite:///"):
        return RowCounter(_counts_file(url))
    if url.startswith("memory://"):
        return StorageCounter(MemoryStorage())
    storage = storage_from_string(url, socket_timeout=1, socket_connect_timeout=1)
    assert isinstance(storage, Storage)
    return StorageCounter(storage)


class StorageCounter:
    """Counts in memory or in Redis."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self.in_memory = isinstance(storage, MemoryStorage)
        found = storage.base_exceptions
        self.errors = found if isinstance(found, tuple) else (found,)

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """See ``Counter``."""
        return self._storage.incr(key, seconds), self._storage.get_expiry(key)

    def forget(self, key: str) -> None:
        """See ``Counter``."""
        self._storage.clear(key)


def _counts_file(url: str) -> Engine:
    """A file that the web processes of this machine count in together. Nobody misses what a power cut takes of it."""
    engine = make_engine(url)
    event.listen(engine, "connect", lambda connection, _: connection.execute("PRAGMA synchronous=OFF"))
    assert isinstance(RateLimitWindow.__table__, Table)
    with engine.begin() as connection:
        connection.execute(CreateTable(RateLimitWindow.__table__, if_not_exists=True))
    return engine


class RowCounter:
    """A window is a row of a database. One statement counts, so two processes never miss each other."""

    in_memory = False
    errors = (SQLAlchemyError,)

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._statement = _count_one(_inserts[engine.dialect.name])
        self._swept = 0.0

    def count(self, key: str, seconds: int) -> tuple[int, float]:
        """See ``Counter``."""
        now = utcnow()
        values = {"key": key, "now": now, "new_end": now + timedelta(seconds=seconds)}
        with self._engine.begin() as connection:
            count, ends_at = connection.execute(self._statement, values).one()
            if time.monotonic() - self._swept > _SWEEP_EVERY:
                self._swept = time.monotonic()
                connection.execute(delete(RateLimitWindow).where(RateLimitWindow.ends_at < now))
        return count, ends_at.timestamp()

    def forget(self, key: str) -> None:
        """See ``Counter``."""
        with self._engine.begin() as connection:
            connection.execute(delete(RateLimitWindow).where(RateLimitWindow.key == key))


Inserting = Callable[..., postgresql.Insert | sqlite.Insert]
_inserts: dict[str, Inserting] = {"postgresql": postgresql.insert, "sqlite": sqlite.insert}


def _count_one(insert: Inserting) -> Executable:
    """The statement for ``key`` at the moment ``now``; a window that begins with it is over at ``new_end``."""
    row, new_end = RateLimitWindow, bindparam("new_end", type_=UtcDateTime())
    over = row.ends_at <= bindparam("now", type_=UtcDateTime())
    return (
        insert(row)
        .values(key=bindparam("key"), count=1, ends_at=new_end)
        .on_conflict_do_update(
            index_elements=[row.key],
            set_={"count": case((over, 1), else_=row.count + 1), "ends_at": case((over, new_end), else_=row.ends_at)},
        )
        .returning(row.count, row.ends_at)
    )
