"""How many records there are: by species, by standing, by week."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.records import selection
from app.records.rules import ACCEPTED, Standing
from app.records.selection import STANDING, TAXON_ID, Selection
from app.submissions.tables import Submission
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class Counted:
    """Records, and the animals that they tell of."""

    records: int = 0
    individuals: int = 0

    def __add__(self, other: "Counted") -> "Counted":
        return Counted(self.records + other.records, self.individuals + other.individuals)


@dataclass
class SpeciesCount:
    """One species, None where none was named. ``weeks``: accepted records by the Monday of the week they were seen in."""

    taxon: Taxon | None
    standings: dict[Standing, Counted] = field(default_factory=lambda: defaultdict(Counted))
    weeks: Counter[date] = field(default_factory=Counter)

    @property
    def total(self) -> Counted:
        """All of them, whatever their standing."""
        return sum(self.standings.values(), Counted())

    @property
    def accepted(self) -> Counted:
        """What experts accepted, and the machine."""
        return sum((self.standings[standing] for standing in ACCEPTED if standing in self.standings), Counted())


@dataclass(frozen=True)
class Summary:
    """``undated`` and ``unplaced``: how many have no day, no coordinates. ``species``: the most frequent first."""

    volunteers: int
    undated: int
    unplaced: int
    species: list[SpeciesCount]

    @property
    def standings(self) -> dict[Standing, Counted]:
        """All species together."""
        empty = Counted()
        return {
            standing: sum((one.standings.get(standing, empty) for one in self.species), empty) for standing in Standing
        }

    @property
    def total(self) -> Counted:
        """All records."""
        return sum((one.total for one in self.species), Counted())


def summary(session: Session, wanted: Selection) -> Summary:
    """Of a period and a species, over every standing, whichever ``wanted`` names."""
    wanted = replace(wanted, standings=frozenset(Standing))
    query = selection.of(wanted, func.count(func.distinct(Submission.volunteer_id)), *_missing())
    volunteers, undated, unplaced = session.execute(query).one()
    return Summary(volunteers, undated, unplaced, _species(session, wanted))


@dataclass(frozen=True)
class Extent:
    """How many records a selection has, and how many of them lack a day, coordinates, or a species."""

    records: int
    undated: int
    unplaced: int
    unnamed: int


def extent(session: Session, wanted: Selection) -> Extent:
    """What a download of these would hold."""
    unnamed = TAXON_ID.is_(None) | (STANDING == Standing.NOT_ACCEPTED.value)
    query = selection.of(wanted, func.count(), *_missing(), func.count().filter(unnamed))
    return Extent(*session.execute(query).one())


def _missing() -> tuple[Any, Any]:
    """To count: what has no day, and what has no coordinates."""
    return (
        func.count().filter(Submission.event_date.is_(None)),
        func.count().filter(Submission.latitude.is_(None) | Submission.longitude.is_(None)),
    )


def _species(session: Session, wanted: Selection) -> list[SpeciesCount]:
    taxon_id, standing = TAXON_ID.label("taxon_id"), STANDING.label("standing")
    query = selection.of(
        wanted,
        taxon_id,
        standing,
        Submission.event_date,
        func.count(),
        func.sum(Submission.individual_count),
    ).group_by(taxon_id, standing, Submission.event_date)
    found: dict[int | None, SpeciesCount] = {}
    rows = session.execute(query).all()
    numbers = {row.taxon_id for row in rows if row.taxon_id is not None}
    taxa = {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(numbers)))}
    for number, told, day, records, individuals in rows:
        one = found.setdefault(number, SpeciesCount(taxa.get(number)))
        one.standings[Standing(told)] += Counted(records, int(individuals))
        if day is not None and Standing(told) in ACCEPTED:
            one.weeks[day - timedelta(days=day.weekday())] += records
    return sorted(
        found.values(),
        key=lambda one: (one.taxon is None, -one.total.records, one.taxon.scientific_name if one.taxon else ""),
    )
