"""The organisation as pages need it, and the form in which an admin fills it in."""

from base64 import b64decode
from typing import Any
from urllib.parse import urlsplit

from sqlalchemy.orm import Session, undefer

from app.accounts import audit
from app.accounts.users import checked_email
from app.core.db import utcnow
from app.core.errors import FieldError, InvalidInput, NotFound
from app.organisation.logo import Logo
from app.organisation.tables import Organisation

MAX_NAME, MAX_WEBSITE, MAX_CONTROLLER, MAX_TEXT = 200, 300, 500, 5000
_ONLY_ROW = 1
_FORM = ("name", "website", "contact_email", "controller", "welcome", "notice", "photo_licence", "training")


def current(session: Session) -> Organisation:
    """What was filled in. Without a row, what is true of an installation whose admin has said nothing: no name, no contact,
    no licence; photos may train unless a volunteer objects.
    """
    return session.get(Organisation, _ONLY_ROW) or blank(id=_ONLY_ROW)


def blank(**values: Any) -> Organisation:
    """A row in no database, of which nothing but ``values`` is known."""
    texts = dict.fromkeys(("name", "website", "contact_email", "controller", "logo_digest"), "")
    known: dict[str, Any] = {
        "welcome": {},
        "notice": {},
        "photo_licence": None,
        "training": True,
        "logo_width": 0,
        "logo_height": 0,
    }
    return Organisation(**texts | known | values)


def save(session: Session, user_id: int, typed: Organisation) -> None:
    """Store the form's fields and log which changed. Raises InvalidInput naming every field that is wrong."""
    values = _checked(typed)
    row = _row(session)
    changed = {name: value for name, value in values.items() if getattr(row, name) != value}
    if not changed:
        return
    for name, value in changed.items():
        setattr(row, name, value)
    row.updated_at = utcnow()
    audit.record(session, user_id, "organisation.changed", "organisation", {"changed": sorted(changed)})


def _row(session: Session) -> Organisation:
    row = current(session)
    session.add(row)
    session.flush()
    return row


def _checked(typed: Organisation) -> dict[str, Any]:
    """The values of the form's fields without white space around. Raises InvalidInput."""
    errors: list[FieldError] = []

    def text(field: str, value: str, longest: int) -> str:
        value = value.replace("\0", "").replace("\r\n", "\n").strip()
        if len(value) > longest:
            errors.append(FieldError(field, "text_too_long", (("max", longest),)))
        return value

    values: dict[str, Any] = {name: getattr(typed, name) for name in _FORM}
    for name, longest in (("name", MAX_NAME), ("website", MAX_WEBSITE), ("controller", MAX_CONTROLLER)):
        values[name] = text(name, values[name], longest)
    for name in ("welcome", "notice"):
        texts = {code: text(f"{name}_{code}", words, MAX_TEXT) for code, words in values[name].items()}
        values[name] = {code: words for code, words in texts.items() if words}
    if values["website"] and not _is_address(values["website"]):
        errors.append(FieldError("website", "website_invalid"))
    if values["contact_email"].strip():
        try:
            values["contact_email"] = checked_email(values["contact_email"], "contact_email")
        except InvalidInput as error:
            errors += error.errors
    else:
        values["contact_email"] = ""
    if errors:
        raise InvalidInput(errors)
    return values


def _is_address(text: str) -> bool:
    """Whether a link may lead there: to a host over HTTP, and nothing that a browser would run."""
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and text.isprintable() and " " not in text


def save_logo(session: Session, user_id: int, logo: Logo | None) -> None:
    """Store a logo, or with None remove the one there is; log it."""
    row = _row(session)
    digest = logo.digest if logo else ""
    if row.logo_digest == digest:
        return
    row.logo, row.logo_digest = (logo.data if logo else None), digest
    row.logo_width, row.logo_height = (logo.width, logo.height) if logo else (0, 0)
    row.updated_at = utcnow()
    audit.record(session, user_id, "organisation.logo_changed", "organisation", {"logo": bool(logo)})


def logo(session: Session, digest: str) -> bytes:
    """The PNG with that digest. Raises NotFound: there is none, or another one by now."""
    row = session.get(Organisation, _ONLY_ROW, options=[undefer(Organisation.logo)])
    if row is None or row.logo is None or row.logo_digest != digest:
        raise NotFound("There is no such logo.")
    return b64decode(row.logo)
