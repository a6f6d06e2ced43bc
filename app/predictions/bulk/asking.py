"""Predictions for many photos on all cores: worker processes with a model each, fed photo by photo.

Each worker has a pipe of its own. So it is known which one crashed, and over which photo; and when this process dies, in
whatever way, the pipes close and the workers exit.
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

# Up to so many photos are answered in this process: a worker needs a second to start.
FEW = 16
# Photos that a worker has: the one that it is looking at, and the next.
_PER_WORKER = 2
# Answers per worker that may wait for an earlier one: photos differ a hundredfold in the time they take.
_AHEAD = 100
_DIED = PhotoError("undecodable", "The process that read this photo crashed.")


def answers(
    sources: Sequence[Source], info: ModelVersionInfo, settings: Settings, processes: int
) -> Generator[Row, None, None]:
    """A row per photo, in their order. Close the generator if you don't exhaust it.

    Raises ModelVersionError where the version can't be loaded, WingcheckError where no worker can be started.
    """
    if len(sources) <= FEW:
        version = Offline(info, settings)
        for source in sources:
            yield _answer(source, version, settings)
    else:
        with _Pool(sources, info, settings, processes) as pool:
            yield from pool.answers()


def _answer(source: Source, version: Offline, settings: Settings) -> Row:
    try:
        answer = version.answer(read(source, settings.max_file_megabytes * 1_000_000))
    except PhotoError as error:
        answer = error
    return row_of(source.name, answer, version.info, version.policy)


class _Worker:
    """A process, and the numbers of the photos that it has, the present one first."""

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


class _Pool:
    """Workers, and the photos that are shared out among them."""

    def __init__(self, sources: Sequence[Source], info: ModelVersionInfo, settings: Settings, processes: int) -> None:
        self._sources = sources
        self._info = info
        self._settings = settings
        self._context = multiprocessing.get_context("spawn")
        self._workers = [self._new_worker() for _ in range(min(processes, len(sources)))]
        self._next = 0
        self._yielded = 0
        self._retries: deque[int] = deque()
        self._suspects: set[int] = set()  # photos over which a worker crashed once
        self._rows: dict[int, Row] = {}

    def _new_worker(self) -> _Worker:
        return _Worker(self._context, self._info, self._settings)

    def __enter__(self) -> "_Pool":
        return self

    def __exit__(self, *_: object) -> None:
        for worker in self._workers:
            worker.end()

    def answers(self) -> Iterator[Row]:
        """In the order of the photos."""
        while self._yielded < len(self._sources):
            self._ask()
            waiting = {worker.connection: worker for worker in self._workers}
            for connection in wait(list(waiting)):
                self._listen(waiting[connection])  # type: ignore[index]
            while self._yielded in self._rows:
                yield self._rows.pop(self._yielded)
                self._yielded += 1

    def _ask(self) -> None:
        for worker in self._workers:
            while len(worker.photos) < _PER_WORKER and (number := self._take()) is not None:
                worker.ask(number, self._sources[number])

    def _take(self) -> int | None:
        """The number of a photo that no worker has yet."""
        if self._retries:
            return self._retries.popleft()
        if self._next >= min(len(self._sources), self._yielded + _AHEAD * len(self._workers)):
            return None
        self._next += 1
        return self._next - 1

    def _listen(self, worker: _Worker) -> None:
        try:
            message = worker.connection.recv()
        except (EOFError, OSError):
            self._replace(worker)
            return
        if isinstance(message, Exception):
            raise message
        if message is None:
            worker.ready = True
        else:
            self._rows[worker.photos.popleft()] = message

    def _replace(self, worker: _Worker) -> None:
        """Replace a worker that crashed. Its present photo gets a second try, because the reason may have been another."""
        worker.end()
        if not worker.ready:
            raise WingcheckError(f"a process could not start (exit code {worker.process.exitcode})")
        if worker.photos and worker.photos[0] in self._suspects:
            number = worker.photos.popleft()
            self._rows[number] = row_of(self._sources[number].name, _DIED, self._info, policy_of(self._info))
        self._suspects.update(list(worker.photos)[:1])
        self._retries.extend(worker.photos)
        self._workers[self._workers.index(worker)] = self._new_worker()


def _work(connection: "Connection", info: ModelVersionInfo, settings: Settings) -> None:
    """Answer until the pipe is closed."""
    with suppress(EOFError, OSError):
        with _quiet():
            try:
                version = Offline(info, settings)
            except ModelVersionError as error:
                connection.send(error)
                return
            connection.send(None)
            connection.send(_answer(connection.recv(), version, settings))
        while True:
            connection.send(_answer(connection.recv(), version, settings))


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Processes started meanwhile ignore Ctrl-C, which a terminal sends to all of them: this process ends the others."""
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
    """Hide what the runtime writes to stderr at its first answer, in each process."""
    stderr, null = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(null, 2)
    try:
        yield
    finally:
        os.dup2(stderr, 2)
        os.close(stderr)
        os.close(null)
