"""Secrets that lead somewhere: made at random, given out once, kept as a hash."""

import hashlib
import secrets


def new_token() -> str:
    """256 random bits, fit for an address or a cookie."""
    return secrets.token_urlsafe(32)


def hash_of(token: str) -> str:
    """What is kept of a token. It is random and long, so that a plain SHA-256 can't be undone by trying."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()
