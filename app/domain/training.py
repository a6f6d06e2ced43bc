"""What a model may learn from, what measures it, and how a training run stands. Rules only; rows and processes are elsewhere."""

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from math import floor
from typing import Any

# A volunteer's submissions that follow one another this closely are one visit to one garden.
BURST = timedelta(hours=1)


class Part(StrEnum):
    """What a verified photo is for, for ever: nothing that measures a model ever teaches one."""

    TRAIN = "train"
    TEST = "test"


class VerifiedBy(StrEnum):
    """How a photo came before an expert: because somebody had to look, or drawn from what the machine accepted."""

    FLAGGED = "flagged"
    AUDIT = "audit"


class Start(StrEnum):
    """What a run's network starts from."""

    SCRATCH = "scratch"
    ACTIVE = "active"


class Trigger(StrEnum):
    """Who or what started a run."""

    PERSON = "person"
    COMMAND_LINE = "command_line"
    NIGHTLY = "nightly"
    NEW_PHOTOS = "new_photos"


class RunState(StrEnum):
    """How a run stands. WAITING: for its turn, or for a worker; LOST: its worker is gone, another will go on with it."""

    WAITING = "waiting"
    RUNNING = "running"
    STOPPING = "stopping"
    LOST = "lost"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self in {RunState.DONE, RunState.FAILED, RunState.CANCELLED}


def measures(rank: int, share: float) -> bool:
    """Whether the photos of the volunteer with this rank (from 0, by first verified photo) measure instead of teach.

    Every so many-th volunteer does, exactly in the wanted share, whatever they send: a draw could give all to one side.
    """
    return floor((rank + 1) * share) > floor(rank * share)


def bursts(moments: Iterable[tuple[int, datetime]]) -> dict[int, int]:
    """To each submission of one volunteer the first of its burst, from ids with the moments they were sent."""
    found: dict[int, int] = {}
    ordered = sorted(moments, key=lambda each: (each[1], each[0]))
    for before, (number, moment) in zip(itertools.chain([None], ordered), ordered, strict=False):
        follows = before is not None and moment - before[1] <= BURST
        found[number] = found[before[0]] if before is not None and follows else number
    return found


@dataclass(frozen=True)
class Wanted:
    """Which verified photos a snapshot takes.

    ``codes``: verification statuses; ``since`` and ``until``: when they were verified, the end not included;
    ``least_experts``: how many answered at least; ``least_agreement``: the share of them who say what the record says.
    """

    codes: tuple[str, ...] = ("V1", "V2")
    since: datetime | None = None
    until: datetime | None = None
    least_experts: int = 1
    least_agreement: float = 0.0

    @classmethod
    def from_json(cls, kept: Mapping[str, Any]) -> "Wanted":
        """What ``as_json`` wrote."""
        moments = {name: datetime.fromisoformat(kept[name]) if kept[name] else None for name in ("since", "until")}
        return cls(**(dict(kept) | moments | {"codes": tuple(kept["codes"])}))

    def as_json(self) -> dict[str, object]:
        """As a row keeps it."""
        moments = {"since": self.since, "until": self.until}
        return {
            "codes": list(self.codes),
            "least_experts": self.least_experts,
            "least_agreement": self.least_agreement,
            **{name: moment.isoformat() if moment else None for name, moment in moments.items()},
        }
