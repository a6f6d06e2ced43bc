"""The worker's part of a run: its process, what that reports, its end, and the version that comes of it.

A run may be begun by one worker and finished by another. Each step is done once in effect: photos are written under another
name first, the process goes on from its last checkpoint, a version is taken over whole or not at all, and is registered in
the transaction that ends the job.
"""

import logging
import socket
import time
from contextlib import suppress
from pathlib import Path

from sqlalchemy.exc import InterfaceError, OperationalError
from sqlalchemy.orm import Session

from app.core import jobs
from app.core.crash_points import reach
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict, WingcheckError
from app.core.long_work import LongWork
from app.core.processes import Child, resident_megabytes
from app.core.settings import Settings
from app.core.storage import Storage
from app.core.tables import Job, JobStatus
from app.predictions import registry
from app.versions import base_data, command, replays
from app.versions.comparing import compare
from app.versions.progress import note, read_progress
from app.versions.run_folder import RunFolder, run_folders, write_snapshot
from app.versions.runs import folder_of, get, state, touch
from app.versions.tables import TrainingRun

log = logging.getLogger(__name__)
_LOOK_SECONDS = 0.5
# `wingcheck train` answers SIGTERM by writing down where it is; then it ends with this code.
STOPPED = 75
_SECONDS_TO_STOP = 12


class TrainingFailed(jobs.Hopeless):
    """The process ended with an error, or went past a limit."""


class ProcessKilled(WingcheckError):
    """Somebody else ended the process, a machine without memory, say. It is tried again, but not for ever."""


class _Cancelled(Exception):
    """Somebody cancelled the run."""


