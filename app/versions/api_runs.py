"""Training runs for programs: start one, and see how far it is."""

from dataclasses import fields
from datetime import datetime, timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field

from app.core.long_work import RunState
from app.core.roles import Scope
from app.core.settings import Settings
from app.core.web import openapi
from app.core.web.auth import ModelKeeper
from app.core.web.dependencies import ReadSession, SettingsDep
from app.core.web.openapi import LARGEST, Id, Moment, refusals
from app.versions import runs
from app.versions.rules import PhotoSelection, Start, Trigger
from app.versions.runs import RunRequest, Runs
from app.versions.tables import TrainingRun

router = APIRouter(prefix="/api/v1/admin", tags=["models"])
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Value = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f]*$")]


_OF_SELECTION = {field.name for field in fields(PhotoSelection)}


class RunIn(BaseModel):
    """What to train. What is left out is as the settings or the config say."""

    config: Annotated[str, Field(max_length=100, pattern="^[A-Za-z0-9_]*$")] = Field(
        "", description="Name of an experiment."
    )
    codes: Annotated[list[Annotated[str, Field(pattern="^(V1|V2|C3)$")]], Field(min_length=1, max_length=3)] = Field(
        ["V1", "V2"], description="Verification statuses that count."
    )
    since: Moment | None = Field(None, description="Verified then or later.")
    until: Moment | None = Field(None, description="Verified before.")
    least_experts: Annotated[int, Field(ge=1, le=100)] = 1
    least_agreement: Annotated[float, Field(ge=0, le=1)] = 0.0
    bases: Annotated[list[Value], Field(max_length=100)] | None = Field(
        None, description="Base data sets, of those that the settings name; left out: all."
    )
    labels: Annotated[list[Text], Field(max_length=1000)] = Field(
        [], description="Scientific names to tell apart; left out: those of the version in service."
    )
    start: Start = Start.SCRATCH
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    seed: Annotated[int, Field(ge=0, le=LARGEST)] | None = None
    values: dict[str, Value] = Field({}, max_length=100, description="Further values of the config, as `KEY: VALUE`.")
    time_limit_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    memory_limit_megabytes: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    insist: bool = Field(False, description="Also when nothing is new.")

    def request(self) -> RunRequest:
        """As the service takes it."""
        values = {name: getattr(self, name) for name in RunIn.model_fields.keys() - _OF_SELECTION}
        values |= {"bases": None if self.bases is None else tuple(self.bases), "labels": tuple(self.labels)}
        selection = {name: getattr(self, name) for name in _OF_SELECTION} | {"codes": tuple(self.codes)}
        return RunRequest(**values, selection=PhotoSelection(**selection))


class RunStarted(BaseModel):
    id: int


class RunOut(BaseModel):
    """A training run."""

    id: int
    revision: int = Field(description="Counts its changes.")
    state: RunState
    phase: str = Field(description="What its process does.", examples=["training"])
    task: str
    config: str
    start: Start
    options: dict[str, Any]
    labels: list[str]
    wanted: dict[str, Any] = Field(description="Which verified photos it was to take.")
    trigger: Trigger
    user_id: int | None
    snapshot_id: int
    fingerprint: str = Field(description="Of what it learns from.")
    counts: dict[str, dict[str, int]] = Field(description="Verified photos by part and scientific name.")
    epoch: int
    epochs: int
    curves: list[dict[str, float]] = Field(description="What each finished epoch reported.")
    images_per_second: float | None
    seconds_left: float | None
    log: str = Field(description="The end of what its process printed.")
    error: str
    attempts: int
    machine: str
    process_group: int | None
    seconds_spent: float
    peak_megabytes: float
    time_limit_minutes: int
    memory_limit_megabytes: int
    comparison: dict[str, Any] | None = Field(description="With the version that served then, on its test photos.")
    model_version_id: int | None
    start_version_id: int | None
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None


@router.post(
    "/runs",
    status_code=202,
    summary="Start a training run",
    response_model=RunStarted,
    responses=openapi.WRITING
    | refusals(Scope.MODELS, _409="Nothing is new and nobody insists, or there is nothing to learn from."),
)
def start_run(request: Request, user: ModelKeeper, run: RunIn) -> RunStarted:
    """What it learns from is frozen now; a worker trains when its turn comes, one run at a time on a machine."""
    use_cases: Runs = request.app.state.runs
    return RunStarted(id=use_cases.start(run.request(), user.user_id))


@router.get(
    "/runs/{run_id}",
    summary="A training run",
    response_model=RunOut,
    responses=refusals(Scope.MODELS, _404="No such run."),
)
def read_run(_user: ModelKeeper, session: ReadSession, settings: SettingsDep, run_id: Id) -> RunOut:
    """Its phase, its curves so far, what it learns from, and the end of its log."""
    return _run_out(runs.get(session, run_id), settings)


_FROM_JOB = {"error", "attempts", "finished_at"}
_OTHERWISE = _FROM_JOB | {"state", "trigger", "fingerprint", "counts"}


def _run_out(run: TrainingRun, settings: Settings) -> RunOut:
    """The run with what its job and its snapshot say."""
    values = {name: getattr(run, name) for name in RunOut.model_fields.keys() - _OTHERWISE}
    values |= {name: getattr(run.job, name) for name in _FROM_JOB}
    state = run.state(timedelta(seconds=settings.job_lost_seconds))
    return RunOut(
        **values, state=state, trigger=run.cause, fingerprint=run.snapshot.fingerprint, counts=run.snapshot.counts
    )
