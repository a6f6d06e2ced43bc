"""The taxa that a volunteer can choose from: those of the version that answers now."""

from sqlalchemy import select
from sqlalchemy.orm import Session, lazyload

from app.models import Taxon


def by_names(session: Session, scientific_names: list[str]) -> list[Taxon]:
    """Active taxa in the order of ``scientific_names``; names nobody knows are left out."""
    rows = session.scalars(select(Taxon).where(Taxon.scientific_name.in_(scientific_names), Taxon.active))
    found = {taxon.scientific_name: taxon for taxon in rows}
    return [found[name] for name in scientific_names if name in found]


def find(session: Session, scientific_name: str) -> Taxon | None:
    """The active taxon of that name. Its vernacular names and marks are read when they are asked for."""
    query = select(Taxon).where(Taxon.scientific_name == scientific_name, Taxon.active)
    return session.scalar(query.options(lazyload(Taxon.vernacular_names), lazyload(Taxon.marks)))


def all_by_name(session: Session) -> dict[str, Taxon]:
    """Every taxon, by scientific name."""
    return {taxon.scientific_name: taxon for taxon in session.scalars(select(Taxon))}


def search(session: Session, text: str, limit: int = 20) -> list[Taxon]:
    """Active taxa of which a name in any language, or a word of one, begins with ``text``; the closest first.

    Several words may each be the beginning of one: "g spe" finds *Genus species*.
    """
    wanted = text.casefold().split()
    found = []
    for taxon in session.scalars(select(Taxon).where(Taxon.active)) if wanted else ():
        names = [taxon.scientific_name, *(name.name for name in taxon.vernacular_names)]
        nearness = min(_nearness(name.casefold(), wanted) for name in names)
        if nearness < _FAR:
            found.append((nearness, taxon.scientific_name, taxon))
    return [taxon for _, _, taxon in sorted(found, key=lambda entry: entry[:2])[:limit]]


_FAR = 9


def _nearness(name: str, wanted: list[str]) -> int:
    """0: the name itself; 1: it begins so; 2: its words begin so; 9: neither."""
    text = " ".join(wanted)
    if name == text:
        return 0
    if name.startswith(text):
        return 1
    words = name.replace("-", " ").split()
    return 2 if all(any(word.startswith(part) for word in words) for part in wanted) else _FAR
