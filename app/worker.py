"""The job consumer: huey hands over ids of job rows, this runs them, keeps their heartbeat and sweeps up what was lost."""

import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from datetime import timedelta
from urllib.error import URLError

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from app.collecting.removing import Removing
from app.collecting.runner import Collecting
from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, make_engine, make_session_factory, reading, transaction
from app.core.dispatch import Consumer, Dispatcher, Huey
from app.core.errors import ModelUnavailable, Overloaded
from app.core.long_work import LongWork
from app.core.settings import Settings
from app.core.storage import make_storage
from app.core.tables import Job, JobKind
from app.predictions.classifiers import Classifiers
from app.screening.screening import Screening
from app.submissions.removal import Removal
from app.upkeep.retention import Retention
from app.versions.base_data import open_runs_with
from app.versions.candidates import Candidates
from app.versions.replays import Replaying
from app.versions.runner import Training
from app.versions.runs import Runs
from app.versions.schedule import Schedule
from app.versions.shadow import Shadow
from app.versions.watch import Watching

log = logging.getLogger(__name__)

Handler = Callable[[int, int], None]


# A part of the system is away. That says nothing about the job, which waits until it is back.
_OUTAGES = (
    OperationalError,
    InterfaceError,
    ModelUnavailable,
    Overloaded,
    jobs.Interrupted,
    ConnectionError,
    TimeoutError,
    URLError,  # the server of a webhook, which may say so in an answer
)
# The same, as the operating system says it of the whole machine. Other errors of files concern this job's alone, unless
# the photo storage is away.
_MACHINE_ERRORS = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EAGAIN}
_QUEUE_RETRY_SECONDS = 2


