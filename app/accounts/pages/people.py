"""Everybody with an account, open invitations, and what an admin does with one account."""

from collections.abc import Mapping
from typing import Annotated, Any

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse
from pydantic import BaseModel

from app.accounts import api_keys, erasure, links, mails, people, users
from app.accounts.links import NewLink
from app.accounts.pages import AccountsDep, by_field
from app.accounts.tables import User
from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput
from app.core.roles import Role
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep, Sessions
from app.core.web.pages import uncached_page
from app.core.web.visitors import SignedIn

router = APIRouter(prefix="/admin/people", include_in_schema=False)


class PersonForm(BaseModel):
    """As typed; each of the forms has some of these fields."""

    role: Role
    email: str = ""
    name: str = ""


_EMPTY = PersonForm(role=Role.REVIEWER)


@router.get("")
def show(request: Request, _user: Admin, done: str = "") -> Response:
    """The people, the invitations, and the forms for more of both."""
    return _people_page(request, done=done)


def _people_page(
    request: Request,
    *,
    done: str = "",
    invitation: PersonForm = _EMPTY,
    account: PersonForm = _EMPTY,
    errors: Mapping[str, Mapping[str, str]] | None = None,
) -> Response:
    """``invitation`` and ``account``: what was typed into the two forms; ``errors``: their mistakes, by the same names."""
    with reading(request.app.state.sessions) as session:
        return uncached_page(
            request,
            "accounts/people.html",
            422 if errors else 200,
            people=people.everybody(session),
            invitations=links.invitations(session),
            invitation=invitation,
            account=account,
            errors={"invitation": {}, "account": {}} | dict(errors or {}),
            done=done,
        )


@router.post("/invite")
def invite(request: Request, user: Admin, language: LanguageDep, form: Annotated[PersonForm, Form()]) -> Response:
    """Make an invitation and show its link, now and never again."""
    try:
        with transaction(request.app.state.sessions) as session:
            link = links.invite(session, user.user_id, form.email, form.role)
            mailed = bool(link.row.email) and request.app.state.settings.sends_mail
            if mailed:
                mails.send_link(session, link.row, link.row.email, language.code)
    except InvalidInput as error:
        return _people_page(request, invitation=form, errors={"invitation": by_field(error, language)})
    return _link_page(request, link, mailed=mailed)


def _link_page(request: Request, link: NewLink, person: User | None = None, *, mailed: bool = False) -> Response:
    """A link to pass on: of an invitation, or with ``person``, for a new password. ``mailed``: it was sent as well."""
    start = request.app.state.settings.public_url or str(request.base_url)
    return uncached_page(
        request,
        "accounts/link.html",
        person=person,
        link=link.row,
        address=start.rstrip("/") + link.path,
        mailed=mailed,
    )


@router.post("/add")
def add(
    request: Request, user: Admin, accounts: AccountsDep, language: LanguageDep, form: Annotated[PersonForm, Form()]
) -> Response:
    """Add an account and show its first password, now and never again."""
    person = User(email=form.email, name=form.name, role=form.role)
    try:
        with transaction(request.app.state.sessions) as session:
            password = people.add(session, user.user_id, person, accounts.passwords)
    except InvalidInput as error:
        return _people_page(request, account=form, errors={"account": by_field(error, language)})
    return uncached_page(request, "accounts/first_password.html", person=person, password=password)


@router.post("/invitations/{link_id}/revoke")
def revoke(user: Admin, sessions: Sessions, link_id: int) -> Response:
    """Withdraw an invitation."""
    with transaction(sessions) as session:
        links.revoke_invitation(session, user.user_id, link_id)
    return RedirectResponse("/admin/people?done=revoked", 303)


# --- one account -----------------------------------------------------------------------------------------------------


@router.get("/{user_id}")
def show_person(request: Request, user: Admin, user_id: int, done: str = "") -> Response:
    """The account, its sessions and its keys."""
    return _person_page(request, user, user_id, done=done)


