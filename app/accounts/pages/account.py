"""A user's own account: name, language, password, sessions."""

from typing import Annotated

from fastapi import APIRouter, Depends, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts import accounts
from app.accounts.dependencies import DeviceDep, OwnAccountDep, SessionCookieDep, UserSessionsDep, by_field, welcome
from app.accounts.pages.sign_in import LONGEST_FIELD
from app.accounts.pages.views import session_views
from app.accounts.passwords import LONGEST, SHORTEST
from app.core.db import reading
from app.core.errors import InvalidInput
from app.core.roles import Role
from app.core.web.auth import AnyUser, needs
from app.core.web.dependencies import LanguageDep, SettingsDep
from app.core.web.i18n import LANGUAGES, remember_language
from app.core.web.navigation import SIGN_IN
from app.core.web.pages import render
from app.core.web.visitors import SignedIn

router = APIRouter(include_in_schema=False)
_NO_STORE = {"Cache-Control": "no-store"}
Changing = Annotated[SignedIn, Depends(needs(Role.REVIEWER, with_first_password=True))]


@router.get("/account")
def show(
    request: Request,
    user: AnyUser,
    sessions: UserSessionsDep,
    language: LanguageDep,
    done: str = "",
) -> Response:
    """Everything that a user keeps here."""
    messages = {
        "saved": language.gettext("Your account was saved."),
        "password": language.gettext("Your password was changed. You were signed out everywhere else."),
        "session": language.gettext("You were signed out there."),
    }
    return _page(request, user, sessions, language, flash=messages.get(done))


def _page(
    request: Request,
    user: SignedIn,
    sessions: UserSessionsDep,
    language: LanguageDep,
    *,
    flash: str | None = None,
    name: str | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    with reading(request.app.state.sessions) as session:
        row = accounts.get(session, user.user_id)
        open_sessions = sessions.of(session, user.user_id)
    page = render(
        request,
        "accounts/account.html",
        422 if errors else 200,
        account=row,
        name=row.name if name is None else name,
        sessions=session_views(open_sessions, user.session_id, language),
        errors=errors or {},
        flash=flash,
    )
    page.headers.update(_NO_STORE)
    return page


@router.post("/account")
def save(
    request: Request,
    user: AnyUser,
    sessions: UserSessionsDep,
    service: OwnAccountDep,
    settings: SettingsDep,
    language: LanguageDep,
    name: Annotated[str, Form()] = "",
    language_code: Annotated[str, Form(alias="language")] = "",
) -> Response:
    """Keep name and language; this browser speaks the language from now on."""
    code = language_code if language_code in LANGUAGES else user.language
    try:
        service.update(user.user_id, name=name, language=code)
    except InvalidInput as error:
        errors = by_field(error, language)
        return _page(request, user, sessions, language, name=name, errors=errors)
    answer = RedirectResponse("/account?done=saved", 303)
    remember_language(answer, code, secure=settings.secure_cookies)
    return answer


@router.post("/account/sessions/{session_id}/end")
def end_session(user: AnyUser, service: OwnAccountDep, session_id: int) -> Response:
    """Sign out in another browser; in this one, too, where that was asked for."""
    service.end_session(user.user_id, session_id)
    return RedirectResponse(SIGN_IN if session_id == user.session_id else "/account?done=session", 303)


@router.post("/account/sign-out-everywhere")
def sign_out_everywhere(user: AnyUser, service: OwnAccountDep, cookie: SessionCookieDep) -> Response:
    """End every session, this one too."""
    service.end_all_sessions(user.user_id)
    answer = RedirectResponse(SIGN_IN, 303)
    cookie.clear(answer)
    return answer


@router.get("/account/password")
def ask_password(request: Request, user: Changing) -> Response:
    """The form for another password."""
    return _password_page(request, user)


def _password_page(request: Request, user: SignedIn, errors: dict[str, str] | None = None) -> Response:
    page = render(
        request,
        "accounts/password.html",
        422 if errors else 200,
        first=user.must_change_password,
        shortest=SHORTEST,
        longest=LONGEST,
        errors=errors or {},
    )
    page.headers.update(_NO_STORE)
    return page


@router.post("/account/password")
def change_password(
    request: Request,
    user: Changing,
    service: OwnAccountDep,
    language: LanguageDep,
    device: DeviceDep,
    present: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Keep another password. Every session ends, and this browser gets a new one."""
    with reading(request.app.state.sessions) as session:
        row = accounts.get(session, user.user_id)
    try:
        token = service.change_password(user.user_id, present[:LONGEST_FIELD], password[:LONGEST_FIELD], device)
    except InvalidInput as error:
        return _password_page(request, user, by_field(error, language))
    return welcome(request, row, token, "" if user.must_change_password else "/account?done=password")
