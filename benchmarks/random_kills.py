"""200 uploads by several clients while web server, worker and supervisor are killed at random moments, and started again.

Each client sends a submission under one key until it is answered, as a phone with a bad connection does. At the end
nothing that was answered may be missing, half there or there twice; the exit code says so.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import httpx2
from sqlalchemy import select

from app.core.db import make_engine, make_session_factory, reading
from app.submissions.tables import Submission
from benchmarks.killing import PARTS, database, kill
from benchmarks.pictures import jpeg
from benchmarks.timing import table
from tests.running import Server, eventually
from tests.wholeness import faults, leftovers, working

LOST_SECONDS = 6


@dataclass
class Tally:
    """What the clients saw. Shared by their threads."""

    answered: dict[str, list[str]] = field(default_factory=dict)
    tries: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


def main(arguments: list[str] | None = None) -> None:
    """Print the figures; exit code 1 when anything is lost, half there or twice."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=random_kills", description=__doc__)
    parser.add_argument("--uploads", type=int, default=200)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--pause", type=float, default=2.0, help="longest pause between two kills, in seconds")
    parser.add_argument("--postgresql", metavar="URL", help="a server in which databases may be made; else SQLite")
    options = parser.parse_args(arguments)
    print(f"seed {options.seed}, {options.clients} clients, {'PostgreSQL' if options.postgresql else 'SQLite'}\n")
    with tempfile.TemporaryDirectory() as folder, database(options.postgresql) as settings:
        server = Server(Path(folder), WINGCHECK_JOB_LOST_SECONDS=str(LOST_SECONDS), **settings)
        good = _measure(
            server, settings.get("WINGCHECK_DATABASE_URL", f"sqlite:///{server.data}/wingcheck.db"), options
        )
    if not good:
        sys.exit(1)


def _measure(server: Server, database_url: str, options: argparse.Namespace) -> bool:
    tally, begun = Tally(), time.monotonic()
    numbers = iter(range(options.uploads))
    clients = [
        threading.Thread(target=_client, args=(server.url, numbers, tally, random.Random(f"{options.seed} {n}")))
        for n in range(options.clients)
    ]
    server.start()
    try:
        for client in clients:
            client.start()
        kills = _kill_until_they_are_done(server, clients, random.Random(options.seed), options.pause)
        return _report(server, database_url, options.uploads, tally, kills, begun)
    finally:
        server.close()


def _client(url: str, numbers: Iterator[int], tally: Tally, luck: random.Random) -> None:
    with httpx2.Client(base_url=url, trust_env=False, timeout=30) as http:
        while True:
            with tally.lock:
                number = next(numbers, None)
            if number is None:
                return
            while not _send(http, number, tally):
                time.sleep(0.2)
            time.sleep(luck.uniform(0, 0.6))  # people take photos in between


def _send(http: httpx2.Client, number: int, tally: Tally) -> bool:
    """One try. Every second submission has two photos; one in five is sent once more although it was answered."""
    photos = [jpeg(160 + number, 120 + n) for n in range(1 + number % 2)]
    with tally.lock:
        tally.tries += 1
    try:
        answer = http.post(
            "/api/v1/submissions",
            files=[("file", (f"{n}.jpg", photo, "image/jpeg")) for n, photo in enumerate(photos)],
            data={"claim": "unknown"},
            headers={"Idempotency-Key": f"random-kills-{number:06}"},
        )
    except httpx2.TransportError:
        return False
    if answer.status_code not in {200, 201}:
        return False
    with tally.lock:
        seen = tally.answered.setdefault(f"{number}", [])
        seen.append(answer.json()["token"])
    return len(seen) > 1 or number % 5 != 0


def _kill_until_they_are_done(
    server: Server, clients: list[threading.Thread], luck: random.Random, pause: float
) -> dict[str, int]:
    kills = dict.fromkeys(PARTS, 0)
    while any(client.is_alive() for client in clients):
        time.sleep(luck.uniform(0.2, pause))
        part = luck.choice(list(PARTS))
        kills[part] += kill(server, part)
    return kills


def _report(server: Server, database_url: str, uploads: int, tally: Tally, kills: dict[str, int], begun: float) -> bool:
    sessions = make_session_factory(make_engine(database_url))
    files = server.data / "photos"
    eventually(lambda: working(sessions) == 0, f"every job is done\n{server.log[-2000:]}", 120)
    with reading(sessions) as session:
        rows = session.scalars(select(Submission)).all()
    kept = {row.token for row in rows}
    half = faults(sessions, files)
    lost = [number for number, seen in tally.answered.items() if not kept.issuperset(seen)]
    twice = [number for number, seen in tally.answered.items() if len(set(seen)) > 1]
    figures = {
        "sent": uploads,
        "tries": tally.tries,
        "answered": len(tally.answered),
        "kept": len(rows),
        "lost": len(lost) + uploads - len(tally.answered),
        "half": len(half),
        "duplicated": len(twice) + len(rows) - len({row.idempotency_key for row in rows}),
        "screened": sum(row.verdict is not None for row in rows),
        "files that no row needs": len(leftovers(sessions, files)),
        **{f"kills of {part}": count for part, count in kills.items()},
        "seconds": round(time.monotonic() - begun),
    }
    table([("", ""), *((name, str(value)) for name, value in figures.items())])
    print(*half, sep="\n")
    sessions.kw["bind"].dispose()
    return not (figures["lost"] or figures["half"] or figures["duplicated"]) and len(rows) == uploads
