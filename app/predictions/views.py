"""What a version sees, as pages and the API show it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.core.web.i18n import Language
from app.predictions.rules import Animal
from app.taxa.tables import Taxon
from app.taxa.views import TaxonView, taxon_view


@dataclass(frozen=True)
class ScoredTaxon:
    taxon: TaxonView
    probability: float


@dataclass(frozen=True)
class SquareView:
    x: float
    y: float
    width: float
    height: float

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole photo, so that there is nothing to draw on it."""
        return self.width >= 1 and self.height >= 1


@dataclass(frozen=True)
class AnimalView:
    """A further animal of a photo. ``predictions`` is empty where it is none of the version's species."""

    square: SquareView
    predictions: list[ScoredTaxon]
    in_scope: float


@dataclass(frozen=True)
class LooksLikeView:
    """A species that a photo may show though the version does not tell it apart. ``listed``: it is on the list of taxa."""

    taxon: TaxonView
    probability: float
    listed: bool


def square_view(numbers: Sequence[float] | None) -> SquareView | None:
    """A square as rows keep it."""
    return SquareView(*numbers) if numbers else None


class PredictionViews:
    """Builds views of predictions in one language. ``known``: every taxon by scientific name."""

    def __init__(self, language: Language, known: dict[str, Taxon]) -> None:
        self._language = language
        self._known = known

    def taxon(self, scientific_name: str) -> TaxonView:
        """The taxon of that name; one that is no longer in the table keeps its scientific name."""
        taxon = self._known.get(scientific_name)
        if taxon is None:
            return TaxonView(scientific_name, scientific_name, None, [])
        return taxon_view(taxon, self._language)

    def scored(self, shares: Mapping[str, float]) -> list[ScoredTaxon]:
        """Taxa with their probabilities, in the order given."""
        return [ScoredTaxon(self.taxon(name), probability) for name, probability in shares.items()]

    def animals(self, found: Iterable[Animal]) -> list[AnimalView]:
        """Further animals of a photo."""
        return [AnimalView(SquareView(*animal.square), self.scored(animal.shares), animal.in_scope) for animal in found]

    def looks_like(self, found: Iterable[Mapping[str, Any]]) -> list[LooksLikeView]:
        """Species outside a version's labels, as rows keep them, each with the best name that anybody has for it."""
        views = []
        for kept in found:
            name, own = kept["scientific_name"], kept["vernacular_names"]
            taxon = self._known.get(name)
            called = next(
                (
                    text
                    for code in (self._language.code, "en")
                    for text in (taxon.vernacular_name(code) if taxon else None, own.get(code))
                    if text
                ),
                name,
            )
            view = replace(self.taxon(name), vernacular_name=called)
            views.append(LooksLikeView(view, kept["probability"], listed=taxon is not None and taxon.active))
        return views
