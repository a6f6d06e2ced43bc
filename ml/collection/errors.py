"""What can stop a collection. Every message is one sentence for a person and holds neither key nor secret."""

from __future__ import annotations

import re

from ml.errors import UserError

_SECRETIVE = re.compile(
    r"((?:api_key|api_sig|auth_token|oauth_\w+)[\"']?(?:=|%3D|:\s*))[\"']?[^&\s,\"']+", re.IGNORECASE
)


class CollectError(UserError):
    """Collecting can't start or go on. What is in the folder stays, and the next run continues there."""


class RequestError(CollectError):
    """A parameter has a wrong type or value; the message begins with its name."""


class KeyRefused(CollectError):
    """There is no Flickr key, or Flickr refuses it."""


def scrubbed(text: str, *secrets: str) -> str:
    """``text`` without any of the secrets, nor the value of a parameter that carries one."""
    for secret in filter(None, secrets):
        text = text.replace(secret, "…")
    return _SECRETIVE.sub(r"\1…", text)
