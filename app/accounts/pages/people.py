"""Everybody who may sign in, and whoever was invited to."""

from collections.abc import Mapping
from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from sqlalchemy.orm import Session

from app.accounts import links as account_links
from app.accounts import people
from app.accounts.dependencies import PasswordsDep, by_field
from app.accounts.pages.views import ROLES, full_address, is_open, link_state, role_choices
from app.core.db import reading, transaction
from app.core.errors import InvalidInput
from app.core.roles import Role
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, ReadSession
from app.core.web.i18n import Language
from app.core.web.pages import NO_STORE, render

router = APIRouter(prefix="/admin/people", include_in_schema=False)


@router.get("")
def show(request: Request, _user: Admin, session: ReadSession, language: LanguageDep, done: str = "") -> Response:
    """The people, the invitations, and the forms for more of both."""
    messages = {"revoked": language.gettext("The invitation was withdrawn.")}
    return _page(request, session, language, flash=messages.get(done))


def _page(
    request: Request,
    session: Session,
    language: Language,
    *,
    flash: str | None = None,
    invitation: Mapping[str, str] | None = None,
    account: Mapping[str, str] | None = None,
    errors: Mapping[str, Mapping[str, str]] | None = None,
) -> Response:
    """``invitation`` and ``account``: what was typed into the two forms; ``errors``: their mistakes, by the same names."""
    links = account_links.invitations(session)
    page = render(
        request,
        "accounts/people.html",
        422 if errors else 200,
        people=people.everybody(session),
        invitations=[{"row": link, "state": link_state(link, language), "open": is_open(link)} for link in links],
        role_names={role: language.gettext(name) for role, name in ROLES.items()},
        roles=role_choices(language),
        invitation={"email": "", "role": Role.REVIEWER.value} | dict(invitation or {}),
        account={"email": "", "name": "", "role": Role.REVIEWER.value} | dict(account or {}),
        errors={"invitation": {}, "account": {}} | dict(errors or {}),
        flash=flash,
    )
    page.headers.update(NO_STORE)
    return page


@router.post("/invite")
def invite(
    request: Request,
    user: Admin,
    language: LanguageDep,
    role: Annotated[Role, Form()],
    email: Annotated[str, Form()] = "",
) -> Response:
    """Make an invitation and show its link, now and never again."""
    sessions = request.app.state.sessions
    try:
        with transaction(sessions) as session:
            link = account_links.invite(session, user.user_id, email, role)
    except InvalidInput as error:
        typed = {"email": email, "role": role.value}
        with reading(sessions) as session:
            return _page(request, session, language, invitation=typed, errors={"invitation": by_field(error, language)})
    return link_page(request, link, language.gettext("Pass on this invitation"), "/admin/people")


def link_page(request: Request, link: account_links.NewLink, title: str, back: str) -> Response:
    """A link to hand over."""
    address = full_address(request, link.path)
    page = render(request, "accounts/link.html", title=title, link=link.row, address=address, back=back)
    page.headers.update(NO_STORE)
    return page


@router.post("/add")
def add(
    request: Request,
    user: Admin,
    passwords: PasswordsDep,
    language: LanguageDep,
    role: Annotated[Role, Form()],
    email: Annotated[str, Form()] = "",
    name: Annotated[str, Form()] = "",
) -> Response:
    """Make an account and show its first password, now and never again."""
    sessions = request.app.state.sessions
    try:
        with transaction(sessions) as session:
            added, password = people.add(session, passwords, user.user_id, email=email, name=name, role=role)
    except InvalidInput as error:
        typed = {"email": email, "name": name, "role": role.value}
        with reading(sessions) as session:
            return _page(request, session, language, account=typed, errors={"account": by_field(error, language)})
    page = render(request, "accounts/first_password.html", person=added, password=password)
    page.headers.update(NO_STORE)
    return page


@router.post("/invitations/{link_id}/revoke")
def revoke(request: Request, user: Admin, link_id: int) -> Response:
    """Take an invitation back."""
    with transaction(request.app.state.sessions) as session:
        account_links.revoke_invitation(session, user.user_id, link_id)
    return RedirectResponse("/admin/people?done=revoked", 303)
