"""Static files under URLs that carry their content's hash, so that browsers may keep them for ever."""

import hashlib
from functools import lru_cache

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
