"""The worker process: receives ids of job rows from huey, runs the jobs, writes their heartbeat and sweeps lost ones."""

import errno
import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from urllib.error import URLError

from sqlalchemy import select
from sqlalchemy.exc import InterfaceError, OperationalError

from app.accounts import mails as account_mails
from app.collecting.runner import Collecting, Removing
from app.core import beats, jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, make_engine, make_session_factory, reading, transaction
from app.core.dispatch import Consumer, Dispatcher, Huey
from app.core.errors import ModelUnavailable, Overloaded
from app.core.long_work import LongWork
from app.core.processes import say_alive
from app.core.settings import Settings
from app.core.storage import make_storage
from app.core.storage.deletions import make_journal
from app.core.tables import Job, JobKind
from app.mail.sending import Mailing
from app.mail.tokens import MailTokens
from app.predictions.classifiers import Classifiers
from app.privacy.retention import Retention
from app.review import mails as review_mails
from app.screening.screening import Screening
from app.upkeep.compaction import Compaction
from app.upkeep.deletions import Undone
from app.upkeep.mail_care import MailCare
from app.versions import mails as version_mails
from app.versions.base_data import open_runs_with
from app.versions.candidates import Candidates
from app.versions.replays import Replaying
from app.versions.runner import Training
from app.versions.runs import Runs
from app.versions.schedule import Schedule
from app.versions.shadow import Shadow
from app.versions.watch import Watching
from app.volunteers import mails as volunteer_mails
from app.volunteers.withdrawal import Removal

log = logging.getLogger(__name__)

Handler = Callable[[int, int], None]