def _person_page(request: Request, user: SignedIn, user_id: int, status: int = 200, **context: Any) -> Response:
    """``context``: ``done``, the action before; ``name`` as typed; ``errors`` by field. 409: it is the last admin."""
    with reading(request.app.state.sessions) as session:
        person = users.get(session, user_id)
        open_sessions = request.app.state.accounts.user_sessions.of(session, user_id)
        keys = [key for key in api_keys.all_keys(session) if key.user_id == user_id]
    context = {"done": "", "name": person.name, "errors": {}} | context
    return uncached_page(
        request, "accounts/person.html", status, person=person, sessions=open_sessions, keys=keys, **context
    )


@router.post("/{user_id}")
def save(
    request: Request, user: Admin, user_id: int, language: LanguageDep, form: Annotated[PersonForm, Form()]
) -> Response:
    """Change name and role."""
    try:
        with transaction(request.app.state.sessions) as session:
            people.rename(session, user.user_id, user_id, form.name)
            people.change_role(session, user.user_id, user_id, form.role)
    except InvalidInput as error:
        return _person_page(request, user, user_id, 422, name=form.name, errors=by_field(error, language))
    except Conflict:
        return _person_page(request, user, user_id, 409)
    return _back(user_id, "saved")


def _back(user_id: int, done: str) -> Response:
    return RedirectResponse(f"/admin/people/{user_id}?done={done}", 303)


@router.post("/{user_id}/deactivate")
def deactivate(request: Request, user: Admin, user_id: int) -> Response:
    """End the user's access. The page that follows offers to undo it."""
    try:
        with transaction(request.app.state.sessions) as session:
            people.deactivate(session, user.user_id, user_id)
    except Conflict:
        return _person_page(request, user, user_id, 409)
    return _back(user_id, "deactivated")


@router.post("/{user_id}/activate")
def activate(user: Admin, sessions: Sessions, user_id: int) -> Response:
    """Give the user access again."""
    with transaction(sessions) as session:
        people.activate(session, user.user_id, user_id)
    return _back(user_id, "activated")


@router.post("/{user_id}/erase")
def erase(request: Request, user: Admin, user_id: int) -> Response:
    """Erase a deactivated account for good. The page before has asked."""
    try:
        with transaction(request.app.state.sessions) as session:
            erasure.erase(session, user.user_id, user_id, request.app.state.journal)
    except Conflict:  # somebody has activated it meanwhile
        return _person_page(request, user, user_id)
    return RedirectResponse("/admin/people?done=erased", 303)


@router.post("/{user_id}/password-link")
def password_link(request: Request, user: Admin, user_id: int) -> Response:
    """Make a link with which the user chooses a new password: it is mailed, or shown, now and never again."""
    sends_mail = request.app.state.settings.sends_mail
    with transaction(request.app.state.sessions) as session:
        link = links.make_password_reset(session, user.user_id, user_id)
        person = users.get(session, user_id)
        if sends_mail:
            mails.send_link(session, link.row, person.email, person.language)
    return _back(user_id, "mailed") if sends_mail else _link_page(request, link, person)


@router.post("/{user_id}/new-password")
def new_password(user: Admin, sessions: Sessions, user_id: int) -> Response:
    """Require another password at the next visit."""
    with transaction(sessions) as session:
        people.require_new_password(session, user.user_id, user_id)
    return _back(user_id, "password")


@router.post("/{user_id}/sessions/{session_id}/end")
def end_session(user: Admin, sessions: Sessions, user_id: int, session_id: int) -> Response:
    """Sign the user out in one browser."""
    with transaction(sessions) as session:
        people.end_session(session, user.user_id, user_id, session_id)
    return _back(user_id, "session")


@router.post("/{user_id}/sign-out-everywhere")
def sign_out_everywhere(user: Admin, sessions: Sessions, user_id: int) -> Response:
    """Sign the user out in every browser."""
    with transaction(sessions) as session:
        people.end_all_sessions(session, user.user_id, user_id)
    return _back(user_id, "sessions")
