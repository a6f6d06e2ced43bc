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
    marks: list[str]

    @property
    def drawing(self) -> str | None:
        """The address of a drawing of it, if there is one."""
        path = f"drawings/{slug(self.scientific_name)}.svg"
        return asset(path) if (STATIC / path).is_file() else None


def taxon_view(taxon: Taxon, language: Language) -> TaxonView:
    """A taxon with its name and marks; the scientific name where nobody entered another."""
    return TaxonView(
        scientific_name=taxon.scientific_name,
        vernacular_name=taxon.vernacular_name(language.code) or taxon.vernacular_name("en") or taxon.scientific_name,
        marks=taxon.marks_in(language.code),
    )
