"""The port that several web processes answer at: opened once, handed down to each, its connections spread evenly."""

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
_NOBODY = 2**32 - 1


def listen(host: str, port: int) -> list[socket.socket]:
    """A listening socket for each address of the host; the processes that are started may inherit them. Raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    sockets: list[socket.socket] = []
    try:
        for family, address in dict.fromkeys((family, address) for family, _, _, _, address in found):
            each = socket.socket(family)
            sockets.append(each)
            each.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            if family == socket.AF_INET6:
                each.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            each.bind(address)
            each.listen(_BACKLOG)
            each.setblocking(False)
            each.set_inheritable(True)
    except OSError:
        for each in sockets:
            each.close()
        raise
    return sockets


class Seats:
    """How many connections each web process holds: one number a process, in memory that all of them see.

    Each writes its own number alone, so nobody has to wait for anybody.
    """

    def __init__(self, file: int) -> None:
        """``file``: as ``make_seats`` gives it."""
        self._counts = memoryview(mmap.mmap(file, 0)).cast("I")

    def __len__(self) -> int:
        return len(self._counts)

    def write(self, seat: int, connections: int) -> None:
        """So many connections are held there."""
        self._counts[seat] = connections

    def leave(self, seat: int) -> None:
        """Nobody takes connections there any more."""
        self._counts[seat] = _NOBODY

    def another_has_fewer(self, seat: int) -> bool:
        """Whether another process holds fewer connections than this one, and takes some."""
        return min(self._counts) < self._counts[seat]


def make_seats(processes: int) -> int:
    """An open file with seats for so many processes, and as many again that leave and that start in a dead one's place."""
    file, name = tempfile.mkstemp(prefix="wingcheck-seats-")
    os.unlink(name)
    os.write(file, b"\xff" * _BYTES * (3 * processes + 1))
    os.set_inheritable(file, True)
    return file


@dataclass(frozen=True)
class Share:
    """What one of several web processes is given: open ``sockets`` and ``seats``, its ``seat``, how many processes there
    are, and the ``folder`` with what they count together. The ``first`` one announces that the service is ready.
    """

    sockets: list[int]
    seats: int
    seat: int
    processes: int
    folder: str
    first: bool = False

    @property
    def handles(self) -> tuple[int, ...]:
        """The open files, to be inherited."""
        return (*self.sockets, self.seats)

    def environment(self) -> dict[str, str]:
        """What the process finds it by. Prometheus's client looks for its own variable when it is loaded."""
        return {_SHARE: json.dumps(asdict(self)), "PROMETHEUS_MULTIPROC_DIR": self.folder}

    @classmethod
    def given(cls) -> Self | None:
        """This process's share; None where it is on its own."""
        text = os.environ.pop(_SHARE, "")
        return cls(**json.loads(text)) if text else None