# A part of the system is unreachable. That says nothing about the job, which waits until it is back.
_OUTAGES = (
    OperationalError,
    InterfaceError,
    ModelUnavailable,
    Overloaded,
    jobs.Interrupted,
    ConnectionError,
    TimeoutError,
    URLError,  # from a webhook's server
)
# OSErrors that concern the whole machine. Others concern a file of this job, unless the photo storage is unreachable.
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
        of_volunteers = volunteer_mails.contents(MailTokens(settings.signing_key()))
        contents = {**account_mails.CONTENTS, **review_mails.CONTENTS, **version_mails.CONTENTS, **of_volunteers}
        self.mailing = Mailing(self.sessions, settings, contents)
        journal = make_journal(settings)
        self.undone = Undone(self.sessions, storage, journal)
        candidates = Candidates(self.sessions, storage, self.classifiers, settings)
        shadow = Shadow(self.sessions, candidates)
        self.handlers: dict[JobKind, Handler] = {
            JobKind.SCREENING: Screening(self.sessions, storage, self.classifiers, shadow.look).run,
            JobKind.REPLAY: Replaying(self.sessions, candidates).run,
            JobKind.WATCH: self.watching.run,
            JobKind.REMOVAL: Removal(self.sessions, storage).run,
            JobKind.MAIL: self.mailing.run,
            JobKind.MAIL_CARE: MailCare(self.sessions, settings).run,
            JobKind.RETENTION: Retention(self.sessions, storage, settings).run,
            JobKind.COMPACTION: Compaction(self.sessions, journal).run,
        }
        self.training = Training(self.sessions, storage, settings)
        self.long: dict[JobKind, LongWork] = {
            JobKind.TRAINING: self.training,
            JobKind.COLLECTION: Collecting(self.sessions, self.classifiers, settings),
            JobKind.PHOTOGRAPHER: Removing(self.sessions, settings, open_runs_with),
        }
        self._threads: dict[JobKind, threading.Thread] = {}
        self._daily = [JobKind.RETENTION, JobKind.MAIL_CARE]
        if self._engine.dialect.name == "sqlite":
            self._daily.append(JobKind.COMPACTION)
        self.dispatcher = Dispatcher(settings.queue_url, self.handle)
        self.schedule = Schedule(self.sessions, settings, Runs(self.sessions, settings, self.dispatcher.send))
        self._lost_after = timedelta(seconds=settings.job_lost_seconds)
        self._stop = threading.Event()
        self._running: set[int] = set()

    def handle(self, job_id: int) -> None:
        """Run one job, if it still waits. Errors are written to its row, and it is tried again later.

        A training or a collection takes hours, so each kind has a thread of its own. While another one runs on this machine,
        the job stays in its row, and the sweep sends it again.
        """
        with reading(self.sessions) as session:
            kind = session.scalar(select(Job.kind).where(Job.id == job_id))
        if kind not in self.long:
            self._run(job_id, self.handlers)
        elif self.long[kind].try_to_begin():
            self._threads[kind] = threading.Thread(target=self._run_long, args=(job_id, kind), name=kind.value)
            self._threads[kind].start()

    def _run_long(self, job_id: int, kind: JobKind) -> None:
        # Without the database, the sweep finds this job by its heartbeat, and the next one by its old message.
        try:
            with _warn_without_database(f"this {kind.value} waits"):
                self._run(job_id, {kind: self.long[kind].run})
        finally:
            self.long[kind].end()
            with _warn_without_database(f"the next {kind.value} waits"), transaction(self.sessions) as session:
                jobs.resend(session, kind)

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
        except Exception as error:  # whatever a handler raises concerns the job; the worker goes on
            self._note_error(job_id, f"{kind.value} {subject_id}", error)
        finally:
            self._running.discard(job_id)

    def _note_error(self, job_id: int, what: str, error: Exception) -> None:
        reason, problem = _reason(error), jobs.problem_of(error)
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
        # A missing file may be an outage (a folder that is not mounted), but it may also be missing for good.
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
        threading.Thread(target=self._beat, name="beat", daemon=True).start()
        try:
            _Consumer(self._open_queue(), workers=1, periodic=False, max_delay=0.3, shutdown_timeout=20).run()
        finally:
            for work in self.long.values():
                work.leave()  # it saves its progress
            self.finish_long_work()
            self._stop.set()
            ticker.join(timeout=5)
            with _warn_without_database("another worker finds its jobs"), transaction(self.sessions) as session:
                jobs.release(session, self.name)
                beats.leave(session, self.name)
            self.close()

    def finish_long_work(self) -> None:
        """Wait for long work that is running."""
        for thread in list(self._threads.values()):
            thread.join()

    def _open_queue(self) -> Huey:
        """Wait for a queue that is down: jobs are safe in their rows."""
        while True:
            try:
                return self.dispatcher.huey
            except Exception as error:  # sqlite3, psycopg and redis each raise their own
                log.warning("the queue can't be reached (%s); trying again", error)
                time.sleep(_QUEUE_RETRY_SECONDS)

    def close(self) -> None:
        """Release threads and connections."""
        self.classifiers.close()
        self._engine.dispose()

    def _beat(self) -> None:
        """Show the supervisor and the web servers that this worker moves."""
        while not self._stop.is_set():
            say_alive()
            try:
                with transaction(self.sessions) as session:
                    beats.beat(session, self.name)
                self._check_queue()
            except (OperationalError, InterfaceError) as error:
                log.debug("no beat: %s", error.orig)
            self._stop.wait(beats.EVERY.total_seconds())

    def _check_queue(self) -> None:
        """A damaged queue can't be replaced under a consumer: stop, and let the next worker put it aside."""
        if self.dispatcher.is_damaged():
            log.error("the queue is damaged; this worker stops, and the next one makes a new queue")
            os.kill(os.getpid(), signal.SIGTERM)

    def _tick(self) -> None:
        has_repeated = False
        while not self._stop.is_set():
            try:
                with _warn_without_database("trying again"):
                    with transaction(self.sessions) as session:
                        jobs.beat(session, list(self._running))
                    for kind in self._daily:
                        jobs.create_daily(self.sessions, kind)
                    if self.watching.is_worthwhile():
                        jobs.create_daily(self.sessions, JobKind.WATCH)
                    self.mailing.look()
                    jobs.sweep(self.sessions, self.dispatcher.send, self._lost_after)
                    self.training.tidy()
                    self.schedule.look()
                    if not has_repeated:
                        self.repeat_deletions()
                        has_repeated = True
            except Exception:  # without this thread no lost job is found
                log.exception("the sweep failed; trying again")
            self._stop.wait(jobs.heartbeat_every(self._lost_after).total_seconds())

    def repeat_deletions(self) -> None:
        """Once after each start: an older database may have been put in place, or a web process have died in a deletion."""
        if count := self.undone.repeat_all():
            log.warning("%s deletions of the journal were not in the database and were repeated", count)


@contextmanager
def _warn_without_database(consequence: str) -> Iterator[None]:
    try:
        yield
    except (OperationalError, InterfaceError) as error:
        log.warning("the database can't be reached; %s: %s", consequence, error.orig)


def _reason(error: Exception) -> str:
    """Why a job failed. Our own errors are sentences; others say little without the name of their class."""
    is_ours = type(error).__module__.startswith("app.")
    return str(error) if is_ours else f"{type(error).__name__}: {error}"


class _Consumer(Consumer):  # type: ignore[misc]
    """Stops gracefully on every signal; huey would restart itself on SIGHUP, which a closed terminal sends."""

    def __init__(self, huey: Huey, **options: object) -> None:
        super().__init__(huey, **options)
        self._signal_actions = dict.fromkeys((signal.SIGTERM, signal.SIGINT, signal.SIGHUP), (False, True))


class OncePerMinute(logging.Filter):
    """The consumer polls a queue that is down three times a second; its errors are logged once a minute."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        if not record.getMessage().startswith("Error "):
            return True
        now, last = time.monotonic(), self._last.get(record.getMessage())
        if last is not None and now - last < 60:
            return False
        self._last[record.getMessage()] = now
        if record.exc_info:
            record.msg, record.exc_info = f"{record.msg}: {record.exc_info[1]}", None
        return True
