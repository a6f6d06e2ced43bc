"""Mixed load on `wingcheck run` with its default settings: volunteers, readers, programs and reviewers, on both databases.

Each connection is somebody who does the next thing as soon as the last was answered. Whoever is refused waits as long as the
answer says. /healthz is asked ten times a second meanwhile. Client, server, worker and database share the machine.
"""

import argparse
import asyncio
import itertools
import json
import os
import platform
import random
import re
import time
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlencode

from app.core.roles import Role
from benchmarks import load
from benchmarks.load import Answer, Connection, percentiles
from benchmarks.pictures import jpeg
from benchmarks.submissions import Service, is_there, running
from benchmarks.timing import table
from tests.people import make_user, session_token

# Shares of the connections; the rest only reads pages.
_VOLUNTEERS, _PROGRAMS, _REVIEWERS = 0.4, 0.2, 0.15
_LARGE = 0.1  # share of a volunteer's photos that are a phone's, of 12 megapixels
_PAGES = ("/", "/species", "/about", "/api/v1/taxa")
_HEALTH_EVERY = 0.1
_WARM_SECONDS = 5  # nobody has asked for anything yet: templates are read, connections opened
_LONGEST_WAIT = 60.0
SMALL, LARGE, HEALTH = "submission, 75 px", "submission, 12 MP", "/healthz"


@dataclass
class Seen:
    """Answers as they come: seconds of those that were served, and how many had each status, by kind of request.

    ``broken``: requests without an answer; ``unexplained``: refusals without a Retry-After.
    """

    times: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    statuses: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    unexplained: int = 0

    def add(self, kind: str, seconds: float, answer: Answer) -> None:
        """Note one."""
        self.statuses[kind][str(answer.status)] += 1
        if answer.status < 400:
            self.times[kind].append(seconds)
        elif answer.status in {429, 503} and not answer.header("retry-after"):
            self.unexplained += 1

    @property
    def faults(self) -> dict[str, int]:
        """Answers from 500 on other than 503 with a Retry-After, and requests without an answer."""
        found: Counter[str] = Counter()
        for statuses in self.statuses.values():
            found += Counter({s: n for s, n in statuses.items() if s == "no answer" or (s >= "500" and s != "503")})
        return dict(found) | ({"503 or 429 without Retry-After": self.unexplained} if self.unexplained else {})


