"""The description of the records: title and licence. Nobody else can use an archive without one. Whose they are stands with
the organisation (app/organisation).
"""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.core.texts import one_form
from app.organisation.rules import Licence
from app.records.tables import RecordDescription

MAX_NAME = 200
MAX_ABSTRACT = 5000
_ONLY_ROW = 1


@dataclass(frozen=True)
class Description:
    """What the records are, and what one may do with them."""

    title: str
    licence: Licence
    abstract: str = ""


def current(session: Session) -> Description | None:
    """The description that was saved last; None: there is none yet."""
    row = session.get(RecordDescription, _ONLY_ROW)
    return (
        None if row is None else Description(**{field.name: getattr(row, field.name) for field in fields(Description)})
    )


def changed_at(session: Session) -> datetime | None:
    """When it was saved last."""
    return session.scalar(select(RecordDescription.updated_at).where(RecordDescription.id == _ONLY_ROW))


def save(sessions: SessionFactory, user_id: int, new: Description) -> None:
    """Save a description and log the change. Raises InvalidInput naming every field that is wrong."""
    new = checked(new)
    with transaction(sessions) as session:
        before = current(session)
        if before == new:
            return
        values, old = asdict(new), asdict(before) if before else {}
        session.merge(RecordDescription(id=_ONLY_ROW, **values, updated_at=utcnow()))
        changes = {name: value for name, value in values.items() if value != old.get(name)}
        audit.record(session, user_id, "records.described", "records", changes)


def checked(new: Description) -> Description:
    """The same without white space around. Raises InvalidInput naming every field that is wrong."""
    errors = []
    texts = {name: one_form(getattr(new, name)).strip() for name in ("title", "abstract")}
    for name, longest in (("title", MAX_NAME), ("abstract", MAX_ABSTRACT)):
        if len(texts[name]) > longest:
            errors.append(FieldError(name, "text_too_long", (("max", longest),)))
        elif not texts[name] and name != "abstract":
            errors.append(FieldError(name, "text_missing"))
    if errors:
        raise InvalidInput(errors)
    return Description(licence=new.licence, **texts)
