"""Photos that a listing names by web address: each fetched once, checked, and kept beside the listing."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from ml.datasets.folder import DataError, Photo

_AT_ONCE = 4
_SHOWN = 5
_MOST_BYTES = 50_000_000
_TIMEOUT = 30.0
_PAUSE = 0.05


def fetch_all(photos: Sequence[Photo], addresses: Mapping[int, str], *, folder: Path, name: str) -> list[Photo]:
    """The photos, those with an address (by their place in the sequence) now lying in ``folder / name``.

    Raises:
        DataError: some can't be fetched; the others are there when it is tried again.
    """
    if not addresses:
        return list(photos)
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        fetch = _Fetcher(folder / name)
        unique = sorted(set(addresses.values()))
        results = dict(zip(unique, pool.map(fetch, unique), strict=True))
    missing = [f"{address}: {result.reason}" for address, result in results.items() if isinstance(result, _Missing)]
    if missing:
        more = f" and {len(missing) - _SHOWN} more" if len(missing) > _SHOWN else ""
        raise DataError(
            f"{len(missing)} of {len(unique)} photos can't be fetched ({'; '.join(missing[:_SHOWN])}{more}). "
            "Try again, or take their rows out of the listing."
        )
    return [
        replace(photo, path=f"{name}/{results[addresses[at]]}") if at in addresses else photo
        for at, photo in enumerate(photos)
    ]


class _Missing:
    def __init__(self, reason: str) -> None:
        self.reason = reason


class _Fetcher:
    """From an address to the name of the photo's file, or why there is none. Used by several threads."""

    def __init__(self, folder: Path) -> None:
        from ml.collection.download import Downloader
        from ml.collection.politeness import Pace, Patience

        folder.mkdir(exist_ok=True)
        self._folder = folder
        self._here = {file.stem: file.name for file in folder.iterdir() if file.is_file()}
        self._downloader = Downloader(
            folder,
            Patience(Pace(_PAUSE, threading.Event()), attempts=3, first=0.5),
            user_agent="wingcheck (reads a listing of photos)",
            timeout=_TIMEOUT,
            min_side=1,
            most_bytes=_MOST_BYTES,
        )

    def __call__(self, address: str) -> str | _Missing:
        from ml.collection.download import Order, Unusable
        from ml.collection.errors import CollectError

        identifier = hashlib.sha256(address.encode()).hexdigest()[:20]
        if identifier in self._here:
            return self._here[identifier]
        if not address.startswith(("http://", "https://")):
            return _Missing("is no web address")
        try:
            found = self._downloader.get(Order(identifier, address, "", None, None))
        except CollectError as error:
            return _Missing(str(error))
        if isinstance(found, Unusable):
            return _Missing(found.reason)
        found.file.replace(self._folder / f"{identifier}{found.ending}")
        return f"{identifier}{found.ending}"
