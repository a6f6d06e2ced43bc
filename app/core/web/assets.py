"""Static files, compressed, under URLs with a hash of their content, so that browsers may keep them for ever."""

import hashlib
from functools import lru_cache
from pathlib import Path

from starlette.middleware.gzip import GZipMiddleware
from starlette.responses import Response
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Scope

from app.core.paths import STATIC
from app.core.web.security import PICTURE_POLICY


@lru_cache(maxsize=256)
def _version(path: str, changed_at: int) -> str:
    return hashlib.sha256((STATIC / path).read_bytes()).hexdigest()[:10]


def asset(path: str) -> str:
    """``/static/PATH?v=HASH``; without the hash if the file is missing, so that the browser's log names it."""
    try:
        stamp = (STATIC / path).stat().st_mtime_ns
    except OSError:
        return f"/static/{path}"
    return f"/static/{path}?v={_version(path, stamp)}"


# Independent of the machine's table of types, and without types that browsers show as pages.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
}


class _Static(StaticFiles):
    async def get_response(self, path: str, scope: Scope) -> Response:
        response = await super().get_response(path, scope)
        if "Content-Type" in response.headers:  # absent if the browser's copy is current
            _fix_type(response, Path(path).suffix.lower())
        # Without the hash (modules that import each other) the browser checks whether its copy is current.
        is_hashed = scope["query_string"].startswith(b"v=")
        response.headers["Cache-Control"] = "public, max-age=31536000, immutable" if is_hashed else "no-cache"
        return response


def _fix_type(response: Response, suffix: str) -> None:
    kind = _TYPES.get(suffix)
    response.headers["Content-Type"] = kind or "application/octet-stream"
    if kind is None:
        response.headers["Content-Disposition"] = "attachment"
    elif kind.startswith("image/"):
        response.headers["Content-Security-Policy"] = PICTURE_POLICY


def static_files() -> ASGIApp:
    """The application mounted at /static."""
    return GZipMiddleware(_Static(directory=STATIC))
