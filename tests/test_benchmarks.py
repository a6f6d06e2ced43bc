"""What measures must measure: requests that are whole and differ, answers that are counted, memory of all processes."""

import io
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pillow_heif
import pytest
from PIL import Image

from benchmarks import load
from benchmarks.pictures import heic, jpeg
from benchmarks.servers import Processes
from tests.running import eventually

pillow_heif.register_heif_opener()


@contextmanager
def service() -> Iterator[tuple[int, list[bytes]]]:
    """Takes every third request, has no time for the next, fails at the last; its port and the bodies that came."""
    bodies: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response((201, 503, 500)[len(bodies) % 3])
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield server.server_address[1], bodies
        finally:
            server.shutdown()


@pytest.mark.parametrize("picture", [jpeg(80, 60), heic(80, 60)], ids=["jpeg", "heic"])
def test_a_photo_with_a_number_is_another_file_with_the_same_picture(picture):
    first, second = load.with_number(picture, 1), load.with_number(picture, 2)
    assert first != second
    opened = [np.asarray(Image.open(io.BytesIO(data)).convert("RGB")) for data in (picture, first, second)]
    assert opened[0].shape == (60, 80, 3)
    assert all((each == opened[0]).all() for each in opened)


@pytest.mark.parametrize("client", ["wrk", "Python"])
def test_every_request_is_another_one_and_every_answer_is_counted(client, monkeypatch):
    if client == "wrk" and not load.has_wrk():
        pytest.skip("no wrk here")
    monkeypatch.setattr(load, "has_wrk", lambda: client == "wrk")
    with service() as (port, bodies):
        found = load.send(load.post(port, "/x", jpeg(20, 20), claim="unknown"), 1, 1)
    assert found.client == client
    assert found.accepted > 0
    assert abs(found.accepted + found.errors - len(bodies)) <= 1  # what was on its way at the end
    assert abs(found.refused - found.failed) <= 1
    assert found.broken == 0
    assert 0 < found.p50_ms <= found.p99_ms
    assert len(set(bodies)) == len(bodies)
    assert bodies[0].endswith(b"\xff\xd9\r\n--b--\r\n")


def test_a_fixed_rate_is_kept_whatever_the_answers_are():
    with service() as (port, bodies):
        found = load.send_at(load.post(port, "/x", jpeg(20, 20)), rate=30, seconds=1)
    assert (found.accepted, found.refused, found.failed, found.broken) == (10, 10, 10, 0)
    assert len(set(bodies)) == 30


def test_a_service_that_is_not_there_is_told_as_connections_that_broke():
    with service() as (port, _):
        pass
    assert load.send_at(load.post(port, "/x", jpeg(20, 20)), rate=5, seconds=1).broken == 5


def states(processes: Processes) -> list[str]:
    """A letter for each, T for one that stands still."""
    found = (Path(f"/proc/{pid}/stat").read_text() for pid in processes.numbers())
    return [text.rpartition(")")[2].split()[0] for text in found]


def test_memory_and_signals_are_those_of_a_process_and_all_below_it():
    child = "import time; data = b'x' * 50_000_000; print('ready', flush=True); time.sleep(600)"
    parent = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {child!r}])"
    with subprocess.Popen([sys.executable, "-c", parent], stdout=subprocess.PIPE, start_new_session=True) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            both = Processes(process.pid)
            assert len(both.numbers()) == 2
            assert 50 < both.megabytes() < 150
            both.pause()
            eventually(lambda: states(both) == ["T", "T"], "both stand still")
            both.resume()
            eventually(lambda: "T" not in states(both), "both go on")
        finally:
            os.killpg(process.pid, 9)


def test_the_list_of_measurements_names_them_all():
    done = subprocess.run([sys.executable, "-m", "benchmarks", "--help"], capture_output=True, text=True, check=True)
    for name in ("decoding", "serving", "submissions", "bulk"):
        assert name in done.stdout
