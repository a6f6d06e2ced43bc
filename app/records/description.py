"""What the records say about themselves: title, owner, licence. An archive without these is of no use to anybody else."""

from dataclasses import asdict, dataclass, fields
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.accounts import audit
from app.accounts.users import checked_email
from app.core.db import SessionFactory, transaction, utcnow
from app.core.errors import FieldError, InvalidInput
from app.records.rules import Licence
from app.records.tables import RecordDescription

MAX_NAME = 200
MAX_ABSTRACT = 5000
_ONLY_ROW = 1


@dataclass(frozen=True)
class Description:
    """``organisation`` owns the records and is answerable for them; ``contact_email`` answers questions."""

    title: str
    organisation: str
    contact_email: str
    licence: Licence
    abstract: str = ""


def current(session: Session) -> Description | None:
    """As it was saved last; None: nobody has described the records yet."""
    row = session.get(RecordDescription, _ONLY_ROW)
    return (
        None if row is None else Description(**{field.name: getattr(row, field.name) for field in fields(Description)})
    )


def changed_at(session: Session) -> datetime | None:
    """When it was saved last."""
    return session.scalar(select(RecordDescription.updated_at).where(RecordDescription.id == _ONLY_ROW))


def save(sessions: SessionFactory, user_id: int, wanted: Description) -> None:
    """Put it in force, with an entry in the audit log. Raises InvalidInput naming every field that can't be taken."""
    wanted = checked(wanted)
    with transaction(sessions) as session:
        before = current(session)
        if before == wanted:
            return
        session.merge(RecordDescription(id=_ONLY_ROW, **asdict(wanted), updated_at=utcnow()))
        new, old = asdict(wanted), asdict(before) if before else {}
        audit.record(
            session,
            user_id,
            "records.described",
            "records",
            {name: new[name] for name in new if new[name] != old.get(name)},
        )


def checked(wanted: Description) -> Description:
    """The same without blanks around. Raises InvalidInput naming every field that can't be taken."""
    mistakes = []
    texts = {"title": wanted.title, "organisation": wanted.organisation, "abstract": wanted.abstract}
    texts = {name: text.replace("\0", "").strip() for name, text in texts.items()}
    for name, longest in (("title", MAX_NAME), ("organisation", MAX_NAME), ("abstract", MAX_ABSTRACT)):
        if len(texts[name]) > longest:
            mistakes.append(FieldError(name, "text_too_long", (("max", longest),)))
        elif not texts[name] and name != "abstract":
            mistakes.append(FieldError(name, "text_missing"))
    email = ""
    try:
        email = checked_email(wanted.contact_email, "contact_email")
    except InvalidInput as error:
        mistakes += error.errors
    if mistakes:
        raise InvalidInput(mistakes)
    return Description(licence=wanted.licence, contact_email=email, **texts)
