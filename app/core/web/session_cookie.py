"""The cookies of those who sign in: one carries the session, one tells which accounts were used in this browser before."""

from itsdangerous import BadSignature, URLSafeSerializer
from starlette.requests import HTTPConnection
from starlette.responses import Response

_YEAR = 365 * 24 * 3600
_MOST_ACCOUNTS = 8


class SessionCookie:
    """Behind TLS, browsers take a cookie of this name only from this very host and only over TLS."""

    def __init__(self, secret: str, *, secure: bool, days: int) -> None:
        prefix = "__Host-" if secure else ""
        self.name = f"{prefix}wingcheck_session"
        self.known_name = f"{prefix}wingcheck_known"
        self._serializer = URLSafeSerializer(secret, salt="known-browser")
        self._secure = secure
        self._seconds = days * 24 * 3600

    def read(self, request: HTTPConnection) -> str:
        """The token; empty where there is none."""
        return request.cookies.get(self.name, "")

    def write(self, response: Response, token: str) -> None:
        """Give the browser its session."""
        self._set(response, self.name, token, self._seconds)

    def clear(self, response: Response) -> None:
        """Take it away."""
        response.delete_cookie(self.name, secure=self._secure, httponly=True, samesite="lax")

    def accounts_known(self, request: HTTPConnection) -> tuple[int, ...]:
        """Ids of users who signed in with this browser before."""
        try:
            found = self._serializer.loads(request.cookies.get(self.known_name, ""))
        except BadSignature:
            return ()
        return tuple(found) if isinstance(found, list) else ()

    def note_account(self, request: HTTPConnection, response: Response, user_id: int) -> None:
        """From now on the browser is known for this account."""
        kept = [user_id, *(each for each in self.accounts_known(request) if each != user_id)][:_MOST_ACCOUNTS]
        self._set(response, self.known_name, str(self._serializer.dumps(kept)), _YEAR)

    def _set(self, response: Response, name: str, value: str, seconds: int) -> None:
        response.set_cookie(name, value, max_age=seconds, httponly=True, samesite="lax", secure=self._secure)
