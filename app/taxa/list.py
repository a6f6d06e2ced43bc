"""The taxon list: changed by hand or from a file, which is looked at before it is saved; every change can be undone.

A list adds and corrects. It never takes away: a taxon that a record may name stays, at most no longer offered.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import utcnow
from app.core.errors import Conflict, NotFound
from app.taxa.files import ListedTaxon, TaxonFile
from app.taxa.tables import ChangeState, Taxon, TaxonChange, TaxonMark, VernacularName

PAGE = 50
_PREVIEWS_KEPT = 20
_SOME = 500
State = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """What would be different about a taxon: ``before`` None where it is new. ``fields``: those that differ."""

    scientific_name: str
    before: State | None
    after: State

    @property
    def fields(self) -> list[str]:
        """The names of what differs."""
        before = self.before or {}
        return [name for name, value in self.after.items() if before.get(name) != value]


def state_of(taxon: Taxon) -> State:
    """Everything that people enter about a taxon, as a change keeps it."""
    marks: dict[str, list[str]] = {}
    for mark in taxon.marks:
        marks.setdefault(mark.language, []).append(mark.text)
    return {
        "taxon_rank": taxon.taxon_rank,
        "gbif_key": taxon.gbif_key,
        "vernacular_names": {name.language: name.name for name in taxon.vernacular_names},
        "marks": marks,
        "active": taxon.active,
    }


def page(session: Session, text: str = "", after: str = "", size: int = PAGE) -> list[Taxon]:
    """Taxa by scientific name, those of which a name holds ``text``; ``after``: a name, the page that follows it."""
    query = select(Taxon).where(Taxon.scientific_name > after).order_by(Taxon.scientific_name).limit(size)
    if text.strip():
        like = f"%{_plain(text.strip())}%"
        named = select(VernacularName.taxon_id).where(VernacularName.name.ilike(like, escape="\\"))
        query = query.where(or_(Taxon.scientific_name.ilike(like, escape="\\"), Taxon.id.in_(named)))
    return list(session.scalars(query))


def _plain(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def count(session: Session) -> tuple[int, int]:
    """How many taxa there are, and how many of them are offered."""
    active = func.count().filter(Taxon.active)
    found = session.execute(select(func.count(), active).select_from(Taxon)).one()
    return found[0], found[1]


def get(session: Session, taxon_id: int) -> Taxon:
    """The taxon. Raises NotFound."""
    taxon = session.get(Taxon, taxon_id)
    if taxon is None:
        raise NotFound("There is no such taxon.")
    return taxon


def get_change(session: Session, change_id: int) -> TaxonChange:
    """The change. Raises NotFound."""
    change = session.get(TaxonChange, change_id)
    if change is None:
        raise NotFound("There is no such change.")
    return change


def saved_changes(session: Session, size: int = 10) -> list[TaxonChange]:
    """What was saved or undone, the latest first."""
    query = select(TaxonChange).where(TaxonChange.state != ChangeState.PREVIEWED)
    return list(session.scalars(query.order_by(TaxonChange.id.desc()).limit(size)))


def propose(session: Session, user_id: int | None, source: str, found: TaxonFile) -> TaxonChange:
    """Keep what a file lists, to be looked at; nothing of the list changes yet."""
    change = TaxonChange(
        user_id=user_id,
        source=source[:255],
        state=ChangeState.PREVIEWED,
        wanted=[taxon.as_json() for taxon in found.taxa],
        passed_over=found.passed_over,
    )
    session.add(change)
    session.flush()
    old = select(TaxonChange).where(TaxonChange.state == ChangeState.PREVIEWED).order_by(TaxonChange.id.desc())
    for forgotten in session.scalars(old.offset(_PREVIEWS_KEPT)):
        session.delete(forgotten)
    return change


def differences(session: Session, wanted: Sequence[Mapping[str, Any]]) -> list[Difference]:
    """What a list would change, as things stand now; taxa that it leaves as they are do not appear."""
    listed = [ListedTaxon(**each) for each in wanted]
    known = _by_name(session, [each.scientific_name for each in listed])
    found = []
    for each in listed:
        taxon = known.get(each.scientific_name)
        before = state_of(taxon) if taxon is not None else None
        difference = Difference(each.scientific_name, before, _merged(before, each))
        if difference.fields:
            found.append(difference)
    return found


def _by_name(session: Session, names: Sequence[str]) -> dict[str, Taxon]:
    found: dict[str, Taxon] = {}
    for start in range(0, len(names), _SOME):
        query = select(Taxon).where(Taxon.scientific_name.in_(names[start : start + _SOME]))
        found |= {taxon.scientific_name: taxon for taxon in session.scalars(query)}
    return found


def _merged(before: State | None, listed: ListedTaxon) -> State:
    """What a taxon becomes: what the list says, and where it says nothing, what was there."""
    kept = before or {"taxon_rank": "", "gbif_key": None, "vernacular_names": {}, "marks": {}, "active": True}
    return {
        "taxon_rank": listed.taxon_rank,
        "gbif_key": listed.gbif_key if listed.gbif_key is not None else kept["gbif_key"],
        "vernacular_names": {**kept["vernacular_names"], **listed.vernacular_names},
        "marks": {**kept["marks"], **listed.marks},
        "active": kept["active"] if listed.active is None else listed.active,
    }


def save(session: Session, user_id: int | None, change_id: int) -> TaxonChange:
    """Do what a preview showed, as things stand now. Raises NotFound, Conflict where that was done already."""
    change = get_change(session, change_id)
    if change.state is not ChangeState.PREVIEWED:
        raise Conflict("This list has already been saved.")
    _do(session, change, differences(session, change.wanted))
    added = sum(each["before"] is None for each in change.done)
    details = {"file": change.source, "added": added, "changed": len(change.done) - added}
    audit.record(session, user_id, "taxa.imported", f"taxon_change:{change.id}", details)
    return change


def edit(session: Session, user_id: int | None, taxon_id: int, after: State) -> TaxonChange | None:
    """Give a taxon the names, marks, rank, key and standing in ``after``; None where nothing is different."""
    taxon = get(session, taxon_id)
    difference = Difference(taxon.scientific_name, state_of(taxon), after)
    if not difference.fields:
        return None
    change = TaxonChange(user_id=user_id, source=taxon.scientific_name, state=ChangeState.SAVED, wanted=[])
    session.add(change)
    _do(session, change, [difference])
    audit.record(session, user_id, "taxon.edited", f"taxon:{taxon.id}", {"what": difference.fields})
    return change


def _do(session: Session, change: TaxonChange, found: Sequence[Difference]) -> None:
    known = _by_name(session, [each.scientific_name for each in found])
    for each in found:
        taxon = known.get(each.scientific_name)
        if taxon is None:
            taxon = Taxon(scientific_name=each.scientific_name)
            session.add(taxon)
        _write(session, taxon, each.after)
    change.done = [
        {"scientific_name": each.scientific_name, "before": each.before, "after": each.after} for each in found
    ]
    change.state, change.saved_at = ChangeState.SAVED, utcnow()
    session.flush()


def _write(session: Session, taxon: Taxon, state: State) -> None:
    taxon.taxon_rank, taxon.gbif_key, taxon.active = state["taxon_rank"], state["gbif_key"], state["active"]
    names = {name.language: name for name in taxon.vernacular_names}
    for language, name in state["vernacular_names"].items():
        if language in names:
            names[language].name = name
        else:
            taxon.vernacular_names.append(VernacularName(language=language, name=name))
    taxon.vernacular_names = [each for each in taxon.vernacular_names if each.language in state["vernacular_names"]]
    wanted = [
        (language, place, text) for language, texts in state["marks"].items() for place, text in enumerate(texts, 1)
    ]
    if sorted((m.language, m.position, m.text) for m in taxon.marks) != sorted(wanted):
        taxon.marks = []
        session.flush()  # a place is taken until the mark that stood there is gone
        taxon.marks = [TaxonMark(language=language, position=place, text=text) for language, place, text in wanted]


def undo(session: Session, user_id: int | None, change_id: int) -> TaxonChange:
    """Put everything back as it was before a change. What it added goes, or is no longer offered where records name it.

    Raises NotFound, and Conflict where it is not saved or somebody has changed one of its taxa since.
    """
    change = get_change(session, change_id)
    if change.state is not ChangeState.SAVED:
        raise Conflict("This change is not in force.")
    known = _by_name(session, [each["scientific_name"] for each in change.done])
    for each in change.done:
        taxon = known.get(each["scientific_name"])
        if taxon is None or state_of(taxon) != each["after"]:
            raise Conflict(f"{each['scientific_name']} was changed since.")
    for each in change.done:
        taxon = known[each["scientific_name"]]
        if each["before"] is not None:
            _write(session, taxon, each["before"])
        else:
            _remove(session, taxon)
    change.state = ChangeState.UNDONE
    audit.record(session, user_id, "taxa.undone", f"taxon_change:{change.id}", {"what": change.source})
    return change


def _remove(session: Session, taxon: Taxon) -> None:
    try:
        with session.begin_nested():
            session.delete(taxon)
            session.flush()
    except IntegrityError:
        session.refresh(taxon)
        taxon.active = False
