"""Requests that want to stop the service for everybody else, and a watch that asks all the while whether it is alive.

`make fuzz` holds it to half a second; the suite, on machines that are busy with other tests, only to answering at all.
"""

import gzip
import os
import re
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest
from sqlalchemy import select

from app.core.db import reading
from app.core.processes import resident_megabytes
from app.submissions.tables import Photo
from tests.factories import photo
from tests.running import Server

MOST_SECONDS = 0.5 if os.environ.get("WINGCHECK_FUZZ_FILES") else 60.0
MOST_MEGABYTES = 600


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("hostile"), WINGCHECK_HEADER_SECONDS="60")
    yield server.start()
    server.close()


class Watch(threading.Thread):
    """Asks for /healthz again and again; ``worst`` is the longest answer, in seconds."""

    def __init__(self, port: int) -> None:
        super().__init__()
        self.worst, self.asked, self.over = 0.0, 0, threading.Event()
        self._port = port

    def run(self) -> None:
        while not (self.over.wait(0.02) and self.asked):
            began = time.monotonic()
            with socket.create_connection(("127.0.0.1", self._port), timeout=60) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                assert connection.recv(100).startswith(b"HTTP/1.1 200")
            self.worst = max(self.worst, time.monotonic() - began)
            self.asked += 1


@contextmanager
def watched(server: Server) -> Iterator[None]:
    watch = Watch(server.port)
    watch.start()
    try:
        yield
    finally:
        watch.over.set()
        watch.join()
    web = server.child("serve")
    assert web is not None
    assert watch.asked
    assert watch.worst < MOST_SECONDS
    assert resident_megabytes(os.getpgid(web)) < MOST_MEGABYTES


