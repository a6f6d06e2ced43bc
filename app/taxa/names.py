"""Taxa by scientific name."""

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from app.taxa.tables import Taxon


def by_names(session: Session, scientific_names: list[str]) -> list[Taxon]:
    """Active taxa in the order of ``scientific_names``; unknown names are left out."""
    rows = session.scalars(select(Taxon).where(Taxon.scientific_name.in_(scientific_names), Taxon.active))
    taxa = {taxon.scientific_name: taxon for taxon in rows}
    return [taxa[name] for name in scientific_names if name in taxa]


def find(session: Session, scientific_name: str) -> Taxon | None:
    """The active taxon of that name. Its vernacular names and marks are loaded on first use."""
    query = select(Taxon).where(Taxon.scientific_name == scientific_name, Taxon.active)
    return session.scalar(query.options(lazyload(Taxon.vernacular_names), lazyload(Taxon.marks)))


def all_by_name(session: Session) -> dict[str, Taxon]:
    """Every taxon, by scientific name, with names and marks."""
    rows = session.scalars(select(Taxon).options(lazyload(Taxon.policy)))
    return {taxon.scientific_name: taxon for taxon in rows}
