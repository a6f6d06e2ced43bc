"""A local server that speaks enough of Flickr's REST protocol for the real flickrapi client, and keeps a log.

It checks OAuth signatures, filters and pages like ``flickr.photos.search``, serves pictures that Pillow drew, and can
be told to fail in every way that a server fails.
"""

from __future__ import annotations

import io
import threading
import time
from collections import defaultdict, deque
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.sax.saxutils import quoteattr

import numpy as np
from oauthlib.oauth1.rfc5849 import signature  # type: ignore[import-untyped]
from PIL import Image

KEY, SECRET = "0f1e2d3c4b5a69788796a5b4c3d2e1f0", "feedfacecafebeef"
SIDES = {"sq": 75, "q": 150, "t": 100, "s": 240, "n": 320, "m": 500, "z": 640, "c": 800, "l": 1024}
CREATIVE_COMMONS = ["by-nc-sa", "by-nc", "by-nc-nd", "by", "by-sa", "by-nd"]
LICENCES = {
    "0": ("All Rights Reserved", "https://www.flickrhelp.com/hc/en-us/articles/10710266545556"),
    **{str(at): (kind, f"https://creativecommons.org/licenses/{kind}/2.0/") for at, kind in enumerate(CREATIVE_COMMONS, 1)},
    "7": ("No known copyright restrictions", "https://www.flickr.com/commons/usage/"),
    "8": ("United States Government Work", "http://www.usa.gov/copyright.shtml"),
    "9": ("Public Domain Dedication (CC0)", "https://creativecommons.org/publicdomain/zero/1.0/"),
    "10": ("Public Domain Mark", "https://creativecommons.org/publicdomain/mark/1.0/"),
    **{str(at): (kind, f"https://creativecommons.org/licenses/{kind}/4.0/") for at, kind in enumerate(CREATIVE_COMMONS, 11)},
}  # fmt: skip


def picture(seed: int, *, width: int = 64, height: int = 48, quality: int = 90, kind: str = "JPEG") -> bytes:
    """A picture of its own for every seed: soft random colours."""
    cells = np.random.default_rng(seed).integers(0, 256, (8, 8, 3)).astype(np.uint8)
    stream = io.BytesIO()
    image = Image.fromarray(cells).resize((width, height), Image.Resampling.BICUBIC)
    image.save(stream, kind, quality=quality)
    return stream.getvalue()