class Worker:
    """One worker process. ``run`` blocks until the process is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._engine = make_engine(settings.database_url)
        self.sessions: SessionFactory = make_session_factory(self._engine)
        self.classifiers = Classifiers(self.sessions, settings)
        self.storage = storage = make_storage(settings)
        self.watching = Watching(self.sessions, self.classifiers, settings)
        candidates = Candidates(self.sessions, storage, self.classifiers, settings)
        shadow = Shadow(self.sessions, candidates)
        self.handlers: dict[JobKind, Handler] = {
            JobKind.SCREENING: Screening(self.sessions, storage, self.classifiers, shadow.look).run,
            JobKind.REPLAY: Replaying(self.sessions, candidates).run,
            JobKind.WATCH: self.watching.run,
            JobKind.REMOVAL: Removal(self.sessions, storage).run,
            JobKind.RETENTION: Retention(self.sessions, storage, settings.original_retention_days).run,
        }
        self.training = Training(self.sessions, storage, settings)
        self.long: dict[JobKind, LongWork] = {
            JobKind.TRAINING: self.training,
            JobKind.COLLECTION: Collecting(self.sessions, self.classifiers, settings),
            JobKind.PHOTOGRAPHER: Removing(self.sessions, settings, open_runs_with),
        }
        self._threads: dict[JobKind, threading.Thread] = {}
        self._daily = [JobKind.RETENTION] if settings.original_retention_days is not None else []
        self.dispatcher = Dispatcher(settings.queue_url, self.handle)
        self.schedule = Schedule(self.sessions, settings, Runs(self.sessions, settings, self.dispatcher.send))
        self._lost_after = timedelta(seconds=settings.job_lost_seconds)
        self._stop = threading.Event()
        self._running: set[int] = set()

    def handle(self, job_id: int) -> None:
        """Run one job, if it is still there to be run. Errors are written to its row; it is tried again later.

        A training or a collection takes hours, so each has a thread of its own, and everything else goes on beside it.
        Where another one is under way on this machine, it stays in its row, and the sweep brings it again.
        """
        with reading(self.sessions) as session:
            kind = session.scalar(select(Job.kind).where(Job.id == job_id))
        if kind not in self.long:
            self._run(job_id, self.handlers)
        elif self.long[kind].try_to_begin():
            self._threads[kind] = threading.Thread(target=self._run_long, args=(job_id, kind), name=kind.value)
            self._threads[kind].start()

    def _run_long(self, job_id: int, kind: JobKind) -> None:
        try:
            self._run(job_id, {kind: self.long[kind].run})
        except (OperationalError, InterfaceError) as error:  # it is found again without a heartbeat
            log.warning("the database can't be reached; %s waits: %s", kind.value, error.orig)
        finally:
            self.long[kind].end()
            self._wake_waiting(kind)

    def _wake_waiting(self, kind: JobKind) -> None:
        """The next one need not wait for its message to get old."""
        try:
            with transaction(self.sessions) as session:
                jobs.resend(session, kind)
        except (OperationalError, InterfaceError) as error:
            log.warning("the next %s waits a while: %s", kind.value, error.orig)

    def _run(self, job_id: int, handlers: dict[JobKind, Handler]) -> None:
        with transaction(self.sessions) as session:
            job = jobs.claim(session, job_id, self.name)
            if job is None:
                return
            kind, subject_id = job.kind, job.subject_id
        reach("job-claimed")
        self._running.add(job_id)
        try:
            handlers[kind](job_id, subject_id)
        except Exception as error:  # whatever a handler raises is a fact about the job, and the worker goes on
            self._note_error(job_id, f"{kind.value} {subject_id}", error)
        finally:
            self._running.discard(job_id)

    def _note_error(self, job_id: int, what: str, error: Exception) -> None:
        reason, problem = _told(error), jobs.problem_of(error)
        if self._is_outage(error):
            log.warning("job %s (%s) waits: %s", job_id, what, reason)
            with transaction(self.sessions) as session:
                jobs.put_off(session, job_id, reason, self._lost_after, problem=problem)
            return
        log.error("job %s (%s) failed", job_id, what, exc_info=error)
        final = isinstance(error, jobs.Hopeless)
        with transaction(self.sessions) as session:
            jobs.fail(session, job_id, reason, problem=problem, final=final, lost_after=self._lost_after)

    def _is_outage(self, error: Exception) -> bool:
        if isinstance(error, _OUTAGES):
            return True
        # A file that is missing may be an outage (a folder that is not mounted), but it may also be missing for good.
        if not isinstance(error, OSError) or isinstance(error, FileNotFoundError):
            return False
        return error.errno in _MACHINE_ERRORS or self._storage_is_away()

    def _storage_is_away(self) -> bool:
        try:
            self.storage.check()
        except OSError:
            return True
        return False

    def run(self) -> None:
        """Consume until SIGTERM, SIGINT or SIGHUP; running jobs are finished first."""
        for name in ("Worker", "Scheduler"):
            logging.getLogger(f"huey.consumer.{name}").addFilter(OncePerMinute())
        ticker = threading.Thread(target=self._tick, name="sweep", daemon=True)
        ticker.start()
        try:
            _Consumer(self._open_queue(), workers=1, periodic=False, max_delay=0.3, shutdown_timeout=20).run()
        finally:
            for work in self.long.values():
                work.leave()  # it writes down where it is
            self.finish_long_work()
            self._stop.set()
            ticker.join(timeout=5)
            self._release()
            self.close()

    def finish_long_work(self) -> None:
        """Wait for the end of the run and of the collection under way, as far as there are any."""
        for thread in list(self._threads.values()):
            thread.join()

    def _open_queue(self) -> Huey:
        """Wait for a queue that is down: jobs are safe in their rows meanwhile."""
        while True:
            try:
                return self.dispatcher.huey
            except Exception as error:  # sqlite3, psycopg and redis each raise their own
                log.warning("the queue can't be reached (%s); trying again", error)
                time.sleep(_QUEUE_RETRY_SECONDS)

    def _release(self) -> None:
        try:
            with transaction(self.sessions) as session:
                jobs.release(session, self.name)
        except (OperationalError, InterfaceError) as error:  # another worker finds them without a heartbeat
            log.warning("jobs could not be put back: %s", error)

    def close(self) -> None:
        """Let go of threads and connections."""
        self.classifiers.close()
        self._engine.dispose()

    def _tick(self) -> None:
        while not self._stop.is_set():
            try:
                with transaction(self.sessions) as session:
                    jobs.beat(session, list(self._running))
                for kind in self._daily:
                    jobs.create_daily(self.sessions, kind)
                if self.watching.is_worthwhile():
                    jobs.create_daily(self.sessions, JobKind.WATCH)
                jobs.sweep(self.sessions, self.dispatcher.send, self._lost_after)
                self.training.tidy()
                self.schedule.look()
            except (OperationalError, InterfaceError) as error:
                log.warning("the database can't be reached; trying again: %s", error.orig)
            except Exception:  # nothing may end this thread: without it no lost job is found
                log.exception("the sweep failed; trying again")
            self._stop.wait(jobs.heartbeat_every(self._lost_after).total_seconds())


def _told(error: Exception) -> str:
    """Why a job failed. Our own errors are sentences that people read; another's says little without its name."""
    ours = type(error).__module__.startswith("app.")
    return str(error) if ours else f"{type(error).__name__}: {error}"


class _Consumer(Consumer):  # type: ignore[misc]
    """Every signal to leave is a graceful one; huey would start itself anew on SIGHUP, which a closed terminal sends."""

    def __init__(self, huey: Huey, **options: object) -> None:
        super().__init__(huey, **options)
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))


class OncePerMinute(logging.Filter):
    """The consumer asks a queue that is down three times a second; its complaints are let through once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("Error "):
            return True
        now, before = time.monotonic(), self._last.get(record.getMessage())
        if before is not None and now - before < 60:
            return False
        self._last[record.getMessage()] = now
        if record.exc_info:
            record.msg, record.exc_info = f"{record.msg}: {record.exc_info[1]}", None
        return True
