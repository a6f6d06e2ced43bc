"""A user's own account: name, language, password, sessions."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts import erasure, users
from app.accounts import sessions as user_sessions
from app.accounts.pages import LONGEST_TYPED, PASSWORD_LENGTHS, AccountsDep, by_field, device_of
from app.accounts.pages.sign_in import WithFirstPassword
from app.accounts.tables import DigestMails
from app.core.db import reading, transaction
from app.core.errors import Conflict, InvalidInput
from app.core.web.auth import AnyUser
from app.core.web.dependencies import LanguageDep, Sessions, SettingsDep
from app.core.web.i18n import LANGUAGES, remember_language
from app.core.web.navigation import SIGN_IN
from app.core.web.pages import uncached_page
from app.core.web.visitors import SignedIn

router = APIRouter(prefix="/account", include_in_schema=False)


@router.get("")
def show(request: Request, user: AnyUser, done: str = "") -> Response:
    """Everything that a user can change here."""
    return _page(request, user, done=done)


def _page(
    request: Request,
    user: SignedIn,
    *,
    done: str = "",
    name: str | None = None,
    errors: dict[str, str] | None = None,
) -> Response:
    with reading(request.app.state.sessions) as session:
        account = users.get(session, user.user_id)
        open_sessions = request.app.state.accounts.user_sessions.of(session, user.user_id)
    return uncached_page(
        request,
        "accounts/account.html",
        422 if errors else 200,
        account=account,
        name=account.name if name is None else name,
        sessions=open_sessions,
        errors=errors or {},
        done=done,
    )


@router.post("")
def save(
    request: Request,
    user: AnyUser,
    settings: SettingsDep,
    words: LanguageDep,
    name: Annotated[str, Form()] = "",
    language: Annotated[str, Form()] = "",
) -> Response:
    """Save name and language; this browser shows pages in that language from now on."""
    code = language if language in LANGUAGES else user.language
    try:
        with transaction(request.app.state.sessions) as session:
            account = users.get(session, user.user_id)
            account.name, account.language = users.checked_name(name), code
    except InvalidInput as error:
        return _page(request, user, name=name, errors=by_field(error, words))
    response = RedirectResponse("/account?done=saved", 303)
    remember_language(response, code, secure=settings.secure_cookies)
    return response


@router.post("/mail")
def save_mail(
    user: AnyUser,
    sessions: Sessions,
    digest: Annotated[DigestMails, Form()] = DigestMails.NEVER,
    alerts: Annotated[bool, Form()] = False,
) -> Response:
    """Choose which mails to get."""
    with transaction(sessions) as session:
        account = users.get(session, user.user_id)
        account.digest_mails, account.alert_mails = digest, alerts
    return RedirectResponse("/account?done=saved", 303)


@router.post("/sessions/{session_id}/end")
def end_session(user: AnyUser, sessions: Sessions, session_id: int) -> Response:
    """Sign out in another browser, or in this one."""
    with transaction(sessions) as session:
        user_sessions.revoke(session, user.user_id, session_id)
    return RedirectResponse(SIGN_IN if session_id == user.session_id else "/account?done=session", 303)


@router.post("/sign-out-everywhere")
def sign_out_everywhere(user: AnyUser, sessions: Sessions, accounts: AccountsDep) -> Response:
    """End every session, this one too."""
    with transaction(sessions) as session:
        user_sessions.revoke_all(session, user.user_id)
    response = RedirectResponse(SIGN_IN, 303)
    accounts.cookie.clear(response)
    return response


@router.get("/password")
def ask_password(request: Request, user: WithFirstPassword) -> Response:
    """The form for another password."""
    return _password_page(request, user)


def _password_page(request: Request, user: SignedIn, errors: dict[str, str] | None = None) -> Response:
    return uncached_page(
        request,
        "accounts/password.html",
        422 if errors else 200,
        first=user.must_change_password,
        errors=errors or {},
        **PASSWORD_LENGTHS,
    )


@router.post("/password")
def change_password(
    request: Request,
    user: WithFirstPassword,
    accounts: AccountsDep,
    language: LanguageDep,
    present: Annotated[str, Form()] = "",
    password: Annotated[str, Form()] = "",
) -> Response:
    """Change the password. Every session ends, and this browser gets a new one."""
    typed = present[:LONGEST_TYPED], password[:LONGEST_TYPED]
    try:
        row, token = accounts.sign_in.change_password(user.user_id, *typed, device_of(request))
    except InvalidInput as error:
        return _password_page(request, user, by_field(error, language))
    return accounts.welcome(request, row, token, "" if user.must_change_password else "/account?done=password")


@router.get("/leave")
def ask_leave(request: Request, _user: AnyUser) -> Response:
    """Nobody can bring the account back: ask first."""
    return uncached_page(request, "accounts/leave.html", errors={})


@router.post("/leave")
def leave(
    request: Request,
    user: AnyUser,
    accounts: AccountsDep,
    language: LanguageDep,
    present: Annotated[str, Form()] = "",
) -> Response:
    """Erase the user's own account, and forget it in this browser."""
    try:
        accounts.sign_in.confirm(user.user_id, present[:LONGEST_TYPED])
        with transaction(request.app.state.sessions) as session:
            erasure.leave(session, user.user_id, request.app.state.journal)
    except InvalidInput as error:
        return uncached_page(request, "accounts/leave.html", 422, errors=by_field(error, language))
    except Conflict:
        return uncached_page(request, "accounts/leave.html", 409, errors={})
    response = RedirectResponse("/", 303)
    accounts.cookie.clear(response)
    return response
