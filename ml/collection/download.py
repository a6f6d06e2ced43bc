"""Fetching one picture and looking at what came: runs in several threads.

A picture that arrived whole is on disk before anything else happens to it, so a run that is cut short need not fetch it
again, whoever was still to look at it.
"""

from __future__ import annotations

import hashlib
import os
import threading
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import requests

from ml.collection.deduplication import perceptual_hash
from ml.collection.politeness import Busy, Patience
from ml.inference.photos import PhotoError, open_photo

ENDINGS = {"JPEG": ".jpg", "MPO": ".jpg", "PNG": ".png", "WEBP": ".webp", "HEIC": ".heic"}
ARRIVED = ".arrived"  # folder of pictures that nobody has decided on yet
_REASONS = {"unsupported": "not an image", "undecodable": "damaged", "too_large": "too large"}
_SIDE_FOR_HASH = 256
_TOLERANCE = 0.05
_FLICKR_HOSTS = (".flickr.com", ".staticflickr.com")


class _Session(requests.Session):
    """Follows redirects to Flickr's hosts and to the one that was asked, and nowhere else."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:
        target = super().get_redirect_target(resp)
        if target is None:
            return None
        host, asked = urlsplit(urljoin(resp.url, target)).hostname or "", urlsplit(resp.url).hostname
        if host != asked and not host.endswith(_FLICKR_HOSTS):
            raise requests.exceptions.InvalidURL(f"it leads to {host}")
        return target


@dataclass(frozen=True)
class Order:
    """A photo to fetch: ``label`` is its folder; width and height in pixels as listed, None where Flickr didn't say."""

    id: str
    url: str
    label: str
    width: int | None
    height: int | None


@dataclass(frozen=True)
class Picture:
    """What came and is good: the ``file`` that it lies in for now, upright size in pixels, its hashes, and the ending
    for its name.
    """

    file: Path
    bytes: int
    width: int
    height: int
    sha256: str
    perceptual_hash: int
    ending: str


@dataclass(frozen=True)
class Unusable:
    """Why there is no picture. ``failed``: it may come another time."""

    reason: str
    detail: str
    failed: bool = False


class _Refused(Exception):
    """The server's answer is final."""

    def __init__(self, detail: str, reason: str = "gone") -> None:
        super().__init__(detail)
        self.reason = reason


class Downloader:
    """Fetches pictures, politely, and checks them."""

    def __init__(
        self,
        folder: Path,
        patience: Patience,
        *,
        user_agent: str,
        timeout: float,
        min_side: int,
        most_bytes: int,
    ) -> None:
        """``timeout`` in seconds, for connecting and for each part that arrives; ten times that for the whole."""
        self._folder, self._patience = folder, patience
        self._user_agent, self._timeout = user_agent, timeout
        self._min_side, self._most_bytes = min_side, most_bytes
        self._local = threading.local()

    def get(self, order: Order) -> Picture | Unusable:
        """The picture, from the folder where it lies there already. Raises Stopped, and CollectError for a long wait."""
        try:
            file = self._existing(order) or self._save(order, self._patience.call(lambda: self._fetch(order)))
        except Busy as busy:
            return Unusable("download failed", f"{busy.reason}, {self._patience.attempts} times", failed=True)
        except _Refused as refused:
            return Unusable(refused.reason, str(refused))
        return self._looked_at(order, file)

    def _existing(self, order: Order) -> Path | None:
        names = [self._folder / order.label / f"{order.id}{ending}" for ending in dict.fromkeys(ENDINGS.values())]
        return next((name for name in [self._folder / ARRIVED / order.id, *names] if name.is_file()), None)

    def _save(self, order: Order, data: bytes) -> Path:
        """The whole file appears under its name, or nothing does."""
        file = self._folder / ARRIVED / order.id
        partial = file.with_suffix(".part")
        file.parent.mkdir(exist_ok=True)
        with partial.open("wb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(file)
        return file

    def _session(self) -> requests.Session:
        if not hasattr(self._local, "session"):
            self._local.session = _Session()
            self._local.session.headers["User-Agent"] = self._user_agent
        session: requests.Session = self._local.session
        return session

    def _fetch(self, order: Order) -> bytes:
        try:
            with self._session().get(order.url, stream=True, timeout=self._timeout) as response:
                self._check(response)
                return self._body(response)
        except requests.Timeout:
            raise Busy("no answer in time") from None
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema, requests.TooManyRedirects) as error:
            raise _Refused(f"its address leads nowhere ({type(error).__name__})") from None
        except (requests.RequestException, UnicodeError) as error:
            raise Busy(f"the connection broke ({type(error).__name__})") from None

    def _check(self, response: requests.Response) -> None:
        status = response.status_code
        if status == 429 or status >= 500:
            raise Busy(f"HTTP {status}", response.headers.get("Retry-After"))
        if status != 200:
            raise _Refused(f"HTTP {status}")
        if "unavailable" in response.url.rsplit("/", 1)[-1]:  # Flickr's picture that says that there is none
            raise _Refused("Flickr shows its picture for photos that are gone")

    def _body(self, response: requests.Response) -> bytes:
        parts, size, deadline = [], 0, time.monotonic() + 10 * self._timeout
        for part in response.iter_content(64 * 1024):
            parts.append(part)
            size += len(part)
            if size > self._most_bytes:
                raise _Refused(f"larger than {self._most_bytes / 1e6:g} MB", "too large")
            if time.monotonic() > deadline:
                raise Busy("the picture came too slowly")
        return b"".join(parts)

    def _looked_at(self, order: Order, file: Path) -> Picture | Unusable:
        data = file.read_bytes()
        try:
            image, info = open_photo(data, max_side=_SIDE_FOR_HASH)
        except PhotoError as error:
            return Unusable(_REASONS[error.kind], error.detail)
        size = f"{info.width} × {info.height} pixels"
        if min(info.width, info.height) < self._min_side:
            return Unusable("too small", f"{size}, at least {self._min_side} are wanted on each side")
        if not _as_listed(order, info.width, info.height):
            return Unusable("wrong size", f"{size}, listed as {order.width} × {order.height}")
        digest = hashlib.sha256(data).hexdigest()
        shape = (info.width, info.height)
        return Picture(file, len(data), *shape, digest, perceptual_hash(image), ENDINGS[info.format])


def _as_listed(order: Order, width: int, height: int) -> bool:
    """Flickr may count the sides of a turned original before turning it."""
    if order.width is None or order.height is None:
        return True
    pairs = zip(sorted((order.width, order.height)), sorted((width, height)), strict=True)
    return all(abs(listed - real) <= max(2, _TOLERANCE * listed) for listed, real in pairs)
