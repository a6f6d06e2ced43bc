"""The form that starts a collection: what was typed, and what it means."""

from collections.abc import Sequence

from pydantic import BaseModel, Field

from app.collecting.collections import Wanted
from app.collecting.rules import MOST_PER_TAXON, REUSABLE
from app.taxa.tables import Taxon

MOST_SPECIES = 15  # a form has so many fields at most


class CollectionForm(BaseModel):
    """The fields as they were typed. ``keywords`` stand in the order of ``taxon``, several parted by commas or lines."""

    taxon: list[str] = Field([], max_length=MOST_SPECIES)
    keywords: list[str] = Field([], max_length=MOST_SPECIES)
    licences: list[str] = Field(list(REUSABLE), max_length=20)
    number: str = Field("100", max_length=20)
    size: str = Field("medium-640", max_length=40)

    def wanted(self) -> Wanted:
        """What it means; whether that can be collected, the service says."""
        texts = [_parts(typed) for typed in self.keywords]
        texts += [()] * (len(self.taxon) - len(texts))
        number = self.number.strip()
        return Wanted(
            keywords=dict(zip(self.taxon, texts, strict=False)),
            licences=tuple(dict.fromkeys(self.licences)),
            number=int(number) if number.isascii() and number.isdigit() and int(number) <= MOST_PER_TAXON else 0,
            size=self.size,
        )


def blank(taxa: Sequence[Taxon]) -> CollectionForm:
    """The form for these taxa, with their names as keywords."""
    return CollectionForm(
        taxon=[taxon.scientific_name for taxon in taxa], keywords=["\n".join(_names(taxon)) for taxon in taxa]
    )


def _names(taxon: Taxon) -> list[str]:
    """Every name that the species list has, the scientific one first: it finds the fewest photos of something else."""
    names = {name.name.casefold(): name.name for name in taxon.vernacular_names}
    return list({taxon.scientific_name.casefold(): taxon.scientific_name, **names}.values())


def _parts(typed: str) -> tuple[str, ...]:
    parts = [" ".join(part.split()) for line in typed.splitlines() for part in line.split(",")]
    return tuple(dict.fromkeys(part for part in parts if part))
