"""The taxon list: edited by hand or imported from a file, after a preview. Every change can be undone.

An import adds and corrects. It never removes a taxon, because records may name it; a taxon can only be made inactive.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, or_, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import get_or_not_found, utcnow
from app.core.errors import Conflict
from app.taxa.files import ListedTaxon, TaxonFile
from app.taxa.tables import ChangeState, Taxon, TaxonChange, TaxonMark, VernacularName

PAGE = 50
_PREVIEWS_KEPT = 20
_BATCH = 500
State = dict[str, Any]


@dataclass(frozen=True)
class Difference:
    """What changes about a taxon; ``before`` is None for a new one."""

    scientific_name: str
    before: State | None
    after: State

    @property
    def fields(self) -> list[str]:
        """The names of the fields that differ."""
        before = self.before or {}
        return [name for name, value in self.after.items() if before.get(name) != value]


def state_of(taxon: Taxon) -> State:
    """Everything that people enter about a taxon, as a change stores it."""
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
    """Taxa by scientific name, those with ``text`` in any of their names; ``after``: a name, for the page that follows."""
    query = select(Taxon).where(Taxon.scientific_name > after).order_by(Taxon.scientific_name).limit(size)
    if text.strip():
        like = f"%{_escaped(text.strip())}%"
        named = select(VernacularName.taxon_id).where(VernacularName.name.ilike(like, escape="\\"))
        query = query.where(or_(Taxon.scientific_name.ilike(like, escape="\\"), Taxon.id.in_(named)))
    return list(session.scalars(query))


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def count(session: Session) -> tuple[int, int]:
    """How many taxa there are, and how many of them are active."""
    active = func.count().filter(Taxon.active)
    total, offered = session.execute(select(func.count(), active).select_from(Taxon)).one()
    return total, offered


def get(session: Session, taxon_id: int) -> Taxon:
    """The taxon. Raises NotFound."""
    return get_or_not_found(session, Taxon, taxon_id, "There is no such taxon.")


def get_change(session: Session, change_id: int) -> TaxonChange:
    """The change. Raises NotFound."""
    return get_or_not_found(session, TaxonChange, change_id, "There is no such change.")


def saved_changes(session: Session, size: int = 10) -> list[TaxonChange]:
    """Changes that were saved, undone ones included, the latest first."""
    query = select(TaxonChange).where(TaxonChange.state != ChangeState.PREVIEWED)
    return list(session.scalars(query.order_by(TaxonChange.id.desc()).limit(size)))


def propose(session: Session, user_id: int | None, source: str, file: TaxonFile) -> TaxonChange:
    """Store what a file lists, for a preview; the list itself does not change yet."""
    change = TaxonChange(
        user_id=user_id,
        source=source[:255],
        state=ChangeState.PREVIEWED,
        wanted=[asdict(taxon) for taxon in file.taxa],
        passed_over=file.passed_over,
    )
    session.add(change)
    session.flush()
    previews = select(TaxonChange).where(TaxonChange.state == ChangeState.PREVIEWED).order_by(TaxonChange.id.desc())
    for old in session.scalars(previews.offset(_PREVIEWS_KEPT)):
        session.delete(old)
    return change


def differences(session: Session, change: TaxonChange) -> list[Difference]:
    """What a change did, or, while it is a preview, would do now. Taxa that stay as they are do not appear."""
    if change.state is not ChangeState.PREVIEWED:
        return [Difference(**done) for done in change.done]
    return differences_from(session, [ListedTaxon(**taxon) for taxon in change.wanted])


def differences_from(session: Session, listed: Sequence[ListedTaxon]) -> list[Difference]:
    """What importing these taxa would change now."""
    known = _by_name(session, [taxon.scientific_name for taxon in listed])
    found = []
    for entry in listed:
        taxon = known.get(entry.scientific_name)
        before = state_of(taxon) if taxon is not None else None
        found.append(Difference(entry.scientific_name, before, _merged(before, entry)))
    return [difference for difference in found if difference.fields]


def _by_name(session: Session, names: Sequence[str]) -> dict[str, Taxon]:
    taxa: dict[str, Taxon] = {}
    for start in range(0, len(names), _BATCH):
        query = select(Taxon).where(Taxon.scientific_name.in_(names[start : start + _BATCH]))
        taxa |= {taxon.scientific_name: taxon for taxon in session.scalars(query)}
    return taxa


def _merged(before: State | None, listed: ListedTaxon) -> State:
    """What a taxon becomes: what the file says, and where it says nothing, what was there."""
    old = before or {"taxon_rank": "", "gbif_key": None, "vernacular_names": {}, "marks": {}, "active": True}
    return {
        "taxon_rank": listed.taxon_rank,
        "gbif_key": listed.gbif_key if listed.gbif_key is not None else old["gbif_key"],
        "vernacular_names": {**old["vernacular_names"], **listed.vernacular_names},
        "marks": {**old["marks"], **listed.marks},
        "active": old["active"] if listed.active is None else listed.active,
    }


def save(session: Session, user_id: int | None, change_id: int) -> TaxonChange:
    """Make the changes of a preview, as of now. Raises NotFound, and Conflict where they were made already."""
    change = get_change(session, change_id)
    if change.state is not ChangeState.PREVIEWED:
        raise Conflict("This list has already been saved.")
    _apply(session, change, differences(session, change))
    details = {"file": change.source, "added": change.added, "changed": change.changed}
    audit.record(session, user_id, "taxa.imported", f"taxon_change:{change.id}", details)
    return change


def edit(session: Session, user_id: int | None, taxon_id: int, after: State) -> TaxonChange | None:
    """Change a taxon to ``after``. Returns None where nothing is different. Raises NotFound."""
    taxon = get(session, taxon_id)
    difference = Difference(taxon.scientific_name, state_of(taxon), after)
    if not difference.fields:
        return None
    change = TaxonChange(user_id=user_id, source=taxon.scientific_name, state=ChangeState.SAVED, wanted=[])
    session.add(change)
    _apply(session, change, [difference])
    audit.record(session, user_id, "taxon.edited", f"taxon:{taxon.id}", {"what": difference.fields})
    return change


def _apply(session: Session, change: TaxonChange, changes: Sequence[Difference]) -> None:
    known = _by_name(session, [difference.scientific_name for difference in changes])
    for difference in changes:
        taxon = known.get(difference.scientific_name)
        if taxon is None:
            taxon = Taxon(scientific_name=difference.scientific_name)
            session.add(taxon)
        _write(session, taxon, difference.after)
    change.done = [asdict(difference) for difference in changes]
    change.state, change.saved_at = ChangeState.SAVED, utcnow()
    session.flush()


def _write(session: Session, taxon: Taxon, state: State) -> None:
    taxon.taxon_rank, taxon.gbif_key, taxon.active = state["taxon_rank"], state["gbif_key"], state["active"]
    names = {name.language: name for name in taxon.vernacular_names}
    for language, text in state["vernacular_names"].items():
        if language in names:
            names[language].name = text
        else:
            taxon.vernacular_names.append(VernacularName(language=language, name=text))
    taxon.vernacular_names = [name for name in taxon.vernacular_names if name.language in state["vernacular_names"]]
    marks = [
        (language, position, text)
        for language, texts in state["marks"].items()
        for position, text in enumerate(texts, 1)
    ]
    if sorted((m.language, m.position, m.text) for m in taxon.marks) != sorted(marks):
        taxon.marks = []
        session.flush()  # a position is taken until the mark that was there is gone
        taxon.marks = [TaxonMark(language=language, position=position, text=text) for language, position, text in marks]


def undo(session: Session, user_id: int | None, change_id: int) -> TaxonChange:
    """Restore what was there before a change. Taxa that it added are deleted, or made inactive where records name them.

    Raises NotFound, and Conflict where the change is not in force or one of its taxa was changed since.
    """
    change = get_change(session, change_id)
    if change.state is not ChangeState.SAVED:
        raise Conflict("This change is not in force.")
    changes = differences(session, change)
    known = _by_name(session, [difference.scientific_name for difference in changes])
    for difference in changes:
        taxon = known.get(difference.scientific_name)
        if taxon is None or state_of(taxon) != difference.after:
            raise Conflict(f"{difference.scientific_name} was changed since.")
    for difference in changes:
        taxon = known[difference.scientific_name]
        if difference.before is not None:
            _write(session, taxon, difference.before)
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
