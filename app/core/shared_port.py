"""The port of several web processes: opened once, inherited by each, with connections spread evenly."""

import json
import mmap
import os
import socket
import tempfile
from dataclasses import asdict, dataclass
from typing import Self

_SHARE = "WINGCHECK_SHARE"
_BACKLOG = 2048
_BYTES = 4
_UNUSED = 2**32 - 1


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening, inheritable socket for each address of the host. Raises OSError."""
    addresses = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in addresses):
            listening = socket.socket(family)
            sockets.append(listening)
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                listening.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            listening.bind(address)
            listening.listen(_BACKLOG)
            listening.setblocking(False)
            listening.set_inheritable(True)
    except OSError:
        for listening in sockets:
            listening.close()
        raise
    return sockets


class Seats:
    """The number of connections of each web process, in shared memory. Each writes only its own, so no lock is needed."""

    def __init__(self, file: int) -> None:
        """``file``: from ``make_seats``."""
        self._counts = memoryview(mmap.mmap(file, 0)).cast("I")

    def __len__(self) -> int:
        return len(self._counts)

    def write(self, seat: int, connections: int) -> None:
        """Set the number of connections of a process."""
        self._counts[seat] = connections

    def leave(self, seat: int) -> None:
        """No process accepts connections there any more."""
        self._counts[seat] = _UNUSED

    def another_has_fewer(self, seat: int) -> bool:
        """Whether another process has fewer connections than this one."""
        return min(self._counts) < self._counts[seat]


def make_seats(processes: int) -> int:
    """An open file with seats for the processes, as many that are leaving, and as many that replace dead ones."""
    file, name = tempfile.mkstemp(prefix="wingcheck-seats-")
    os.unlink(name)
    os.write(file, b"\xff" * _BYTES * (3 * processes + 1))
    os.set_inheritable(file, True)
    return file


@dataclass(frozen=True)
class Share:
    """What one of several web processes inherits: open ``sockets`` and ``seats``, its ``seat``, the number of processes, and
    the ``folder`` of shared counters. The ``first`` one announces that the service is ready.
    """

    sockets: list[int]
    seats: int
    seat: int
    processes: int
    folder: str
    first: bool = False

    @property
    def handles(self) -> tuple[int, ...]:
        """The open files to inherit."""
        return (*self.sockets, self.seats)

    def environment(self) -> dict[str, str]:
        """Environment variables that pass it on. Prometheus's client reads its own when it is imported."""
        return {_SHARE: json.dumps(asdict(self)), "PROMETHEUS_MULTIPROC_DIR": self.folder}

    @classmethod
    def given(cls) -> Self | None:
        """This process's share; None if it is the only one."""
        text = os.environ.pop(_SHARE, "")
        return cls(**json.loads(text)) if text else None
