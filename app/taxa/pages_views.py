"""The taxon list as the admin's pages show it, and the form that changes one taxon."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from starlette.datastructures import FormData

from app.core.web.i18n import LANGUAGES, Language
from app.taxa.list import Difference, state_of
from app.taxa.tables import ChangeState, Taxon, TaxonChange

_ = str  # marks messages for extraction
_FIELDS = {
    "taxon_rank": _("Rank"),
    "gbif_key": _("GBIF key"),
    "vernacular_names": _("Names"),
    "marks": _("Marks"),
    "active": _("Available"),
}
_STATES = {
    ChangeState.PREVIEWED: _("not saved yet"),
    ChangeState.SAVED: _("in force"),
    ChangeState.UNDONE: _("undone"),
}
RANKS = {
    "species": _("species"),
    "subspecies": _("subspecies"),
    "genus": _("genus"),
    "aggregate": _("aggregate"),
    "complex": _("species complex"),
    "variety": _("variety"),
    "form": _("form"),
}
MOST_SHOWN = 200
_LONGEST_NAME, _LONGEST_KEY = 200, 18


@dataclass(frozen=True)
class FieldView:
    """One thing about a taxon that a change touches, in words; ``before`` empty where there was nothing."""

    name: str
    before: str
    after: str


@dataclass(frozen=True)
class DifferenceView:
    """One taxon that a change touches."""

    scientific_name: str
    new: bool
    fields: list[FieldView]


@dataclass(frozen=True)
class ChangeView:
    """A change to the list, in a few words."""

    id: int
    source: str
    state: str
    saved: bool
    added: int
    changed: int


class TaxonWords:
    """Says things of the list in one language."""

    def __init__(self, language: Language) -> None:
        self._language = language
        self.t = language.gettext

    def difference(self, found: Difference) -> DifferenceView:
        """What is different about a taxon."""
        before = found.before or {}
        fields = [
            FieldView(self.t(_FIELDS[name]), self._value(before.get(name)), self._value(found.after[name]))
            for name in found.fields
            if found.before is not None or found.after[name] not in ({}, None)
        ]
        return DifferenceView(found.scientific_name, found.before is None, fields)

    def _value(self, value: Any) -> str:
        if value is None or value == {}:
            return ""
        if isinstance(value, bool):
            return self.t("yes") if value else self.t("no")
        if isinstance(value, Mapping):
            parts = [
                f"{key}: {' · '.join(each) if isinstance(each, list) else each}" for key, each in sorted(value.items())
            ]
            return "; ".join(parts)
        return self.t(RANKS[value]) if value in RANKS else str(value)

    def change(self, row: TaxonChange) -> ChangeView:
        """A change in a few words."""
        added = sum(each["before"] is None for each in row.done)
        return ChangeView(
            id=row.id,
            source=row.source,
            state=self.t(_STATES[row.state]),
            saved=row.state is ChangeState.SAVED,
            added=added,
            changed=len(row.done) - added,
        )

    def ranks(self, present: str) -> list[tuple[str, str]]:
        """The ranks as a form offers them; one that is none of ours stays possible."""
        known = [(rank, self.t(name)) for rank, name in RANKS.items()]
        return known if present in RANKS or not present else [(present, present), *known]


def languages_of(taxon: Taxon) -> list[tuple[str, str]]:
    """The languages of the pages, and any other in which the taxon has a name or marks."""
    other = {name.language for name in taxon.vernacular_names} | {mark.language for mark in taxon.marks}
    return [*LANGUAGES.items(), *((code, code) for code in sorted(other - set(LANGUAGES)))]


def typed(form: FormData, taxon: Taxon, language: Language) -> tuple[dict[str, Any], dict[str, str]]:
    """What a taxon is to become, and the mistakes by field."""
    errors: dict[str, str] = {}
    key = str(form.get("gbif_key", "")).strip()
    if key and not (key.isascii() and key.isdigit() and len(key) < _LONGEST_KEY):
        errors["gbif_key"] = language.gettext("A GBIF key is a whole number.")
    rank = str(form.get("taxon_rank", "")).strip()
    if rank not in RANKS and rank != taxon.taxon_rank:
        errors["taxon_rank"] = language.gettext("Please choose one.")
    names, marks = {}, {}
    for code, _name in languages_of(taxon):
        name = str(form.get(f"name_{code}", "")).replace("\x00", "").strip()
        lines = [line.strip() for line in str(form.get(f"marks_{code}", "")).replace("\x00", "").splitlines()]
        if len(name) > _LONGEST_NAME:
            errors[f"name_{code}"] = language.gettext("Please use at most %(max)s characters.", max=_LONGEST_NAME)
        if name:
            names[code] = name
        if any(lines):
            marks[code] = [line for line in lines if line]
    after = state_of(taxon) | {
        "taxon_rank": rank,
        "gbif_key": int(key) if key and "gbif_key" not in errors else None,
        "vernacular_names": names,
        "marks": marks,
        "active": bool(form.get("active")),
    }
    return after, errors