class Training(LongWork):
    """Handles TRAINING jobs."""

    def __init__(self, sessions: SessionFactory, storage: Storage, settings: Settings) -> None:
        super().__init__(settings.data_dir / "runs" / ".training")
        self._sessions = sessions
        self._storage = storage
        self._settings = settings

    def tidy(self) -> None:
        """Remove the copies of photos of runs that are over, also of those that ended while they had no worker.

        Such a run was cancelled, or given up, by the sweep. Nothing happens while a training is on this machine: it may be
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
                        self._over(run, state(run).value)
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
        except _Cancelled:
            folder.tidy()
            with transaction(self._sessions) as session:
                jobs.cancelled(session, job_id)
                self._over(session.get_one(TrainingRun, run_id), "cancelled")
        except (TrainingFailed, Conflict) as error:
            folder.tidy()
            with transaction(self._sessions) as session:
                self._over(session.get_one(TrainingRun, run_id), "failed")
            raise TrainingFailed(error.detail, error.code, **error.params) from error

    def _train(self, job_id: int, run_id: int, folder: RunFolder) -> None:
        self._note(run_id, phase="preparing", machine=socket.gethostname())
        with transaction(self._sessions) as session:
            run = get(session, run_id)
            run.started_at = run.started_at or utcnow()
        with reading(self._sessions) as session:
            run = get(session, run_id)
            self._check_bases(run)
            write_snapshot(session, self._storage, run, folder)
            strangers = any(
                each.taxon is None or each.taxon.scientific_name not in run.labels for each in run.snapshot.photos
            )
            start = registry.folder_of(run.start_version, self._settings) if run.start_version else None
            serving = registry.serving_for(session, run.task)
            arguments = command.arguments(
                run,
                folder,
                self._settings,
                start,
                strangers=strangers,
                serving_folder=registry.folder_of(serving, self._settings) if serving else None,
            )
        folder.tidy_unfinished()
        reach("run-prepared")
        self._in_child(job_id, run_id, folder, arguments)
        folder.finish_version()
        reach("version-written")

    def _compare(self, job_id: int, run_id: int, folder: RunFolder) -> None:
        """A version that can't be compared is registered all the same; the gate then has only its own figures."""
        arguments = compare(self._sessions, self._settings, run_id, folder)
        if arguments is None:
            return
        self._note(run_id, phase="comparing")
        try:
            self._in_child(job_id, run_id, folder, arguments)
        except TrainingFailed as error:
            log.warning("the version of run %s could not be compared: %s", run_id, error)

    def _check_bases(self, run: TrainingRun) -> None:
        for base in run.snapshot.bases:
            if base_data.look_at(Path(base["path"])).fingerprint != base["fingerprint"]:
                raise TrainingFailed(
                    f"The base data set {base['path']} has changed since this run was started.",
                    "base_changed",
                    path=base["path"],
                )

    # --- the process --------------------------------------------------------------------------------------------------

    def _in_child(self, job_id: int, run_id: int, folder: RunFolder, arguments: list[str]) -> None:
        """Run a `wingcheck` command in a process group of its own, until it has ended well."""
        child = Child(*arguments, output=folder.printed, keeps=(self._lock.handle,))
        try:
            self._note(run_id, process_group=child.group)
            reach("run-started")
            self._watch(job_id, run_id, folder, child)
        finally:
            child.kill_group()
            self._note(run_id, process_group=None)
        code = child.process.returncode
        if code == STOPPED or self._leaving.is_set():
            raise jobs.Interrupted(f"The process {child.ending}.", **child.ending_as_problem)
        if code is not None and code < 0:
            raise ProcessKilled(f"The process {child.ending}.", **child.ending_as_problem)
        if code != 0:
            words = _last_words(folder)
            raise (
                TrainingFailed(words)
                if words
                else TrainingFailed(f"The process {child.ending}.", **child.ending_as_problem)
            )

    def _watch(self, job_id: int, run_id: int, folder: RunFolder, child: Child) -> None:
        with reading(self._sessions) as session:
            run = get(session, run_id)
            seconds, megabytes = 60 * run.time_limit_minutes - run.seconds_spent, run.memory_limit_megabytes
        begun = told = time.monotonic()
        while child.exit_code is None:
            time.sleep(_LOOK_SECONDS)
            if self._leaving.is_set():
                child.stop(_SECONDS_TO_STOP)
                break
            now, held = time.monotonic(), resident_megabytes(child.group)
            self._look(job_id, run_id, folder, now - told, held)
            told = now
            if held > megabytes:
                raise TrainingFailed(
                    f"The run took {held:.0f} MB of memory; the limit is {megabytes} MB.",
                    "run_memory",
                    held=round(held),
                    allowed=megabytes,
                )
            if now - begun > seconds:
                raise TrainingFailed("The run exceeded its time limit.", "run_time")
        self._look(job_id, run_id, folder, time.monotonic() - told, 0.0, last=True)

    def _look(
        self, job_id: int, run_id: int, folder: RunFolder, seconds: float, held: float, *, last: bool = False
    ) -> None:
        """Write what is new into the row. A database that is away stops no process; it is written later."""
        try:
            with transaction(self._sessions) as session:
                run = session.get_one(TrainingRun, run_id)
                run.seconds_spent += seconds
                run.peak_megabytes = max(run.peak_megabytes, held)
                before = run.epoch
                note(run, read_progress(folder.reports()), folder.log())
                job = session.get_one(Job, job_id)
                cancelled, ours = job.cancel_requested, job.status is JobStatus.RUNNING
                if run.epoch > before:
                    job.attempts = 1  # whatever kills the workers, it does not keep this run from getting on
        except (OperationalError, InterfaceError) as error:
            log.warning("run %s goes on, and can't be noted: %s", run_id, error.orig)
            return
        if cancelled and not last:
            raise _Cancelled
        if not ours:
            raise jobs.Interrupted("Another worker took over the run.", "taken_over")

    def _note(self, run_id: int, **values: object) -> None:
        with transaction(self._sessions) as session:
            run = session.get_one(TrainingRun, run_id)
            for name, value in values.items():
                setattr(run, name, value)
            touch(run)

    # --- the end ------------------------------------------------------------------------------------------------------

    def _register(self, job_id: int, run_id: int, folder: RunFolder) -> None:
        with transaction(self._sessions) as session:
            version = registry.import_version(session, folder.version, self._settings)
            run = session.get_one(TrainingRun, run_id)
            run.model_version_id = version.id
            run.comparison = folder.compared()
            reach("version-registered")
            self._over(run, "done")
            _let_it_look(session, run)
            jobs.finish(session, session.get_one(Job, job_id))
        reach("run-done")
        folder.remove()

    def _over(self, run: TrainingRun, phase: str) -> None:
        run.phase, run.seconds_left, run.process_group = phase, None, None
        touch(run)


def _is_over(session: Session, run_id: int) -> bool:
    run = session.get(TrainingRun, run_id)
    return run is not None and state(run).over


def _let_it_look(session: Session, run: TrainingRun) -> None:
    """Have the new version look at the photos that measure, so that the gate can compare. The sweep sends the jobs."""
    with suppress(Conflict):  # nothing to look at
        for chunk in replays.begin(session, run.model_version_id or 0, run.user_id, only_measuring=True):
            chunk.job.sent_at = None


def _last_words(folder: RunFolder) -> str:
    """Why the process failed, as its journal or its last line has it."""
    reasons = [
        str(line["reason"]) for line in folder.reports()[-1:] if line.get("phase") == "failed" and line.get("reason")
    ]
    lines = [line for line in folder.log().splitlines() if line.strip()]
    return (reasons or lines[-1:] or [""])[0][:1000]
