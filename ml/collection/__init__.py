"""Collecting photos from Flickr, each with its provenance and licence: ``wingcheck collect``.

    from ml.collection import collect, request_from

    request = request_from({"keywords": ["bruin zandoogje=Maniola jurtina"], "maximum": 50})
    summary = collect(request, Path("DATA/pair"))

docs/collecting.md explains the commands, what Flickr asks in return, and the licences.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ml.collection.errors import CollectError, KeyRefused, RequestError
    from ml.collection.request import CollectRequest, Keyword, request_from
    from ml.collection.run import Manners, collect, count
    from ml.collection.summary import Summary

__all__ = [
    "CollectError",
    "CollectRequest",
    "KeyRefused",
    "Keyword",
    "Manners",
    "RequestError",
    "Summary",
    "collect",
    "count",
    "request_from",
]

_HOMES = {
    **dict.fromkeys(("CollectError", "KeyRefused", "RequestError"), "errors"),
    **dict.fromkeys(("CollectRequest", "Keyword", "request_from"), "request"),
    **dict.fromkeys(("Manners", "collect", "count"), "run"),
    "Summary": "summary",
}


def __getattr__(name: str) -> Any:
    """Import a name's module when it is first used: the command line's help needs none of them."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
