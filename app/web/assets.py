"""Static files, small on the wire, under URLs that carry their content's hash so that browsers may keep them for ever."""

import hashlib
from functools import lru_cache

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from app.paths import STATIC


@lru_cache(maxsize=256)
def _version(path: str, changed_at: int) -> str:
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]


def asset(path: str) -> str:
    """``/static/PATH?v=HASH``; without the hash where the file is missing, so that the browser's log names it."""
    try:
        stamp = (STATIC / path).stat().st_mtime_ns
    except OSError:
        return f"/static/{path}"
    return f"/static/{path}?v={_version(path, stamp)}"


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        # Without the hash (modules that import each other) the browser asks whether its copy is still good.
        kept = "public, max-age=31536000, immutable" if scope["query_string"].startswith(b"v=") else "no-cache"
        response.headers["Cache-Control"] = kept
        return response


def static_files() -> ASGIApp:
    """What is mounted at /static."""
    return GZipMiddleware(_Static(directory=STATIC))
