"""Sorting a collection: its photos in the order of doubt, and what people decide about them."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, or_, select
from sqlalchemy.orm import Session

from app.collecting.collections import get
from app.collecting.rules import PhotoDecision
from app.collecting.tables import CollectedPhoto
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput, NotFound
from app.taxa import names as taxa
from app.taxa.tables import Taxon

PAGE = 24


@dataclass(frozen=True)
class Filter:
    """Which photos to show; None: all. ``after``: a photo's number, for the page that follows it."""

    decision: PhotoDecision | None = PhotoDecision.UNDECIDED
    taxon: str = ""
    after: int | None = None


@dataclass(frozen=True)
class DecisionResult:
    """``act`` names the decisions made together; ``refused``: photos that somebody had decided differently meanwhile."""

    act: str
    decided: list[CollectedPhoto]
    refused: list[CollectedPhoto]


def page(session: Session, collection_id: int, photos: Filter, size: int = PAGE) -> tuple[list[CollectedPhoto], bool]:
    """Photos, the most doubtful first, and whether more follow."""
    query = select(CollectedPhoto).where(*_conditions(collection_id, photos.decision, photos.taxon))
    last = session.get(CollectedPhoto, photos.after) if photos.after is not None else None
    if last is not None:
        follows = and_(CollectedPhoto.doubt == last.doubt, CollectedPhoto.id > last.id)
        query = query.where(or_(CollectedPhoto.doubt < last.doubt, follows))
    rows = list(session.scalars(query.order_by(CollectedPhoto.doubt.desc(), CollectedPhoto.id).limit(size + 1)))
    return rows[:size], len(rows) > size


def counts(session: Session, collection_id: int, taxon: str = "") -> dict[PhotoDecision, int]:
    """How many photos there are of each decision."""
    query = select(CollectedPhoto.decision, func.count()).group_by(CollectedPhoto.decision)
    numbers = dict.fromkeys(PhotoDecision, 0)
    for decision, number in session.execute(query.where(*_conditions(collection_id, None, taxon))):
        numbers[decision] = number
    return numbers


def decided_together(session: Session, collection_id: int, act: str) -> int:
    """How many photos are still as one act decided them."""
    query = select(func.count()).where(CollectedPhoto.collection_id == collection_id, CollectedPhoto.act == act)
    return session.scalar(query) or 0


def unknown_taxa(session: Session, collection_id: int) -> list[str]:
    """Taxa that the version that checked them does not know: their photos are ordered by in-scope alone."""
    query = select(CollectedPhoto.taxon).where(
        CollectedPhoto.collection_id == collection_id,
        CollectedPhoto.model_version_id.is_not(None),
        CollectedPhoto.probability.is_(None),
        CollectedPhoto.top_taxon != "",
    )
    return list(session.scalars(query.distinct().order_by(CollectedPhoto.taxon)))


def photo(session: Session, collection_id: int, photo_id: int) -> CollectedPhoto:
    """A photo of the collection. Raises NotFound."""
    row = session.get(CollectedPhoto, photo_id)
    if row is None or row.collection_id != collection_id:
        raise NotFound("There is no such photo in this collection.")
    return row


def _conditions(collection_id: int, decision: PhotoDecision | None, taxon: str) -> list[ColumnElement[bool]]:
    conditions = [CollectedPhoto.collection_id == collection_id]
    if decision is not None:
        conditions.append(CollectedPhoto.decision == decision)
    return [*conditions, CollectedPhoto.taxon == taxon] if taxon else conditions


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
    ) -> DecisionResult:
        """Decide photos, each given with the revision that was seen. UNDECIDED takes a decision back. Idempotent.

        ``shows``: with OTHER_SPECIES, the scientific name of an active taxon; photos found for that taxon become RIGHT.
        A photo that somebody has decided differently since stays as it is, and is reported. Raises NotFound, InvalidInput.
        """
        result = DecisionResult(secrets.token_hex(8), [], [])
        revisions = dict(seen)
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            taxon = _named_taxon(session, decision, shows)
            photos = _locked(session, collection_id, CollectedPhoto.id.in_(revisions))
            if len(photos) < len(revisions):
                raise NotFound("There is no such photo in this collection.")
            for row in photos:
                confirmed = taxon is not None and taxon.scientific_name == row.taxon
                verdict = (PhotoDecision.RIGHT, None) if confirmed else (decision, taxon)
                unchanged = (row.decision, row.shown_taxon) == verdict
                if not unchanged and row.revision != revisions[row.id]:
                    result.refused.append(row)
                    continue
                if not unchanged:
                    _write(row, *verdict, user_id, result.act)
                result.decided.append(row)
            collection.touch()
        return result

    def undo(self, collection_id: int, user_id: int, act: str) -> list[CollectedPhoto]:
        """Take back what was decided together, unless somebody decided it differently since. Raises NotFound."""
        with transaction(self._sessions) as session:
            collection = get(session, collection_id)
            rows = _locked(session, collection_id, CollectedPhoto.act == act, CollectedPhoto.act != "")
            for row in rows:
                _write(row, PhotoDecision.UNDECIDED, None, user_id, "")
            collection.touch()
        return rows


def _locked(session: Session, collection_id: int, *conditions: ColumnElement[bool]) -> list[CollectedPhoto]:
    query = select(CollectedPhoto).where(CollectedPhoto.collection_id == collection_id, *conditions)
    return list(session.scalars(query.order_by(CollectedPhoto.id).with_for_update(of=CollectedPhoto)))


def _named_taxon(session: Session, decision: PhotoDecision, shows: str) -> Taxon | None:
    """The taxon that comes with OTHER_SPECIES, and with nothing else. Raises InvalidInput."""
    if decision is not PhotoDecision.OTHER_SPECIES:
        return None
    taxon = taxa.find(session, shows) if shows else None
    if taxon is None:
        raise InvalidInput([FieldError("shows", "claim_unknown")])
    return taxon


def _write(row: CollectedPhoto, decision: PhotoDecision, taxon: Taxon | None, user_id: int, act: str) -> None:
    undecided = decision is PhotoDecision.UNDECIDED
    row.decision, row.shown_taxon = decision, taxon
    row.decided_by_id = None if undecided else user_id
    row.decided_at = None if undecided else utcnow()
    row.act = "" if undecided else act
    row.revision += 1
