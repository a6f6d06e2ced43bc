"""Load on a service: the same photo posted again and again over some connections, each time with another number in its bytes.

wrk sends it, which takes next to nothing of the machine. Where it is missing, or at a fixed rate, a client in Python does.
"""

import asyncio
import itertools
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")
WITHOUT_WRK = (
    "wrk is not installed (Debian, Ubuntu: apt install wrk). A client in Python takes its place: it takes up to a core itself, "
    "so compare its figures with nothing that wrk measured."
)
_DIGITS = 16
PATIENCE = 120  # seconds for one answer
# No two runs send the same numbers.
_runs = itertools.count(int(time.time()) % 100_000)


@dataclass(frozen=True)
class Post:
    """An HTTP request in the two parts that stand before and after its number."""

    port: int
    head: bytes
    tail: bytes

    def numbered(self, number: int) -> bytes:
        """The request with this number in it."""
        return self.head + _digits(number) + self.tail


@dataclass(frozen=True)
class Load:
    """What clients saw. ``refused``: 503; ``failed``: any other status; ``broken``: no answer. ``client``: who sent.

    The times are those of all answers; at a fixed rate those of accepted requests alone.
    """

    seconds: float
    accepted: int
    refused: int
    failed: int
    broken: int
    p50_ms: float
    p99_ms: float
    client: str

    @property
    def rate(self) -> float:
        """Accepted requests per second."""
        return self.accepted / self.seconds

    def milliseconds(self, name: str) -> str:
        """``p50_ms`` or ``p99_ms`` to print."""
        return f"{getattr(self, name):.0f}" if self.accepted else "–"

    @property
    def errors(self) -> int:
        """Whatever was not accepted."""
        return self.refused + self.failed + self.broken


def post(port: int, path: str, photo: bytes, *, headers: str = "", **fields: str) -> Post:
    """A form with a photo in the field ``file``. ``headers``: further ones, each line with its end."""
    before, after = _around_a_number(photo)
    texts = "".join(
        f'--b\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n' for name, value in fields.items()
    )
    kind = "image/jpeg" if after else "image/heic"
    file = f'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: {kind}\r\n\r\n'
    start, end = (texts + file).encode() + before, after + b"\r\n--b--\r\n"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nAccept: application/json\r\n{headers}"
        f"Content-Type: multipart/form-data; boundary=b\r\nContent-Length: {len(start) + _DIGITS + len(end)}\r\n\r\n"
    )
    return Post(port, head.encode() + start, end)


def _around_a_number(photo: bytes) -> tuple[bytes, bytes]:
    """A JPEG with room for a number in a comment, or a HEIC with room in a free box at its end."""
    if photo.startswith(b"\xff\xd8"):
        return photo[:2] + b"\xff\xfe" + (2 + _DIGITS).to_bytes(2, "big"), photo[2:]
    return photo + (8 + _DIGITS).to_bytes(4, "big") + b"free", b""


def with_number(photo: bytes, number: int) -> bytes:
    """The same picture as another file."""
    before, after = _around_a_number(photo)
    return before + _digits(number) + after


def _digits(number: int) -> bytes:
    return f"{number:0{_DIGITS}d}".encode()


def has_wrk() -> bool:
    """Whether wrk is installed."""
    return shutil.which("wrk") is not None


def send(request: Post, connections: int, seconds: float) -> Load:
    """As fast as it is answered, over so many connections."""
    if has_wrk():
        return _wrk(request, connections, seconds)
    return asyncio.run(_as_fast_as_answered(request, connections, seconds))


def send_at(request: Post, rate: float, seconds: float) -> Load:
    """So many a second, evenly, however late the answers are; each over a connection of its own."""
    return asyncio.run(_evenly(request, rate, seconds))


def _wrk(request: Post, connections: int, seconds: float) -> Load:
    with tempfile.TemporaryDirectory() as folder:
        head, tail = Path(folder, "head"), Path(folder, "tail")
        head.write_bytes(request.head)
        tail.write_bytes(request.tail)
        command = [
            *("wrk", "--threads", "1", "--connections", str(connections), "--duration", f"{max(1, round(seconds))}s"),
            *("--timeout", f"{PATIENCE}s", "--script", str(SCRIPT), f"http://127.0.0.1:{request.port}/"),
            *("--", str(head), str(tail), str(first_number())),
        ]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
    return Load(**json.loads(done.stdout.splitlines()[-1]), client="wrk")


def first_number() -> int:
    return next(_runs) * 10**9


@dataclass
class _Seen:
    """Answers as they come."""

    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(first_number()))
    times: list[float] = field(default_factory=list)
    accepted_times: list[float] = field(default_factory=list)
    refused: int = 0
    failed: int = 0
    broken: int = 0

    async def exchange(self, connection: "Connection", request: Post) -> None:
        begun = time.perf_counter()
        try:
            async with asyncio.timeout(PATIENCE):
                status = (await connection.exchange(request.numbered(next(self.numbers)))).status
        except (OSError, EOFError, ValueError, TimeoutError):
            connection.close()
            self.broken += 1
            return
        self.times.append(time.perf_counter() - begun)
        if 200 <= status < 300:
            self.accepted_times.append(self.times[-1])
        elif status == 503:
            self.refused += 1
        else:
            self.failed += 1

    def load(self, seconds: float, times: list[float]) -> Load:
        p50, p99 = percentiles(times)
        accepted = len(self.accepted_times)
        return Load(seconds, accepted, self.refused, self.failed, self.broken, p50 * 1000, p99 * 1000, "Python")


def percentiles(values: list[float]) -> tuple[float, float]:
    """The median and the value that 99 of 100 stay below; not numbers where there are none."""
    if len(values) < 2:
        return (values[0], values[0]) if values else (float("nan"), float("nan"))
    return statistics.median(values), statistics.quantiles(values, n=100, method="inclusive")[98]


@dataclass(frozen=True)
class Answer:
    """An HTTP answer."""

    status: int
    head: str
    body: bytes

    def header(self, name: str) -> str:
        """The value of the first header of that name; empty without one."""
        lines = (line.partition(":") for line in self.head.split("\r\n"))
        return next((value.strip() for key, _, value in lines if key.lower() == name), "")


class Connection:
    """One connection, opened when it is first needed, and again after an error."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def exchange(self, message: bytes) -> Answer:
        """Send a request and read its answer."""
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._port)
        reader, writer = self._streams
        writer.write(message)
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        answer = Answer(int(head.split(" ", 2)[1]), head, b"")
        body = await reader.readexactly(int(answer.header("content-length") or 0))
        if answer.header("connection") == "close":
            self.close()
        return replace(answer, body=body)

    def close(self) -> None:
        """Close it, if it is open."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None


async def _as_fast_as_answered(request: Post, connections: int, seconds: float) -> Load:
    seen, begun = _Seen(), time.perf_counter()

    async def client() -> None:
        connection = Connection(request.port)
        while time.perf_counter() - begun < seconds:
            await seen.exchange(connection, request)
        connection.close()

    await asyncio.gather(*(client() for _ in range(connections)))
    return seen.load(time.perf_counter() - begun, seen.times)


async def _evenly(request: Post, rate: float, seconds: float) -> Load:
    seen, begun = _Seen(), time.perf_counter()

    async def one() -> None:
        connection = Connection(request.port)
        await seen.exchange(connection, request)
        connection.close()

    async with asyncio.TaskGroup() as tasks:
        for number in range(int(rate * seconds)):
            await asyncio.sleep(max(0.0, begun + number / rate - time.perf_counter()))
            tasks.create_task(one())
    return seen.load(seconds, seen.accepted_times)
