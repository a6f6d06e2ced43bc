"""Who is asking: the user behind a session or an API key, found once per request at the edge (app/accounts/visitors.py)."""

from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Any, Literal

from app.core.roles import Role

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


def remember(scope: MutableMapping[str, Any], who: SignedIn) -> None:
    """Keep who it is for the rest of the request."""
    scope[_KEY] = who


def visitor(scope: MutableMapping[str, Any]) -> SignedIn | None:
    """Who asks; None for everybody who did not sign in, volunteers among them."""
    found: SignedIn | None = scope.get(_KEY)
    return found
