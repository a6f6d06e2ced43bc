"""Who makes a request, looked up once for each that carries a session or an API key."""

import hashlib
import hmac
from dataclasses import replace
from typing import Literal

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts.api_keys import MARK, ApiKeys
from app.accounts.sessions import UserSessions
from app.accounts.tables import ApiKey, User, UserSession
from app.core import roles
from app.core.web import errors, visitors
from app.core.web.visitors import SessionCookie, SignedIn

# Requested by machines all the time, and answered without the database, or reporting on it themselves.
_ANONYMOUS = ("/static/", "/healthz", "/readyz", "/metrics")


class KnowVisitors:
    """Stores the user in the request. An invalid API key is refused at once; a session that ended is ignored."""

    def __init__(self, app: ASGIApp, cookie: SessionCookie, sessions: UserSessions, keys: ApiKeys, secret: str) -> None:
        self.app = app
        self._cookie = cookie
        self._sessions = sessions
        self._keys = keys
        self._secret = secret

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"].startswith(_ANONYMOUS):
            await self.app(scope, receive, send)
            return
        key, token = _api_key(scope), self._cookie.read(HTTPConnection(scope))
        try:
            if key:
                api_key = await run_sync(self._keys.find, key)
                if api_key is None:
                    answer = errors.answer(
                        Request(scope), "not-signed-in", 401, "This API key is not valid (any more).", errors.BEARER
                    )
                    await answer(scope, receive, send)
                    return
                visitors.remember(scope, by_key(api_key))
            elif token:
                session = await run_sync(self._sessions.find, token)
                if session is not None:
                    visitors.remember(scope, by_session(session, token, self._secret))
        except SQLAlchemyError as error:
            await errors.database_away(Request(scope), error)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _api_key(scope: Scope) -> str:
    """The key in the Authorization header; other credentials there may be meant for a proxy, and are ignored."""
    kind, _, value = HTTPConnection(scope).headers.get("authorization", "").partition(" ")
    value = value.strip()
    return value if kind.lower() == "bearer" and value.startswith(MARK) else ""


def by_session(row: UserSession, token: str, secret: str) -> SignedIn:
    """The user of a session. Its forms carry a token that nobody can compute without our secret."""
    csrf_token = hmac.new(secret.encode(), b"csrf:" + token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    user = _signed_in(row.user, "session", csrf_token)
    return replace(user, must_change_password=row.user.must_change_password, session_id=row.id)


def by_key(key: ApiKey) -> SignedIn:
    """The program with this key, acting for its user."""
    return replace(
        _signed_in(key.user, "api_key"),
        api_key_id=key.id,
        scopes=frozenset(roles.Scope(scope) for scope in key.scopes),
        requests_per_minute=key.requests_per_minute,
    )


def _signed_in(user: User, via: Literal["session", "api_key"], csrf_token: str = "") -> SignedIn:
    return SignedIn(
        user_id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        language=user.language,
        csrf_token=csrf_token,
        via=via,
    )
