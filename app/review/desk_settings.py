"""What coordinators set for the desk: how many experts a record takes, shares, leases, and the limit of wrong acceptances."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.review.rules import Rule
from app.review.tables import ReviewRule, ReviewSettings
from app.taxa import names as taxa
from app.taxa.tables import Taxon

_ONLY_ROW = 1
_RANGES: dict[str, tuple[float, float]] = {
    "audit_share": (0, 1),
    "blind_share": (0, 1),
    "lease_minutes": (1, 120),
    "wrong_limit": (0.005, 0.5),
    "minimum_audits": (0, 10_000),
}


@dataclass(frozen=True)
class DeskSettings:
    """The settings in force. Shares and the limit are fractions of 1."""

    rule: Rule = Rule.ONE
    audit_share: float = 0.05
    blind_share: float = 0.0
    lease_minutes: int = 10
    wrong_limit: float = 0.1
    minimum_audits: int = 0


def current(session: Session) -> DeskSettings:
    """What is in force now: what was saved, else the defaults."""
    row = session.get(ReviewSettings, _ONLY_ROW)
    if row is None:
        return DeskSettings()
    return DeskSettings(**{field.name: getattr(row, field.name) for field in fields(DeskSettings)})


def changed_at(session: Session) -> datetime | None:
    """When they were saved last; None: the defaults hold."""
    return session.scalar(select(ReviewSettings.updated_at).where(ReviewSettings.id == _ONLY_ROW))


def rules(session: Session) -> dict[int, Rule]:
    """The rules of species that have one of their own, by taxon id."""
    return {row.taxon_id: row.rule for row in session.scalars(select(ReviewRule))}


def rules_by_taxon(session: Session) -> list[tuple[Taxon, Rule]]:
    """The same for a page, by scientific name."""
    rows = session.scalars(select(ReviewRule).join(Taxon).order_by(Taxon.scientific_name))
    return [(row.taxon, row.rule) for row in rows]


class DeskSettingsService:
    """Changing them; every change is in the audit log."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def change(self, user_id: int, wanted: DeskSettings) -> None:
        """Put these in force. Raises InvalidInput naming what is out of range."""
        mistakes = [
            FieldError(name, "number_range", (("min", str(low)), ("max", str(high))))
            for name, (low, high) in _RANGES.items()
            if not low <= getattr(wanted, name) <= high
        ]
        if mistakes:
            raise InvalidInput(mistakes)
        with transaction(self._sessions) as session:
            before = asdict(current(session))
            row = session.get(ReviewSettings, _ONLY_ROW, with_for_update=True)
            if row is None:
                row = ReviewSettings(id=_ONLY_ROW)
                session.add(row)
            for name, value in asdict(wanted).items():
                setattr(row, name, value)
            row.updated_at = utcnow()
            changes = {n: [before[n], value] for n, value in asdict(wanted).items() if before[n] != value}
            if changes:
                audit.record(session, user_id, "review.settings_changed", "review settings", changes)

    def set_rule(self, user_id: int, scientific_name: str, rule: Rule | None) -> None:
        """Give a species a rule of its own, or (None) the default again. Holds for what is decided from now on.

        Raises InvalidInput for a species that nobody knows.
        """
        with transaction(self._sessions) as session:
            taxon = taxa.find(session, scientific_name)
            if taxon is None:
                raise InvalidInput([FieldError("taxon", "claim_unknown")])
            row = session.get(ReviewRule, taxon.id)
            before = row.rule.value if row else None
            if row is not None and rule is None:
                session.delete(row)
            elif row is not None and rule is not None:
                row.rule = rule
            elif rule is not None:
                session.add(ReviewRule(taxon_id=taxon.id, rule=rule))
            after = rule.value if rule else None
            if before != after:
                audit.record(
                    session, user_id, "review.rule_changed", f"taxon:{scientific_name}", {"rule": [before, after]}
                )
