"""Every hostile file of the catalogue against `wingcheck run`: one after the other, then 8 connections at once in random order.

Each must get its status. The exit code is 1 where one does not, or a web process takes more than 600 MB at its peak.
"""

import argparse
import random
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx2
import pillow_heif

from benchmarks.timing import table
from tests.hostile.catalogue import CASES, Case
from tests.running import Server

pillow_heif.register_heif_opener()  # some of the files are written as HEIC
CONNECTIONS, MOST_MEGABYTES, REST_SECONDS = 8, 600, 8
# Nobody is sent away: what is measured is what happens to those who are let in.
PATIENT = {"WINGCHECK_PREDICTION_WAIT_SECONDS": "600", "WINGCHECK_SUBMISSION_WAIT_SECONDS": "600"}
COSTLY_MEGAPIXELS = (
    "16 megapixels",
    "24 megapixels",
    "18 megapixels",
    "25 megapixels",
    "48 megapixels",
    "100 megapixels",
    "39 MB",
)


def main(arguments: list[str] | None = None) -> None:
    """Print the figures; exit code 1 when a status is wrong or memory is not kept."""
    parser = argparse.ArgumentParser(prog="make bench ARGS=hostile_run", description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=2, help="how often the catalogue is sent at 8 connections")
    options = parser.parse_args(arguments)
    luck, wrong = random.Random(options.seed), list[str]()
    shuffled = [case for _ in range(options.rounds) for case in luck.sample(CASES, len(CASES))]
    costly = [case for case in CASES if case.name.startswith(COSTLY_MEGAPIXELS)] * 2
    rows: list[tuple[str, ...]] = [
        ("", "requests", "longest answer, s", "largest web process: peak, MB", f"{REST_SECONDS} s later, MB")
    ]
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder), **PATIENT)
        try:
            server.start()
            rows.append(("started", "", "", f"{_largest(server, 'VmHWM')}", f"{_largest(server, 'VmRSS')}"))
            for title, cases, connections in (
                ("one after the other", CASES, 1),
                (f"at {CONNECTIONS} connections", shuffled, CONNECTIONS),
                (f"only the costly ones at {CONNECTIONS} connections", costly, CONNECTIONS),
            ):
                longest = _send_all(server.url, cases, connections, wrong)
                peak = _largest(server, "VmHWM")
                time.sleep(REST_SECONDS)
                rows.append((title, f"{2 * len(cases)}", f"{longest:.1f}", f"{peak}", f"{_largest(server, 'VmRSS')}"))
            worker = server.child("worker")
            assert worker is not None
            table(rows)
            print(f"\nThe worker: {_memory(worker, 'VmHWM')} MB at its peak, {_memory(worker, 'VmRSS')} MB now.")
            wrong += [line for line in server.log.splitlines() if "Traceback" in line]
        finally:
            server.close()
    print(*wrong, sep="\n")
    if wrong or peak > MOST_MEGABYTES:
        sys.exit(1)


def _send_all(url: str, cases: Sequence[Case], connections: int, wrong: list[str]) -> float:
    """Seconds of the slowest answer."""
    times, waiting, lock = [0.0], iter(cases), threading.Lock()

    def client() -> None:
        with httpx2.Client(base_url=url, trust_env=False, timeout=300) as http:
            while (case := _next(waiting, lock)) is not None:
                times.extend(_send(http, case, wrong))

    with ThreadPoolExecutor(connections) as pool:
        for finished in [pool.submit(client) for _ in range(connections)]:
            finished.result()
    return max(times)


def _next(waiting: Iterator[Case], lock: threading.Lock) -> Case | None:
    with lock:
        return next(waiting, None)


def _send(http: httpx2.Client, case: Case, wrong: list[str]) -> list[float]:
    file = [("file", (case.filename, case.make(), "image/jpeg"))]
    form = {"claim": "unknown", "idempotency_key": uuid.uuid4().hex}
    times: list[float] = []
    statuses: list[int] = []
    for path, data, headers in (("/predict", {}, {}), ("/submissions", form, {"Accept": "application/json"})):
        http.cookies.clear()
        begun = time.monotonic()
        try:
            statuses.append(http.post(path, files=file, data=data, headers=headers).status_code)
        except httpx2.TransportError as error:
            wrong.append(f"{case.name}: {error!r} from {path}")
            return times
        times.append(time.monotonic() - begun)
    if tuple(statuses) != case.expected:
        wrong.append(f"{case.name}: {statuses} instead of {case.expected}")
    return times


def _largest(server: Server, what: str) -> int:
    """MB of the web process that takes most."""
    return max(_memory(pid, what) for pid in server.all_children("serve"))


def _memory(pid: int, what: str) -> int:
    """MB (of a million bytes) that the kernel counts for the process."""
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return round(int(next(line for line in lines if line.startswith(what)).split()[1]) * 1024 / 1e6)


if __name__ == "__main__":
    main()
