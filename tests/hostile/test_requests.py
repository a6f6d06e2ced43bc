"""Requests that want to stop the service for everybody else, and a watch that asks all the while whether it is alive.

`make fuzz` holds it to half a second; the suite, on machines that are busy with other tests, only to answering at all.
"""

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress

import pytest

from app.core.processes import resident_megabytes
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


def sent(server: Server, kind: str, body: bytes, path: str = "/sign-in", **headers: str) -> None:
    """Send it, whatever becomes of it."""
    more = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in headers.items())
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n{more}Content-Length: {len(body)}\r\n\r\n"
    )
    with (
        suppress(ConnectionError, TimeoutError),
        socket.create_connection(("127.0.0.1", server.port), timeout=60) as connection,
    ):
        connection.sendall(head.encode() + body)
        connection.recv(1000)


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
        sent(server, kind, content, path)


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


def test_nothing_was_broken(server: Server) -> None:
    """After all of this, in the same process."""
    answer = server.client.post("/predict", files={"file": ("a.jpg", photo(1), "image/jpeg")})
    assert answer.status_code == 200
    assert "Traceback" not in server.log
