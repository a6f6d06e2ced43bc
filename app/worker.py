"""The job consumer: huey hands over ids of job rows, this runs them, keeps their heartbeat and sweeps up what was lost."""

import logging
import os
import socket
import threading
from collections.abc import Callable
from datetime import timedelta

from sqlalchemy.exc import SQLAlchemyError

from app.db import SessionFactory, make_engine, make_session_factory, transaction
from app.models import JobKind
from app.services import jobs
from app.services.classifiers import Classifiers
from app.services.dispatch import Dispatcher
from app.services.screening import PhotosUnreadable, Screening
from app.settings import Settings
from app.storage import make_storage

log = logging.getLogger(__name__)

Handler = Callable[[int, int], None]
# Heartbeats in the time after which a job counts as lost: a busy machine may miss a few.
_BEATS = 12


class Worker:
    """One worker process. ``run`` blocks until the process is told to stop."""

    def __init__(self, settings: Settings) -> None:
        self.name = f"{socket.gethostname()}:{os.getpid()}"
        self._engine = make_engine(settings.database_url)
        self.sessions: SessionFactory = make_session_factory(self._engine)
        self.classifiers = Classifiers(self.sessions, settings)
        screening = Screening(self.sessions, make_storage(settings), self.classifiers)
        self.handlers: dict[JobKind, Handler] = {JobKind.SCREENING: screening.run}
        self.dispatcher = Dispatcher(settings.queue_url, self.handle)
        self._lost_after = timedelta(seconds=settings.job_lost_seconds)
        self._stop = threading.Event()
        self._running: set[int] = set()

    def handle(self, job_id: int) -> None:
        """Run one job, if it is still there to be run. Errors are written to its row; it is tried again later."""
        with transaction(self.sessions) as session:
            job = jobs.claim(session, job_id, self.name)
            if job is None:
                return
            kind, subject_id = job.kind, job.subject_id
        self._running.add(job_id)
        try:
            self.handlers[kind](job_id, subject_id)
        except Exception as error:  # whatever a handler raises is a fact about the job, and the worker goes on
            log.exception("job %s (%s %s) failed", job_id, kind.value, subject_id)
            with transaction(self.sessions) as session:
                jobs.fail(
                    session, job_id, f"{type(error).__name__}: {error}", final=isinstance(error, PhotosUnreadable)
                )
        finally:
            self._running.discard(job_id)

    def run(self) -> None:
        """Consume until SIGTERM or SIGINT; running jobs are finished first."""
        ticker = threading.Thread(target=self._tick, name="sweep", daemon=True)
        ticker.start()
        consumer = self.dispatcher.huey.create_consumer(
            workers=1, periodic=False, max_delay=0.3, graceful_signal="TERM", shutdown_timeout=20
        )
        try:
            consumer.run()
        finally:
            self._stop.set()
            ticker.join(timeout=5)
            with transaction(self.sessions) as session:
                jobs.release(session, self.name)
            self.close()

    def close(self) -> None:
        """Let go of threads and connections."""
        self.classifiers.close()
        self._engine.dispose()

    def _tick(self) -> None:
        while not self._stop.is_set():
            try:
                with transaction(self.sessions) as session:
                    jobs.beat(session, list(self._running))
                jobs.sweep(self.sessions, self.dispatcher.send, self._lost_after)
            except SQLAlchemyError:  # a database that went away comes back; the next tick tries again
                log.warning("sweep: the database can't be reached", exc_info=True)
            self._stop.wait(self._lost_after.total_seconds() / _BEATS)
