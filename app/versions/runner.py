"""The worker's part of a run: its process, what that reports, its end, and the version that it makes.

A run may be begun by one worker and finished by another, so each step may be repeated: photos are written under another name
first, training continues from its last checkpoint, a version is taken over completely or not at all, and it is registered in
the transaction that ends the job.
"""

import logging
import socket
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict, ModelUnavailable, WingcheckError
from app.core.long_work import Cancelled, WatchedWork, failure, outage_survived, polls
from app.core.processes import Child, resident_megabytes
from app.core.settings import Settings
from app.core.storage import Storage
from app.core.tables import Job
from app.predictions import registry
from app.versions import base_data, command, mails, replays
from app.versions.run_folder import RunFolder, run_folders, write_snapshot
from app.versions.runs import folder_of, get
from app.versions.tables import TrainingRun

log = logging.getLogger(__name__)
# `wingcheck train` answers SIGTERM by saving where it is; then it ends with this code.
STOPPED = 75
_SECONDS_TO_STOP = 12


class TrainingFailed(jobs.Hopeless):
    """The process ended with an error, or exceeded a limit."""


class ProcessKilled(WingcheckError):
    """Somebody else ended the process, a machine without memory, say. It is tried again, but not for ever."""


class Training(WatchedWork):
    """Handles TRAINING jobs."""

    table = TrainingRun

    def __init__(self, sessions: SessionFactory, storage: Storage, settings: Settings) -> None:
        super().__init__(sessions, settings, settings.data_dir / "runs" / ".training")
        self._storage = storage

    def tidy(self) -> None:
        """Remove the copies of photos of runs that are over, also of those that ended while they had no worker.

        The sweep may have cancelled or given up such a run. Nothing happens while a training is on this machine: it may be
        the process of just such a run.
        """
        untidy = {int(folder.path.name): folder for folder in run_folders(self._settings) if folder.is_untidy}
        with reading(self._sessions) as session:
            ended = [number for number in untidy if _is_over(session, number)]
        if not ended or not self.try_to_begin():
            return
        try:
            with transaction(self._sessions) as session:
                for number in ended:
                    if _is_over(session, number):  # nobody tried it again meanwhile
                        untidy[number].tidy()
                        run = get(session, number)
                        _end(session, run, run.state().value)
        finally:
            self.end()

    def run(self, job_id: int, run_id: int) -> None:
        """Train, and finish the job. Raises TrainingFailed, jobs.Interrupted, or what an outage raises."""
        folder = RunFolder(folder_of(run_id, self._settings))
        folder.path.mkdir(parents=True, exist_ok=True)
        try:
            if not folder.version.is_dir():
                self._train(job_id, run_id, folder)
            self._compare(job_id, run_id, folder)
            self._register(job_id, run_id, folder)
        except Cancelled:
            folder.tidy()
            with transaction(self._sessions) as session:
                jobs.cancelled(session, job_id)
                _end(session, get(session, run_id), "cancelled")
        except (TrainingFailed, Conflict) as error:
            folder.tidy()
            with transaction(self._sessions) as session:
                _end(session, get(session, run_id), "failed")
            raise TrainingFailed(error.detail, error.code, **error.params) from error

    def _train(self, job_id: int, run_id: int, folder: RunFolder) -> None:
        self._note(run_id, phase="preparing", machine=socket.gethostname())
        with transaction(self._sessions) as session:
            run = get(session, run_id)
            run.started_at = run.started_at or utcnow()
        with reading(self._sessions) as session:
            run = get(session, run_id)
            _check_bases(run)
            write_snapshot(session, self._storage, run, folder)
            strangers = any(
                photo.taxon is None or photo.taxon.scientific_name not in run.labels for photo in run.snapshot.photos
            )
            start = registry.folder_of(run.start_version, self._settings) if run.start_version else None
            serving = registry.serving_for(session, run.task)
            arguments = command.training(
                run,
                folder,
                self._settings,
                start,
                strangers=strangers,
                serving_folder=registry.folder_of(serving, self._settings) if serving else None,
            )
        folder.tidy_unfinished()
        reach("run-prepared")
        self._run_process(job_id, run_id, folder, arguments)
        folder.finish_version()
        reach("version-written")

    def _compare(self, job_id: int, run_id: int, folder: RunFolder) -> None:
        """A version that can't be compared is registered all the same; the gate then has only its own figures."""
        against = self._comparable(run_id)
        if against is None or folder.comparison.is_file():
            return
        self._note(run_id, phase="comparing")
        try:
            self._run_process(job_id, run_id, folder, command.comparison(folder, self._settings, against))
        except TrainingFailed as error:
            log.warning("the version of run %s could not be compared: %s", run_id, error)

    def _comparable(self, run_id: int) -> Path | None:
        """The folder of the version in service; None without one, or where it distinguishes other species."""
        with reading(self._sessions) as session:
            run = get(session, run_id)
            serving = registry.serving_for(session, run.task)
            if serving is None or serving.labels != run.labels:
                return None
            with suppress(ModelUnavailable):
                return registry.folder_of(serving, self._settings)
        return None

    # --- the process --------------------------------------------------------------------------------------------------

    def _run_process(self, job_id: int, run_id: int, folder: RunFolder, arguments: list[str]) -> None:
        """Run a `wingcheck` command until it has ended well. Raises Cancelled, TrainingFailed, ProcessKilled, Interrupted."""
        try:
            with self._process(arguments, folder.printed) as child:
                self._note(run_id, process_group=child.group)
                reach("run-started")
                self._watch(job_id, run_id, folder, child)
        finally:
            self._note(run_id, process_group=None)
        code = child.process.returncode
        if code == STOPPED or self._leaving.is_set():
            raise failure(jobs.Interrupted, child)
        if code is not None and code < 0:
            raise failure(ProcessKilled, child)
        if code != 0:
            raise failure(TrainingFailed, child, folder.failure_reason())

    def _watch(self, job_id: int, run_id: int, folder: RunFolder, child: Child) -> None:
        with reading(self._sessions) as session:
            run = get(session, run_id)
            allowed_seconds, allowed = 60 * run.time_limit_minutes - run.seconds_spent, run.memory_limit_megabytes
        deadline = time.monotonic() + allowed_seconds
        for seconds in polls(child):
            if self._leaving.is_set():
                child.stop(_SECONDS_TO_STOP)
                break
            held = resident_megabytes(child.group)
            self._note_progress(job_id, run_id, folder, seconds, held)
            self._check_job(job_id)
            if held > allowed:
                raise TrainingFailed(
                    f"The run took {held:.0f} MB of memory; the limit is {allowed} MB.",
                    "run_memory",
                    held=round(held),
                    allowed=allowed,
                )
            if time.monotonic() > deadline:
                raise TrainingFailed("The run exceeded its time limit.", "run_time")
        self._note_progress(job_id, run_id, folder)
        self._check_job(job_id, heed_cancel=False)

    def _note_progress(
        self, job_id: int, run_id: int, folder: RunFolder, seconds: float = 0.0, held: float = 0.0
    ) -> None:
        """Write what is new into the row. ``seconds``: since the last time; ``held``: megabytes of memory."""
        with outage_survived(f"run {run_id}"), transaction(self._sessions) as session:
            run = get(session, run_id)
            before = run.epoch
            run.note(
                seconds_spent=run.seconds_spent + seconds,
                peak_megabytes=max(run.peak_megabytes, held),
                **folder.progress_values(),
            )
            if run.epoch > before:
                session.get_one(
                    Job, job_id
                ).attempts = 1  # a run that progresses is not given up, whatever kills workers

    # --- the end ------------------------------------------------------------------------------------------------------

    def _register(self, job_id: int, run_id: int, folder: RunFolder) -> None:
        with transaction(self._sessions) as session:
            version = registry.import_version(session, folder.version, self._settings)
            run = get(session, run_id)
            run.model_version_id = version.id
            run.comparison = folder.compared()
            reach("version-registered")
            _end(session, run, "done")
            _begin_replay(session, run)
            jobs.finish(session, session.get_one(Job, job_id))
        reach("run-done")
        folder.remove()


def _check_bases(run: TrainingRun) -> None:
    for base in run.snapshot.bases:
        if base_data.look_at(Path(base["path"])).fingerprint != base["fingerprint"]:
            raise TrainingFailed(
                f"The base data set {base['path']} has changed since this run was started.",
                "base_changed",
                path=base["path"],
            )


def _end(session: Session, run: TrainingRun, phase: str) -> None:
    run.note(phase=phase, seconds_left=None, process_group=None)
    if phase == "failed":
        mails.run_failed(session, run)


def _is_over(session: Session, run_id: int) -> bool:
    run = session.get(TrainingRun, run_id)
    return run is not None and run.state().over


def _begin_replay(session: Session, run: TrainingRun) -> None:
    """Have the new version predict the evaluation photos, so that the gate can compare. The sweep sends the jobs."""
    with suppress(Conflict):  # there are no such photos
        for chunk in replays.begin(session, run.model_version_id or 0, run.user_id, only_measuring=True):
            chunk.job.sent_at = None
