"""`POST /predict` over HTTP: `wingcheck serve` as it comes, against LitServe with the same LiteRT file and a worker per core.

Each case is measured for both in turn, while the other stands still. The floor is what the cores could do at most: as many
photos a second as a bare decode and a forward pass on one thread leave time for, times the cores. Client and server share the
machine, so these are figures of the pair, not of the server alone.
"""

import argparse
import json
import os
import platform
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import bare, litserve_setup, load
from benchmarks.load import Load
from benchmarks.pictures import heic, jpeg
from benchmarks.servers import Processes, started
from benchmarks.timing import median_ms, table
from ml.inference import bundled_versions, read_version
from tests.running import command, environment, free_port

CASES: dict[str, Callable[[], bytes]] = {
    "75px": lambda: jpeg(75, 75),
    "2mp": lambda: jpeg(1632, 1224),
    "12mp": lambda: jpeg(4000, 3000),
    "48mp": lambda: jpeg(8000, 6000),
    "heic": lambda: heic(4000, 3000),
}
CONNECTIONS = (1, 8, 32)
# A case takes long enough for so many answers over each connection at the floor's rate, but no more than a minute.
ANSWERS, MOST_SECONDS = 3, 60
BASELINE, OURS = "LitServe", "Wingcheck"
ROOT = Path(__file__).parent.parent
_HEADS = (
    *("photo", "connections", "requests/s", "ratio", "floor, requests/s", "ratio of Wingcheck to it"),
    *("p50, ms", "p99, ms", "ratio", "errors", "most memory, MB", "ratio"),
)


@dataclass(frozen=True)
class Measured:
    """One case at one server: what clients saw, and the most memory that all its processes took together meanwhile."""

    case: str
    connections: int
    server: str
    load: Load
    megabytes: float


@dataclass(frozen=True)
class Server:
    """One that runs."""

    name: str
    port: int
    processes: Processes


def main(arguments: list[str]) -> None:
    """Print the table."""
    options = _options(arguments)
    print(
        f"{os.cpu_count()} cores, {platform.machine()}, Python {platform.python_version()}; at least {options.seconds} s a case;"
    )
    print("client and server share the machine. Pairs are LitServe / Wingcheck.\n")
    if not load.has_wrk():
        print(load.WITHOUT_WRK + "\n")
    floors, seen = {}, []
    with _baseline(options.model) as baseline, _ours(options.model) as ours:
        servers = [baseline, ours]
        for name in options.cases:
            photo = CASES[name]()
            floors[name] = (os.cpu_count() or 1) / bare_seconds(options.model, photo)
            for connections in options.connections:
                servers.reverse()
                seconds = max(options.seconds, min(MOST_SECONDS, round(ANSWERS * connections / floors[name])))
                for server in servers:
                    seen.append(_measure(server, name, photo, connections, seconds))
                    print(".", end="", flush=True)
    print("\n")
    _report(floors, seen)
    if options.json is not None:
        told = {"cores": os.cpu_count(), "floors": floors, "measured": [asdict(each) for each in seen]}
        options.json.write_text(json.dumps(told, indent=1))


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=serving", description=__doc__)
    parser.add_argument("--seconds", type=int, default=5, help="at least, for each case at each server (default: 5)")
    parser.add_argument("--cases", nargs="+", choices=CASES, default=list(CASES), help="photos (default: all)")
    parser.add_argument("--connections", nargs="+", type=int, default=list(CONNECTIONS), help="default: 1 8 32")
    parser.add_argument("--model", type=Path, default=bundled_versions()[0], help="folder of a model version")
    parser.add_argument("--json", type=Path, help="a file for the figures")
    return parser.parse_args(arguments)


def bare_seconds(model: Path, photo: bytes) -> float:
    """What decode and forward pass take, median of many."""
    run, size = bare.Model(model / "model.tflite"), read_version(model).input_size

    def once() -> None:
        run(bare.pixels(photo, size))

    return median_ms(once, max(10, round(1000 / median_ms(once, 5)))) / 1000


@contextmanager
def _baseline(model: Path) -> Iterator[Server]:
    port, size = free_port(), read_version(model).input_size
    arguments = [str(model.resolve() / "model.tflite"), str(size), str(os.cpu_count()), str(port)]
    server = [litserve_setup.python(), "-m", "benchmarks.litserve_server", *arguments]
    with (
        tempfile.TemporaryDirectory() as folder,
        started(
            server, "/health", port, folder=Path(folder), environment={**os.environ, "PYTHONPATH": str(ROOT)}
        ) as processes,
    ):
        yield _warm(Server(BASELINE, port, processes))


@contextmanager
def _ours(model: Path) -> Iterator[Server]:
    """With the default settings, in a folder of its own."""
    port = free_port()
    chosen = [] if model in bundled_versions() else ["--model", str(model.resolve())]
    with (
        tempfile.TemporaryDirectory() as folder,
        started(
            command("serve", "--port", str(port), *chosen),
            "/readyz",
            port,
            folder=Path(folder),
            environment={**environment(Path(folder, "data")), "PYTHONPATH": str(ROOT)},
        ) as processes,
    ):
        yield _warm(Server(OURS, port, processes))


def _warm(server: Server) -> Server:
    """Every thread and process has answered once; then it stands still until its turn."""
    load.send(load.post(server.port, "/predict", jpeg(75, 75)), max(CONNECTIONS), 1)
    server.processes.pause()
    return server


def _measure(server: Server, case: str, photo: bytes, connections: int, seconds: int) -> Measured:
    server.processes.resume()
    try:
        # One small photo waits for its turn behind whatever the last case left.
        load.send_at(load.post(server.port, "/predict", jpeg(75, 75)), rate=1, seconds=1)
        with server.processes.watched() as seen:
            found = load.send(load.post(server.port, "/predict", photo), connections, seconds)
    finally:
        server.processes.pause()
    return Measured(case, connections, server.name, found, max(megabytes for _, megabytes in seen))


def _report(floors: dict[str, float], seen: list[Measured]) -> None:
    found = {(each.case, each.connections, each.server): each for each in seen}
    rows: list[tuple[str, ...]] = [_HEADS]
    for case, connections in dict.fromkeys((each.case, each.connections) for each in seen):
        theirs, ours = (found[case, connections, name] for name in (BASELINE, OURS))
        floor = floors[case]
        rows.append(
            (
                case,
                str(connections),
                f"{theirs.load.rate:.1f} / {ours.load.rate:.1f}",
                _ratio(ours.load.rate, theirs.load.rate),
                f"{floor:.1f}",
                _ratio(ours.load.rate, floor),
                *(
                    f"{theirs.load.milliseconds(name)} / {ours.load.milliseconds(name)}"
                    for name in ("p50_ms", "p99_ms")
                ),
                _ratio(ours.load.p99_ms, theirs.load.p99_ms),
                f"{theirs.load.errors} / {ours.load.errors}",
                f"{theirs.megabytes:.0f} / {ours.megabytes:.0f}",
                _ratio(ours.megabytes, theirs.megabytes),
            )
        )
    table(rows)


def _ratio(ours: float, theirs: float) -> str:
    return f"{ours / theirs:.2f}" if theirs else "–"
