"""A run as programs and pages see it, and the stream of what changes."""

from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

from anyio import sleep
from anyio.to_thread import run_sync
from fastapi import FastAPI
from fastapi.responses import StreamingResponse
from fastapi.sse import format_sse_event
from pydantic import BaseModel, Field

from app.db import reading
from app.domain.training import RunState, Start, Trigger
from app.models import TrainingRun
from app.services.training import runs
from app.settings import Settings

_LOOK_SECONDS = 1.0
_QUIET_SECONDS = 15
# A stream ends after so long, and the browser comes back: no connection is for ever.
_LONGEST_SECONDS = 600
_COME_BACK_MS = 2000


class Events(StreamingResponse):
    """Server-sent events."""

    media_type = "text/event-stream"


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


_FROM_JOB = {"error", "attempts", "finished_at"}
_OTHERWISE = _FROM_JOB | {"state", "trigger", "fingerprint", "counts"}


def run_out(run: TrainingRun, settings: Settings) -> RunOut:
    """The run with what its job and its snapshot say."""
    values = {name: getattr(run, name) for name in RunOut.model_fields.keys() - _OTHERWISE}
    values |= {name: getattr(run.job, name) for name in _FROM_JOB}
    state = runs.state(run, timedelta(seconds=settings.job_lost_seconds))
    return RunOut(
        **values, state=state, trigger=run.cause, fingerprint=run.snapshot.fingerprint, counts=run.snapshot.counts
    )


async def stream(app: FastAPI, run_id: int, seen: str) -> AsyncIterator[bytes]:
    """Events of a run, from what follows ``seen`` on, until it is over. An event's id is its revision and its state."""
    quiet = 0.0
    for _ in range(int(_LONGEST_SECONDS / _LOOK_SECONDS)):
        run = await run_sync(_look, app, run_id)
        identity = f"{run.revision}-{run.state.value}"
        if identity != seen:
            yield format_sse_event(data_str=run.model_dump_json(), event="run", id=identity, retry=_COME_BACK_MS)
            seen, quiet = identity, 0.0
        elif quiet >= _QUIET_SECONDS:
            yield format_sse_event(comment="still here")
            quiet = 0.0
        if run.state.over:
            return
        await sleep(_LOOK_SECONDS)
        quiet += _LOOK_SECONDS


def _look(app: FastAPI, run_id: int) -> RunOut:
    with reading(app.state.sessions) as session:
        return run_out(runs.get(session, run_id), app.state.settings)
