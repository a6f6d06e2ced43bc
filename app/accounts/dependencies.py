"""What the routes of accounts share: their services, and what a browser is given when somebody comes in."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts.accounts import OwnAccount
from app.accounts.links import Links
from app.accounts.passwords import Passwords
from app.accounts.sessions import Device, UserSessions
from app.accounts.sign_in import SignIn
from app.accounts.tables import User
from app.core.errors import InvalidInput
from app.core.web.errors import field_errors
from app.core.web.i18n import Language, remember_language
from app.core.web.limits import client_network
from app.core.web.navigation import local, start_of
from app.core.web.visitors import SessionCookie


def _sign_in(request: Request) -> SignIn:
    return request.app.state.sign_in


def _user_sessions(request: Request) -> UserSessions:
    return request.app.state.user_sessions


def _session_cookie(request: Request) -> SessionCookie:
    return request.app.state.session_cookie


def _own_account(request: Request) -> OwnAccount:
    return request.app.state.own_account


def _links(request: Request) -> Links:
    return request.app.state.account_links


def _passwords(request: Request) -> Passwords:
    return request.app.state.passwords


def _device(request: Request) -> Device:
    return Device(user_agent=request.headers.get("user-agent", ""), address=client_network(request.scope))


SignInDep = Annotated[SignIn, Depends(_sign_in)]
UserSessionsDep = Annotated[UserSessions, Depends(_user_sessions)]
SessionCookieDep = Annotated[SessionCookie, Depends(_session_cookie)]
OwnAccountDep = Annotated[OwnAccount, Depends(_own_account)]
LinksDep = Annotated[Links, Depends(_links)]
PasswordsDep = Annotated[Passwords, Depends(_passwords)]
DeviceDep = Annotated[Device, Depends(_device)]


def welcome(request: Request, user: User, token: str, next: str = "") -> Response:
    """Give the browser its session and the language of the account, and lead on."""
    cookie: SessionCookie = request.app.state.session_cookie
    answer = RedirectResponse(local(next, start_of(user.role)), 303)
    cookie.write(answer, token)
    cookie.note_account(request, answer, user.id)
    remember_language(answer, user.language, secure=request.app.state.settings.secure_cookies)
    return answer


def by_field(error: InvalidInput, language: Language) -> dict[str, str]:
    """What is wrong, in words, field by field, as templates show it."""
    return {line["field"]: line["message"] for line in field_errors(error, language)}
