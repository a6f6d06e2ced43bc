"""Pages for users and their accounts, and the services that these share."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.responses import RedirectResponse

from app.accounts.api_keys import ApiKeys
from app.accounts.links import Links
from app.accounts.sessions import Device, SignIn, UserSessions
from app.accounts.tables import User
from app.accounts.users import LONGEST_PASSWORD, SHORTEST_PASSWORD, Passwords
from app.core.db import SessionFactory
from app.core.errors import InvalidInput
from app.core.rate_limits import RateLimits
from app.core.settings import Settings, networks
from app.core.web.errors import field_errors
from app.core.web.i18n import Language, remember_language
from app.core.web.limits import client_network, is_within
from app.core.web.navigation import local, start_of
from app.core.web.visitors import SessionCookie

LONGEST_TYPED = 400
"""What is typed into a field for a password or an address is cut off here."""
PASSWORD_LENGTHS = {"shortest": SHORTEST_PASSWORD, "longest": LONGEST_PASSWORD}


class Accounts:
    """The services of accounts, made once for an application (``app.state.accounts``)."""

    def __init__(self, settings: Settings, sessions: SessionFactory, limits: RateLimits) -> None:
        self.passwords = Passwords()
        self.user_sessions = UserSessions(sessions, days=settings.session_days, idle_days=settings.session_idle_days)
        self.sign_in = SignIn(sessions, self.passwords, self.user_sessions, limits)
        self.links = Links(sessions, self.passwords, self.user_sessions)
        self.api_keys = ApiKeys(sessions)
        self.cookie = SessionCookie(settings.signing_key(), secure=settings.secure_cookies, days=settings.session_days)
        self._secure = settings.secure_cookies

    def welcome(self, request: Request, user: User, token: str, next: str = "") -> Response:
        """Give the browser its session and the language of the account, and redirect to ``next``."""
        response = RedirectResponse(local(next, start_of(user.role)), 303)
        self.cookie.write(response, token)
        self.cookie.note_account(request, response, user.id)
        remember_language(response, user.language, secure=self._secure)
        return response


async def _accounts(request: Request) -> Accounts:
    return request.app.state.accounts


AccountsDep = Annotated[Accounts, Depends(_accounts)]


def device_of(request: Request) -> Device:
    """The browser of a request."""
    address, state = client_network(request.scope), request.app.state
    return Device(
        user_agent=request.headers.get("user-agent", ""),
        address=address,
        exempt=is_within(address, networks(state.settings.rate_limit_exempt)),
        known_users=state.accounts.cookie.accounts_known(request),
        token=state.accounts.cookie.read(request),
    )


def by_field(error: InvalidInput, language: Language) -> dict[str, str]:
    """The mistakes of a form in words, by field, as templates show them."""
    return {line["field"]: line["message"] for line in field_errors(error, language)}
