"""A finding: a problem, in words for the operator, with its repair if one is safe."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from sqlalchemy import Engine

from app.core.db import SessionFactory
from app.core.settings import Settings
from app.core.storage import Storage

# Anything younger may still be in use.
SETTLED = timedelta(hours=1)


@dataclass(frozen=True)
class Installation:
    """What is examined, and when: ``now`` is the same for every check."""

    settings: Settings
    engine: Engine
    sessions: SessionFactory
    storage: Storage
    now: datetime

    def is_settled(self, changed_at: datetime) -> bool:
        """Whether something last changed then is no longer being worked on."""
        return changed_at < self.now - SETTLED

    def is_settled_file(self, path: Path) -> bool:
        """The same for a file or folder, by its modification time."""
        return path.stat().st_mtime < (self.now - SETTLED).timestamp()


@dataclass
class Finding:
    """One problem.

    ``check`` names the check, ``subject`` the thing itself (a storage key, a job's id, a path). ``mend`` repairs it and
    returns a sentence about the repair; None if only a person can, as described in ``advice``. ``repaired`` is that
    sentence, once repaired.
    """

    check: str
    subject: str
    problem: str
    advice: str = ""
    mend: Callable[[], str] | None = None
    repaired: str | None = None

    def as_json(self) -> dict[str, str | bool | None]:
        """For programs."""
        names = ("check", "subject", "problem", "advice", "repaired")
        return {name: getattr(self, name) for name in names} | {"repairable": self.mend is not None}
