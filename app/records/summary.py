"""How many records there are: by species, by standing, by week."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.records.rules import ACCEPTED, Standing
from app.records.selection import STANDING, TAXON_ID, Selection, select_records
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
            standing: sum((count.standings.get(standing, empty) for count in self.species), empty)
            for standing in Standing
        }

    @property
    def total(self) -> Counted:
        """All records."""
        return sum((count.total for count in self.species), Counted())


def summary(session: Session, selection: Selection) -> Summary:
    """Count the records of a period and a species, over every standing, whichever ``selection`` names."""
    selection = replace(selection, standings=frozenset(Standing))
    query = select_records(selection, func.count(func.distinct(Submission.volunteer_id)), *_missing())
    volunteers, undated, unplaced = session.execute(query).one()
    return Summary(volunteers, undated, unplaced, _species(session, selection))


@dataclass(frozen=True)
class Extent:
    """How many records a selection has, and how many of them lack a day, coordinates, or a species."""

    records: int
    undated: int
    unplaced: int
    unnamed: int


def extent(session: Session, selection: Selection) -> Extent:
    """What a download of these would hold."""
    unnamed = TAXON_ID.is_(None) | (STANDING == Standing.NOT_ACCEPTED.value)
    query = select_records(selection, func.count(), *_missing(), func.count().filter(unnamed))
    return Extent(*session.execute(query).one())


def _missing() -> tuple[Any, Any]:
    """Counts of what has no day, and of what has no coordinates."""
    return (
        func.count().filter(Submission.event_date.is_(None)),
        func.count().filter(Submission.latitude.is_(None) | Submission.longitude.is_(None)),
    )


def _species(session: Session, selection: Selection) -> list[SpeciesCount]:
    groups = TAXON_ID.label("taxon_id"), STANDING.label("standing"), Submission.event_date
    query = select_records(selection, *groups, func.count(), func.sum(Submission.individual_count)).group_by(*groups)
    rows = session.execute(query).all()
    ids = {row.taxon_id for row in rows if row.taxon_id is not None}
    taxa = {taxon.id: taxon for taxon in session.scalars(select(Taxon).where(Taxon.id.in_(ids)))}
    counts: dict[int | None, SpeciesCount] = {}
    for taxon_id, value, day, records, individuals in rows:
        count = counts.setdefault(taxon_id, SpeciesCount(taxa.get(taxon_id)))
        standing = Standing(value)
        count.standings[standing] += Counted(records, int(individuals))
        if day is not None and standing in ACCEPTED:
            count.weeks[day - timedelta(days=day.weekday())] += records
    return sorted(
        counts.values(),
        key=lambda count: (
            count.taxon is None,
            -count.total.records,
            count.taxon.scientific_name if count.taxon else "",
        ),
    )