def main(arguments: list[str]) -> None:
    """Print the tables; exit code 1 where an answer was a fault."""
    options = _options(arguments)
    print(f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; ", end="")
    print(f"{options.connections} connections for {options.seconds} s; client, server and database share the machine\n")
    told, faults = {}, False
    for name in options.databases:
        if not is_there(name):
            continue
        with running(name) as service:
            asyncio.run(_Crowd(service, options.connections, _WARM_SECONDS).seen())
            with service.processes.watched() as memory:
                seen = asyncio.run(_Crowd(service, options.connections, options.seconds).seen())
            _report(name, seen, memory, options.seconds)
            locked = service.server.log.count("database is locked")
            print(f'\nFaults: {seen.faults or "none"}; "database is locked" in the log: {locked}\n')
        faults = faults or bool(seen.faults) or locked > 0
        told[name] = {"times": seen.times, "statuses": seen.statuses, "memory": memory, "locked": locked}
    if options.json is not None:
        options.json.write_text(json.dumps(told, indent=1))
    if faults:
        raise SystemExit(1)


def _refused_because_locked(log: str) -> int:
    """Lines of the log; that a session was used just now need not be noted at once."""
    return sum("database is locked" in line and "could not be noted" not in line for line in log.splitlines())


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=load", description=__doc__)
    parser.add_argument("--seconds", type=int, default=60, help="for each database (default: 60)")
    parser.add_argument("--connections", type=int, default=64, help="default: 64")
    kinds = ["sqlite", "postgresql"]
    parser.add_argument("--databases", nargs="+", choices=kinds, default=kinds, help="default: both")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args(arguments)


class _Crowd:
    """So many people for so many seconds, and one more who watches /healthz."""

    def __init__(self, service: Service, connections: int, seconds: float) -> None:
        self._service, self._port = service, service.server.port
        self._connections, self._seconds = connections, seconds
        self._numbers = itertools.count(load.first_number())
        self._small, self._large = jpeg(75, 75), jpeg(4000, 3000)

    async def seen(self) -> Seen:
        """Everything that was answered. What is on its way at the end is waited for."""
        seen, end = Seen(), time.monotonic() + self._seconds
        people = [_Person(self._port, seen, end) for _ in range(self._connections + 1)]
        acts = [self._act_of(number) for number in range(self._connections)]
        tasks = [person.repeat(act) for person, act in zip(people, [*acts, self._watch], strict=True)]
        await asyncio.gather(*tasks)
        return seen

    def _act_of(self, number: int) -> Callable[["_Person"], Awaitable[None]]:
        """What the person of this number does again and again; the kinds are spread over the connections."""
        place = number * 0.6180339887 % 1  # multiples of the golden ratio: evenly spread however many there are
        if place < _VOLUNTEERS:
            return self._volunteer
        if place < _VOLUNTEERS + _PROGRAMS:
            return self._program
        if place < _VOLUNTEERS + _PROGRAMS + _REVIEWERS:
            user = make_user(self._service.sessions, Role.REVIEWER)
            return _Reviewer(session_token(self._service.sessions, user)).decide
        return _read_pages

    async def _volunteer(self, person: "_Person") -> None:
        """Opens the form, sends a photo, looks at it and at all of theirs."""
        page = await person.get("/", "page /")
        cookie = f"Cookie: {page.header('set-cookie').partition(';')[0]}\r\nSec-Fetch-Site: same-origin\r\n"
        kind, photo = (LARGE, self._large) if random.random() < _LARGE else (SMALL, self._small)
        sent = await person.send(kind, self._numbered("/submissions", photo, cookie))
        if sent.status == 201:
            await person.get(json.loads(sent.body)["url"], "page of a submission", cookie)
            await person.get("/mine", "page /mine", cookie)

    async def _program(self, person: "_Person") -> None:
        await person.send("/predict", self._numbered("/predict", self._small, ""))

    def _numbered(self, path: str, photo: bytes, headers: str) -> bytes:
        request = load.post(self._port, path, photo, headers=headers, claim="unknown")
        return request.numbered(next(self._numbers))

    async def _watch(self, person: "_Person") -> None:
        await asyncio.sleep(_HEALTH_EVERY)
        await person.get("/healthz", HEALTH)


async def _read_pages(person: "_Person") -> None:
    path = random.choice(_PAGES)
    await person.get(path, f"page {path}")


class _Person:
    """A connection, and what it saw until the end."""

    def __init__(self, port: int, seen: Seen, end: float) -> None:
        self._port, self._seen, self._end = port, seen, end
        self._connection = Connection(port)

    async def repeat(self, act: Callable[["_Person"], Awaitable[None]]) -> None:
        """Until the time is over."""
        while time.monotonic() < self._end:
            await act(self)
        self._connection.close()

    async def get(self, path: str, kind: str, headers: str = "") -> Answer:
        """A page."""
        return await self.send(kind, f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{self._port}\r\n{headers}\r\n".encode())

    async def send(self, kind: str, message: bytes) -> Answer:
        """The answer to a request; whoever is refused waits before going on."""
        begun = time.monotonic()
        try:
            async with asyncio.timeout(load.PATIENCE):
                answer = await self._connection.exchange(message)
        except (OSError, EOFError, TimeoutError):
            self._connection.close()
            self._seen.statuses[kind]["no answer"] += 1
            return Answer(0, "", b"")
        self._seen.add(kind, time.monotonic() - begun, answer)
        if answer.status in {429, 503}:
            wait = min(_LONGEST_WAIT, float(answer.header("retry-after") or 1))
            await asyncio.sleep(max(0.0, min(wait, self._end - time.monotonic())))
        return answer


class _Reviewer:
    """Somebody who is signed in and works through the queue."""

    def __init__(self, token: str) -> None:
        self._cookie = f"Cookie: wingcheck_session={token}\r\nSec-Fetch-Site: same-origin\r\n"

    async def decide(self, person: _Person) -> None:
        """Looks at the queue, opens the next item and answers it; a little later where there is none."""
        await person.get("/review", "page /review", self._cookie)
        address = (await person.get("/review/next", "page /review/next", self._cookie)).header("location")
        if not address:
            await asyncio.sleep(1)
            return
        page = (await person.get(address, "page of an item", self._cookie)).body.decode()
        values = {name: _value(page, name) for name in ("revision", "csrf_token")}
        if all(values.values()):
            body = urlencode(values | {"decision": "no_butterfly"})
            await person.send("decision", _form(address.partition("?")[0] + "/decide", self._cookie, body))


def _value(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    return found[1] if found else ""


def _form(path: str, headers: str, body: str) -> bytes:
    head = f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{headers}Content-Type: application/x-www-form-urlencoded\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode()


def _report(name: str, seen: Seen, memory: list[tuple[float, float]], seconds: float) -> None:
    rows: list[tuple[str, ...]] = [(name, "served", "served/s", "p50, ms", "p99, ms", "worst, ms", "statuses")]
    for kind in sorted(seen.statuses):
        times = [each * 1000 for each in seen.times[kind]]
        p50, p99 = percentiles(times)
        statuses = ", ".join(f"{status}: {count}" for status, count in sorted(seen.statuses[kind].items()))
        figures = f"{p50:.0f}", f"{p99:.0f}", f"{max(times, default=float('nan')):.0f}"
        rows.append((kind, str(len(times)), f"{len(times) / seconds:.1f}", *figures, statuses))
    table(rows)
    print("\nMemory of all processes, MB: " + ", ".join(f"{mb:.0f} at {at:.0f} s" for at, mb in _some(memory)))


def _some(memory: list[tuple[float, float]]) -> Iterator[tuple[float, float]]:
    """Eleven of them, evenly spread: the first, the last, and nine between."""
    for number in range(11):
        yield memory[round(number * (len(memory) - 1) / 10)]
