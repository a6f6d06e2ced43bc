"""Who makes a request: the user behind a session or an API key, identified once by app/accounts/visitors.py, and cookies."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

from app.core.roles import Role

_KEY = "wingcheck.signed_in"
_YEAR = 365 * 24 * 3600
_MAX_KNOWN_ACCOUNTS = 8


@dataclass(frozen=True)
class SignedIn:
    """The user of a request, in a browser or by a program. ``csrf_token``: required in the forms of this session."""

    user_id: int
    name: str
    email: str
    role: Role
    language: str
    csrf_token: str
    via: Literal["session", "api_key"]
    must_change_password: bool = False
    session_id: int | None = None
    api_key_id: int | None = None
    scopes: frozenset[str] = frozenset()
    requests_per_minute: int = 0

    def may(self, role: Role) -> bool:
        """Whether the user's role includes ``role``."""
        return self.role.includes(role)


def remember(scope: MutableMapping[str, Any], who: SignedIn) -> None:
    """Store the user for the rest of the request."""
    scope[_KEY] = who


def visitor(scope: MutableMapping[str, Any]) -> SignedIn | None:
    """The user of a request; None for everybody who is not signed in, such as volunteers."""
    return scope.get(_KEY)


class SessionCookie:
    """The cookies of users: one carries the session, one lists the accounts used in this browser before.

    Behind TLS, browsers accept a cookie with this prefix only from this very host and only over TLS.
    """

    def __init__(self, secret: str, *, secure: bool, days: int) -> None:
        prefix = "__Host-" if secure else ""
        self.name = f"{prefix}wingcheck_session"
        self.known_name = f"{prefix}wingcheck_known"
        self._serializer = URLSafeSerializer(secret, salt="known-browser")
        self._secure = secure
        self._seconds = days * 24 * 3600

    def read(self, request: HTTPConnection) -> str:
        """The session's token; empty if there is none."""
        return request.cookies.get(self.name, "")

    def write(self, response: Response, token: str) -> None:
        """Set the session's token."""
        self._set(response, self.name, token, self._seconds)

    def clear(self, response: Response) -> None:
        """Delete the session's token."""
        response.delete_cookie(self.name, secure=self._secure, httponly=True, samesite="lax")

    def accounts_known(self, request: HTTPConnection) -> tuple[int, ...]:
        """Ids of users who signed in with this browser before."""
        try:
            ids = self._serializer.loads(request.cookies.get(self.known_name, ""))
        except BadSignature:
            return ()
        return tuple(ids) if isinstance(ids, list) else ()

    def note_account(self, request: HTTPConnection, response: Response, user_id: int) -> None:
        """Remember that this account was used in this browser."""
        others = [other for other in self.accounts_known(request) if other != user_id]
        ids = [user_id, *others][:_MAX_KNOWN_ACCOUNTS]
        self._set(response, self.known_name, str(self._serializer.dumps(ids)), _YEAR)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=self._secure)
