"""Training runs over JSON, and their progress as server-sent events."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from pydantic import AwareDatetime, BaseModel, Field

from app.db import reading
from app.domain.training import RunState, Start, Trigger, Wanted
from app.services.training import runs
from app.services.training.runs import Plan, Runs
from app.services.training.runs import Request as RunRequest
from app.web import openapi
from app.web.api.admin.run_events import Events, RunOut, run_out, stream
from app.web.api.admin.shared import Id, refusals
from app.web.auth import Admin
from app.web.dependencies import ReadSession, SettingsDep

router = APIRouter(prefix="/api/v1/admin", tags=["models"])
_LARGEST = 2**31 - 1
_EVENT = {
    "type": "object",
    "required": ["event", "data", "id"],
    "properties": {
        "event": {"const": "run", "type": "string"},
        "data": {
            "type": "string",
            "contentMediaType": "application/json",
            "description": "The run, as at `/runs/{run_id}`.",
        },
        "id": {"type": "string"},
        "retry": {"type": "integer", "description": "Milliseconds after which to come back."},
    },
}
_EVENTS: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {"schema": _EVENT}}}}
Text = Annotated[str, Field(max_length=200, pattern=r"^[^\x00-\x1f]*$")]
Value = Annotated[str, Field(max_length=1000, pattern=r"^[^\x00-\x1f]*$")]


class RunIn(BaseModel):
    """What to train. What is left out is as the settings or the config say."""

    config: Annotated[str, Field(max_length=100, pattern="^[A-Za-z0-9_]*$")] = Field(
        "", description="Name of an experiment."
    )
    codes: Annotated[list[Annotated[str, Field(pattern="^(V1|V2|C3)$")]], Field(min_length=1, max_length=3)] = Field(
        ["V1", "V2"], description="Verification statuses that count."
    )
    since: AwareDatetime | None = Field(None, description="Verified then or later.")
    until: AwareDatetime | None = Field(None, description="Verified before.")
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
    seed: Annotated[int, Field(ge=0, le=_LARGEST)] | None = None
    values: dict[str, Value] = Field({}, max_length=100, description="Further values of the config, as `KEY: VALUE`.")
    time_limit_minutes: Annotated[int, Field(ge=1, le=100_000)] | None = None
    memory_limit_megabytes: Annotated[int, Field(ge=1, le=10_000_000)] | None = None
    insist: bool = Field(False, description="Also when nothing is new.")

    def request(self) -> RunRequest:
        """As the service takes it."""
        wanted = Wanted(tuple(self.codes), self.since, self.until, self.least_experts, self.least_agreement)
        return RunRequest(
            config=self.config,
            wanted=wanted,
            bases=None if self.bases is None else tuple(self.bases),
            labels=tuple(self.labels),
            start=self.start,
            epochs=self.epochs,
            seed=self.seed,
            values=self.values,
            time_limit_minutes=self.time_limit_minutes,
            memory_limit_megabytes=self.memory_limit_megabytes,
            insist=self.insist,
        )


class PlanOut(BaseModel):
    """What a run would learn from."""

    labels: list[str]
    counts: dict[str, dict[str, int]] = Field(description="Verified photos by part (train, test) and scientific name.")
    new_counts: dict[str, dict[str, int]] = Field(description="Of them, those that no version learnt from before.")
    left: int = Field(description="Photos that the last run had and that are gone.")
    bases: list[dict[str, Any]]
    fingerprint: str
    pointless: str = Field(description="Why it would learn nothing new; empty where it might.")


class RunStarted(BaseModel):
    id: int


class RunLine(BaseModel):
    """A run in a list."""

    id: int
    state: RunState
    phase: str
    epoch: int
    epochs: int
    trigger: Trigger
    user_id: int | None
    created_at: datetime
    model_version_id: int | None


def _use_cases(request: Request) -> Runs:
    return Runs(request.app.state.sessions, request.app.state.settings, request.app.state.send_message)


@router.get("/runs", summary="List training runs", response_model=list[RunLine], responses=refusals())
def list_runs(
    _user: Admin,
    session: ReadSession,
    settings: SettingsDep,
    before: Annotated[int | None, Query(ge=1, le=_LARGEST)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = runs.PAGE,
) -> list[RunLine]:
    """The newest first; the following page begins `before` the last id."""
    found = (run_out(run, settings) for run in runs.page(session, before, limit))
    return [RunLine.model_validate(run, from_attributes=True) for run in found]


@router.post(
    "/run-plans",
    summary="What a run would learn from",
    response_model=PlanOut,
    responses=openapi.WRITING | refusals(_409="There is nothing to learn from."),
)
def plan_run(request: Request, _user: Admin, wanted: RunIn) -> PlanOut:
    """Starts nothing, and says whether starting it would be pointless."""
    return _plan_out(_use_cases(request).plan(wanted.request()))


@router.post(
    "/runs",
    status_code=202,
    summary="Start a training run",
    response_model=RunStarted,
    responses=openapi.WRITING | refusals(_409="Nothing is new and nobody insists, or there is nothing to learn from."),
)
def start_run(request: Request, user: Admin, wanted: RunIn) -> RunStarted:
    """What it learns from is frozen now; a worker trains when its turn comes, one run at a time on a machine."""
    return RunStarted(id=_use_cases(request).start(wanted.request(), user.user_id))


@router.get("/runs/{run_id}", summary="A training run", response_model=RunOut, responses=refusals(_404="No such run."))
def read_run(_user: Admin, session: ReadSession, settings: SettingsDep, run_id: Id) -> RunOut:
    """Its phase, its curves so far, what it learns from, and the end of its log."""
    return run_out(runs.get(session, run_id), settings)


@router.post(
    "/runs/{run_id}/cancel",
    status_code=202,
    summary="Cancel a run",
    response_model=RunStarted,
    responses=openapi.WRITING | refusals(_404="No such run.", _409="It is over."),
)
def cancel_run(request: Request, user: Admin, run_id: Id) -> RunStarted:
    """It ends within seconds, and leaves no process."""
    _use_cases(request).cancel(run_id, user.user_id)
    return RunStarted(id=run_id)


@router.post(
    "/runs/{run_id}/retry",
    status_code=202,
    summary="Try a run again",
    response_model=RunStarted,
    responses=openapi.WRITING | refusals(_404="No such run.", _409="It neither failed nor was cancelled."),
)
def retry_run(request: Request, user: Admin, run_id: Id) -> RunStarted:
    """It goes on where it was."""
    _use_cases(request).retry(run_id, user.user_id)
    return RunStarted(id=run_id)


@router.get(
    "/runs/{run_id}/events",
    summary="A run's progress as it happens",
    response_class=Events,
    responses=_EVENTS | refusals(_404="No such run."),
)
def follow_run(request: Request, _user: Admin, run_id: Id) -> Events:
    """Server-sent events `run`, each the whole run as JSON; the id counts its changes. Whoever comes back with
    `Last-Event-ID` is told as soon as there is something newer. The last event of a run that is over ends the stream.
    """
    with reading(request.app.state.sessions) as session:  # no session is held while the stream lasts
        runs.get(session, run_id)
    seen = request.headers.get("last-event-id", "")
    return Events(stream(request.app, run_id, seen), headers={"Cache-Control": "no-store"})


def _plan_out(found: Plan) -> PlanOut:
    return PlanOut(
        labels=list(found.labels),
        counts=found.choice.counts,
        new_counts=found.choice.new_counts,
        left=found.choice.left,
        bases=[base.as_json() for base in found.choice.bases],
        fingerprint=found.choice.fingerprint,
        pointless=found.pointless,
    )
