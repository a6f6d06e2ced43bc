"""Training runs: planning, starting, cancelling, trying again. The worker does the rest."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts import audit
from app.core import jobs, long_work
from app.core.db import SessionFactory, get_or_not_found, reading, transaction
from app.core.errors import Conflict
from app.core.settings import Settings
from app.core.tables import JobKind
from app.predictions import registry
from app.predictions.tables import ModelVersion
from app.versions import base_data, snapshots
from app.versions.rules import Part, PhotoSelection, Start, Trigger
from app.versions.snapshots import Choice
from app.versions.tables import TrainingRun

_MOST_COMPARED = 50
_SECTIONS = ("optimisation", "augmentation")
_HOW = re.compile(rf"({'|'.join(_SECTIONS)})\.\w+")


@dataclass(frozen=True)
class RunRequest:
    """What to train. Empty values mean those of the settings, or of the config.

    ``bases``: base data sets, of those that the settings name, None for all; ``labels``: scientific names, of the version
    that serves where none are given; ``values``: further values of the config, as in ``optimisation.learning_rate``.
    ``insist``: also when nothing is new.
    """

    config: str = ""
    selection: PhotoSelection = field(default_factory=PhotoSelection)
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
    """What a run would learn from. ``nothing_new``: why it is pointless; None where it may learn something."""

    choice: Choice
    labels: tuple[str, ...]
    nothing_new: "NothingNew | None"

    @property
    def pointless(self) -> str:
        """Why it would learn nothing new; empty where it may."""
        return self.nothing_new.detail if self.nothing_new else ""


class NothingNew(Conflict):
    """An earlier run has learnt the same. Whoever insists may start it all the same."""


class Runs:
    """Use cases of admins, of the schedule and of the command line."""

    def __init__(self, sessions: SessionFactory, settings: Settings, send_message: Callable[[int], bool]) -> None:
        self._sessions = sessions
        self._settings = settings
        self._send = send_message

    def plan(self, request: RunRequest) -> Plan:
        """What the run would learn from, and whether it is pointless. Raises Conflict."""
        self._check_values(request)
        bases = self._bases(request)
        with reading(self._sessions) as session:
            return self._plan(session, request, self._serving(session), bases)

    def start(
        self, request: RunRequest, user_id: int | None, trigger: Trigger = Trigger.PERSON, occasion: str | None = None
    ) -> int:
        """Freeze the snapshot and queue the run; its number.

        Raises NothingNew where it is pointless and nobody insists, Conflict where there is nothing to learn from or the
        schedule has already started a run on this occasion.
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
                run = self._new_run(request, serving, plan)
                run.snapshot = snapshots.freeze(session, plan.choice)
                run.user_id, run.cause, run.occasion = user_id, trigger, occasion
                long_work.queue(session, JobKind.TRAINING, run)
                details = {"config": run.config, "snapshot": run.snapshot_id, "trigger": trigger.value}
                audit.record(session, user_id, "run.started", f"run:{run.id}", details)
        except IntegrityError as error:
            raise Conflict("A run has already been started for this.") from error
        jobs.send(self._sessions, self._send, run.job_id)
        return run.id

    def _check_values(self, request: RunRequest) -> None:
        """Only how it learns may be set otherwise, never what: that is frozen in the snapshot. Raises Conflict."""
        for key in request.values:
            if not _HOW.fullmatch(key):
                raise Conflict(
                    f"A run can't set {key}; only values of {' and '.join(_SECTIONS)}.",
                    "run_value",
                    value=key,
                    sections=", ".join(_SECTIONS),
                )

    def _bases(self, request: RunRequest) -> list[base_data.BaseData]:
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
        serving = serving_version(session, self._settings)
        if serving is None:
            raise Conflict(
                "No model version is in service, so the species for a new one are not known.", "nothing_serves"
            )
        return serving

    def _plan(
        self, session: Session, request: RunRequest, serving: ModelVersion, bases: list[base_data.BaseData]
    ) -> Plan:
        choice = snapshots.choose(session, serving.task, request.selection, bases, self._settings.retrain_test_share)
        labels = request.labels or tuple(serving.labels)
        if not bases and not choice.counts[Part.TRAIN]:
            raise Conflict("No training data: no base data set and no expert-verified photos.", "nothing_to_learn")
        return Plan(choice, labels, self._nothing_new(session, request, choice, labels))

    def _nothing_new(
        self, session: Session, request: RunRequest, choice: Choice, labels: tuple[str, ...]
    ) -> NothingNew | None:
        done = select(TrainingRun).where(TrainingRun.model_version_id.is_not(None)).order_by(TrainingRun.id.desc())
        for run in session.scalars(done.limit(_MOST_COMPARED)):
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

    def _config(self, request: RunRequest) -> str:
        return request.config or self._settings.retrain_config

    def _new_run(self, request: RunRequest, serving: ModelVersion, plan: Plan) -> TrainingRun:
        settings = self._settings
        return TrainingRun(
            task=serving.task,
            config=self._config(request),
            start=request.start,
            start_version_id=serving.id if request.start is Start.ACTIVE else None,
            options=_options(request),
            labels=list(plan.labels),
            wanted=request.selection.as_json(),
            model_name=serving.name,
            epochs=request.epochs or 0,
            time_limit_minutes=request.time_limit_minutes or settings.retrain_max_minutes,
            memory_limit_megabytes=request.memory_limit_megabytes or settings.retrain_max_megabytes,
        )

    def cancel(self, run_id: int, user_id: int | None) -> None:
        """Stop it: at once where it waits, within seconds where it runs. Idempotent. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            if long_work.cancel(session, get(session, run_id), "This run has ended."):
                audit.record(session, user_id, "run.cancelled", f"run:{run_id}")

    def retry(self, run_id: int, user_id: int | None) -> None:
        """Queue a run that failed or was cancelled again; it continues where it was. Raises NotFound, Conflict."""
        with transaction(self._sessions) as session:
            run = get(session, run_id)
            long_work.retry(run, "Only failed or cancelled runs can be retried.")
            run.seconds_spent = 0.0
            audit.record(session, user_id, "run.retried", f"run:{run_id}")
        jobs.send(self._sessions, self._send, run.job_id)


def _options(request: RunRequest) -> dict[str, Any]:
    values: dict[str, Any] = {"values": dict(sorted(request.values.items()))} if request.values else {}
    for name in ("epochs", "seed"):
        if getattr(request, name) is not None:
            values[name] = getattr(request, name)
    return values


def get(session: Session, run_id: int) -> TrainingRun:
    """The run. Raises NotFound."""
    return get_or_not_found(session, TrainingRun, run_id, "There is no such run.")


def serving_version(session: Session, settings: Settings) -> ModelVersion | None:
    """The version in service, of the task that the settings name or else the one activated last; None without one."""
    query = select(ModelVersion).where(ModelVersion.active).order_by(ModelVersion.activated_at.desc()).limit(1)
    return session.scalar(query.where(ModelVersion.task == settings.task) if settings.task else query)


def version_number(run: TrainingRun) -> str:
    """The number of the version that a run makes: its day and the run, so no two are the same."""
    return f"{run.created_at:%Y.%-m.%-d}-run{run.id}"


def folder_of(run_id: int, settings: Settings) -> Path:
    """Where a run keeps what its process needs and writes."""
    return settings.data_dir / "runs" / str(run_id)
