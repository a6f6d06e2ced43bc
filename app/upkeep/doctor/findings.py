"""A finding: what is wrong, in words for whoever runs the service, and the repair where one is safe."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Engine

from app.core.db import SessionFactory
from app.core.settings import Settings
from app.core.storage import Storage

# Whatever is younger may be somebody's work under way.
SETTLED = timedelta(hours=1)


@dataclass(frozen=True)
class Patient:
    """What is examined, and when: ``now`` is the same for every check."""

    settings: Settings
    engine: Engine
    sessions: SessionFactory
    storage: Storage
    now: datetime

    @property
    def settled(self) -> datetime:
        """What is older than this is nobody's work under way any more."""
        return self.now - SETTLED


@dataclass
class Finding:
    """One thing that is wrong.

    ``check`` names what was looked at, ``subject`` the thing itself (a storage key, a job's id, a path). ``mend`` repairs it
    and says what it did; None where only a person can, and ``advice`` tells what. ``repaired`` is what was done.
    """

    check: str
    subject: str
    problem: str
    advice: str = ""
    mend: Callable[[], str] | None = None
    repaired: str | None = None

    def as_json(self) -> dict[str, str | bool | None]:
        """For programs."""
        return {
            "check": self.check,
            "subject": self.subject,
            "problem": self.problem,
            "advice": self.advice,
            "repairable": self.mend is not None,
            "repaired": self.repaired,
        }
