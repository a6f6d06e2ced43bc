"""Training runs: what one would learn, starting it, cancelling, trying again, and how it stands. The worker does the rest."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core import jobs
from app.core.db import SessionFactory, reading, transaction, utcnow
from app.core.errors import Conflict, NotFound
from app.core.long_work import RunState, state_of
from app.core.settings import Settings
from app.core.tables import Job, JobKind, JobStatus
from app.predictions import registry
from app.predictions.tables import ModelVersion
from app.versions import base_data, snapshots
from app.versions.rules import Part, Start, Trigger, Wanted
from app.versions.snapshots import Choice
from app.versions.tables import TrainingRun

PAGE = 50
_SECTIONS = ("optimisation", "augmentation")
_HOW = re.compile(rf"({'|'.join(_SECTIONS)})\.\w+")


@dataclass(frozen=True)
class Request:
    """What somebody wants trained. Empty values mean those of the settings, or of the config.

    ``bases``: base data sets, of those that the settings name, None for all; ``labels``: scientific names, of the version
    that serves where none are given; ``values``: further values of the config, as in ``optimisation.learning_rate``.
    ``insist``: also when nothing is new.
    """

    config: str = ""
    wanted: Wanted = field(default_factory=Wanted)
    bases: tuple[str, ...] | None = None
    labels: tuple[str, ...] = ()
    start: Start = Start.SCRATCH
    epochs: int | None = None
    seed: int | None = None
    values: dict[str, str] = field(default_factory=dict)
    time_limit_minutes: int | None = None
    memory_limit_megabytes: int | None = None
    insist: bool = False


@dataclass(frozen=True)
class Plan:
    """What a run would learn from. ``nothing_new``: why that is pointless; None where it might learn something."""

    choice: Choice
    labels: tuple[str, ...]
    nothing_new: "NothingNew | None"

    @property
    def pointless(self) -> str:
        """Why it would learn nothing new, empty where it might."""
        return self.nothing_new.detail if self.nothing_new else ""


class NothingNew(Conflict):
    """A run would learn what one has learnt already; whoever insists may start it all the same."""


class Runs:
    """Use cases of admins, of the schedule and of the command line."""

    def __init__(self, sessions: SessionFactory, settings: Settings, send_message: Callable[[int], bool]) -> None:
        self._sessions = sessions
        self._settings = settings
        self._send = send_message

    def plan(self, request: Request) -> Plan:
        """What the run would learn, and whether that is pointless. Raises Conflict."""
        self._check_values(request)
        bases = self._bases(request)
        with reading(self._sessions) as session:
            return self._plan(session, request, self._serving(session), bases)

    def start(
        self, request: Request, user_id: int | None, trigger: Trigger = Trigger.PERSON, occasion: str | None = None
    ) -> int:
        """Freeze the snapshot and queue the run; its number.

        Raises NothingNew where it is pointless and nobody insists, Conflict where there is nothing to learn from, or the
        schedule started a run on this occasion already.
        """
        self._check_values(request)
        bases = self._bases(request)
        try:
            with transaction(self._sessions) as session:
                serving = self._serving(session)
                registry.lock_task(session, serving.task)
                plan = self._plan(session, request, serving, bases)
                if plan.nothing_new is not None and not request.insist:
                    raise plan.nothing_new
                run = self._queue(session, request, serving, plan, user_id, trigger, occasion)
                details = {"config": run.config, "snapshot": run.snapshot_id, "trigger": trigger.value}
                audit.record(session, user_id, "run.started", f"run:{run.id}", details)
        except IntegrityError as error:
            raise Conflict("A run has already been started for this.") from error
        jobs.send(self._sessions, self._send, run.job_id)
        return run.id

    def _check_values(self, request: Request) -> None:
        """Only how it learns may be set otherwise, never what: that is frozen in the snapshot. Raises Conflict."""
        strange = [key for key in request.values if not _HOW.fullmatch(key)]
        if strange:
            raise Conflict(
                f"A run can't set {strange[0]}; only values of {' and '.join(_SECTIONS)}.",
                "run_value",
                value=strange[0],
                sections=", ".join(_SECTIONS),
            )

    def _bases(self, request: Request) -> list[base_data.BaseData]:
        with reading(self._sessions) as session:
            named = base_data.named(self._settings, session)
        known = {str(path): path for path in named}
        unknown = [path for path in request.bases or () if path not in known]
        if unknown:
            raise Conflict(
                f"{unknown[0]} is no known base data set: neither in the settings nor a collection in use.",
                "base_unknown",
                path=unknown[0],
            )
        chosen = named if request.bases is None else [path for path in named if str(path) in request.bases]
        return [base_data.look_at(path) for path in chosen]

    def _serving(self, session: Session) -> ModelVersion:
        serving = snapshots.serving_version(session, self._settings.task)
        if serving is None:
            raise Conflict(
                "No model version is in service, so the species for a new one are not known.", "nothing_serves"
            )
        return serving

    def _plan(self, session: Session, request: Request, serving: ModelVersion, bases: list[base_data.BaseData]) -> Plan:
        choice = snapshots.choose(session, serving.task, request.wanted, bases, self._settings.retrain_test_share)
        labels = request.labels or tuple(serving.labels)
        if not bases and not choice.counts[Part.TRAIN]:
            raise Conflict("No training data: no base data set and no expert-verified photos.", "nothing_to_learn")
        return Plan(choice, labels, self._nothing_new(session, request, choice, labels))

    def _nothing_new(
        self, session: Session, request: Request, choice: Choice, labels: tuple[str, ...]
    ) -> NothingNew | None:
        done = select(TrainingRun).where(TrainingRun.model_version_id.is_not(None)).order_by(TrainingRun.id.desc())
        for run in session.scalars(done.limit(PAGE)):
            same_data = run.snapshot.fingerprint == choice.fingerprint and tuple(run.labels) == labels
            same_way = (run.config, run.start) == (self._config(request), request.start)
            if same_data and same_way and run.options == _options(request):
                version = run.model_version
                name = f"{version.name} {version.version}" if version else ""
                return NothingNew(
                    f"Nothing is new: run {run.id} used the same photos and settings and produced {name}.",
                    "nothing_new",
                    run=run.id,
                    version=name,
                )
        return None

    def _config(self, request: Request) -> str:
        return request.config or self._settings.retrain_config

    def _queue(
        self,
        session: Session,
        request: Request,
        serving: ModelVersion,
        plan: Plan,
        user_id: int | None,
        trigger: Trigger,
        occasion: str | None,
    ) -> TrainingRun:
        settings = self._settings
        snapshot = snapshots.freeze(session, plan.choice)
        # The message follows the commit; until then the sweep leaves the job alone.
        job = jobs.create(session, JobKind.TRAINING, 0, sent_at=utcnow())
        run = TrainingRun(
            task=serving.task,
            job_id=job.id,
            snapshot_id=snapshot.id,
            cause=trigger,
            occasion=occasion,
            user_id=user_id,
            config=self._config(request),
            start=request.start,
            start_version_id=serving.id if request.start is Start.ACTIVE else None,
            options=_options(request),
            labels=list(plan.labels),
            wanted=request.wanted.as_json(),
            model_name=serving.name,
            epochs=request.epochs or 0,
            time_limit_minutes=request.time_limit_minutes or settings.retrain_max_minutes,
            memory_limit_megabytes=request.memory_limit_megabytes or settings.retrain_max_megabytes,
        )
        session.add(run)
        session.flush()
        job.subject_id = run.id
        return run

    def cancel(self, run_id: int, user_id: int | None) -> None:
        """Ask for its end: at once where it waits, within seconds where it runs. Twice is once. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            run = get(session, run_id)
            if run.job.status in {JobStatus.DONE, JobStatus.FAILED}:
                raise Conflict("This run has ended.")
            if jobs.cancel(session, run.job):
                touch(run)
                audit.record(session, user_id, "run.cancelled", f"run:{run.id}")

    def retry(self, run_id: int, user_id: int | None) -> None:
        """Queue a run that failed or was cancelled again; it goes on where it was. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            run = get(session, run_id)
            if run.job.status not in {JobStatus.FAILED, JobStatus.CANCELLED}:
                raise Conflict("Only failed or cancelled runs can be retried.")
            jobs.revive(run.job)
            run.phase = "waiting"
            run.seconds_spent = 0.0
            touch(run)
            audit.record(session, user_id, "run.retried", f"run:{run.id}")
        jobs.send(self._sessions, self._send, run.job_id)


def _options(request: Request) -> dict[str, Any]:
    values: dict[str, Any] = {"values": dict(sorted(request.values.items()))} if request.values else {}
    for name in ("epochs", "seed"):
        if getattr(request, name) is not None:
            values[name] = getattr(request, name)
    return values


def touch(run: TrainingRun) -> None:
    """Whoever watches the run is to look again."""
    run.revision += 1


def get(session: Session, run_id: int) -> TrainingRun:
    """The run. Raises NotFound."""
    run = session.get(TrainingRun, run_id)
    if run is None:
        raise NotFound("There is no such run.")
    return run


def page(session: Session, before: int | None = None, size: int = PAGE) -> list[TrainingRun]:
    """Runs, the newest first; ``before``: a number, the page that follows it."""
    query = select(TrainingRun).order_by(TrainingRun.id.desc()).limit(size)
    return list(session.scalars(query if before is None else query.where(TrainingRun.id < before)))


def waiting_before(session: Session) -> dict[int, int]:
    """How many runs are under way or waiting before each one that waits, by its number."""
    query = select(TrainingRun.id, Job.status).join(TrainingRun.job).order_by(TrainingRun.id)
    rows = session.execute(query.where(Job.status.in_([JobStatus.QUEUED, JobStatus.RUNNING]))).all()
    under_way = sum(status is JobStatus.RUNNING for _, status in rows)
    waiting = [number for number, status in rows if status is JobStatus.QUEUED]
    return {number: under_way + place for place, number in enumerate(waiting)}


def state(run: TrainingRun, lost_after: timedelta = jobs.LOST_AFTER) -> RunState:
    """How the run stands, as its job tells."""
    return state_of(run.job, lost_after)


def version_number(run: TrainingRun) -> str:
    """The number of the version that a run makes: its day and the run, so no two are the same."""
    return f"{run.created_at:%Y.%-m.%-d}-run{run.id}"


def folder_of(run_id: int, settings: Settings) -> Path:
    """Where a run keeps what its process needs and writes."""
    return settings.data_dir / "runs" / str(run_id)
