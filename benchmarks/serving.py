"""`POST /predict` over HTTP at 8 connections: this service against a newcomer's endpoint (benchmarks/newcomer.py).

Client and server share the machine, so these are figures of the pair, not of the server alone.
"""

import http.client
import os
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.pictures import jpeg
from benchmarks.timing import table

CONNECTIONS, SECONDS = 8, 6.0


def main() -> None:
    """Print the table."""
    small, phone = _multipart(jpeg(75, 75)), _multipart(jpeg(4000, 3000))
    rows: list[tuple[str, ...]] = [("", "newcomer's endpoint", "Wingcheck", "ratio")]
    with tempfile.TemporaryDirectory() as folder:
        with _server(["-m", "uvicorn", "benchmarks.newcomer:app"], folder) as (port, pid):
            slow = {"small": _rate(port, small), "phone": _rate(port, phone), "mb": _rss(pid)}
        with _server(["-m", "app", "serve"], folder) as (port, pid):
            fast = {"small": _rate(port, small), "phone": _rate(port, phone), "mb": _rss(pid)}
    for key, name, form in (
        ("small", "75-pixel photos, requests/s", ".0f"),
        ("phone", "12-megapixel photos, requests/s", ".1f"),
        ("mb", "memory afterwards, MB", ".0f"),
    ):
        ratio = slow[key] / fast[key] if key == "mb" else fast[key] / slow[key]
        rows.append((name, format(slow[key], form), format(fast[key], form), f"{ratio:.1f}"))
    table(rows)


def _multipart(data: bytes) -> tuple[bytes, dict[str, str]]:
    head = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a.jpg"\r\nContent-Type: image/jpeg\r\n\r\n'
    return head + data + b"\r\n--b--\r\n", {"Content-Type": "multipart/form-data; boundary=b"}


@contextmanager
def _server(command: list[str], folder: str) -> Iterator[tuple[int, int]]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = {
        **os.environ,
        "WINGCHECK_DATA_DIR": folder,
        "WINGCHECK_LOG_LEVEL": "ERROR",
        "TF_CPP_MIN_LOG_LEVEL": "3",
    }
    process = subprocess.Popen(
        [sys.executable, *command, "--port", str(port)],
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(300):
            if _ready(port):
                break
            time.sleep(0.2)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


def _ready(port: int) -> bool:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()


def _rate(port: int, body: tuple[bytes, dict[str, str]]) -> float:
    """Answers per second; every answer must be 200."""
    counts = [0] * CONNECTIONS
    stop = time.perf_counter() + SECONDS

    def client(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while time.perf_counter() < stop:
            connection.request("POST", "/predict", *body)
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != 200:
                raise RuntimeError(f"{answer.status}: {content[:200]!r}")
            counts[number] += 1

    threads = [threading.Thread(target=client, args=(i,)) for i in range(CONNECTIONS)]
    started = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(counts) / (time.perf_counter() - started)


def _rss(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return float("nan")
