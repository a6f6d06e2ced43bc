"""Taxa as pages and the API show them."""

from dataclasses import dataclass

from app.core.paths import STATIC
from app.core.web.assets import asset
from app.core.web.i18n import Language
from app.taxa.rules import slug
from app.taxa.tables import Taxon


@dataclass(frozen=True)
class TaxonView:
    scientific_name: str
    vernacular_name: str
    drawing: str | None
    marks: list[str]


def taxon_view(taxon: Taxon, language: Language) -> TaxonView:
    """A taxon with its name, marks and drawing; the scientific name where nobody entered another."""
    drawing = f"drawings/{slug(taxon.scientific_name)}.svg"
    return TaxonView(
        scientific_name=taxon.scientific_name,
        vernacular_name=taxon.vernacular_name(language.code) or taxon.vernacular_name("en") or taxon.scientific_name,
        drawing=asset(drawing) if (STATIC / drawing).is_file() else None,
        marks=taxon.marks_in(language.code),
    )
