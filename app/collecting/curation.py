"""Looking through a collection: its photos in the order of doubt, and what people say of them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.collecting.collections import get, touch
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound
from app.taxa import names as taxa
from app.taxa.tables import Taxon

PAGE = 24


@dataclass(frozen=True)
class Filter:
    """Which photos are looked for; None: any. ``after``: a photo's number, the page that follows it."""

    decision: PhotoDecision | None = PhotoDecision.UNDECIDED
    taxon: str = ""
    after: int | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of decisions: ``act`` names those that were kept, ``refused`` had been decided otherwise meanwhile."""

    act: str
    kept: list[CollectedPhoto]
    refused: list[CollectedPhoto]


def page(session: Session, collection_id: int, wanted: Filter, size: int = PAGE) -> tuple[list[CollectedPhoto], bool]:
    """Photos, the most doubtful first, and whether more follow."""
    query = select(CollectedPhoto).where(*_conditions(collection_id, wanted.decision, wanted.taxon))
    last = session.get(CollectedPhoto, wanted.after) if wanted.after is not None else None
    if last is not None:
        follows = and_(CollectedPhoto.doubt == last.doubt, CollectedPhoto.id > last.id)
        query = query.where(or_(CollectedPhoto.doubt < last.doubt, follows))
    query = query.order_by(CollectedPhoto.doubt.desc(), CollectedPhoto.id).limit(size + 1)
    found = list(session.scalars(query))
    return found[:size], len(found) > size


def counts(session: Session, collection_id: int, taxon: str = "") -> dict[PhotoDecision, int]:
    """How many photos there are of each decision."""
    query = select(CollectedPhoto.decision, func.count()).group_by(CollectedPhoto.decision)
    found = dict.fromkeys(PhotoDecision, 0)
    for decision, number in session.execute(query.where(*_conditions(collection_id, None, taxon))):
        found[decision] = number
    return found


def decided_together(session: Session, collection_id: int, act: str) -> int:
    """How many photos still stand as one act decided them."""
    query = select(func.count()).where(CollectedPhoto.collection_id == collection_id, CollectedPhoto.act == act)
    return session.scalar(query) or 0


def unknown_taxa(session: Session, collection_id: int) -> list[str]:
    """Taxa that the version which looked does not know: their photos stand in the order of in-scope alone."""
    query = select(CollectedPhoto.taxon).where(
        CollectedPhoto.collection_id == collection_id,
        CollectedPhoto.model_version_id.is_not(None),
        CollectedPhoto.probability.is_(None),
        CollectedPhoto.top_taxon != "",
    )
    return list(session.scalars(query.distinct().order_by(CollectedPhoto.taxon)))


def photo(session: Session, collection_id: int, photo_id: int) -> CollectedPhoto:
    """A photo of the collection. Raises NotFound."""
    found = session.get(CollectedPhoto, photo_id)
    if found is None or found.collection_id != collection_id:
        raise NotFound("There is no such photo in this collection.")
    return found


def _conditions(collection_id: int, decision: PhotoDecision | None, taxon: str) -> list[ColumnElement[bool]]:
    found = [CollectedPhoto.collection_id == collection_id]
    if decision is not None:
        found.append(CollectedPhoto.decision == decision)
    return [*found, CollectedPhoto.taxon == taxon] if taxon else found


class Curation:
    """Use cases of admins."""

    def __init__(self, sessions: SessionFactory) -> None:
        self._sessions = sessions

    def decide(
        self,
        collection_id: int,
        user_id: int,
        seen: Sequence[tuple[int, int]],
        decision: PhotoDecision,
        shows: str = "",
    ) -> Outcome:
        """Say the same of photos, each with the revision that was seen; UNDECIDED takes back what was said.

        ``shows``: with OTHER_SPECIES, the scientific name of an active taxon; a photo for which that is the wanted one is right.
        One that was decided otherwise since is left as it is, and told. The same said twice is said once. Raises NotFound,
        InvalidInput.
        """
        kept, refused, act = [], [], secrets.token_hex(8)
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            named = _named(session, decision, shows)
            for row, revision in self._locked(session, collection_id, seen):
                wanted = (
                    _Said(PhotoDecision.RIGHT)
                    if named and named.scientific_name == row.taxon
                    else _Said(decision, named)
                )
                if wanted.stands(row):
                    kept.append(row)
                elif row.revision != revision:
                    refused.append(row)
                else:
                    _write(row, wanted, user_id, act)
                    kept.append(row)
            touch(collection)
        return Outcome(act, kept, refused)

    def undo(self, collection_id: int, user_id: int, act: str) -> list[CollectedPhoto]:
        """Make undecided what was decided together, as far as nobody decided it otherwise since. Raises NotFound."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            query = select(CollectedPhoto).where(
                CollectedPhoto.collection_id == collection_id, CollectedPhoto.act == act, CollectedPhoto.act != ""
            )
            rows = list(session.scalars(query.order_by(CollectedPhoto.id).with_for_update(of=CollectedPhoto)))
            for row in rows:
                _write(row, _Said(PhotoDecision.UNDECIDED), user_id, "")
            touch(collection)
        return rows

    @staticmethod
    def _locked(
        session: Session, collection_id: int, seen: Sequence[tuple[int, int]]
    ) -> list[tuple[CollectedPhoto, int]]:
        revisions = dict(seen)
        query = select(CollectedPhoto).where(
            CollectedPhoto.collection_id == collection_id, CollectedPhoto.id.in_(revisions)
        )
        rows = session.scalars(query.order_by(CollectedPhoto.id).with_for_update(of=CollectedPhoto))
        found = [(row, revisions[row.id]) for row in rows]
        if len(found) < len(revisions):
            raise NotFound("There is no such photo in this collection.")
        return found


@dataclass(frozen=True)
class _Said:
    """A decision, and with OTHER_SPECIES the taxon that was named."""

    decision: PhotoDecision
    taxon: Taxon | None = None

    def stands(self, row: CollectedPhoto) -> bool:
        return row.decision is self.decision and row.shown_taxon_id == (self.taxon.id if self.taxon else None)


def _named(session: Session, decision: PhotoDecision, shows: str) -> Taxon | None:
    """The taxon that comes with OTHER_SPECIES, and with nothing else. Raises InvalidInput."""
    if decision is not PhotoDecision.OTHER_SPECIES:
        return None
    found = taxa.find(session, shows) if shows else None
    if found is None:
        raise InvalidInput([FieldError("shows", "claim_unknown")])
    return found


def _write(row: CollectedPhoto, said: _Said, user_id: int, act: str) -> None:
    undecided = said.decision is PhotoDecision.UNDECIDED
    row.decision, row.shown_taxon = said.decision, said.taxon
    row.decided_by_id = None if undecided else user_id
    row.decided_at = None if undecided else utcnow()
    row.act = "" if undecided else act
    row.revision += 1