@dataclass
class Fault:
    """How one answer goes wrong: another status, other bytes, a delay in seconds, or the line cut after some bytes."""

    status: int = 200
    body: bytes | None = None
    headers: dict[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut_after: int | None = None


@dataclass
class Photo:
    """A photo on the server. ``sizes`` are Flickr's endings; without ``data``, pictures are drawn from ``seed``."""

    id: str
    title: str = "Meadow brown"
    tags: str = "maniolajurtina butterfly"
    owner: str = "12345678@N00"
    owner_name: str = "Ann"
    licence: str = "4"
    uploaded: int = 1_600_000_000
    taken: str = "2020-07-01 12:00:00"
    place: tuple[float, float, int] | None = None
    sizes: tuple[str, ...] = ("sq", "q", "t", "s", "n", "m", "z")
    media: str = "photo"
    seed: int | None = None
    quality: int = 90
    data: bytes | None = None
    listed: tuple[int, int] | None = None  # width and height that are said, where they differ from the truth

    def size(self, ending: str) -> tuple[int, int]:
        side = SIDES.get(ending, 1200)
        return (side, side) if ending in {"sq", "q"} else (side, side * 3 // 4)

    def bytes_of(self, ending: str) -> bytes:
        if self.data is not None:
            return self.data
        width, height = self.size(ending)
        seed = int(self.id) if self.seed is None else self.seed
        return picture(seed, width=width, height=height, quality=self.quality)


class FlickrServer:
    """Photos, faults to come, and the log of what was asked and how it was answered."""

    def __init__(self) -> None:
        self.photos: list[Photo] = []
        self.most_results = 4000
        self.api_faults: deque[Fault] = deque()
        self.endless_api_fault: Fault | None = None
        self.image_faults: dict[str, deque[Fault]] = defaultdict(deque)
        self.endless_image_faults: dict[str, Fault] = {}
        self.refusal: tuple[int, str] | None = None
        self.key, self.secret = KEY, SECRET
        self.searches: list[dict[str, str]] = []
        self.images: list[tuple[str, str]] = []  # photo, "whole" or what else became of it
        self.user_agents: set[str] = set()
        self.hold_images_after: int | None = None  # then further pictures wait, and their line is cut
        self._let_through = 0
        self.holding = threading.Event()
        self.release = threading.Event()
        self.moments: list[float] = []
        self._lock = threading.Lock()
        self._http = _Http(("127.0.0.1", 0), type("Handler", (_Handler,), {"flickr": self}))
        self._http.daemon_threads = True
        self.base = f"http://127.0.0.1:{self._http.server_address[1]}"
        self.api_url = f"{self.base}/services/rest/"

    @contextmanager
    def running(self) -> Iterator[FlickrServer]:
        thread = threading.Thread(target=self._http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        try:
            yield self
        finally:
            self.release.set()
            self._http.shutdown()
            self._http.server_close()
            thread.join(5)

    def add(self, *identifiers: int, **values: Any) -> list[Photo]:
        added = [Photo(str(identifier), **values) for identifier in identifiers]
        self.photos.extend(added)
        return added

    def whole_images(self) -> list[str]:
        return [identifier for identifier, outcome in self.images if outcome == "whole"]

    def pages_asked(self) -> list[tuple[str, str]]:
        return [(asked["text"], asked["page"]) for asked in self.searches]

    def next_api_fault(self) -> Fault | None:
        with self._lock:
            return self.api_faults.popleft() if self.api_faults else self.endless_api_fault

    def next_image_fault(self, identifier: str) -> Fault | None:
        with self._lock:
            waiting = self.image_faults[identifier]
            return waiting.popleft() if waiting else self.endless_image_faults.get(identifier)

    def note_image(self, identifier: str, outcome: str) -> None:
        with self._lock:
            self.images.append((identifier, outcome))

    def must_hold(self) -> bool:
        with self._lock:
            if self.hold_images_after is None or self._let_through < self.hold_images_after:
                self._let_through += 1
                return False
            return True

    def hold(self, folder: Path) -> int:
        """Wait until pictures are held back and every other one lies in the collection's folder. How many do.

        Whoever kills the collector earlier may hit it between a picture's last byte and its name in the folder; that one
        is fetched again, and rightly.
        """
        until = time.monotonic() + 120
        while not (self.holding.is_set() and arrived(folder) == self._let_through == len(self.images)):
            assert time.monotonic() < until, f"{arrived(folder)} of {self._let_through} pictures are in {folder}"
            time.sleep(0.02)
        return self._let_through

    def answer(self, asked: dict[str, str]) -> str:
        """The XML that Flickr would answer."""
        if asked.get("method") == "flickr.photos.licenses.getInfo":
            rows = [
                f"<license id={quoteattr(identifier)} name={quoteattr(name)} url={quoteattr(url)} />"
                for identifier, (name, url) in LICENCES.items()
            ]
            return ok(f"<licenses>{''.join(rows)}</licenses>")
        if asked.get("method") == "flickr.photos.search":
            self.searches.append(asked)
            return self._search(asked)
        return failed(112, f"Method {asked.get('method')!r} not found")

    def _search(self, asked: dict[str, str]) -> str:
        found = [photo for photo in self.photos if _matches(photo, asked)]
        if asked.get("sort", "").startswith("date-posted"):
            found.sort(key=lambda photo: photo.uploaded, reverse=asked["sort"].endswith("desc"))
        per_page, page = int(asked.get("per_page", 100)), int(asked.get("page", 1))
        given = found[: self.most_results]
        pages = -(-len(found) // per_page)
        start = min((page - 1) * per_page, max(0, len(given) - per_page) if page > 1 else 0)
        rows = "".join(self._row(photo) for photo in given[start : start + per_page])
        return ok(f'<photos page="{page}" pages="{pages}" perpage="{per_page}" total="{len(found)}">{rows}</photos>')

    def _row(self, photo: Photo) -> str:
        latitude, longitude, accuracy = photo.place or (0, 0, 0)
        values = {
            "id": photo.id, "owner": photo.owner, "secret": "abc", "server": "65535", "farm": "66",
            "title": photo.title, "ispublic": "1", "license": photo.licence, "dateupload": str(photo.uploaded),
            "datetaken": photo.taken or "2020-01-01 00:00:00", "datetakengranularity": "0",
            "datetakenunknown": "0" if photo.taken else "1", "ownername": photo.owner_name, "tags": photo.tags,
            "latitude": str(latitude), "longitude": str(longitude), "accuracy": str(accuracy), "media": photo.media,
        }  # fmt: skip
        for ending in photo.sizes:
            width, height = photo.listed or photo.size(ending)
            values |= {
                f"url_{ending}": f"{self.base}/65535/{photo.id}_abc_{ending}.jpg",
                f"width_{ending}": str(width),
                f"height_{ending}": str(height),
            }
        return f"<photo {' '.join(f'{name}={quoteattr(value)}' for name, value in values.items())} />"


def arrived(folder: Path) -> int:
    """How many whole pictures lie in a collection's folder, wanted or not looked at yet."""
    files = [*folder.glob("*/*.jpg"), *folder.glob(".arrived/*")]
    return len({file.stem for file in files if file.suffix != ".part"})


def ok(inner: str) -> str:
    return f'<?xml version="1.0" encoding="utf-8" ?>\n<rsp stat="ok">\n{inner}\n</rsp>\n'


def failed(code: int, message: str) -> str:
    inner = f'<err code="{code}" msg={quoteattr(message)} />'
    return f'<?xml version="1.0" encoding="utf-8" ?>\n<rsp stat="fail">\n\t{inner}\n</rsp>\n'


def _matches(photo: Photo, asked: dict[str, str]) -> bool:
    text = asked["text"].lower()
    if text not in photo.title.lower() and text not in photo.tags.lower():
        return False
    if "license" in asked and photo.licence not in asked["license"].split(","):
        return False
    if not int(asked.get("min_upload_date", 0)) <= photo.uploaded <= int(asked.get("max_upload_date", 10**11)):
        return False
    if not asked.get("min_taken_date", "") <= photo.taken <= asked.get("max_taken_date", "9"):
        return False
    if "bbox" in asked:
        west, south, east, north = map(float, asked["bbox"].split(","))
        return photo.place is not None and south <= photo.place[0] <= north and west <= photo.place[1] <= east
    return "has_geo" not in asked or (photo.place is not None) == (asked["has_geo"] == "1")


class _Http(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is no error."""


class _Handler(BaseHTTPRequestHandler):
    flickr: FlickrServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
        self.flickr.user_agents.add(self.headers["User-Agent"])
        self.flickr.moments.append(time.monotonic())
        pairs = parse_qsl(body, keep_blank_values=True)
        fault = self.flickr.next_api_fault()
        if fault is not None:
            return self._fail(fault, b"")
        refusal = self.flickr.refusal or self._bad_signature(pairs)
        text = failed(*refusal) if refusal else self.flickr.answer(dict(pairs))
        self._send(200, text.encode(), {"Content-Type": "text/xml; charset=utf-8"})

    def _bad_signature(self, pairs: list[tuple[str, str]]) -> tuple[int, str] | None:
        header = self.headers.get("Authorization", "").removeprefix("OAuth ")
        oauth = {name: unquote(value.strip('"')) for name, value in (part.split("=", 1) for part in header.split(", "))}
        if oauth.get("oauth_consumer_key") != self.flickr.key:
            return 100, "Invalid API Key (Key has invalid format)"
        asked: Any = type("Asked", (), {})()
        asked.uri, asked.http_method = self.flickr.api_url, "POST"
        asked.params = [*pairs, *((name, value) for name, value in oauth.items() if name != "oauth_signature")]
        asked.signature = oauth["oauth_signature"]
        right = signature.verify_hmac_sha1(asked, self.flickr.secret, "")
        return None if right else (96, "Invalid signature")

    def do_GET(self) -> None:
        self.flickr.user_agents.add(self.headers["User-Agent"])
        identifier, _, rest = self.path.rsplit("/", 1)[-1].partition("_abc_")
        photo = next((photo for photo in self.flickr.photos if photo.id == unquote(identifier)), None)
        if photo is None:
            return self._send(404, b"not here", {})
        if self.flickr.must_hold():
            self.flickr.holding.set()
            self.flickr.release.wait(20)
            self.close_connection = True
            return None
        body = photo.bytes_of(rest.removesuffix(".jpg"))
        fault = self.flickr.next_image_fault(photo.id)
        if fault is not None:
            self.flickr.note_image(photo.id, f"fault {fault.status}")
            return self._fail(fault, body)
        self.flickr.note_image(photo.id, "whole")
        self._send(200, body, {"Content-Type": "image/jpeg"})
        return None

    def _fail(self, fault: Fault, body: bytes) -> None:
        if fault.delay:
            self.flickr.release.wait(fault.delay)
        whole = body if fault.body is None else fault.body
        self._send(fault.status, whole, fault.headers, cut_after=fault.cut_after)

    def _send(self, status: int, body: bytes, headers: dict[str, str], *, cut_after: int | None = None) -> None:
        with suppress(OSError):  # the client may have gone
            self.send_response(status)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body if cut_after is None else body[:cut_after])
            self.wfile.flush()
        if cut_after is not None:
            self.close_connection = True
