"""Who is asking: the user behind a session or an API key, found once per request at the edge (app/web/edges/visitors.py)."""

import hashlib
import hmac
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from app.domain.accounts import Role, Scope
from app.models import ApiKey, UserSession

_KEY = "wingcheck.signed_in"


@dataclass(frozen=True)
class SignedIn:
    """A user who is here now, in a browser or by a program. ``csrf_token``: what the forms of this session carry."""

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
        """Whether the user's role includes that one."""
        return self.role.includes(role)


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
        scopes=frozenset(Scope(scope) for scope in found.scopes),
        requests_per_minute=found.requests_per_minute,
    )


def remember(scope: MutableMapping[str, Any], who: SignedIn) -> None:
    """Keep who it is for the rest of the request."""
    scope[_KEY] = who


def visitor(scope: MutableMapping[str, Any]) -> SignedIn | None:
    """Who asks; None for everybody who did not sign in, volunteers among them."""
    found: SignedIn | None = scope.get(_KEY)
    return found
