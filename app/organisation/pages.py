"""The organisation's own words, for admins to fill in; its logo, for everybody."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, File, Form, Request, Response, UploadFile
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from app.accounts.pages import by_field
from app.core.db import reading, transaction
from app.core.errors import InvalidInput
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, ReadSession, Sessions
from app.core.web.pages import uncached_page
from app.organisation import details
from app.organisation.logo import MOST_BYTES, read_logo
from app.organisation.rules import Licence
from app.organisation.tables import Organisation

router = APIRouter(include_in_schema=False)
_PAGE = "/admin/organisation"


class OrganisationForm(BaseModel):
    """As typed. ``photo_licence``: empty for none."""

    name: str = ""
    website: str = ""
    contact_email: str = ""
    controller: str = ""
    welcome_en: str = ""
    welcome_nl: str = ""
    notice_en: str = ""
    notice_nl: str = ""
    photo_licence: Licence | str = ""
    training: str = "no"

    def row(self) -> Organisation:
        """The same as a row that is in no database."""
        return details.blank(
            name=self.name,
            website=self.website,
            contact_email=self.contact_email,
            controller=self.controller,
            welcome={"en": self.welcome_en, "nl": self.welcome_nl},
            notice={"en": self.notice_en, "nl": self.notice_nl},
            photo_licence=Licence(self.photo_licence) if self.photo_licence in set(Licence) else None,
            training=self.training == "yes",
        )


@router.get(_PAGE)
def show(request: Request, _user: Admin, session: ReadSession, done: str = "") -> Response:
    """The form, as it was filled in last."""
    stored = details.current(session)
    return _page(request, stored, stored, done=done)


def _page(
    request: Request, typed: Organisation, stored: Organisation, errors: Mapping[str, str] | None = None, done: str = ""
) -> Response:
    return uncached_page(
        request,
        "organisation/organisation.html",
        422 if errors else 200,
        typed=typed,
        organisation=stored,
        licences=list(Licence),
        errors=errors or {},
        done=done,
    )


@router.post(_PAGE)
def save(
    request: Request, user: Admin, sessions: Sessions, language: LanguageDep, form: Annotated[OrganisationForm, Form()]
) -> Response:
    """Store the words."""
    typed = form.row()
    try:
        with transaction(sessions) as session:
            details.save(session, user.user_id, typed)
    except InvalidInput as error:
        with reading(sessions) as session:
            return _page(request, typed, details.current(session), by_field(error, language))
    return RedirectResponse(f"{_PAGE}?done=saved", 303)


@router.post(f"{_PAGE}/logo")
def save_logo(
    request: Request,
    user: Admin,
    sessions: Sessions,
    language: LanguageDep,
    logo: Annotated[UploadFile | None, File()] = None,
    action: Annotated[str, Form()] = "save",
) -> Response:
    """Take another logo, or with ``action`` "remove" none."""
    try:
        data = logo.file.read(MOST_BYTES + 1) if logo is not None else b""
        new = None if action == "remove" else read_logo(data)
    except InvalidInput as error:
        with reading(sessions) as session:
            stored = details.current(session)
            return _page(request, stored, stored, by_field(error, language))
    with transaction(sessions) as session:
        details.save_logo(session, user.user_id, new)
    return RedirectResponse(f"{_PAGE}?done=logo#logo-title", 303)


@router.get("/organisation/logo/{digest}.png")
def logo(digest: str, session: ReadSession) -> Response:
    """The logo. Another one has another address, so browsers may keep it."""
    headers = {"Cache-Control": "public, max-age=31536000, immutable"}
    return Response(details.logo(session, digest), media_type="image/png", headers=headers)
