"""Servers that are measured: a command as a process with whatever it starts, which can stand still, and its memory."""

import http.client
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from app.core.settings import Settings
from tests.running import eventually

# Whoever takes less processor time than this, in seconds, between two looks does nothing.
_LOOK, _IDLE = 0.5, 0.05


def defaults() -> dict[str, str]:
    """What servers of tests have otherwise than people's: as it is by default."""
    names = "processes", "submission_wait_seconds", "hung_seconds"
    fields = Settings.model_fields
    return {f"WINGCHECK_{name.upper()}": str(fields[name].get_default(call_default_factory=True)) for name in names}


class Processes:
    """A process and all its descendants."""

    def __init__(self, root: int) -> None:
        self._root = root

    def numbers(self) -> list[int]:
        """Those that run now, the root first."""
        parents: dict[int, list[int]] = {}
        for stat in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = int(stat.read_text().rpartition(")")[2].split()[1])
            except OSError:
                continue  # gone meanwhile
            parents.setdefault(parent, []).append(int(stat.parent.name))
        found = [self._root]
        for each in found:
            found.extend(parents.get(each, ()))
        return found

    def megabytes(self) -> float:
        """Memory of all of them, what they share counted once (PSS), in MB of a million bytes."""
        return sum(map(_kilobytes, self.numbers())) * 1024 / 1e6

    def pause(self) -> None:
        """Let them stand still, when they have done what they do: also an idle server may wake a thousand times a second."""
        before, now = -1.0, self._processor_seconds()
        while now - before > _IDLE:
            time.sleep(_LOOK)
            before, now = now, self._processor_seconds()
        self._signal(signal.SIGSTOP)

    def _processor_seconds(self) -> float:
        return sum(map(_seconds, self.numbers()))

    def resume(self) -> None:
        """Let them go on."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        for each in self.numbers():
            with suppress(ProcessLookupError):
                os.kill(each, number)

    @contextmanager
    def watched(self, every: float = 1.0) -> Iterator[list[tuple[float, float]]]:
        """Seconds since the beginning and megabytes then, again and again, and once more at the end."""
        seen, over, begun = list[tuple[float, float]](), threading.Event(), time.monotonic()

        def look() -> None:
            seen.append((time.monotonic() - begun, self.megabytes()))

        def keep_looking() -> None:
            while not over.wait(every):
                look()

        thread = threading.Thread(target=keep_looking)
        thread.start()
        try:
            yield seen
        finally:
            over.set()
            thread.join()
            look()


def _seconds(process: int) -> float:
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0  # gone meanwhile
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _kilobytes(process: int) -> int:
    try:
        lines = Path(f"/proc/{process}/smaps_rollup").read_text().splitlines()
    except OSError:
        return 0  # gone meanwhile
    return next((int(line.split()[1]) for line in lines if line.startswith("Pss:")), 0)


@contextmanager
def started(
    command: Sequence[str | Path], ready: str, port: int, *, folder: Path, environment: dict[str, str]
) -> Iterator[Processes]:
    """A server, stopped at the end with what it started. ``ready``: the path that answers 200 when it is up.

    It runs in ``folder``, and what it prints goes into a file there, ``server.log``.
    """
    log = folder / "server.log"
    with log.open("wb") as printed:
        process = subprocess.Popen(
            command, cwd=folder, env=environment, stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
        )
    try:
        eventually(lambda: _answers(process, port, ready, log), f"{command[0]} is ready", 120)
        yield Processes(process.pid)
    finally:
        Processes(process.pid).resume()
        process.terminate()
        try:
            process.wait(30)
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _answers(process: "subprocess.Popen[bytes]", port: int, path: str, log: Path) -> bool:
    if process.poll() is not None:
        sys.exit(f"The server did not start:\n{log.read_text(errors='replace')}")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == 200
    except OSError:
        return False
    finally:
        connection.close()
