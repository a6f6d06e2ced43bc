"""Predictions as pages and the API show them."""

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
        """Whether it is the whole photo, so that no square need be drawn."""
        return self.width >= 1 and self.height >= 1


@dataclass(frozen=True)
class AnimalView:
    """A further animal of a photo. ``predictions`` is empty where it is none of the version's species."""

    square: SquareView
    predictions: list[ScoredTaxon]
    in_scope: float


@dataclass(frozen=True)
class LooksLikeView:
    """A species outside the version's labels that a photo may show. ``listed``: it is on the list of taxa."""

    taxon: TaxonView
    probability: float
    listed: bool


def square_view(numbers: Sequence[float] | None) -> SquareView | None:
    """A square as rows store it."""
    return SquareView(*numbers) if numbers else None


class PredictionViews:
    """Builds views of predictions in one language. ``known``: every taxon by scientific name."""

    def __init__(self, language: Language, known: dict[str, Taxon]) -> None:
        self._language = language
        self._known = known

    def taxon(self, scientific_name: str) -> TaxonView:
        """The taxon of that name; its scientific name alone where it is no longer in the table."""
        taxon = self._known.get(scientific_name)
        if taxon is None:
            return TaxonView(scientific_name, scientific_name, [])
        return taxon_view(taxon, self._language)

    def scored(self, shares: Mapping[str, float]) -> list[ScoredTaxon]:
        """Taxa with their probabilities, in the order given."""
        return [ScoredTaxon(self.taxon(name), probability) for name, probability in shares.items()]

    def animals(self, animals: Iterable[Animal]) -> list[AnimalView]:
        """Further animals of a photo."""
        return [
            AnimalView(SquareView(*animal.square), self.scored(animal.shares), animal.in_scope) for animal in animals
        ]

    def looks_like(self, species: Iterable[Mapping[str, Any]]) -> list[LooksLikeView]:
        """Species outside a version's labels, as rows store them, each with the best name that is known for it."""
        return [
            self._looks_like(row["scientific_name"], row["probability"], row["vernacular_names"]) for row in species
        ]

    def _looks_like(
        self, scientific_name: str, probability: float, vernacular_names: Mapping[str, str]
    ) -> LooksLikeView:
        taxon = self._known.get(scientific_name)
        names = [
            name
            for code in (self._language.code, "en")
            for name in (taxon.vernacular_name(code) if taxon else None, vernacular_names.get(code))
            if name
        ]
        view = replace(self.taxon(scientific_name), vernacular_name=(names or [scientific_name])[0])
        return LooksLikeView(view, probability, listed=taxon is not None and taxon.active)
