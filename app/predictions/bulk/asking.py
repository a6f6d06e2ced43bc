"""A model version asked about many photos, on all cores: processes that hold a model each, fed photo by photo.

Each is asked by its own pipe. So the one that dies over a photo is known, and with it the photo; and when this process dies,
however that happens, the pipes close and the others leave.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnContext

from app.core.errors import WingcheckError
from app.core.settings import Settings
from app.predictions.bulk.formats import Row, row_of
from app.predictions.bulk.sources import Source, read
from app.predictions.classifiers import Offline
from app.predictions.inference import ModelVersionError, ModelVersionInfo, PhotoError, policy_of

# Photos that are answered here: the first of other processes answers after a second.
FEW = 16
# Photos that a process has: the one that it looks at, and the next.
_AT_A_TIME = 2
# Answers that wait for an earlier one, per process: photos differ a hundredfold in the time they take.
_AHEAD = 100
_DIED = PhotoError("undecodable", "The process that read this photo crashed.")


def answers(
    sources: Sequence[Source], info: ModelVersionInfo, settings: Settings, processes: int
) -> Generator[Row, None, None]:
    """A row per photo, in their order. Close it when it is not read to its end.

    Raises ModelVersionError where the version can't be loaded, WingcheckError where no process can be started.
    """
    if len(sources) <= FEW:
        asked = Offline(info, settings)
        for source in sources:
            yield _answer(source, asked, settings)
    else:
        with _Team(sources, info, settings, processes) as team:
            yield from team.answers()


def _answer(source: Source, asked: Offline, settings: Settings) -> Row:
    try:
        found = asked.answer(read(source, settings.max_file_megabytes * 1_000_000))
    except PhotoError as error:
        return row_of(source.name, error, asked.info, asked.policy)
    return row_of(source.name, found, asked.info, asked.policy)


class _Member:
    """A process, and the numbers of the photos that it has, the one that it looks at first."""

    def __init__(self, context: SpawnContext, info: ModelVersionInfo, settings: Settings) -> None:
        self.connection, theirs = context.Pipe()
        self.process = context.Process(target=_work, args=(theirs, info, settings), daemon=True)
        with _without_interrupts():
            self.process.start()
        theirs.close()
        self.ready = False
        self.photos: deque[int] = deque()

    def ask(self, number: int, source: Source) -> None:
        self.photos.append(number)
        with suppress(OSError):  # it is dead, which is noticed when its answers are read
            self.connection.send(source)

    def end(self) -> None:
        self.connection.close()
        self.process.kill()
        self.process.join()


class _Team:
    """Processes that share out photos among them."""

    def __init__(self, sources: Sequence[Source], info: ModelVersionInfo, settings: Settings, processes: int) -> None:
        self._sources = sources
        self._info = info
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._members = [self._new_member() for _ in range(min(processes, len(sources)))]
        self._next = 0
        self._told = 0
        self._again: deque[int] = deque()
        self._killers: set[int] = set()
        self._found: dict[int, Row] = {}

    def _new_member(self) -> _Member:
        return _Member(self._context, self._info, self._settings)

    def __enter__(self) -> "_Team":
        return self

    def __exit__(self, *_: object) -> None:
        for member in self._members:
            member.end()

    def answers(self) -> Iterator[Row]:
        """In the order of the photos."""
        while self._told < len(self._sources):
            self._ask()
            waiting = {member.connection: member for member in self._members}
            for connection in wait(list(waiting)):
                self._listen(waiting[connection])  # type: ignore[index]
            while self._told in self._found:
                yield self._found.pop(self._told)
                self._told += 1

    def _ask(self) -> None:
        for member in self._members:
            while len(member.photos) < _AT_A_TIME and (number := self._take()) is not None:
                member.ask(number, self._sources[number])

    def _take(self) -> int | None:
        """The number of a photo that nobody has."""
        if self._again:
            return self._again.popleft()
        if self._next >= min(len(self._sources), self._told + _AHEAD * len(self._members)):
            return None
        self._next += 1
        return self._next - 1

    def _listen(self, member: _Member) -> None:
        try:
            message = member.connection.recv()
        except (EOFError, OSError):
            self._replace(member)
            return
        if isinstance(message, Exception):
            raise message
        if message is None:
            member.ready = True
        else:
            self._found[member.photos.popleft()] = message

    def _replace(self, member: _Member) -> None:
        """One that died. The photo that it looked at gets a second try, for something else may have been the reason."""
        member.end()
        if not member.ready:
            raise WingcheckError(f"a process could not start (exit code {member.process.exitcode})")
        if member.photos and member.photos[0] in self._killers:
            number = member.photos.popleft()
            self._found[number] = row_of(self._sources[number].name, _DIED, self._info, policy_of(self._info))
        self._killers.update(list(member.photos)[:1])
        self._again.extend(member.photos)
        self._members[self._members.index(member)] = self._new_member()


def _work(connection: "Connection", info: ModelVersionInfo, settings: Settings) -> None:
    """Answer until the pipe is closed."""
    with suppress(EOFError, OSError):
        with _quiet():
            try:
                asked = Offline(info, settings)
            except ModelVersionError as error:
                connection.send(error)
                return
            connection.send(None)
            connection.send(_answer(connection.recv(), asked, settings))
        while True:
            connection.send(_answer(connection.recv(), asked, settings))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """What starts meanwhile never hears Ctrl-C, which a terminal sends to all: this process ends the others."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def _quiet() -> Iterator[None]:
    """The runtime says on stderr that it is there, at its first answer; once per process is too often."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)