def sent(server: Server, kind: str, body: bytes, path: str = "/sign-in", **headers: str) -> bytes:
    """Send it; how the answer begins, if one came before the connection was closed."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    with (
        suppress(ConnectionError, TimeoutError),
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection,
    ):
        connection.sendall(head.encode() + body)
        return connection.recv(1000)
    return b""


def jpeg_of(*segments: bytes) -> bytes:
    """A picture with these before everything else."""
    picture = photo(1)
    return picture[:2] + b"".join(segments) + picture[2:]


def segment(marker: int, content: bytes) -> bytes:
    return bytes((0xFF, marker)) + (len(content) + 2).to_bytes(2, "big") + content


FORM, JSON, MULTIPART = "application/x-www-form-urlencoded", "application/json", "multipart/form-data; boundary=x"
ANSWER = "/api/v1/submissions/none/answer"
PART = b'--x\r\nContent-Disposition: form-data; name="%b"\r\n\r\n'
FILE = b'--x\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\n\r\n'
RESOURCES = b"Photoshop 3.0\0" + b"8BIM\x03\xf3\0\0\0\0\0\0" * 5400


def predicted(*segments: bytes) -> tuple[str, bytes, str]:
    return MULTIPART, FILE + jpeg_of(*segments) + b"\r\n--x--", "/predict"


BODIES: dict[str, Callable[[], tuple[str, bytes, str]]] = {
    "lists": lambda: (JSON, b"[" + b"[]," * 10_000_000 + b"[]]", ANSWER),
    "lists just below the limit": lambda: (JSON, b"[" + b"[]," * 330_000 + b"[]]", ANSWER),
    "nested": lambda: (JSON, b"[" * 900_000, ANSWER),
    "escapes": lambda: (JSON, b'"' + b"\\u0041" * 160_000 + b'"', ANSWER),
    "ampersands": lambda: (FORM, b"&" * 60_000_000, "/sign-in"),
    "ampersands just below the limit": lambda: (FORM, b"&" * 990_000, "/sign-in"),
    "fields": lambda: (FORM, b"a=b&" * 240_000, "/sign-in"),
    "parts": lambda: (MULTIPART, (PART % b"a" + b"b\r\n") * 500_000 + b"--x--", "/submissions"),
    "headers of a part": lambda: (MULTIPART, b"--x\r\n" + b"X: y\r\n" * 3_000_000, "/submissions"),
    "a long name": lambda: (MULTIPART, PART % (b"a" * 20_000_000) + b"b\r\n--x--", "/submissions"),
    "line ends": lambda: (MULTIPART, FILE + b"\r\n-" * 8_000_000 + b"\r\n--x--", "/predict"),
    "comments": lambda: predicted(*[segment(0xFE, bytes(65_000))] * 580),
    "fill bytes": lambda: predicted(b"\xff" * 38_000_000),
    "exif": lambda: predicted(*[segment(0xE1, b"Exif\0\0" + bytes(15_000))] * 980),
    "resources": lambda: predicted(*[segment(0xED, RESOURCES)] * 240),
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_that_is_made_to_be_slow(server: Server, body: Callable[[], tuple[str, bytes, str]]) -> None:
    kind, content, path = body()
    with watched(server):
        answer = sent(server, kind, content, path)
    assert answer[:10] in {
        b"HTTP/1.1 4",
        b"HTTP/1.1 2",
        b"",
    }  # photos with much metadata may be answered; nothing fails


COOKIES = {"quoted": 'a="' + "\\\\" * 15_000 + '"', "under our name": 'wingcheck_language="' + "\\\\" * 15_000 + '"'}


@pytest.mark.parametrize("cookie", COOKIES.values(), ids=COOKIES)
def test_a_cookie_that_is_made_to_be_slow(server: Server, cookie: str) -> None:
    with watched(server):
        sent(server, FORM, b"", Cookie=cookie)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\n", b"POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\n"])
def test_one_client_with_hundreds_of_slow_connections(server: Server, said: bytes) -> None:
    with ExitStack() as held:
        for _ in range(520):
            connection = held.enter_context(socket.create_connection(("127.0.0.1", server.port), timeout=60))
            with suppress(ConnectionError):
                connection.sendall(said)
        with watched(server):
            assert server.client.get("/species").status_code == 200


# --- requests that two servers would read differently, or that ask for another protocol ------------------------------------

CLOSE = b"Host: localhost\r\nConnection: close\r\n"
POST = b"POST /sign-in HTTP/1.1\r\n%bContent-Type: application/x-www-form-urlencoded\r\n" % CLOSE
GET = b"GET /species HTTP/1.1\r\n%b" % CLOSE
# Whoever reads the first request as shorter than it is meant answers this as a second.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nX-Smuggled: yes\r\n\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
PACKED = gzip.compress(b"email=a&password=b&" + b"a" * 5_000_000)
STRANGE: dict[str, bytes] = {
    "two lengths": POST + b"Content-Length: 0\r\nContent-Length: %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "two lengths in one header": POST + b"Content-Length: 0, %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "a length and chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n" + SMUGGLED,
    "chunks and a length": POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks by another name": POST + b"Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks that are not last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "chunks after a strange space": POST + b"Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
    "a space before the colon": POST + b"Content-Length : %d\r\n\r\n" % len(SMUGGLED) + SMUGGLED,
    "a folded header": POST + b"X: y\r\n Content-Length: 5\r\nContent-Length: x\r\n\r\n" + SMUGGLED,
    "a length with a sign": POST + b"Content-Length: +0\r\n\r\n" + SMUGGLED,
    "a negative length": POST + b"Content-Length: -1\r\n\r\n" + SMUGGLED,
    "a length in hexadecimal": POST + b"Content-Length: 0x0\r\n\r\n" + SMUGGLED,
    "a length beyond all numbers": POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
    "a chunk beyond all numbers": POST + CHUNKED + b"\r\nFFFFFFFFFFFFFFFFFF\r\n",
    "a chunk without a size": POST + CHUNKED + b"\r\nx\r\n" + SMUGGLED,
    "a zero byte in a header": GET + b"X-A: a\0b\r\n\r\n",
    "a header without a name": GET + b": a\r\n\r\n",
    "no host": b"GET /species HTTP/1.1\r\nConnection: close\r\n\r\n",
    "two hosts": GET + b"Host: evil.example\r\n\r\n",
    "another host": b"GET /species HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n",
    "a tunnel": b"CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "HTTP/2": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an older protocol": b"GET /species\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + bytes(600),
    "100,000 headers": GET + b"X-A: b\r\n" * 100_000 + b"\r\n",
    "one header of a megabyte": GET + b"X-A: " + b"b" * 1_000_000 + b"\r\n\r\n",
    "an address of a megabyte": b"GET /" + b"a" * 1_000_000 + b" HTTP/1.1\r\nHost: localhost\r\n\r\n",
    "an address with a line end": b"POST /submissions%%0a HTTP/1.1\r\n%bContent-Length: 0\r\n\r\n" % CLOSE,
    "a referrer that is no address": b"POST /sign-out HTTP/1.1\r\n%bReferer: http://[\r\nAccept: application/json\r\n\r\n"
    % CLOSE,
    "a packed body": POST + b"Content-Encoding: gzip\r\nContent-Length: %d\r\n\r\n%b" % (len(PACKED), PACKED),
    "chunks without end": POST + CHUNKED + b"\r\n" + (b"8000\r\n" + b"a" * 0x8000 + b"\r\n") * 64,
}


def exchanged(server: Server, said: bytes) -> bytes:
    """Everything that is answered until the server hangs up, or has nothing more to say."""
    found = b""
    with suppress(ConnectionError), socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection:
        with suppress(ConnectionError):
            connection.sendall(said)
        while piece := connection.recv(65536):
            found += piece
    return found


def test_requests_that_can_be_read_in_two_ways_are_answered_once_and_refused(server: Server) -> None:
    with watched(server):
        answers = {name: exchanged(server, said) for name, said in STRANGE.items()}
    accepted = {name: answer for name, answer in answers.items() if not is_one_refusal(answer)}
    assert accepted == {}


def is_one_refusal(answer: bytes) -> bool:
    """One answer that begins with 4; a reset may overtake it, and then there is none."""
    return not answer or (answer.startswith(b"HTTP/1.1 4") and answer.count(b"HTTP/1.1 ") == 1)


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c", b"TLS/1.3"])
def test_no_other_protocol_is_spoken(server: Server, protocol: bytes) -> None:
    more = b"Connection: Upgrade\r\nUpgrade: %b\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n" % protocol
    answer = exchanged(server, GET + more + b"Sec-WebSocket-Version: 13\r\nHTTP2-Settings: AAMAAABk\r\n\r\n")
    assert answer.startswith((b"HTTP/1.1 200", b"HTTP/1.1 4"))


# --- addresses that lead around a door ---------------------------------------------------------------------------------------

AROUND = [
    "/admin/people/", "/admin/people?", "/admin/people;a=b", "/admin;a=b/people", "/ADMIN/people", "//admin/people",
    "/admin//people", "/./admin/people", "/about/../admin/people", "/about/%2e%2e/admin/people", "/about/..%2fadmin/people",
    "/admin/people%00", "/admin/people%0a", "/admin/people%20", "/admin/people/.", "/admin/people.json", "/admin%2fpeople",
    "/%61dmin/people", "/admin/people%3f", "/admin/people#", "/static/../admin/people", "/static/%2e%2e/admin/people",
    "/healthz/../admin/people", "/healthz%2f..%2fadmin/people", "/healthz;/admin/people", "/metrics/admin/people",
    "/static/..%2f..%2fpyproject.toml", "/static/%2e%2e/%2e%2e/etc/passwd", "/static/..%5c..%5cpyproject.toml",
    "/static//etc/passwd", "/static/%2fetc/passwd", "/static/css/../../../../etc/passwd", "/static/%c0%ae%c0%ae/x",
    "/photos/..%2f..%2fwingcheck.db/thumb.jpg", "/photos/1/..%2foriginal.jpg", "//evil.example/admin/people/",
    "/\\evil.example/admin/people/", "/%5cevil.example/", "//evil.example/..",
]  # fmt: skip


@pytest.mark.parametrize("override", [b"", b"X-Original-URL: /admin/people\r\nX-Rewrite-URL: /admin/people\r\n"])
def test_no_address_leads_around_a_door(server: Server, override: bytes) -> None:
    """What is found is nothing, the door, or an address of our own: never a page for users, a file, or another site."""
    found = {}
    for path in [*AROUND, "/about"] if override else AROUND:
        answer = exchanged(
            server, b"GET %b HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n%b\r\n" % (path.encode(), override)
        )
        found[path] = answer
    wrong = {path: answer[:300] for path, answer in found.items() if not leads_nowhere(answer) and path != "/about"}
    assert wrong == {}


def leads_nowhere(answer: bytes) -> bool:
    if answer.startswith(b"HTTP/1.1 3"):
        [place] = re.findall(rb"\r\nlocation: (.*?)\r\n", answer)
        return place.startswith((b"/sign-in", b"http://localhost/")) and b"evil" not in place
    return answer.startswith(b"HTTP/1.1 4")


RANGES = ["bytes=0-", "bytes=" + ",".join(["0-"] * 1500), "bytes=" + ",".join(f"{n}-{n}" for n in range(2000, 0, -1)),
          "bytes=5-1", "bytes=-99999999999999999999", "bytes=99999999999-", "bytes=x", "lines=1-2",
          "bytes=" + "," * 5000]  # fmt: skip


def test_parts_of_a_file_are_never_more_than_the_file(server: Server) -> None:
    token = sent_photo(server)
    for path in ("/static/css/core/base.css", f"/photos/{token}/display.jpg"):
        whole = len(server.client.get(path, headers={"Accept-Encoding": "identity"}).content)
        for wanted in RANGES:
            answer = server.client.get(path, headers={"Range": wanted, "Accept-Encoding": "identity"})
            assert answer.status_code in {200, 206, 400, 416}, wanted
            assert len(answer.content) <= whole + 1000, wanted


def sent_photo(server: Server) -> str:
    answer = server.client.post("/api/v1/submissions", files={"file": ("a.jpg", photo(1))}, data={"claim": "unknown"})
    with reading(server.sessions) as session:
        token: str = session.scalars(select(Photo.token)).one()
    assert answer.status_code == 201
    return token


def test_nothing_was_broken(server: Server) -> None:
    """After all of this, in the same process."""
    answer = server.client.post("/predict", files={"file": ("a.jpg", photo(1), "image/jpeg")})
    assert answer.status_code == 200
    assert "Traceback" not in server.log
