"""What may be done at an address: several routes may share one, and the router asks only the first."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

from starlette.routing import compile_path

_ANSWERED_ANYHOW = {"HEAD", "OPTIONS"}


def methods_at(app: Any, path: str) -> str:
    """The methods of every route with this path, as an Allow header lists them; empty where there is none."""
    found = {method for pattern, methods in _patterns(app) if pattern.match(path) for method in methods}
    return ", ".join(sorted(found - _ANSWERED_ANYHOW))


@lru_cache(maxsize=4)
def _patterns(app: Any) -> list[tuple[re.Pattern[str], frozenset[str]]]:
    return [(compile_path(path)[0], methods) for path, methods in routes_of(app)]


def routes_of(router: Any) -> Iterator[tuple[str, frozenset[str]]]:
    """Path and methods of every route, in routers within routers too; static files apart."""
    for route in router.routes:
        inner = getattr(route, "original_router", None)
        if inner is not None:
            yield from routes_of(inner)
        elif getattr(route, "methods", None):
            yield route.path, frozenset(route.methods)
