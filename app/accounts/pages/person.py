"""One user, and what an admin does with the account."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts import accounts, api_keys, people
from app.accounts import links as account_links
from app.accounts.dependencies import UserSessionsDep, by_field
from app.accounts.pages.people import link_page
from app.accounts.pages.views import ROLES, key_state, role_choices, scope_names, session_views
from app.accounts.tables import User
from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput
from app.core.roles import Role
from app.core.web.auth import Admin
from app.core.web.dependencies import LanguageDep
from app.core.web.pages import NO_STORE, render

router = APIRouter(prefix="/admin/people/{user_id}", include_in_schema=False)


@router.get("")
def show(
    request: Request,
    user: Admin,
    user_id: int,
    sessions: UserSessionsDep,
    language: LanguageDep,
    done: str = "",
) -> Response:
    """The account, its sessions and its keys."""
    name = _find(request, user_id).name
    messages = {
        "saved": language.gettext("The account was saved."),
        "session": language.gettext("%(name)s was signed out there.", name=name),
        "sessions": language.gettext("%(name)s was signed out everywhere.", name=name),
        "password": language.gettext("%(name)s must choose a new password at the next sign-in.", name=name),
        "activated": language.gettext("%(name)s can sign in again.", name=name),
    }
    return _page(request, user, user_id, sessions, language, flash=messages.get(done), done=done)


def _find(request: Request, user_id: int) -> User:
    with reading(request.app.state.sessions) as session:
        return accounts.get(session, user_id)


def _page(
    request: Request,
    user: Admin,
    user_id: int,
    sessions: UserSessionsDep,
    language: LanguageDep,
    *,
    done: str = "",
    flash: str | None = None,
    name: str | None = None,
    problem: str = "",
    errors: dict[str, str] | None = None,
    status: int = 200,
) -> Response:
    with reading(request.app.state.sessions) as session:
        person = accounts.get(session, user_id)
        keys = [key for key in api_keys.all_keys(session) if key.user_id == user_id]
        open_sessions = sessions.of(session, user_id)
    page = render(
        request,
        "accounts/person.html",
        status,
        person=person,
        name=person.name if name is None else name,
        is_self=user_id == user.user_id,
        just_deactivated=done == "deactivated" and not person.active,
        role_name=language.gettext(ROLES[person.role]),
        roles=role_choices(language),
        sessions=session_views(open_sessions, user.session_id, language),
        keys=[
            {"row": key, "state": key_state(key, language), "scopes": scope_names(key.scopes, language)} for key in keys
        ],
        problem=problem,
        errors=errors or {},
        flash=flash,
    )
    page.headers.update(NO_STORE)
    return page


def _back(user_id: int, done: str) -> Response:
    return RedirectResponse(f"/admin/people/{user_id}?done={done}", 303)


@router.post("")
def save(
    request: Request,
    user: Admin,
    user_id: int,
    sessions: UserSessionsDep,
    language: LanguageDep,
    role: Annotated[Role, Form()],
    name: Annotated[str, Form()] = "",
) -> Response:
    """Another name or role."""
    try:
        with transaction(request.app.state.sessions) as writing:
            people.rename(writing, user.user_id, user_id, name)
            people.change_role(writing, user.user_id, user_id, role)
    except InvalidInput as error:
        errors = by_field(error, language)
        return _page(request, user, user_id, sessions, language, name=name, errors=errors, status=422)
    except Conflict:
        problem = language.gettext("This is the last admin. Make somebody else an admin first.")
        return _page(request, user, user_id, sessions, language, problem=problem, status=409)
    return _back(user_id, "saved")


@router.post("/deactivate")
def deactivate(
    request: Request,
    user: Admin,
    user_id: int,
    sessions: UserSessionsDep,
    language: LanguageDep,
) -> Response:
    """Let the user in no longer. The page that follows offers to undo it."""
    try:
        with transaction(request.app.state.sessions) as writing:
            people.deactivate(writing, sessions, user.user_id, user_id)
    except Conflict:
        problem = language.gettext("This is the last admin. Make somebody else an admin first.")
        return _page(request, user, user_id, sessions, language, problem=problem, status=409)
    return _back(user_id, "deactivated")


@router.post("/activate")
def activate(request: Request, user: Admin, user_id: int) -> Response:
    """Let the user in again."""
    with transaction(request.app.state.sessions) as session:
        people.activate(session, user.user_id, user_id)
    return _back(user_id, "activated")


@router.post("/password-link")
def password_link(request: Request, user: Admin, user_id: int, language: LanguageDep) -> Response:
    """Make a link with which the user chooses a new password, and show it, now and never again."""
    with transaction(request.app.state.sessions) as session:
        link = account_links.make_password_reset(session, user.user_id, user_id)
        name = accounts.get(session, user_id).name
    title = language.gettext("Pass this link on to %(name)s", name=name)
    return link_page(request, link, title, f"/admin/people/{user_id}")


@router.post("/new-password")
def new_password(request: Request, user: Admin, user_id: int) -> Response:
    """Require another password at the next visit."""
    with transaction(request.app.state.sessions) as session:
        people.require_new_password(session, user.user_id, user_id)
    return _back(user_id, "password")


@router.post("/sessions/{session_id}/end")
def end_session(request: Request, user: Admin, user_id: int, session_id: int, sessions: UserSessionsDep) -> Response:
    """Sign the user out in one browser."""
    with transaction(request.app.state.sessions) as session:
        people.end_session(session, sessions, user.user_id, user_id, session_id)
    return _back(user_id, "session")


@router.post("/sign-out-everywhere")
def sign_out_everywhere(request: Request, user: Admin, user_id: int, sessions: UserSessionsDep) -> Response:
    """Sign the user out in every browser."""
    with transaction(request.app.state.sessions) as session:
        people.end_all_sessions(session, sessions, user.user_id, user_id)
    return _back(user_id, "sessions")
