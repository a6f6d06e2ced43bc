"""Signed tokens in the links of mails: whoever has one may do the one thing that it is for. No address is in them."""

import hashlib
import hmac
from datetime import timedelta
from typing import Literal

from itsdangerous import BadSignature, URLSafeTimedSerializer

from app.core.errors import NotFound

Purpose = Literal["confirm", "join", "stop"]
# Mails lie around: stopping them works for as long as one is found.
_LIFETIMES: dict[Purpose, timedelta | None] = {"confirm": timedelta(days=7), "join": timedelta(days=1), "stop": None}


class MailTokens:
    """Makes and reads tokens."""

    def __init__(self, secret: str) -> None:
        self._secret = secret

    def make(self, purpose: Purpose, *values: str | int) -> str:
        """A token that names these values."""
        token: str = self._serializer(purpose).dumps(values)
        return token

    def read(self, purpose: Purpose, token: str) -> list[str | int]:
        """The values. Raises NotFound for a token that was not made here for this, or is too old."""
        lifetime = _LIFETIMES[purpose]
        try:
            values: list[str | int] = self._serializer(purpose).loads(
                token, max_age=int(lifetime.total_seconds()) if lifetime else None
            )
        except BadSignature as error:
            raise NotFound("This link does not work (any more).") from error
        return values

    def digest(self, address: str) -> str:
        """What stands for an address in a token: when the address changes, the token is void."""
        return hmac.new(self._secret.encode(), b"address:" + address.encode(), hashlib.sha256).hexdigest()[:24]

    def _serializer(self, purpose: Purpose) -> URLSafeTimedSerializer:
        return URLSafeTimedSerializer(self._secret, salt=f"mail-{purpose}")
