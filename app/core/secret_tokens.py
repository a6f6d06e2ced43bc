"""Random secrets for links, sessions and keys: shown once, stored as a hash."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, safe in URLs and cookies."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """The stored form of a token. A plain SHA-256 is enough, because a token is random and long."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
