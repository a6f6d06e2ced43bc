"""Who is asking, looked up once for every request that brings a session or an API key."""

import hashlib
import hmac

from anyio.to_thread import run_sync
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import HTTPConnection, Request
from starlette.types import ASGIApp, Receive, Scope, Send

from app.accounts.api_keys import MARK, ApiKeys
from app.accounts.sessions import UserSessions
from app.accounts.tables import ApiKey, UserSession
from app.core import roles
from app.core.web import errors, visitors
from app.core.web.visitors import SessionCookie, SignedIn

# What machines ask all the time is answered without the database, or tells by itself how the database is.
_ANONYMOUS = ("/static/", "/healthz", "/readyz", "/metrics")


class KnowVisitors:
    """Remembers the user in the request. A wrong API key is refused at once; a session that is over is no session."""

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
                found = await run_sync(self._keys.find, key)
                if found is None:
                    answer = errors.answer(
                        Request(scope), "not-signed-in", 401, "This API key is not valid (any more).", errors.BEARER
                    )
                    await answer(scope, receive, send)
                    return
                visitors.remember(scope, by_key(found))
            elif token:
                session = await run_sync(self._sessions.find, token)
                if session is not None:
                    visitors.remember(scope, by_session(session, token, self._secret))
        except SQLAlchemyError as error:
            await errors.database_away(Request(scope), error)(scope, receive, send)
            return
        await self.app(scope, receive, send)


def _api_key(scope: Scope) -> str:
    """The key in the Authorization header; other credentials there are somebody else's business, a proxy's perhaps."""
    kind, _, value = HTTPConnection(scope).headers.get("authorization", "").partition(" ")
    value = value.strip()
    return value if kind.lower() == "bearer" and value.startswith(MARK) else ""


def by_session(found: UserSession, token: str, secret: str) -> SignedIn:
    """Whoever has this session. Its forms carry a token that nobody can compute who does not know our key."""
    user = found.user
    csrf_token = hmac.new(secret.encode(), b"csrf:" + token.encode("utf-8", "replace"), hashlib.sha256).hexdigest()
    return SignedIn(
        user_id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        language=user.language,
        csrf_token=csrf_token,
        via="session",
        must_change_password=user.must_change_password,
        session_id=found.id,
    )


def by_key(found: ApiKey) -> SignedIn:
    """The program with this key, for its user."""
    user = found.user
    return SignedIn(
        user_id=user.id,
        name=user.name,
        email=user.email,
        role=user.role,
        language=user.language,
        csrf_token="",
        via="api_key",
        api_key_id=found.id,
        scopes=frozenset(roles.Scope(scope) for scope in found.scopes),
        requests_per_minute=found.requests_per_minute,
    )
