"""Which records somebody asks for, and in which shape, out of the fields of a form."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from app.core.errors import FieldError
from app.records.occurrences import Shape
from app.records.rules import ACCEPTED, Precision, Standing
from app.records.selection import Selection
from app.review.filters import MAX_TEXT

_FIELDS = {"since", "until", "species", "standing", "precision", "words", "names"}
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)


@dataclass(frozen=True)
class RecordsForm:
    """What stands in the fields. ``errors`` names those that can't be read; ``wanted`` and ``shape`` leave them out."""

    values: Mapping[str, str]
    wanted: Selection
    shape: Shape
    errors: list[FieldError] = field(default_factory=list)

    def query(self, **other: Any) -> str:
        """All fields as part of an address, with some put otherwise or added."""
        fields: list[tuple[str, Any]] = [
            (name, other.get(name, self.values[name])) for name in ("since", "until", "species")
        ]
        fields += [("standing", standing.value) for standing in Standing if standing in self.wanted.standings]
        fields.append(("precision", self.values["precision"]))
        fields += [
            (name, "yes") for name, chosen in (("words", self.shape.words), ("names", self.shape.names)) if chosen
        ]
        fields += [(name, value) for name, value in other.items() if name not in self.values]
        return urlencode(fields)


def read_form(params: QueryParams, season: int | None, language: str) -> RecordsForm:
    """The fields; without any, what is accepted of ``season``, a year, or of all time where it is None."""
    if not _FIELDS & set(params):
        bounds = {"since": f"{season}-01-01", "until": f"{season}-12-31"} if season else {"since": "", "until": ""}
        params = QueryParams([*bounds.items(), *(("standing", standing.value) for standing in ACCEPTED)])
    values = {name: params.get(name, "").replace("\0", "").strip() for name in ("since", "until", "species")}
    values["precision"] = params.get("precision", Precision.KILOMETRE.value)[:20]
    errors: list[FieldError] = []
    if len(values["species"]) > MAX_TEXT:
        errors.append(FieldError("species", "claim_unknown"))
        values["species"] = values["species"][: MAX_TEXT + 1]  # enough to be refused again
    since, until = (_day(values, name, errors) for name in ("since", "until"))
    if since and until and until < since:
        errors.append(FieldError("until", "days_turned"))
    standings = frozenset(Standing(value) for value in params.getlist("standing") if value in set(Standing))
    if not standings:
        errors.append(FieldError("standing", "standings_missing"))
    if values["precision"] not in set(Precision):
        errors.append(FieldError("precision", "kind_unknown"))
    precision = Precision(values["precision"]) if values["precision"] in set(Precision) else Precision.KILOMETRE
    return RecordsForm(
        values,
        Selection(since, until, values["species"], standings),
        Shape(precision, "words" in params, "names" in params, language),
        errors,
    )


def _day(values: Mapping[str, str], name: str, errors: list[FieldError]) -> date | None:
    text = values[name]
    if not text:
        return None
    try:
        if _DAY.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # 2026-02-30
        pass
    errors.append(FieldError(name, "date_invalid"))
    return None
