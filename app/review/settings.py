"""What coordinators set for the desk and for species, and what reviewers set for themselves."""

import json
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.review.rules import Rule
from app.review.tables import DeskSettings, ReviewerPreference, ReviewRule
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
_MAX_OPTIONS_LENGTH = 4000


def current(session: Session) -> DeskSettings:
    """The settings in force: those saved last, else the defaults."""
    return session.get(DeskSettings, _ONLY_ROW) or DeskSettings()


def changed_at(session: Session) -> datetime | None:
    """When the desk's settings were saved last; None: the defaults hold."""
    return session.scalar(select(DeskSettings.updated_at).where(DeskSettings.id == _ONLY_ROW))


def save(sessions: SessionFactory, user_id: int, settings: DeskSettings) -> None:
    """Put other settings in force and log the change. Raises InvalidInput naming every value out of range."""
    errors = [
        FieldError(name, "number_range", (("min", str(low)), ("max", str(high))))
        for name, (low, high) in _RANGES.items()
        if not low <= getattr(settings, name) <= high
    ]
    if errors:
        raise InvalidInput(errors)
    with transaction(sessions) as session:
        row = session.get(DeskSettings, _ONLY_ROW, with_for_update=True)
        if row is None:
            row = DeskSettings()
            session.add(row)
        changes = {}
        for name in ("rule", *_RANGES):
            before, after = getattr(row, name), getattr(settings, name)
            if before != after:
                changes[name] = [before, after]
            setattr(row, name, after)
        row.updated_at = utcnow()
        if changes:
            audit.record(session, user_id, "review.settings_changed", "review settings", changes)


def rules(session: Session) -> dict[int, Rule]:
    """The rules of species that have one of their own, by taxon id."""
    return {row.taxon_id: row.rule for row in session.scalars(select(ReviewRule))}


def rules_by_taxon(session: Session) -> list[tuple[Taxon, Rule]]:
    """The species that have a rule of their own, by scientific name, with the rule."""
    rows = session.scalars(select(ReviewRule).join(Taxon).order_by(Taxon.scientific_name))
    return [(row.taxon, row.rule) for row in rows]


def set_rule(sessions: SessionFactory, user_id: int, scientific_name: str, rule: Rule | None) -> None:
    """Give a species a rule of its own, or (None) the default again; applies to later decisions.

    Raises InvalidInput for an unknown species.
    """
    with transaction(sessions) as session:
        taxon = named_taxon(session, scientific_name)
        row = session.get(ReviewRule, taxon.id)
        before = row.rule if row else None
        if before is rule:
            return
        if rule is None:
            session.delete(row)
        else:
            session.merge(ReviewRule(taxon_id=taxon.id, rule=rule))
        audit.record(session, user_id, "review.rule_changed", f"taxon:{scientific_name}", {"rule": [before, rule]})


def named_taxon(session: Session, scientific_name: str) -> Taxon:
    """The active taxon that a form names. Raises InvalidInput for an unknown one."""
    taxon = taxa.find(session, scientific_name)
    if taxon is None:
        raise InvalidInput([FieldError("taxon", "claim_unknown")])
    return taxon


def preferences_of(session: Session, user_id: int) -> ReviewerPreference:
    """A reviewer's preferences: those saved last, else the defaults."""
    return session.get(ReviewerPreference, user_id) or ReviewerPreference(user_id=user_id)


def save_preferences(sessions: SessionFactory, preferences: ReviewerPreference) -> None:
    """Save a reviewer's preferences. Raises InvalidInput for options that are too long."""
    if len(json.dumps(preferences.options)) > _MAX_OPTIONS_LENGTH:
        raise InvalidInput([FieldError("options", "text_too_long", (("max", _MAX_OPTIONS_LENGTH),))])
    with transaction(sessions) as session:
        row = session.get(ReviewerPreference, preferences.user_id, with_for_update=True)
        if row is None:
            session.add(preferences)
        else:
            row.blind, row.options = preferences.blind, preferences.options
